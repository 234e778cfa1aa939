"""`penstock render`: a job file as manifests for Kubernetes."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from cyclopts import Parameter

from penstock.base.refusal import Refused, invalid
from penstock.cli.refused import show_notes
from penstock.cli.run import read_job_file
from penstock.engines.kubernetes.manifests import Rendering
from penstock.engines.kubernetes.manifests import render as manifests


def render(
    file: Annotated[Path, Parameter(help="Job file in YAML, or a batch script of Slurm.")],
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
    resource: Annotated[
        str, Parameter(help="Resource that the cluster's plug-in offers, where it is not the vendor's.")
    ] = "",
    select: Annotated[
        tuple[str, ...],
        Parameter(help="Label of the hosts that will do, KEY=VALUE; several may be given.", negative=""),
    ] = (),
) -> None:
    """Print a job file as manifests for Kubernetes.

    They are checked against the schemas of Kubernetes by tests, and have not run on a cluster yet.
    """
    found = read_job_file(file)
    show_notes(found.notes)
    how = Rendering(
        image=image,
        gang=gang,
        queue=queue,
        namespace=namespace,
        port=port,
        storage_class=storage_class,
        resource=resource,
        select=dict(map(_label, select)),
    )
    print(yaml.dump_all(manifests(found.spec, how), Dumper=_Readable, sort_keys=False), end="")


def _label(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not found:
        raise Refused(invalid("label_malformed", f"{text!r} is no label", "write KEY=VALUE", "select"))
    return key, value


class _Readable(yaml.SafeDumper):
    """Scripts line by line."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Readable.add_representer(str, _text)
