"""Traces of other centres: read in their publishers' columns, refused with the place of a mistake."""
