"""Which jobs are alike: a decision about the first of them is one about all."""

from penstock.base.ids import digest
from penstock.lease.job import AFTER, Job
from penstock.lease.variants import images
from penstock.placement import software


def kind_of(job: Job) -> tuple[object, ...]:
    """Jobs of one kind ask the same of the same world."""
    spec = job.spec
    shape = job.lease, spec.nodes, spec.resources, spec.spot, spec.time_limit_s, spec.grace_s
    return *shape, software.kind(job), *sorted(images(spec).items())


def line_of(job: Job) -> str:
    """Jobs of one line are of one kind, owner and priority, so the order among them is that of their age.

    Those that wait for the same jobs are a line of their own.
    """
    line = digest((job.tenant, job.project, job.spec.priority, kind_of(job), sorted(job.spec.after.items())))
    return (AFTER if job.spec.after else "") + line[:16]
