"""Plans kept with the centre: checked when they are saved, and rehearsed as they stood when that began."""

from functools import lru_cache
from pathlib import Path, PurePosixPath

import msgspec

from penstock.app import asking
from penstock.app.access import require_audit, require_operator
from penstock.app.catalogue import known_accelerators
from penstock.app.context import App
from penstock.base.ids import check_id
from penstock.base.refusal import Refusal, Refused, ensure, invalid, not_found
from penstock.fleet.accelerators import Accelerator, Catalogue
from penstock.insight.economics.check import check_plan
from penstock.insight.economics.kept import KeptPlan, PlanRun
from penstock.insight.economics.outlook import Outlook
from penstock.insight.economics.plan import Plan
from penstock.insight.economics.planfile import read_as
from penstock.insight.economics.report import EconomicsReport, economics
from penstock.lease.tenant import Principal
from penstock.store import audit, plans, settings

PLAN_FILE = "plan.yaml"
BYTES_MAX = 256 * 1024
FUTURES_MAX = 2000
RUNS_SHOWN = 50


class NewRun(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """So many futures of a plan; equal seeds give equal futures."""

    id: str
    plan: str
    futures: int = 200
    seed: int = 1


def check(document: str, known: Catalogue) -> Plan | tuple[Refusal, ...]:
    """The plan of a text, or everything that is wrong with it, each with its line."""
    if len(document.encode()) > BYTES_MAX:
        return (invalid("file_too_large", "a plan has at most 256 KiB", "shorten it", PLAN_FILE),)
    found = read_as(document, PLAN_FILE, Plan)
    if isinstance(found, tuple):
        return found
    refusals = list(check_plan(found.value, known))
    demand = found.value.rehearse.demand if found.value.rehearse else None
    for number, trace in enumerate(demand.traces if demand else ()):
        for name in filter(None, (trace.file, trace.throughput)):
            if PurePosixPath(name).name != name or name.startswith("."):
                at = f"rehearse.demand.traces[{number}]"
                refusals.append(
                    invalid(
                        "file_outside",
                        f"{name!r} leads out of the centre's folder of traces",
                        "name a file that lies in the folder `traces` of the data directory",
                        at,
                    )
                )
    if refusals:
        return tuple(msgspec.structs.replace(one, where=found.where(one.where)) for one in refusals)
    return found.value


def traces(app: App) -> Path:
    """Where the files lie that plans name."""
    return app.files.root / "traces"


def save_plan(app: App, principal: Principal, name: str, document: str) -> KeptPlan:
    """Keep a plan under a name, in place of what was kept under it. Safe to repeat."""
    require_operator(principal)
    ensure(check_id(name))
    found = check(document, known_accelerators(app))
    if isinstance(found, tuple):
        raise Refused(*found)
    kept = KeptPlan(id=name, document=document, saved_at=app.now())
    with app.database.write() as tx:
        plans.save(tx, kept)
        audit.record(tx, app.now(), principal.token, "save_plan", name)
    return kept


def remove_plan(app: App, principal: Principal, name: str) -> None:
    """Forget a plan; its rehearsals stay."""
    require_operator(principal)
    with app.database.write() as tx:
        if plans.plan(tx, name) is None:
            raise Refused(not_found("plan", name))
        plans.remove(tx, name)
        audit.record(tx, app.now(), principal.token, "remove_plan", name)


def list_plans(app: App, principal: Principal) -> tuple[KeptPlan, ...]:
    """Every plan, by name."""
    require_audit(principal)
    with app.database.read() as tx:
        return plans.plans(tx)


def show_plan(app: App, principal: Principal, name: str) -> KeptPlan:
    """One plan."""
    require_audit(principal)
    with app.database.read() as tx:
        found = plans.plan(tx, name)
    if found is None:
        raise Refused(not_found("plan", name))
    return found


def economics_of(app: App, kept: KeptPlan) -> EconomicsReport:
    """What a plan comes to without a rehearsal; remembered, since equal texts come to the same."""
    return _economics(kept.document, msgspec.json.encode(known_accelerators(app)))


@lru_cache(maxsize=32)
def _economics(document: str, catalogue: bytes) -> EconomicsReport:
    known = msgspec.json.decode(catalogue, type=dict[str, Accelerator])
    return economics(_planned(document, known), known)


def planned(app: App, document: str) -> Plan:
    """The plan of a text that was checked when it was kept; refused where the catalogue has changed since."""
    return _planned(document, known_accelerators(app))


def _planned(document: str, known: Catalogue) -> Plan:
    found = check(document, known)
    if isinstance(found, tuple):
        raise Refused(*found)
    return found


def begin_run(app: App, principal: Principal, request: NewRun) -> tuple[PlanRun, bool]:
    """A rehearsal to be played, and whether it is new. Safe to repeat under the same id."""
    require_operator(principal)
    ensure(check_id(request.id))
    asking.whole_number(request.futures, 1, FUTURES_MAX, "futures")
    asking.whole_number(request.seed, 0, 2**31, "seed")
    now = app.now()
    with app.database.write() as tx:
        if not settings.first_time(tx, "plan_run", request.id, request):
            begun = plans.run(tx, request.id)
            assert begun is not None, "the request was kept with the run"
            return begun, False
        kept = plans.plan(tx, request.plan)
        if kept is None:
            raise Refused(not_found("plan", request.plan))
        run = PlanRun(
            id=request.id,
            plan=kept.id,
            document=kept.document,
            futures=request.futures,
            seed=request.seed,
            started_at=now,
            told_at=now,
        )
        plans.add_run(tx, run)
        audit.record(tx, now, principal.token, "rehearse_plan", run.id, kept.id)
    return run, True


def tell_run(app: App, name: str, done: int) -> None:
    """Keep how far a rehearsal is."""
    with app.database.write() as tx:
        plans.tell(tx, name, done, app.now())


def end_run(app: App, run: PlanRun, came: Outlook | tuple[Refusal, ...]) -> None:
    """Keep what a rehearsal came to."""
    now = app.now()
    done = msgspec.structs.replace(run, ended_at=now, told_at=now)
    if isinstance(came, Outlook):
        done = msgspec.structs.replace(done, outlook=came, done=run.futures)
    else:
        done = msgspec.structs.replace(done, refused=came)
    with app.database.write() as tx:
        plans.put_run(tx, done)


def list_runs(app: App, principal: Principal, plan: str | None = None) -> tuple[PlanRun, ...]:
    """Rehearsals, newest first."""
    require_audit(principal)
    with app.database.read() as tx:
        return plans.runs(tx, plan, RUNS_SHOWN)


def show_run(app: App, principal: Principal, name: str) -> PlanRun:
    """One rehearsal."""
    require_audit(principal)
    with app.database.read() as tx:
        found = plans.run(tx, name)
    if found is None:
        raise Refused(not_found("plan_run", name))
    return found
