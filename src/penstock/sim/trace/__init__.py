"""Traces of other centres: read from files in their publishers' columns, refused with the place of a mistake."""
