"""Planned centres rehearsed in many futures."""
