"""Who gets which devices, from when, and why not: pure functions over a snapshot."""
