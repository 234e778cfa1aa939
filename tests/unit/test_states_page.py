"""The page on states shows the tables that the code has."""

import re
from pathlib import Path

import pytest

from penstock.fleet.device import DEVICE_MOVES
from penstock.lease.job import FINAL_ATTEMPT_STATES, JOB_MOVES
from penstock.lease.machine import CHECKPOINTS_KEPT, GRACE_SHARE_MAX, LOSSES_MAX
from penstock.lease.offer import LEASE_MOVES

PAGE = (Path(__file__).parents[2] / "docs/mechanisms/states.md").read_text("utf-8")


def table_under(heading):
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.search(r"\| from \| to \|\n\|---\|---\|\n((?:\|.*\n)+)", section)
    assert rows, f"no table under {heading}"
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows.group(1).splitlines()]


@pytest.mark.parametrize(
    ("heading", "moves"), [("Device", DEVICE_MOVES), ("Lease", LEASE_MOVES), ("Job", JOB_MOVES)]
)
def test_the_table_is_that_of_the_code(heading, moves):
    assert table_under(heading) == [(old, ", ".join(new) or "—") for old, new in moves.items()]


def test_the_figures_in_the_text_are_those_of_the_code():
    assert f"final: {', '.join(FINAL_ATTEMPT_STATES)}." in PAGE
    assert f"The last {CHECKPOINTS_KEPT} checkpoints are kept." in PAGE
    assert (LOSSES_MAX, "failed the tenth time" in PAGE) == (10, True)
    assert (GRACE_SHARE_MAX, "at most a tenth of its\nlength" in PAGE) == (10, True)
