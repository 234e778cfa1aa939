"""Traces in our own columns: one row a job, gangs and shares, times in seconds."""

from collections.abc import Callable, Sequence

from penstock.insight.recorded import LENGTHS, REFUSED
from penstock.placement.workload import WHOLE
from penstock.sim.trace.table import Row
from penstock.sim.trace.traced import NODE_DEVICES_MAX, TracedJob, models_of

COLUMNS = ("job", "submit_s", "run_s", "nodes", "devices_per_node")
OPTIONAL = (
    "device_milli",
    "cpu_milli",
    "memory_mib",
    "models",
    "tenant",
    "label",
    "priority",
    "time_limit_s",
    "checkpoint_s",
    "length_from",
)
NODES_MAX = 10**5


def parser(models: Sequence[str]) -> Callable[[Row], TracedJob]:
    """A row's job. `device_milli` are thousandths of each device (all: 1000); an empty cell is the default."""

    def parse(row: Row) -> TracedJob:
        def whole(column: str, default: int, most: int = 2**53) -> int:
            return row.whole(column, most) if row.cells[column].strip() else default

        def seconds(column: str) -> float:
            return row.number(column) if row.cells[column].strip() else float("inf")

        nodes, devices = row.whole("nodes", NODES_MAX), row.whole("devices_per_node", NODE_DEVICES_MAX)
        share = whole("device_milli", WHOLE, WHOLE)
        if not nodes:
            raise row.bad("nodes", "a job takes no node", "write 1 or more")
        if devices and not share:
            raise row.bad("device_milli", "a job takes no part of its devices", "write 1 to 1000")
        return TracedJob(
            name=row.cells["job"].strip(),
            submit_s=row.number("submit_s"),
            run_s=row.number("run_s"),
            nodes=nodes,
            devices=devices,
            share=share,
            cpu=whole("cpu_milli", 0),
            memory=whole("memory_mib", 0),
            models=models_of(row, "models", models),
            tenant=row.cells["tenant"].strip(),
            label=row.cells["label"].strip() or label_of(nodes, devices, share),
            priority=whole("priority", 0, 10**6),
            limit_s=seconds("time_limit_s"),
            save_s=seconds("checkpoint_s"),
            length_from=_length_from(row),
        )

    return parse


def _length_from(row: Row) -> str:
    """As the row says; where it says nothing, jobs labelled `refused` were not measured, and all others were."""
    given = row.cells["length_from"].strip()
    if given and given not in LENGTHS:
        raise row.bad("length_from", f"{given[:40]!r} is not known", f"write one of {', '.join(LENGTHS)}")
    if given or row.cells["label"].strip() != REFUSED:
        return given or "measured"
    return "limit" if row.cells["time_limit_s"].strip() else "median"


def label_of(nodes: int, devices: int, share: int) -> str:
    """How large a job is, as a class for waiting times."""
    if not devices:
        return "no device"
    if devices * nodes == 1:
        return "1 device" if share == WHOLE else "part of a device"
    return f"{nodes * devices} devices"
