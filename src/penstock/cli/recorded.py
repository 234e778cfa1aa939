"""`penstock plan history`: what a centre was asked for, as a trace that a plan can be rehearsed with."""

import csv
import sys

import msgspec

from penstock.cli.call import CALL, Call
from penstock.cli.options import ALWAYS, Span
from penstock.insight.recorded import RecordedJob


def history(*, span: Span = ALWAYS, call: Call = CALL) -> None:
    """Print the jobs that this centre was asked for, served and refused alike, as a trace in CSV.

    A plan names the file under `rehearse.demand.traces` with `own: true`. What never ran has its time limit as its
    length, or the usual length of what ran. Without a time it is the last seven days.
    """
    start, end = span.ends(utc=call.utc)
    with call.client() as client:
        items = list(client.items("recorded-jobs", start=start, end=end))
    call.show_list(items, RecordedJob, _print)


def _print(found: list[RecordedJob]) -> None:
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(RecordedJob.__struct_fields__)
    for one in found:
        rows.writerow("" if cell is None else cell for cell in msgspec.structs.astuple(one))
