"""What a centre costs and earns: planned ones and running ones by the same functions."""
