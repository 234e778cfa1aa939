"""Traces in the columns of openb (Alibaba cluster-trace-gpu-v2023)."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from penstock.base.refusal import Refusal, Refused, invalid
from penstock.placement.workload import ANY_MODEL, WHOLE, Fleet, Workload, workload
from penstock.sim.trace.own import label_of
from penstock.sim.trace.table import Row, Table, read, unique
from penstock.sim.trace.traced import TracedJob, models_of

NODE_COLUMNS = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
TASK_COLUMNS = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli")
MODELS_MAX = 62
TIME_COLUMNS = ("creation_time", "deletion_time")
JOB_COLUMNS = (*TASK_COLUMNS, *TIME_COLUMNS)
DEVICES_MAX = 62
"""Models and a node's devices are bits of a mask."""


class Trace(msgspec.Struct, frozen=True):
    """A fleet and the work that came to it; rows left out are counted."""

    fleet: Fleet
    work: Workload
    skipped: int = 0
    first_skipped: tuple[Refusal, ...] = ()


def read_trace(nodes: Path, tasks: Path, *, skip_bad: bool = False) -> Trace:
    """The nodes that have devices, and all tasks; raises `Refused` with the place of a mistake."""
    seen: set[str] = set()
    hosts = read(nodes, NODE_COLUMNS, (), lambda row: _node(row, seen), skip_bad=skip_bad)
    fleet = _fleet(hosts, nodes)
    given = read(tasks, TASK_COLUMNS, ("gpu_spec",), _task_parser(fleet), skip_bad=skip_bad)
    if not given.values:
        raise Refused(invalid("trace_empty", f"{tasks} has no task", "give one row a task", str(tasks)))
    skipped = hosts.first_skipped + given.first_skipped
    return Trace(fleet, workload(given.values), hosts.skipped + given.skipped, skipped)


def read_fleet(path: Path, *, skip_bad: bool = False) -> Fleet:
    """The nodes that have devices; raises `Refused` with the place of a mistake."""
    seen: set[str] = set()
    return _fleet(read(path, NODE_COLUMNS, (), lambda row: _node(row, seen), skip_bad=skip_bad), path)


def job_parser(models: Sequence[str]) -> Callable[[Row], TracedJob | None]:
    """A task with its own times: it ran from its scheduling, or if that is not told its creation, on."""

    def parse(row: Row) -> TracedJob | None:
        devices = row.whole("num_gpu", DEVICES_MAX)
        share = row.whole("gpu_milli", WHOLE) if devices else WHOLE
        if not share:
            raise row.bad("gpu_milli", "a task takes no part of its devices", "write 1 to 1000 thousandths")
        created, deleted = row.number("creation_time"), row.number("deletion_time")
        started = row.number("scheduled_time") if row.cells["scheduled_time"].strip() else created
        if deleted < started:
            raise row.bad("deletion_time", "a task ends before it starts", "check its times", "trace_time")
        return TracedJob(
            name=row.cells["name"].strip(),
            submit_s=created,
            run_s=deleted - started,
            devices=devices,
            share=share,
            cpu=row.whole("cpu_milli"),
            memory=row.whole("memory_mib"),
            models=models_of(row, "gpu_spec", models) if devices else (),
            label=label_of(1, devices, share),
        )

    return parse


def _node(row: Row, seen: set[str]) -> tuple[int, int, int, str]:
    unique(row, "sn", seen)
    devices, model = row.whole("gpu", DEVICES_MAX), row.cells["model"].strip()
    if devices and not model:
        raise row.bad("model", "a node with devices has no model", "name it")
    return row.whole("cpu_milli"), row.whole("memory_mib"), devices, model


def _fleet(hosts: Table[tuple[int, int, int, str]], path: Path) -> Fleet:
    with_devices = [host for host in hosts.values if host[2] > 0]
    models = tuple(sorted({host[3] for host in with_devices}))
    if not with_devices or len(models) > MODELS_MAX:
        remedy = f"give at least one node with devices, of at most {MODELS_MAX} models"
        message = f"{len(with_devices)} nodes have devices, of {len(models)} models"
        raise Refused(invalid("trace_fleet", message, remedy, str(path)))
    cpu, memory, devices = (np.array([host[i] for host in with_devices], np.int64) for i in range(3))
    model = np.array([models.index(host[3]) for host in with_devices], np.int64)
    return Fleet(cpu=cpu, memory=memory, devices=devices, model=model, models=models)


def _task_parser(fleet: Fleet) -> Callable[[Row], tuple[int, int, int, int, int]]:
    seen: set[str] = set()
    bits = {model: 1 << i for i, model in enumerate(fleet.models)}

    def parse(row: Row) -> tuple[int, int, int, int, int]:
        unique(row, "name", seen)
        devices = row.whole("num_gpu", 2**20)
        share = row.whole("gpu_milli", WHOLE) if devices else 0
        if devices and not share:
            raise row.bad("gpu_milli", "a task takes no part of its devices", "write 1 to 1000 thousandths")
        models = _models(row, bits) if devices else ANY_MODEL
        return row.whole("cpu_milli"), row.whole("memory_mib"), devices, share, models

    return parse


def _models(row: Row, bits: dict[str, int]) -> int:
    """The bit mask of the models that a task names, joined by bars; none named: any."""
    named = [name.strip() for name in row.cells["gpu_spec"].split("|") if name.strip()]
    known = [bits[name] for name in named if name in bits]
    if named and not known:
        remedy = f"name one of {', '.join(sorted(bits))}"
        raise row.bad("gpu_spec", f"no node has a {' or '.join(named)[:80]}", remedy, "trace_model_unknown")
    mask = 0
    for bit in known:
        mask |= bit
    return mask or ANY_MODEL
