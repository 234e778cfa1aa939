"""`penstock plan build`, `plan compare` and `plan remedies`: planned centres in many futures, on this host."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from penstock.base.refusal import Refused, invalid
from penstock.cli.language import _
from penstock.cli.options import Output
from penstock.cli.output import note, write_bytes
from penstock.cli.plan_economics import AsJson, Format, PlanFile, print_sections, read_plan, show_json, spoken

FUTURES_MAX = 100_000
Futures = Annotated[int, Parameter(help="How many futures to play through.")]
Seed = Annotated[int, Parameter(help="Seed; equal seeds give equal futures.")]
Workers = Annotated[int | None, Parameter(help="Processes at work at once; by default one a core.")]


def build(
    file: PlanFile,
    /,
    *,
    futures: Futures = 200,
    seed: Seed = 1,
    workers: Workers = None,
    form: Format = "text",
    out: Output = None,
    as_json: AsJson = False,
) -> None:
    """Rehearse a planned centre in many futures: the ladder, profit and returns as distributions.

    Demand comes from traces, from a centre's own record, or from signed contracts, as the plan says. Where
    there is none, no single return is printed, and what is missing is named.
    """
    from penstock.sim.planning.build import build as built

    plan = read_plan(file)
    processes = checked(futures, workers)
    outlook = built(plan, file.parent, futures, seed, processes, _progress(futures))
    if as_json or form == "json":
        show_json(outlook, out)
        return
    from penstock.web.documents.outlook_view import OutlookView, document

    if form == "html":
        write_bytes(document(outlook, spoken()).encode(), out)
        return
    print(f"{outlook.name} · {outlook.currency}")
    print_sections(OutlookView(outlook, spoken()).sections())


def compare(
    files: Annotated[tuple[Path, ...], Parameter(name="FILE", help="Plans to set side by side.")],
    /,
    *,
    futures: Futures = 200,
    seed: Seed = 1,
    workers: Workers = None,
    form: Format = "text",
    out: Output = None,
    as_json: AsJson = False,
) -> None:
    """Rehearse several plans under the same seeds and set them side by side."""
    from penstock.sim.planning.build import build as built

    if len(files) < 2:
        raise Refused(
            invalid("plan_missing", "there is nothing to compare with", "name two plans or more", "FILE")
        )
    plans = [(read_plan(file), file.parent) for file in files]
    processes = checked(futures, workers)
    found = [built(plan, folder, futures, seed, processes, _progress(futures)) for plan, folder in plans]
    if as_json or form == "json":
        show_json(found, out)
        return
    from penstock.web.documents.alternatives_view import compared, comparison

    if form == "html":
        write_bytes(comparison(found, spoken()).encode(), out)
        return
    print_sections(compared(found, spoken()))


def checked(futures: int, workers: int | None) -> int:
    """The number of processes; refused where it or the number of futures makes no sense."""
    if not 1 <= futures <= FUTURES_MAX:
        raise Refused(
            invalid("number_out_of_range", f"{futures:,} futures", f"give 1 to {FUTURES_MAX:,}", "--futures")
        )
    if workers is not None and not 1 <= workers <= 1024:
        raise Refused(invalid("number_out_of_range", f"{workers:,} processes", "give 1 to 1024", "--workers"))
    return workers or len(os.sched_getaffinity(0))


def _progress(futures: int) -> Callable[[int], object]:
    shown = 0

    def progress(done: int) -> None:
        nonlocal shown
        if done == futures or done - shown >= max(futures // 10, 1):
            shown = done
            note(_("{done} of {all} done").format(done=done, all=futures))

    return progress


def remedies(
    file: PlanFile,
    /,
    *,
    futures: Futures = 20,
    seed: Seed = 1,
    workers: Workers = None,
    form: Format = "text",
    out: Output = None,
    as_json: AsJson = False,
) -> None:
    """Switch each remedy on alone over the same rehearsed month: ladder and profit before and after.

    What the rehearsal cannot play is named, and nothing is estimated in its place.
    """
    from penstock.sim.planning.remedies import remedies as played

    plan = read_plan(file)
    found = played(plan, file.parent, futures, seed, checked(futures, workers), _progress(futures))
    if as_json or form == "json":
        show_json(found, out)
        return
    from penstock.web.documents.alternatives_view import RemediesView, remedies_document

    if form == "html":
        write_bytes(remedies_document(found, spoken()).encode(), out)
        return
    print_sections(RemediesView(found, spoken()).sections())
