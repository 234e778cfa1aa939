"""The process that runs one attempt. Standard library only: it starts without site-packages."""
