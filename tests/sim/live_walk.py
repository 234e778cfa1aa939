"""A walk over REST through every room: open, pay, sell, run, fail, resume, drain, stop, bill, give back."""

from typing import Any

from tests.sim.live import PATIENCE_S, Live, Refusal

PRICE = 3_600_001
LEASE_S = 5
ENDED = ("succeeded", "failed", "cancelled")
LEASES_MAX = 5
MEASUREMENTS_MAX = 5

WITNESS = """
witness() { echo "$1 $PENSTOCK_ATTEMPT" >> "/book/$PENSTOCK_JOB.$RANK"; }
exec 9>> "/book/$PENSTOCK_JOB.$RANK.lock"
flock -n 9 || witness twice
witness start
trap 'witness end' EXIT
trap 'exit 143' TERM
"""
"""Every task says when it starts and ends, and whether another one of its rank runs at the same time."""

SHORT = WITNESS + "sleep 0.3"
ENDLESS = WITNESS + "sleep 600 & wait"
TRAIN = (
    WITNESS
    + """
if [ -e "$PENSTOCK_CHECKPOINT_DIR/half" ]; then witness resumed; sleep 0.2; exit 0; fi
sleep 0.3
[ "$RANK" = 1 ] || { sleep 0.1; touch "$PENSTOCK_CHECKPOINT_DIR/half"; exit 17; }
sleep 600 & wait
"""
)
"""The first of two tasks fails once, after its checkpoint; the second would never end by itself."""


def job(name: str, run: str, marker: str, **more: Any) -> dict[str, Any]:
    """A job of one processor."""
    spec = {
        "name": name,
        "run": run,
        "resources": {"models": ["cpu"], "devices_per_node": 1},
        "env": {"CRASH_MARKER": marker},
        "volumes": {"/book": "book"},
        "grace_s": 2,
    }
    return {"id": name, "tenant": "acme", "spec": spec | more}


def install(live: Live) -> None:
    """Measure two devices and put a price on them; where the host was busy meanwhile, measure again."""
    devices = [device["id"] for device in live.ask("GET", "/fleet")["devices"]]
    for device in devices[:2]:
        for _ in range(MEASUREMENTS_MAX):
            if live.ask("POST", f"/fleet/devices/{device}/calibrate")["accepted"]:
                break
    live.ask("POST", "/offers", {"id": "list", "model": "cpu", "price_micros_per_card_hour": PRICE})


def walk(live: Live, marker: str) -> None:
    """Take every step; each is asked for until it is answered."""
    live.ask("POST", "/tenants", {"id": "acme"})
    live.ask("POST", "/tenants/acme/payments", {"id": "paid", "amount_micros": 100_000_000})
    live.ask("POST", "/volumes", {"name": "book", "tenant": "acme"})
    gang = {"tasks_per_node": 2, "retry": {"max_attempts": 2}, "checkpoint": {"path": "/checkpoint"}}
    live.ask("POST", "/jobs", job("train", TRAIN, marker, **gang))
    leases = _lease(live, marker)
    live.ask("POST", "/jobs", job("wide", SHORT, marker, nodes=2))
    live.ask("POST", "/jobs/acme.wide/stop")
    live.until("the end of train", "/jobs/acme.train", lambda found: found["job"]["state"] in ENDED)
    live.ask("POST", "/jobs", job("endless", ENDLESS, marker))
    live.until("a running job", "/jobs/acme.endless", lambda found: found["job"]["state"] == "running")
    live.reopen()
    live.until("it runs again", "/jobs/acme.endless", lambda found: found["job"]["state"] == "running")
    live.ask("POST", "/jobs/acme.endless/stop")
    live.until("the stop", "/jobs/acme.endless", lambda found: found["job"]["state"] in ENDED)
    for lease in leases:
        _until_ended(live, lease)
    live.until(
        "every hold given back",
        "/tenants/acme/balance",
        lambda found: found["held_micros"] == 0 and found["owed_micros"] == 0,
    )
    _bill(live)


def _lease(live: Live, marker: str) -> list[str]:
    """A lease and a job on it; another lease where this one ended before the job could."""
    for number in range(1, LEASES_MAX + 1):
        if number > 1:
            _until_ended(live, f"acme.lease-{number - 1}")
        quote = {
            "id": f"quote-{number}",
            "tenant": "acme",
            "model": "cpu",
            "devices": 1,
            "hours": LEASE_S / 3600,
        }
        live.ask("POST", "/quotes", quote)
        live.ask("POST", "/leases", {"id": f"lease-{number}", "quote": f"acme.quote-{number}"})
        name = f"leased-{number}"
        try:
            live.ask("POST", "/jobs", job(name, SHORT, marker) | {"lease": f"acme.lease-{number}"})
        except Refusal as refusal:
            if "lease_over" not in str(refusal):
                raise
            continue
        found = live.until(
            f"the end of {name}", f"/jobs/acme.{name}", lambda found: found["job"]["state"] in ENDED
        )
        if found["job"]["state"] == "succeeded" or found["job"]["stop_reason"] != "lease_ended":
            break
    return [f"acme.lease-{tried}" for tried in range(1, number + 1)]


def _until_ended(live: Live, lease: str) -> None:
    live.until("the end of the lease", f"/leases/{lease}", lambda found: found["state"] == "ended")


def _bill(live: Live) -> None:
    quotes, jobs = (live.ask("GET", f"/{noun}?tenant=acme")["items"] for noun in ("quotes", "jobs"))
    leases = live.ask("GET", "/leases?tenant=acme")["items"]
    end = max(item["ended_at"] for item in (*jobs, *leases))
    period = {"tenant": "acme", "start": min(quote["created_at"] for quote in quotes), "end": end}
    invoice = live.ask("POST", "/invoices", period)
    credit = {"id": "credit", "amount_micros": 10_000, "reason": "goodwill"}
    live.ask("POST", f"/invoices/{invoice['id']}/credit", credit)


assert LEASE_S < PATIENCE_S
