"""The Slurm engine: attempts as jobs of a cluster that the centre has. See docs/mechanisms/engines.md."""
