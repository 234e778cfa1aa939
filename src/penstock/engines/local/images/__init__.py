"""OCI images that an operator has added to this host: unpacked once, shown read-only to every job that names them."""
