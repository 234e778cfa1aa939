"""Job files: YAML in the vocabulary that people know from SkyPilot and dstack, checked whole before use."""

from penstock.lease.jobfile.check import check_spec
from penstock.lease.jobfile.parse import JobFile, parse

__all__ = ["JobFile", "check_spec", "parse"]
