"""What runs attempts: on this host, and elsewhere."""
