"""What other systems' job files say that we do not: harmless, so ignored with a note, or not to be met.

Task files of SkyPilot are accepted as far as they go, and of dstack the fields that mean the same.
"""

from penstock.lease.jobfile.reading import Foreign

_CENTRE = "the centre decides where a job runs"
_HOST = "disks and networks are those of the node"
_ENDS = "a job ends by itself"
_SOFTWARE = "a job runs with the software of its node"


def _ignored(why: str) -> Foreign:
    return Foreign(ignored=True, why=why)


def _refused(why: str, remedy: str) -> Foreign:
    return Foreign(ignored=False, why=why, remedy=remedy)


_IMAGE = _refused(
    "nothing is fetched for a job", "write image: with the name of an image that the centre has"
)
_GIT = _refused("no repository is fetched for a job", "check it out, and name its directory as workdir")

TOP: dict[str, Foreign] = {
    "config": _ignored("settings of another system"),
    "event_callback": _ignored("state changes are told by the API"),
    "experimental": _ignored("settings of another system"),
    "inputs": _ignored("sizes of data are not estimated"),
    "outputs": _ignored("sizes of data are not estimated"),
    "secrets": _refused(
        "a job's variables are kept with it and can be read by its tenant",
        "put secrets on a volume, or into env: if they may be read",
    ),
    "service": _refused("services are not run, only jobs that end", "write run: for a job"),
    "pool": _refused("pools of workers are not run, only jobs that end", "write run: for a job"),
    "storage": _refused("nothing is mounted from outside", "put data on a volume under volumes:"),
    "backends": _ignored(_CENTRE),
    "creation_policy": _ignored(_CENTRE),
    "docker": _IMAGE,
    "entrypoint": _refused("run: takes the place of the image's entrypoint", "write what it does into run:"),
    "files": _refused("files are not copied one by one", "put them into workdir"),
    "fleets": _ignored(_CENTRE),
    "idle_duration": _ignored(_ENDS),
    "instance_types": _ignored(_CENTRE),
    "max_price": _refused("a job's price is that of the offer", "compare with `penstock offer list`"),
    "nvcc": _ignored(_SOFTWARE),
    "privileged": _refused("no job has rights over its node", "leave it out"),
    "python": _ignored(_SOFTWARE),
    "regions": _ignored(_CENTRE),
    "registry_auth": _IMAGE,
    "repos": _GIT,
    "tags": _ignored("group jobs by project:"),
    "user": _ignored("jobs run as the user whom the node gives them"),
    "working_dir": _ignored("commands run in the copied workdir"),
}

RESOURCES: dict[str, Foreign] = {
    "accelerator_args": _ignored("settings of TPUs"),
    "autostop": _ignored(_ENDS),
    "cloud": _ignored(_CENTRE),
    "disk": _ignored(_HOST),
    "disk_size": _ignored(_HOST),
    "disk_tier": _ignored(_HOST),
    "ephemeral_storage": _ignored(_HOST),
    "infra": _ignored(_CENTRE),
    "instance_type": _ignored("devices are asked for by accelerators:"),
    "labels": _ignored("group jobs by project:"),
    "local_disk": _ignored(_HOST),
    "max_hourly_cost": _refused("a job's price is that of the offer", "compare with `penstock offer list`"),
    "network_tier": _ignored(_HOST),
    "priority_class": _ignored("write priority: with a number"),
    "region": _ignored(_CENTRE),
    "shm_size": _ignored("shared memory is part of the job's memory"),
    "volumes": _refused("disks are not made for a job", "put data on a volume under volumes:"),
    "zone": _ignored(_CENTRE),
}

VARIABLES = {
    "SKYPILOT_NODE_RANK": "NODE_RANK",
    "SKYPILOT_NUM_GPUS_PER_NODE": "LOCAL_WORLD_SIZE",
    "SKYPILOT_NODE_IPS": "MASTER_ADDR",
    "SKYPILOT_TASK_ID": "PENSTOCK_JOB",
    "SKYPILOT_NUM_NODES": "WORLD_SIZE",
    "DSTACK_NODE_RANK": "NODE_RANK",
    "DSTACK_MASTER_NODE_IP": "MASTER_ADDR",
    "DSTACK_GPUS_NUM": "WORLD_SIZE",
}
"""Variables that programs for other systems read -> the one of ours that comes nearest."""
