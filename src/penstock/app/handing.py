"""What is placed goes to its engine, with everything that the engine needs to know."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

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
    """Hand placed attempts to their engines, each once; the plan has no choices left."""
    new = [(job, attempt) for job, attempt in placed if attempt.id not in app.look.begun]
    known = {device.id: device for device in devices} if new else {}
    plans: dict[str, list[Start]] = {}
    for job, attempt in new:
        plans.setdefault(attempt.engine, []).append(_start_plan(app, job, attempt, known))
    for name, mine in plans.items():
        with suppress(Fault):  # the settings name it no more
            app.look.begun.update(_begun(app.engine(name), mine))


def _begun(engine: Engine, plans: Sequence[Start]) -> list[str]:
    """The attempts that the engine has now; one that is away, or will not have us, is asked again in the next turn."""

    def begin(plan: Start) -> bool:
        try:
            engine.start(plan)
        except (Fault, Refused):
            return False
        return True

    width = min(engine.starts_at_once, len(plans))
    if width == 1:
        done = list(map(begin, plans))
    else:
        with ThreadPoolExecutor(width, thread_name_prefix="start") as threads:
            done = list(threads.map(begin, plans))
    return [plan.attempt for plan, is_begun in zip(plans, done, strict=True) if is_begun]


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
