"""The demo's training job: a working directory that `penstock run` takes as it is."""
