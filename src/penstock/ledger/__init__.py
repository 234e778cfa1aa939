"""Money: accounts and transfers, double entry, append-only. It has not heard of jobs."""
