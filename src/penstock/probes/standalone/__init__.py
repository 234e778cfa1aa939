"""Measurements that any Python from 3.10 runs as plain scripts, with what it has: NumPy, or a vendor's PyTorch."""
