"""What runs on a host of a cluster: the standard library alone, so that it begins at once."""

from pathlib import Path

ARGUMENTS = ("-I", "-S", str(Path(__file__).parent / "__main__.py"))
"""What an interpreter is given to start it, before the directory of the attempt and the name of the host."""
