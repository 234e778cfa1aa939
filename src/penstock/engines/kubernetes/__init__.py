"""A job as manifests for Kubernetes. Rendered and checked against its schemas; it has not run on a real cluster yet."""
