"""REST, pages and live events."""
