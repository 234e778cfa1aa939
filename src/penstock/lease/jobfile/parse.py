"""From the text of a job file to a job: YAML, or a batch script of Slurm."""

from penstock.base.refusal import Refusal
from penstock.lease.jobfile.document import Fields, decoded, read
from penstock.lease.jobfile.fields import FIELDS, TRANSLATED
from penstock.lease.jobfile.finish import JobFile, finish
from penstock.lease.jobfile.foreign import TOP
from penstock.lease.jobfile.reading import Reading, read_fields
from penstock.lease.jobfile.sbatch import read_script


def parse(content: str | bytes, filename: str = "job.yaml") -> JobFile | tuple[Refusal, ...]:
    """The job of a file, or every mistake in it at `filename:line:column`, in the order of the file.

    A file that begins with `#!` is a batch script of Slurm, any other is YAML.
    """
    text = decoded(content, filename)
    if isinstance(text, Refusal):
        return (text,)
    reading = Reading()
    if text.startswith("#!"):
        read_script(reading, text, filename)
        return finish(reading, filename, f"{filename}:1:1")
    root, malformed = read(text, filename)
    if root is None:
        return tuple(malformed)
    reading.refusals += malformed
    if not isinstance(root, Fields):
        reading.failed.add("run")
    read_fields(reading, root, (*FIELDS, *TRANSLATED), TOP)
    return finish(reading, filename, root.where)
