"""A seeded stream of what tenants do: pay, lease, submit, stop, while nodes fail and are mended."""

from dataclasses import dataclass, field
from datetime import timedelta

from penstock.app import fleet, identity, jobs, money, selling
from penstock.app.access import SYSTEM
from penstock.base.quantity import WHOLE
from penstock.base.refusal import Refused
from penstock.fleet.device import DeviceState
from penstock.lease.job import Checkpoint, JobSpec, Resources, Retry
from penstock.lease.tenant import Principal
from penstock.sim.centre import SimulatedCentre

GANGS = ((1, 1), (1, 2), (1, 4), (1, 8), (2, 8), (4, 8))
GANG_WEIGHTS = (30, 15, 15, 25, 10, 5)
YUAN = 1_000_000


@dataclass
class Workload:
    """Calls verbs on a centre as tenants and the operator would. Rates are per hour of virtual time."""

    centre: SimulatedCentre
    model: str
    tenants: int = 8
    jobs_per_hour: float = 20.0
    leases_per_hour: float = 0.5
    node_faults_per_hour: float = 0.2
    mend_hours: float = 6.0
    submitted: int = 0
    leases: list[str] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)
    _down: dict[str, float] = field(default_factory=dict)

    def open(self, price_micros: int = 12 * YUAN) -> None:
        """Publish a price, and open tenants with very different purses."""
        app = self.centre.app
        offer = selling.NewOffer(
            id=f"{self.model}-list",
            model=self.model,
            price_micros_per_card_hour=price_micros,
            spot_price_micros_per_card_hour=price_micros // 3,
        )
        selling.publish_offer(app, SYSTEM, offer)
        for number in range(self.tenants):
            credit = 50_000 * YUAN if number % 3 == 0 else 0
            identity.open_tenant(app, SYSTEM, identity.NewTenant(id=f"t{number}", credit_limit_micros=credit))
            self._pay(f"t{number}", self.centre.random.randint(1, 400) * 1_000)

    def hour(self, hours: float) -> None:
        """What happens in so many hours."""
        self._down = {node: left - hours for node, left in self._down.items()}
        for act, rate in (
            (self._submit, self.jobs_per_hour),
            (self._lease, self.leases_per_hour),
            (self._fail_node, self.node_faults_per_hour),
            (self._stop, self.jobs_per_hour / 20),
            (self._top_up, 0.2),
        ):
            for _ in range(self._count(rate * hours)):
                try:
                    act()
                except Refused as refused:
                    code = refused.refusals[0].code
                    self.refusals[code] = self.refusals.get(code, 0) + 1
        self._mend()

    def _count(self, mean: float) -> int:
        count, left = 0, self.centre.random.expovariate(1.0)
        while left < mean:
            count, left = count + 1, left + self.centre.random.expovariate(1.0)
        return count

    def _tenant(self) -> str:
        return f"t{self.centre.random.randrange(self.tenants)}"

    def _pay(self, tenant: str, yuan: int) -> None:
        name = f"p{self.centre.random.getrandbits(48):x}"
        money.pay(self.centre.app, SYSTEM, tenant, money.NewPayment(id=name, amount_micros=yuan * YUAN))

    def _top_up(self) -> None:
        self._pay(self._tenant(), self.centre.random.randint(1, 100) * 1_000)

    def _submit(self) -> None:
        random = self.centre.random
        tenant = self._tenant()
        lease = random.choice(self.leases) if self.leases and random.random() < 0.3 else None
        if lease is not None:
            tenant = lease.partition(".")[0]
        nodes, devices = random.choices(GANGS, GANG_WEIGHTS)[0]
        share = random.choice((250, 500, 810)) if devices == 1 and random.random() < 0.3 else WHOLE
        seconds = min(random.lognormvariate(8.0, 1.3), 3 * 86_400)
        self.submitted += 1
        spec = JobSpec(
            name=f"work-{self.submitted}",
            run="simulated",
            resources=Resources((self.model,), devices, device_share=share),
            nodes=nodes,
            env={
                "SIMULATED_SECONDS": f"{seconds:.3f}",
                "SIMULATED_EXIT": "1" if random.random() < 0.1 else "0",
                "SIMULATED_CHECKPOINT_S": "600",
            },
            time_limit_s=int(seconds * 2) + 600 if random.random() < 0.5 else None,
            retry=Retry(max_attempts=random.randint(1, 3)),
            checkpoint=Checkpoint() if random.random() < 0.7 else None,
            priority=random.randint(0, 2),
            spot=lease is None and random.random() < 0.1,
        )
        request = jobs.NewJob(id=f"j{self.submitted}", spec=spec, tenant=tenant, lease=lease)
        jobs.submit(self.centre.app, SYSTEM, request)

    def _lease(self) -> None:
        random, app = self.centre.random, self.centre.app
        name = f"l{random.getrandbits(48):x}"
        start = self.centre.clock.now() + timedelta(hours=random.choice((0, 0, 1, 6, 24)))
        request = selling.NewQuote(
            id=name,
            tenant=self._tenant(),
            model=self.model,
            devices=random.choice((1, 8, 16, 32)),
            start=start,
            hours=random.choice((1.5, 6.0, 24.0, 72.0)),
        )
        quote = selling.ask_quote(app, SYSTEM, request)
        if quote.available:
            self.leases.append(selling.accept_quote(app, SYSTEM, quote.id, name).id)
            if random.random() < 0.1:
                selling.cancel_lease(app, SYSTEM, self.leases[-1])

    def _stop(self) -> None:
        if self.submitted:
            number = self.centre.random.randint(1, self.submitted)
            for tenant in range(self.tenants):
                name = f"t{tenant}.j{number}"
                principal = Principal("tenant", SYSTEM.scopes)
                try:
                    jobs.stop(self.centre.app, principal, name)
                except Refused:
                    continue

    def _fail_node(self) -> None:
        view = fleet.view(self.centre.app)
        node = self.centre.random.choice(view.nodes).id
        if node in self._down:
            return
        devices = {device.id for device in view.devices if device.node == node}
        self._down[node] = self.centre.random.expovariate(1 / self.mend_hours)
        if self.centre.random.random() < 0.7:
            self.centre.engine.lose(devices)
            self._set(devices, DeviceState.DOWN)
        else:
            self._set(devices, DeviceState.DRAINING)

    def _mend(self) -> None:
        view = fleet.view(self.centre.app)
        for node in [node for node, left in self._down.items() if left <= 0]:
            del self._down[node]
            self._set({device.id for device in view.devices if device.node == node}, DeviceState.AVAILABLE)

    def _set(self, devices: set[str], state: DeviceState) -> None:
        for device in sorted(devices):
            fleet.set_state(self.centre.app, SYSTEM, device, state, "simulated")
