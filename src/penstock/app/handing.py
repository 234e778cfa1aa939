"""What is placed goes to its engine, with everything that the engine needs to know."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import msgspec

from penstock.app.catalogue import known_accelerators
from penstock.app.context import App
from penstock.app.ports import Engine, Start, TaskPlan
from penstock.base.quantity import WHOLE
from penstock.base.refusal import Fault, Refused
from penstock.fleet.accelerators import Accelerator, catalogue
from penstock.fleet.device import Device
from penstock.lease.job import Attempt, Job
from penstock.lease.variants import on_stack, stack_environment


def hand_over(app: App, placed: Iterable[tuple[Job, Attempt]], devices: Iterable[Device]) -> None:
    """Hand placed attempts to their engines, each once; the plan has no choices left.

    An engine over a network takes them beside the loop: that it has them is known after a later `collect`.
    """
    collect(app)
    with_engine = app.look.begun | app.look.handing.keys()
    new = [(job, attempt) for job, attempt in placed if attempt.id not in with_engine]
    known = {device.id: device for device in devices} if new else {}
    for job, attempt in new:
        engine = app.engines.get(attempt.engine)
        if engine is None:  # the settings name it no more
            continue
        plan = _start_plan(app, job, attempt, known)
        if engine.starts_at_once > 1:
            app.look.handing[attempt.id] = _beside(app, attempt.engine).submit(_begin, engine, plan)
        elif _begin(engine, plan):
            app.look.begun.add(attempt.id)


def collect(app: App) -> None:
    """Take note of what engines have by now; what they would not have is handed over again."""
    for name, handed in list(app.look.handing.items()):
        if handed.done():
            del app.look.handing[name]
            if handed.result():
                app.look.begun.add(name)


def _beside(app: App, name: str) -> ThreadPoolExecutor:
    if name not in app.look.threads:
        app.look.threads[name] = ThreadPoolExecutor(app.engines[name].starts_at_once, f"start-{name}")
    return app.look.threads[name]


def _begin(engine: Engine, plan: Start) -> bool:
    """Whether the engine has it now; one that is away, or will not have us, is asked again in a later turn."""
    try:
        engine.start(plan)
    except (Fault, Refused):
        return False
    return True


def _own_chip(app: App, device: Device) -> Accelerator | None:
    """The entry of a device whose stack only the site's own catalogue has; engines know the built-in ones."""
    if any(chip.stack == device.stack for chip in catalogue().values()):
        return None
    return known_accelerators(app).get(device.model)


def _start_plan(app: App, job: Job, attempt: Attempt, devices: Mapping[str, Device]) -> Start:
    tasks = []
    own = _own_chip(app, devices[attempt.devices[0]])
    for rank, held in enumerate(attempt.tasks):
        first = devices[held[0]]
        tasks.append(
            TaskPlan(
                rank=rank,
                node=first.node,
                local_rank=rank % job.spec.tasks_per_node,
                devices=held,
                handles=tuple(devices[device].handle for device in held),
                stack=first.stack,
                share=attempt.share,
                device_memory_bytes=first.memory_bytes * attempt.share // WHOLE,
                visible_devices=own.visible_devices if own else "",
                device_files=own.device_files if own else (),
            )
        )
    spec = on_stack(job.spec, tasks[0].stack)
    if own is not None:
        told = stack_environment(own.stack, {own.id: own})
        spec = msgspec.structs.replace(spec, env={**told, **spec.env})
    return Start(
        attempt=attempt.id,
        job=job.id,
        tenant=job.tenant,
        spec=spec,
        tasks=tuple(tasks),
        workdir=str(app.files.workdir(spec.workdir) or ""),
        checkpoint=str(app.files.checkpoint(job.id)) if spec.checkpoint else "",
        volumes={
            path: str(app.files.volume(f"{job.tenant}.{volume}")) for path, volume in spec.volumes.items()
        },
        lease=attempt.lease or "",
    )
