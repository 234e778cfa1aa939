"""Declared meters: usage events as CloudEvents, checked, counted once, and aggregated to exact quantities."""
