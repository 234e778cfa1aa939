"""Job files: YAML in the words of SkyPilot and dstack, or batch scripts of Slurm; checked whole before use."""

from penstock.lease.jobfile.check import check_spec
from penstock.lease.jobfile.finish import JobFile
from penstock.lease.jobfile.parse import parse

__all__ = ["JobFile", "check_spec", "parse"]
