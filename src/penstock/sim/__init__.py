"""A world for the same app: virtual clock, simulated engine, workloads, faults."""
