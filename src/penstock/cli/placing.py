"""`penstock fleet placement` and `penstock fleet defragment`: how the centre places, and moves to admit a job."""

from typing import Annotated

from cyclopts import Parameter

from penstock.cli import formats
from penstock.cli.call import CALL, Call, understood
from penstock.cli.language import _
from penstock.cli.output import note, print_fields, print_json, print_table
from penstock.cli.why import meaning
from penstock.placement.answers import Defragmentation, Rules


def placement(
    *,
    policy: Annotated[str | None, Parameter(help="Policy by which nodes and devices are chosen.")] = None,
    order: Annotated[str | None, Parameter(help="Order of jobs of one priority: fair-share or fifo.")] = None,
    aim: Annotated[
        str | None,
        Parameter(help="Model for jobs that say their throughput: completion, fairness, cost, fastest."),
    ] = None,
    promises: Annotated[
        int | None, Parameter(help="How many waiting jobs are promised a start that none behind delays.")
    ] = None,
    spot_notice: Annotated[
        int | None, Parameter(help="Seconds of notice before spot work gives up its devices.")
    ] = None,
    call: Call = CALL,
) -> None:
    """Show how the centre places jobs, or change it from the next decision on."""
    asked = {"policy": policy, "order": order, "aim": aim, "promises": promises, "spot_notice_s": spot_notice}
    changes = {name: value for name, value in asked.items() if value is not None}
    with call.client() as client:
        answer = client.get("fleet", "placement")
        if changes:
            answer = client.post("fleet", "placement", body={**answer, **changes})
    call.show(answer, Rules, _rules)


def defragment(
    *,
    job: Annotated[str, Parameter(name="--for", help="Job that waits and is to be admitted.")],
    execute: Annotated[
        bool, Parameter(help="Make the moves; without it nothing is done.", negative="")
    ] = False,
    call: Call = CALL,
) -> int:
    """Plan which running jobs to move so that one that does not fit is admitted, and what that costs.

    Moved are jobs that keep checkpoints: each is stopped and started again elsewhere. Ends with status 1
    where no moves admit the job.
    """
    with call.client() as client:
        if execute:
            answer = client.post("fleet", "defragmentation", body={"job": job})
        else:
            answer = client.get("fleet", "defragmentation", job=job)
    plan = understood(answer, Defragmentation)
    if call.json:
        print_json(answer)
    else:
        _plan(plan, call, executed=execute)
    return 0 if plan.possible else 1


def _rules(rules: Rules) -> None:
    print_fields(
        [
            ("policy", rules.policy),
            ("order", rules.order),
            ("aim", rules.aim),
            ("promises", str(rules.promises)),
            ("spot notice", f"{rules.spot_notice_s} s"),
        ]
    )


def _plan(plan: Defragmentation, call: Call, *, executed: bool) -> None:
    if not plan.possible:
        note(_("no moves of running jobs admit {job}").format(job=plan.job))
        ordered = sorted(plan.counts.items(), key=lambda pair: (-pair[1], pair[0]))
        rows = [(formats.word(reason), str(count), meaning(reason)) for reason, count in ordered]
        print_table(("KEPT OUT BY", "DEVICES", "MEANS"), rows, right=(1,))
        return
    assert plan.promise is not None, "a possible plan says where the job goes"
    devices = dict.fromkeys(device for task in plan.promise.tasks for device in task)
    print_fields(
        [
            ("job", plan.job),
            ("devices", " ".join(devices)),
            ("starts by", call.time(plan.promise.start)),
            ("moves", str(len(plan.moves))),
            ("cost", _("{hours} card-hours").format(hours=formats.hours(plan.cost_us))),
        ]
    )
    if not plan.moves:
        return
    print()
    rows = [
        (
            move.job,
            " ".join(move.devices),
            " ".join(dict.fromkeys(device for task in move.promise.tasks for device in task)),
            formats.hours(move.lost_us),
            formats.hours(move.again_us),
        )
        for move in plan.moves
    ]
    print_table(("JOB", "FROM", "TO", "WORK LOST", "SET-UP AGAIN"), rows, right=(3, 4))
    if not executed:
        note(_("nothing was moved; repeat with --execute to do it"))
