"""Traces in the columns of Philly as Gavel's authors prepared it: jobs by type and steps, gangs by scale."""

from collections.abc import Callable

from penstock.sim.trace.table import Row
from penstock.sim.trace.throughput import Speeds
from penstock.sim.trace.traced import TracedJob

COLUMNS = ("job_id", "job_type", "total_steps", "submit_s", "scale_factor")
OPTIONAL = ("vc",)


def parser(node_devices: int, speeds: Speeds, models: tuple[str, ...]) -> Callable[[Row], TracedJob]:
    """A row's job: gangs larger than a node of so many devices take whole nodes, the last one as well."""

    def parse(row: Row) -> TracedJob:
        scale = row.whole("scale_factor", 2**20)
        if not scale:
            raise row.bad("scale_factor", "a job takes no device", "write 1 or more")
        job_type = row.cells["job_type"].strip()
        if job_type not in speeds.job_types:
            what = f"the throughput table has no {job_type[:60]!r}"
            raise row.bad("job_type", what, "add its throughput", "trace_job_type_unknown")
        nodes = -(-scale // node_devices)
        devices = scale if nodes == 1 else node_devices
        if not any(speeds.rates(job_type, nodes * devices, models)):
            what = f"{job_type[:60]!r} was measured on no model of the fleet"
            raise row.bad("job_type", what, "add its throughput", "trace_job_type_unknown")
        return TracedJob(
            name=row.cells["job_id"].strip(),
            submit_s=row.number("submit_s"),
            run_s=0.0,
            nodes=nodes,
            devices=devices,
            tenant=row.cells["vc"].strip(),
            label=f"{scale} devices" if scale > 1 else "1 device",
            job_type=job_type,
            steps=row.number("total_steps"),
        )

    return parse
