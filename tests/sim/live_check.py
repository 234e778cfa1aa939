"""What must hold after a walk with any number of deaths; each finding is a sentence."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.sim.live import Live
from tests.sim.live_walk import PRICE

EXPECTED = {
    "train": ("succeeded", "failed succeeded"),
    "endless": ("cancelled", "(evicted )+stopped"),
    "wide": ("cancelled", ""),
}
"""Job -> its final state, and those of its attempts; each drain evicts once."""
SIGTERM_EXIT = 143
ONCE = ("open_tenant", "pay", "accept_quote", "submit", "stop", "issue_invoice", "credit_invoice")
MICROSECOND = timedelta(microseconds=1)
YUAN, FEN = 1_000_000, 10_000


def findings(live: Live) -> list[str]:
    """Everything that is wrong with the centre, as anyone can see it over REST and on disk."""
    report = live.ask("GET", "/ledger/check")
    found = [] if report["ok"] else [f"the books do not balance: {report}"]
    jobs = live.ask("GET", "/jobs?tenant=acme")["items"]
    details = [live.ask("GET", f"/jobs/{job['id']}") for job in jobs]
    leases = live.ask("GET", "/leases?tenant=acme")["items"]
    charges = live.ask("GET", "/charges?tenant=acme")["items"]
    found += _jobs(details, leases)
    found += _runs(live.data / "volumes" / "acme.book", details)
    found += _charges(details, leases, charges)
    found += _money(live, charges)
    found += _acts(live)
    return found


def _jobs(details: list[dict[str, Any]], leases: list[dict[str, Any]]) -> Iterator[str]:
    """Every job in its expected final state, with the attempts that it must have had."""
    seen = {detail["job"]["spec"]["name"]: detail for detail in details}
    for name, (state, attempts) in EXPECTED.items():
        detail = seen.pop(name, None)
        if detail is None:
            yield f"{name} is lost"
        elif detail["job"]["state"] != state or not re.fullmatch(attempts, _states(detail)):
            yield f"{name} is {detail['job']['state']} after {_states(detail)}"
    leased = [seen[name] for name in sorted(seen)]
    for detail in leased[:-1]:
        if detail["job"]["stop_reason"] != "lease_ended":
            yield f"{detail['job']['id']} was not kept from its lease by the time"
    if not leased or _states(leased[-1]) != "succeeded":
        yield f"the job on the lease: {leased}"
    for lease in leases:
        if lease["state"] != "ended" or lease["hold"]:
            yield f"lease {lease}"


def _states(detail: dict[str, Any]) -> str:
    return " ".join(attempt["state"] for attempt in detail["attempts"])


def _runs(book: Path, details: list[dict[str, Any]]) -> Iterator[str]:
    """No task ran twice, or beside another attempt of its job: start, end, start, end, by its own witness."""
    for detail in details:
        job = detail["job"]
        for rank in range(job["spec"]["tasks_per_node"] * job["spec"]["nodes"]):
            witness = book / f"{job['id']}.{rank}"
            said = witness.read_text().splitlines() if witness.exists() else []
            if problem := _misrun(said, detail, rank):
                yield f"{job['id']} rank {rank} {problem}: {said}"


def _misrun(said: list[str], detail: dict[str, Any], rank: int) -> str:
    """What is wrong with a task's witness: each attempt's lines in one piece and in order; less where it was killed."""
    left = list(said)
    for attempt in detail["attempts"]:
        wanted = _witnessed(detail["job"], attempt)
        mine = [line for line in left[: len(wanted)] if line.endswith(f" {attempt['id']}")]
        if mine != wanted and not (_was_ended(attempt, rank) and mine == wanted[: len(mine)]):
            return f"did not run as attempt {attempt['number']} should"
        left = left[len(mine) :]
    return "ran besides" if left else ""


def _was_ended(attempt: dict[str, Any], rank: int) -> bool:
    """Whether the engine ended this task, so that it may not have said everything."""
    exits = [one for one in attempt["exits"] if one["rank"] == rank]
    return not exits or exits[0]["signal"] is not None or exits[0]["exit_code"] == SIGTERM_EXIT


def _witnessed(job: dict[str, Any], attempt: dict[str, Any]) -> list[str]:
    resumed = ["resumed"] if job["spec"]["name"] == "train" and attempt["number"] == 2 else []
    return [f"{word} {attempt['id']}" for word in ("start", *resumed, "end")]


def _charges(
    details: list[dict[str, Any]], leases: list[dict[str, Any]], charges: list[dict[str, Any]]
) -> Iterator[str]:
    """Each on-demand attempt and each lease is charged for its own time: gapless, once, to the micro."""
    owed = {
        attempt["id"]: (attempt["began_at"], attempt["ended_at"])
        for detail in details
        for attempt in detail["attempts"]
        if attempt["lease"] is None and attempt["began_at"]
    }
    owed |= {lease["id"]: (lease["start"], min(lease["end"], lease["ended_at"])) for lease in leases}
    lines: dict[str, list[dict[str, Any]]] = {subject: [] for subject in owed}
    for line in charges:
        if line["subject"] not in owed:
            yield f"charged for nothing: {line}"
        lines.setdefault(line["subject"], []).append(line)
    for subject, (start, end) in owed.items():
        mine = sorted(lines[subject], key=lambda line: (line["start"], line["end"]))
        cuts = [(line["start"], line["end"]) for line in mine]
        whole = bool(cuts) and cuts[0][0] == start and cuts[-1][1] == end
        if not whole or any(before[1] != after[0] for before, after in pairwise(cuts)):
            yield f"{subject} over {start} to {end} is charged over {cuts}"
        if sum(line["amount_micros"] for line in mine) != price(start, end):
            yield f"{subject} is charged {[line['amount_micros'] for line in mine]}, not {price(start, end)}"


def price(start: str, end: str) -> int:
    """Micros for one card over that time: started seconds at the hourly price, rounded half up."""
    elapsed_us = (datetime.fromisoformat(end) - datetime.fromisoformat(start)) // MICROSECOND
    seconds = -(-elapsed_us // 1_000_000)
    return (2 * seconds * PRICE + 3600) // 7200


def _money(live: Live, charges: list[dict[str, Any]]) -> Iterator[str]:
    """Paid in, less charged, less the invoice's fen, plus the credit, is what is left; one invoice has it all."""
    charged = sum(line["amount_micros"] for line in charges)
    invoices = live.ask("GET", "/invoices?tenant=acme")["items"]
    if len(invoices) != 1 or {line["invoice"] for line in charges} != {invoices[0]["id"]}:
        yield f"not everything stands on the one invoice: {invoices}"
        return
    total = invoices[0]["total_micros"]
    if abs(total - charged) > FEN * len(invoices[0]["lines"]) or total % FEN:
        yield f"{charged} was charged, {total} is on the invoice"
    balance = live.ask("GET", "/tenants/acme/balance")
    left = 100 * YUAN - total + FEN
    if (balance["balance_micros"], balance["held_micros"], balance["owed_micros"]) != (left, 0, 0):
        yield f"{left} should be left: {balance}"


def _acts(live: Live) -> Iterator[str]:
    """What was asked once is on record once."""
    entries: list[dict[str, Any]] = []
    while page := live.ask("GET", f"/audit?after={len(entries)}")["items"]:
        entries += page
    acts = Counter((entry["verb"], entry["object"], entry["detail"]) for entry in entries)
    for act, times in acts.items():
        if act[0] in ONCE and times != 1:
            yield f"{act} is on record {times} times"
    missing = set(ONCE) - {verb for verb, _, _ in acts}
    if missing:
        yield f"not on record: {missing}"


def survivors(marker: str, data: Path) -> list[str]:
    """Processes of this walk's jobs, and those that hold a file of its directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"CRASH_MARKER={marker}".encode() in (process / "environ").read_bytes().split(b"\0")
            holding = any(str(file.readlink()).startswith(str(data)) for file in (process / "fd").iterdir())
            if marked or holding:
                found.append(
                    f"{process.name} {(process / 'cmdline').read_bytes().replace(b'\0', b' ').decode()}"
                )
        except OSError:
            continue
    return found
