"""`penstock plan replay`: a trace of jobs on a fleet, as the placement core would have run it."""

from itertools import product
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from penstock.base.money import Micros
from penstock.base.refusal import Refused
from penstock.cli import formats
from penstock.cli.language import _, language
from penstock.cli.output import note, print_json, print_table, write_bytes
from penstock.cli.parse import price_list
from penstock.cli.seeds import seeds_of
from penstock.placement.replay import How
from penstock.placement.rounds import Rounds
from penstock.sim.rehearsal import Rehearsal


def replay(
    trace: Annotated[Path, Parameter(name="TRACE", help="Jobs: our columns, openb's, Philly's, or sacct's.")],
    /,
    *,
    fleet: Annotated[str, Parameter(help="Nodes file in openb's columns, or such as A100:16x8,H100:4x8.")],
    policy: Annotated[str, Parameter(help="Placement policies, joined by commas.")] = "penstock",
    queue: Annotated[str, Parameter(help="Orders of the queue: fifo, shortest, fair-share.")] = "fifo",
    backfill: Annotated[str, Parameter(help="Who may pass the first: strict, greedy, easy.")] = "greedy",
    seeds: Annotated[str, Parameter(help="Seeds, first to one past the last, such as 42:52.")] = "42",
    throughput: Annotated[
        Path | None, Parameter(help="Table of steps per second by accelerator and type of job.")
    ] = None,
    rounds: Annotated[
        float,
        Parameter(help="Deal jobs anew each so many seconds; queue may then be completion, fairness, cost."),
    ] = 0.0,
    restart: Annotated[float, Parameter(help="Seconds that a job loses when it is moved.")] = 0.0,
    blind: Annotated[
        bool, Parameter(help="Choose without regard to how fast a job runs on a model.", negative="")
    ] = False,
    prices: Annotated[
        str, Parameter(help="Price of a card-hour by model, such as A100=12.5,T4=3, or a CSV file.")
    ] = "",
    currency: Annotated[str, Parameter(help="Currency of the prices.")] = "CNY",
    skip_bad: Annotated[
        bool, Parameter(help="Leave out rows with mistakes and count them.", negative="")
    ] = False,
    out: Annotated[str | None, Parameter(name=["--out", "-o"], help="Write the report as HTML here.")] = None,
    as_json: Annotated[
        bool, Parameter(name="--json", help="Print the results as JSON.", negative="")
    ] = False,
) -> None:
    """Rehearse a trace of jobs on a fleet and report what would have come of it."""
    from penstock.sim.replaying import run_replay

    hows = _hows(policy, queue, backfill, rounds, restart, blind=blind)
    chosen = seeds_of(seeds)
    runs = len(hows) * (1 if rounds else len(chosen))
    report = run_replay(
        trace,
        fleet,
        hows,
        chosen,
        throughput=throughput,
        prices=price_list(prices),
        currency=currency,
        skip_bad=skip_bad,
        progress=lambda done: note(_("{done} of {all} done").format(done=done, all=runs)),
    )
    if out is not None:
        from penstock.web.documents.replay_html import render_replay

        write_bytes(render_replay(report, "zh" if language() == "zh" else "en").encode(), out)
    if as_json:
        print_json(report)
    elif out != "-":
        _print(report.runs, report.prices_micros, currency)
        if report.skipped:
            note(_("{count} bad rows were left out").format(count=report.skipped))


def _hows(
    policies: str, queues: str, backfill: str, rounds: float, restart: float, *, blind: bool
) -> list[How | Rounds]:
    orders = [name.strip() for name in queues.split(",")]
    if rounds:
        return [Rounds(aim=aim, aware=not blind, round_s=rounds, restart_s=restart) for aim in orders]
    names = [name.strip() for name in policies.split(",")]
    return [
        How(policy=name, queue=order, passing=backfill, fastest=not blind)
        for name, order in product(names, orders)
    ]


def _print(runs: tuple[Rehearsal, ...], prices: dict[str, Micros], currency: str) -> None:
    titles = (
        "POLICY",
        "SEED",
        "ALLOCATED",
        "MEAN WAIT",
        "MEAN COMPLETION",
        "99TH PERCENTILE",
        "MAKESPAN",
        "REFUSED",
        "REVENUE",
    )
    rows = [
        (
            how_name(run),
            str(run.seed),
            formats.share(run.ladder.occupied_card_us / max(run.ladder.capacity_card_us, 1)),
            _hours(run.waits[0].mean_s),
            _hours(run.average_completion_s),
            _hours(run.p99_completion_s),
            _hours(run.makespan_s),
            ", ".join(f"{reason} {count}" for reason, count in run.refused.items()) or "-",
            formats.money(sum(run.revenue_micros.values()), currency) if prices else "-",
        )
        for run in runs
    ]
    print_table(titles, rows, right=(1, 2, 3, 4, 5, 6, 8))


def how_name(run: Rehearsal) -> str:
    """A way to choose in a few words."""
    how = run.how
    if isinstance(how, Rounds):
        return f"{how.aim}{'' if how.aware else ' blind'}"
    return f"{how.policy} {how.queue} {how.passing}{'' if how.fastest else ' blind'}"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h"


def trace(
    *,
    like: Annotated[str, Parameter(help="Whose statistics: openb or philly.")] = "openb",
    jobs: Annotated[int, Parameter(help="How many jobs.")] = 10_000,
    cards: Annotated[int, Parameter(help="Cards of the fleet that they are meant for.")] = 1000,
    load: Annotated[
        float, Parameter(help="Work that arrives, as a multiple of what the cards can do.")
    ] = 0.9,
    seed: Annotated[int, Parameter(help="Equal seeds give equal traces.")] = 42,
    out: Annotated[str | None, Parameter(name=["--out", "-o"], help="File to write to.")] = None,
) -> None:
    """Draw a trace with the statistics of a published one, in our columns, for `plan replay`."""
    from penstock.sim.trace.generate import check_generate, generate

    problem = check_generate(like, jobs, cards, load)
    if problem is not None:
        raise Refused(problem)
    write_bytes(
        "".join(generate("philly" if like == "philly" else "openb", jobs, cards, load, seed)).encode(), out
    )
