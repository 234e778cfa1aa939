"""What runs on a host of a cluster: the standard library alone, so that it begins at once."""

ARGUMENTS = ("-I", "-S", __file__.replace("__init__.py", "__main__.py"))
"""What an interpreter is given to start it, before the directory of the attempt and the name of the host."""
