"""Compiled functions over arrays, the only place where numba is imported. Import them late."""
