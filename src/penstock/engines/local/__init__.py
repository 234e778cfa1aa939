"""The engine of one host: attempts run under a supervisor of their own, which outlives the server."""
