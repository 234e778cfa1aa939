"""`penstock doctor`: what this host has of what a centre needs, and what to do about the rest."""

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from cyclopts import Parameter

from penstock.base.refusal import Fault, Refused
from penstock.cli import formats
from penstock.cli.call import CALL, Call
from penstock.cli.credentials import resolve
from penstock.cli.language import _, said
from penstock.cli.output import print_json, print_table
from penstock.cli.up import DatabaseUrl
from penstock.engines.settings import FILE
from penstock.sdk.client import Client
from penstock.sdk.errors import SdkUnreachable

PYTHON = (3, 13)
FREE_BYTES = 5 * 2**30
"""Under this, a few jobs with checkpoints fill the disk."""
CONTROLLERS = ("memory", "pids", "cpuset")
CLUSTERS = {"Slurm": "sbatch", "Ray": "ray"}
"""What a cluster is told by, and the program that a host of one has."""
IMAGE_TOOLS = ("skopeo", "umoci")

type Outcome = Literal["ok", "limited", "missing"]


class Check(NamedTuple):
    """One thing that was looked at: `limited` works with less, `missing` does not work."""

    of: str
    outcome: Outcome
    found: str
    remedy: str = ""


def doctor(
    *,
    data: Annotated[
        Path | None, Parameter(help="Data directory; by default under the XDG data directory.")
    ] = None,
    database: DatabaseUrl = None,
    call: Call = CALL,
) -> int:
    """Check this host, and say what to do about what is missing.

    Ends with status 1 where something does not work.
    """
    checks = [
        python(),
        *engine(),
        data_directory(data),
        database_used(data, database),
        *clusters(data),
        centre(call),
    ]
    if call.json:
        print_json({"checks": [check._asdict() for check in checks]})
    else:
        rows = [
            (formats.word(one.of), formats.word(one.outcome), one.found, one.remedy or formats.NONE)
            for one in checks
        ]
        print_table(("CHECKED", "RESULT", "FOUND", "WHAT TO DO"), rows)
    return 1 if any(check.outcome == "missing" for check in checks) else 0


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    """The interpreter."""
    found = ".".join(map(str, version))
    if version[:2] >= PYTHON:
        return Check("python", "ok", found)
    return Check("python", "missing", found, _("install Python 3.13 or later"))


def engine() -> Iterator[Check]:
    """How well jobs are kept apart and limited here, by running an attempt of nothing."""
    from penstock.engines.local.engine import LocalEngine

    with tempfile.TemporaryDirectory(prefix="penstock-doctor-") as folder:
        try:
            tried = LocalEngine(Path(folder) / "attempts", images=Path(folder) / "images")
        except (Fault, Refused, OSError) as error:
            remedy = _("mend what the error says; until then no job runs on this host")
            yield Check("job isolation", "missing", str(error), remedy)
            return
        try:
            yield isolation(tried.host.isolation, tried.passed_over)
            yield control_groups({name: tried.host.limits_by(name) for name in CONTROLLERS})
            missing = [one for one in IMAGE_TOOLS if shutil.which(one) is None]
            yield images(tried.without_images, missing, *tried.image_runner)
        finally:
            tried.close()


def isolation(chosen: str, passed_over: dict[str, str]) -> Check:
    """The level that works here, and why bubblewrap does not where that is so."""
    if "bubblewrap" not in passed_over:
        return Check("job isolation", "ok", chosen)
    if shutil.which("bwrap") is None:
        remedy = _("install bubblewrap, e.g. `apt install bubblewrap`")
    else:
        remedy = _("allow user namespaces: `sysctl kernel.apparmor_restrict_unprivileged_userns=0`")
    reason = passed_over["bubblewrap"].splitlines()[-1]
    return Check("job isolation", "limited", f"{chosen} (bubblewrap: {reason})", remedy)


def control_groups(enforced: dict[str, str]) -> Check:
    """Which limits the kernel enforces."""
    found = ", ".join(f"{name}: {by or _('no')}" for name, by in enforced.items())
    if all(enforced.values()):
        return Check("control groups", "ok", found)
    remedy = _("run as root, or as a systemd user service with Delegate=yes; other limits are used till then")
    return Check("control groups", "limited", found, remedy)


def images(why_not: str, missing: list[str], runner: str, profile: str) -> Check:
    """Whether jobs can run in container images and by what, and whether images can be added."""
    if why_not:
        remedy = _("allow user namespaces, or run as root; jobs without an image need no mending")
        return Check("images", "limited", why_not.splitlines()[-1], remedy)
    if missing:
        found = _("not installed: {tools}").format(tools=", ".join(missing))
        return Check("images", "limited", found, _("to add images: `apt install skopeo umoci`"))
    if not profile:
        remedy = _("to filter their system calls: `apt install golang-github-containers-common`")
        return Check("images", "limited", f"{runner}, {_('no seccomp profile')}", remedy)
    return Check("images", "ok", f"{runner}, {profile}")


def data_directory(data: Path | None) -> Check:
    """Whether there is room to write."""
    from penstock.wire import default_data_directory

    path = (data or default_data_directory()).absolute()
    existing = next(one for one in (path, *path.parents) if one.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            free_bytes = shutil.disk_usage(existing).free
    except OSError as error:
        remedy = _("make it writable, or give another with --data")
        return Check("data directory", "missing", f"{path}: {error.strerror}", remedy)
    found = f"{path}: " + _("{size} free").format(size=formats.size(free_bytes))
    if free_bytes < FREE_BYTES:
        return Check("data directory", "limited", found, _("make room, or give another with --data"))
    return Check("data directory", "ok", found)


def database_used(data: Path | None, url: str | None) -> Check:
    """Which database `penstock up` would use with the same options, and whether it answers."""
    from penstock.store.database import Database
    from penstock.wire import default_data_directory

    if url is None:
        folder = (data or default_data_directory()).absolute()
        return Check("database", "ok", f"SQLite {sqlite3.sqlite_version}: {folder / 'penstock.db'}")
    try:
        with closing(Database(url)) as opened:
            return Check("database", "ok", opened.described)
    except Refused as error:
        refusal = error.refusals[0]
        return Check("database", "missing", said(refusal.message), said(refusal.remedy))


def clusters(data: Path | None) -> Iterator[Check]:
    """Each engine that the data directory names: whether it answers, what it speaks, and what it has."""
    from penstock.engines.clusters import open_cluster
    from penstock.engines.settings import read_engines
    from penstock.wire import default_data_directory

    try:
        named = read_engines((data or default_data_directory()).absolute()).engines
    except Refused as error:
        first = error.refusals[0]
        yield Check("engines", "missing", said(first.message), said(first.remedy))
        return
    if not named:
        yield one_host([name for name, program in CLUSTERS.items() if shutil.which(program)])
    for settings in named:
        try:
            tried = open_cluster(settings)
            try:
                has = tried.capacity()
            finally:
                tried.close()
        except Refused as error:
            first = error.refusals[0]
            found = f"{first.code}: {said(first.message)}"
            yield Check(f"engine {settings.name}", "missing", found, said(first.remedy))
        except Fault as error:
            remedy = _("start it, or mend its address; jobs wait until then and nothing is lost")
            yield Check(f"engine {settings.name}", "limited", str(error), remedy)
        else:
            devices = sum(len(one.devices) for one in has.nodes)
            shape = _("{version}, {nodes} nodes, {devices} devices")
            text = shape.format(version=has.version, nodes=len(has.nodes), devices=devices)
            yield Check(f"engine {settings.name}", "ok", text)


def one_host(installed: list[str]) -> Check:
    """A centre without a cluster is one host, for good; where to go for more, and what is there already."""
    found = _("this host alone")
    if installed:
        found += "; " + _("installed, but not named: {names}").format(names=", ".join(installed))
    remedy = _(
        "for several hosts name a cluster in {file}: docs/guide/slurm.md, or docs/guide/ray.md without Slurm"
    )
    return Check("hosts", "ok", found, remedy.format(file=FILE))


def centre(call: Call) -> Check:
    """Whether a centre answers, and knows the token."""
    url, token = resolve(call.url, call.token)
    try:
        with Client(url, token) as client:
            name = client.get("centre")["name"]
            client.get("offers")
    except SdkUnreachable as error:
        return Check("centre", "limited", str(error), _("open one with `penstock up`, or give --url"))
    except Refused as error:
        remedy = _("sign in with `penstock login`, or give --token")
        return Check("centre", "limited", f"{url}: {said(error.refusals[0].message)}", remedy)
    return Check("centre", "ok", f"{name} ({url})")
