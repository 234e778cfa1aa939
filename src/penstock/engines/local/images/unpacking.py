"""From an archive, a layout or podman's storage to a file system on disk, by the tools of the OCI project.

skopeo reads every form and writes a layout; umoci lays the layers over each other. All files then belong to
whoever runs the server, as whom jobs run. Nothing is fetched from a network.
"""

import os
import platform
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from penstock.base.refusal import Refusal, Refused
from penstock.engines.local.images.tree import real_directory, resolved

_TOOLS = ("skopeo", "umoci")
_PODMAN = "podman:"
_SHELLS = ("/bin/bash", "/usr/bin/bash", "/bin/sh")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "loongarch64": "loong64", "ppc64le": "ppc64le"}
_SETTINGS = ("resolv.conf", "hosts")


class Unpacked(msgspec.Struct, frozen=True, kw_only=True):
    """What the image says of itself. `digest` is that of its manifest."""

    digest: str
    architecture: str
    env: dict[str, str]
    size_bytes: int
    unused: tuple[str, ...]
    """What it says that no job keeps to, as its builder wrote it: `WORKDIR /app`."""


def unpack(source: str, rootfs: Path, tell: Callable[[str], None]) -> Unpacked:
    """Unpack an image into a new directory, telling what is being done. Raises Refused with the tool's own words."""
    for tool in _TOOLS:
        if shutil.which(tool) is None:
            what = f"{tool} unpacks images, and is not installed"
            raise Refused(Refusal("image_tool_missing", what, "install it, e.g. `apt install skopeo umoci`"))
    layout, bundle = rootfs.with_name("layout"), rootfs.with_name("bundle")
    tell("reading")
    _run(
        ["skopeo", "--insecure-policy", "copy", "--quiet", _transport(source), f"oci:{layout}:image"], source
    )
    digest, config = _config(layout)
    _refuse_foreign(config, source)
    tell("unpacking")
    _run(["umoci", "unpack", "--rootless", "--image", f"{layout}:image", str(bundle)], source)
    let_owner_in(bundle)
    (bundle / "rootfs").rename(rootfs)
    shutil.rmtree(layout)
    shutil.rmtree(bundle)
    told = config.get("config") or {}
    return Unpacked(
        digest=digest,
        architecture=config["architecture"],
        env=dict(_variables(told.get("Env") or ())),
        size_bytes=_size_bytes(rootfs),
        unused=tuple(_unused(told)),
    )


def let_owner_in(tree: Path) -> None:
    """Have the owner enter and change all directories below: an image may forbid it to all but root (Fedora's `/`)."""
    for parent, directories, _ in tree.walk():
        for inner in (parent / name for name in directories):
            if not inner.is_symlink():
                inner.chmod(inner.stat().st_mode | 0o700)


def shell_of(rootfs: Path, shown: Sequence[Path]) -> str:
    """The shell that runs a job's script: of the image, or of what is shown in it. Raises Refused without one."""
    for path in _SHELLS:
        place = resolved(rootfs, path)
        on_host = Path("/") / place.relative_to(rootfs)
        if os.access(on_host if any(map(on_host.is_relative_to, shown)) else place, os.X_OK):
            return path
    what = "the image has neither bash nor sh, and a job's run: is a script"
    raise Refused(Refusal("image_without_shell", what, "add a shell to it, such as busybox"))


def prepare(rootfs: Path, shown: Sequence[Path]) -> None:
    """Make the places where something of the host is shown; no link of the image is followed."""
    if real_directory(rootfs, "/etc"):
        for name in _SETTINGS:
            place = rootfs / "etc" / name
            if place.is_symlink() or not place.is_file():
                _clear(place)
                place.touch()
    if real_directory(rootfs, "/var") and not (rootfs / "var/tmp").is_symlink():
        _clear(rootfs / "var/tmp")
        (rootfs / "var/tmp").symlink_to("/tmp")  # noqa: S108
    for path in shown:
        _make_place(rootfs, path)


def _make_place(rootfs: Path, path: Path) -> None:
    if not path.is_absolute() or not path.exists() or ".." in path.parts:
        raise Refused(
            Refusal("show_missing", f"there is no {path} on this host", "name a path that is there")
        )
    place = rootfs
    for part in PurePosixPath(path).parts[1:-1]:
        place /= part
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            what = f"{path} cannot be shown: /{place.relative_to(rootfs)} is no directory in the image"
            raise Refused(Refusal("show_path", what, "show another path, or change the image"))
        place.mkdir(exist_ok=True)
    place /= path.name
    if place.is_symlink() or (place.exists() and place.is_dir() != path.is_dir()):
        _clear(place)
    if path.is_dir():
        place.mkdir(exist_ok=True)
    else:
        place.touch()


def _clear(place: Path) -> None:
    """Take away whatever is there; a link itself, not what it leads to."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _transport(source: str) -> str:
    """The source as skopeo names it."""
    if source.startswith(_PODMAN):
        return f"containers-storage:{source.removeprefix(_PODMAN)}"
    path = Path(source).absolute()
    if path.is_dir():
        return f"oci:{path}"
    if not path.exists():
        remedy = "name an archive, a directory with an OCI layout, or podman:NAME"
        raise Refused(Refusal("image_source_missing", f"there is no {source}", remedy))
    try:
        with tarfile.open(path) as archive:
            names = {member.name.removeprefix("./") for member in archive}
    except (tarfile.TarError, OSError, EOFError) as error:
        raise _broken(source, f"no archive: {error}") from error
    if "manifest.json" in names:
        return f"docker-archive:{path}"
    if "oci-layout" in names:
        return f"oci-archive:{path}"
    raise _broken(source, "an archive, but of no image")


def _run(command: list[str], source: str) -> None:
    environment = {
        name: os.environ[name] for name in ("PATH", "HOME", "XDG_RUNTIME_DIR") if name in os.environ
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"{command[0]} ended with {done.returncode}"]
        raise _broken(source, lines[-1].partition("msg=")[2].strip('"') or lines[-1])


def _broken(source: str, why: str) -> Refused:
    remedy = "save it again, e.g. `podman save --format oci-archive -o FILE NAME`"
    return Refused(Refusal("image_broken", f"{source} cannot be unpacked: {why}", remedy))


def _config(layout: Path) -> tuple[str, Any]:
    """The digest of the manifest, and the image's configuration (OCI image specification 1.0)."""

    def blob(digest: str) -> Any:
        algorithm, _, value = digest.partition(":")
        return msgspec.json.decode((layout / "blobs" / algorithm / value).read_bytes())

    digest = msgspec.json.decode((layout / "index.json").read_bytes())["manifests"][0]["digest"]
    return digest, blob(blob(digest)["config"]["digest"])


def _refuse_foreign(config: Any, source: str) -> None:
    here = _ARCHITECTURES.get(platform.machine(), platform.machine())
    made_for = f"{config.get('os', '')}/{config.get('architecture', '')}"
    if made_for != f"linux/{here}":
        what = f"{source} is for {made_for}, and this host is linux/{here}"
        raise Refused(Refusal("image_architecture", what, f"build or pull it for linux/{here}"))


def _unused(told: Any) -> Iterator[str]:
    words = {"WorkingDir": "WORKDIR", "User": "USER", "Entrypoint": "ENTRYPOINT", "Cmd": "CMD"}
    for name, word in words.items():
        said = told.get(name)
        if said and said != "/":
            yield f"{word} {said if isinstance(said, str) else msgspec.json.encode(said).decode()}"


def _variables(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, value = line.partition("=")
        if name:
            yield name, value


def _size_bytes(rootfs: Path) -> int:
    return sum(
        (parent / name).lstat().st_blocks * 512 for parent, _, files in rootfs.walk() for name in files
    )
