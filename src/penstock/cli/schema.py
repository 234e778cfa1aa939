"""`penstock schema`: schemas of the files that people write, for editors."""

from penstock.cli.app import tree
from penstock.cli.output import print_json
from penstock.lease.jobfile.schema import job_schema

app = tree("schema")


@app.command
def job() -> None:
    """Print the JSON Schema of the job file."""
    print_json(job_schema())
