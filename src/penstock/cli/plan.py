"""`penstock plan`: rehearse on this host, without a centre, with the functions that would run one."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from penstock.base.refusal import Refused, invalid
from penstock.cli.app import tree
from penstock.cli.language import _
from penstock.cli.output import note, print_json, print_table
from penstock.cli.seeds import seeds_of

app = tree("plan")
for _name in ("economics", "claims", "parameters"):
    app.command(f"penstock.cli.plan_economics:{_name}", name=_name)
for _name in ("build", "compare", "remedies"):
    app.command(f"penstock.cli.plan_build:{_name}", name=_name)


@app.command
def fill(
    *,
    nodes: Annotated[Path, Parameter(help="Nodes in openb's columns, CSV, compressed or not.")],
    tasks: Annotated[Path, Parameter(help="Tasks in openb's columns, CSV, compressed or not.")],
    policy: Annotated[str, Parameter(help="Placement policy, such as penstock, fgd, best-fit.")] = "penstock",
    seeds: Annotated[str, Parameter(help="Seeds, first to one past the last, such as 42:52.")] = "42:52",
    until: Annotated[float, Parameter(help="Demand to stop at, as a multiple of capacity.")] = 1.3,
    forecast: Annotated[
        float, Parameter(help="Demand that penstock is told to expect, as a multiple of capacity.")
    ] = 0.0,
    skip_bad: Annotated[
        bool, Parameter(help="Leave out rows with mistakes and count them.", negative="")
    ] = False,
    as_json: Annotated[
        bool, Parameter(name="--json", help="Print the results as JSON.", negative="")
    ] = False,
) -> None:
    """Fill a fleet with tasks drawn from a trace until demand passes capacity, once for each seed."""
    from penstock.sim.fill import run_fill

    chosen = seeds_of(seeds)
    for name, share in (("--until", until), ("--forecast", forecast or 1.0)):
        if not 0 < share <= 10:
            raise Refused(
                invalid("until_absurd", f"{share} is no multiple of capacity", "give up to 10", name)
            )
    results = run_fill(
        nodes,
        tasks,
        policy,
        chosen,
        until,
        forecast=forecast,
        skip_bad=skip_bad,
        progress=lambda done: note(_("{done} of {all} done").format(done=done, all=len(chosen))),
    )
    if as_json:
        print_json(results)
        return
    titles = ("SEED", "ALLOCATED AT 100 %", "AT THE END", "REFUSED", "SECONDS")
    rows = [
        (
            str(result.seed),
            f"{result.allocated[100]:.2f}" if len(result.allocated) > 100 else "-",
            f"{result.allocated[-1]:.2f}",
            ", ".join(f"{reason} {count}" for reason, count in result.refused.items() if count) or "-",
            f"{result.seconds:.2f}",
        )
        for result in results
    ]
    print_table(titles, rows, right=(1, 2, 4))


app.command("penstock.cli.recorded:history", name="history")
for _name in ("replay", "trace"):
    app.command(f"penstock.cli.replay:{_name}", name=_name)
