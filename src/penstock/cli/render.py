"""`penstock render`: a job file as manifests for Kubernetes."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from cyclopts import Parameter

from penstock.cli.output import note
from penstock.cli.run import read_job_file
from penstock.engines.kubernetes import Rendering
from penstock.engines.kubernetes import render as manifests


def render(
    file: Annotated[Path, Parameter(help="Job file in YAML.")],
    /,
    *,
    image: Annotated[
        str, Parameter(help="Container image of the pods; otherwise that of the variant for the stack.")
    ] = "",
    gang: Annotated[
        Literal["none", "kueue", "volcano"], Parameter(help="What makes the pods of a job start together.")
    ] = "none",
    queue: Annotated[str, Parameter(help="Queue of Kueue or Volcano.")] = "",
    namespace: Annotated[str, Parameter(help="Namespace of everything.")] = "default",
    port: Annotated[
        int | None, Parameter(help="Render a service that listens on this port, in place of a job.")
    ] = None,
    storage_class: Annotated[str, Parameter(help="Storage class of the checkpoint volume.")] = "",
) -> None:
    """Print a job file as manifests for Kubernetes.

    They are checked against the schemas of Kubernetes by tests, and have not run on a cluster yet.
    """
    found = read_job_file(file)
    for remark in found.notes:
        note(remark)
    how = Rendering(
        image=image, gang=gang, queue=queue, namespace=namespace, port=port, storage_class=storage_class
    )
    print(yaml.safe_dump_all(manifests(found.spec, how), sort_keys=False), end="")
