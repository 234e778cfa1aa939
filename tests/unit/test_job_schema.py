"""The committed JSON Schema of the job file is the generated one.

Write it anew: `python tests/unit/test_job_schema.py`
"""

import json
from pathlib import Path

from penstock.lease.jobfile.fields import FIELDS
from penstock.lease.jobfile.schema import job_schema

COMMITTED = Path(__file__).parents[2] / "docs/reference/job.schema.json"


def generated():
    return json.dumps(job_schema(), indent=2, ensure_ascii=False) + "\n"


def test_the_committed_schema_is_current():
    assert COMMITTED.read_text("utf-8") == generated()


def test_every_field_and_alias_is_in_the_schema():
    names = {name for field in FIELDS for name in (field.name, *field.aliases)}
    assert set(job_schema()["properties"]) == names


if __name__ == "__main__":
    COMMITTED.write_text(generated(), "utf-8")
