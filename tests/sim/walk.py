"""One small walk through every room of the centre, each step safe to repeat after a crash."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from penstock.app import identity, invoicing, jobs, money, selling
from penstock.app.access import SYSTEM
from penstock.lease.job import Checkpoint, JobSpec, Resources, Retry
from penstock.sim.centre import OPENING, SimulatedCentre
from penstock.sim.faults import Crash

YUAN = 1_000_000
MINUTE = timedelta(minutes=1)


def spec(name: str, seconds: float, **changes: object) -> JobSpec:
    fields: dict[str, object] = {
        "name": name,
        "run": "simulated",
        "resources": Resources(("a100",), 2),
        "env": {"SIMULATED_SECONDS": str(seconds), "SIMULATED_CHECKPOINT_S": "120"},
        "checkpoint": Checkpoint(),
    }
    return JobSpec(**(fields | changes))


def steps(centre: SimulatedCentre) -> list[Callable[[], object]]:
    """Everything that people ask for, in order; each may be asked again."""

    def submit(name: str, tenant: str, work: JobSpec, lease: str | None = None) -> Callable[[], object]:
        request = jobs.NewJob(id=name, tenant=tenant, spec=work, lease=lease)
        return lambda: jobs.submit(centre.app, SYSTEM, request)

    def minutes(count: int) -> Callable[[], object]:
        until = centre.clock.now

        def wait() -> None:
            goal = goals.setdefault(id(wait), until() + count * MINUTE)
            centre.turn()
            while centre.clock.now() < goal:
                centre.clock.advance(MINUTE / 2)
                centre.turn()

        return wait

    goals: dict[int, object] = {}
    failing = spec(
        "fails-once",
        600,
        env={"SIMULATED_SECONDS": "600", "SIMULATED_EXIT": "1", "SIMULATED_CHECKPOINT_S": "120"},
    )
    offer = selling.NewOffer(id="list", model="a100", price_micros_per_card_hour=7 * YUAN + 130_001)
    payment = money.NewPayment(id="p1", amount_micros=100 * YUAN)
    quote = selling.NewQuote(id="q", tenant="acme", model="a100", devices=2, start=OPENING, hours=0.5)
    period = invoicing.NewInvoice(tenant="acme", start=OPENING, end=OPENING + 31 * MINUTE)
    return [
        lambda: identity.open_tenant(centre.app, SYSTEM, identity.NewTenant(id="acme")),
        lambda: identity.open_tenant(centre.app, SYSTEM, identity.NewTenant(id="poor")),
        lambda: money.pay(centre.app, SYSTEM, "acme", payment),
        lambda: money.pay(centre.app, SYSTEM, "poor", money.NewPayment(id="p2", amount_micros=5 * YUAN)),
        lambda: selling.publish_offer(centre.app, SYSTEM, offer),
        lambda: selling.ask_quote(centre.app, SYSTEM, quote),
        lambda: selling.accept_quote(centre.app, SYSTEM, "acme.q", "lease"),
        submit("leased", "acme", spec("leased", 400), "acme.lease"),
        submit("failing", "acme", msgspec_replace(failing, retry=Retry(max_attempts=2))),
        submit("stopped", "acme", spec("stopped", 5_000)),
        minutes(4),
        lambda: jobs.stop(centre.app, SYSTEM, "acme.stopped"),
        submit("endless", "poor", spec("endless", 50_000, time_limit_s=1_200)),
        minutes(30),
        lambda: invoicing.issue_invoice(centre.app, SYSTEM, period),
        lambda: invoicing.credit_invoice(
            centre.app,
            SYSTEM,
            "inv-000001",
            invoicing.NewCreditNote(id="c1", amount_micros=YUAN, reason="goodwill"),
        ),
        minutes(40),
    ]


def msgspec_replace(work: JobSpec, **changes: object) -> JobSpec:
    import msgspec

    return msgspec.structs.replace(work, **changes)


def opened(directory: Path, seed: int = 7) -> SimulatedCentre:
    centre = SimulatedCentre(directory, seed)
    centre.install("a100", nodes=2, devices_per_node=4)
    return centre


def walk(centre: SimulatedCentre) -> int:
    """Take every step, again after each crash, and say how many crashes there were."""
    crashes = 0
    for step in steps(centre):
        while True:
            try:
                step()
                break
            except Crash:
                crashes += 1
                centre.restart()
    return crashes
