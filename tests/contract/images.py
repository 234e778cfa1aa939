"""A small real image, made from nothing but a static busybox: layers, a configuration and a manifest (OCI 1.0)."""

import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import tarfile
from pathlib import Path

import pytest

MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
PROGRAMS = (
    "sh",
    "cat",
    "echo",
    "env",
    "grep",
    "head",
    "ls",
    "mkdir",
    "mount",
    "sleep",
    "touch",
    "true",
    "tr",
    "setsid",
)
PROGRAMS += ("id", "pwd", "cut", "tail", "stat", "df", "test", "ps", "kill", "seq", "nproc", "taskset", "awk")
_TOOLS = ("skopeo", "umoci")


def need_tools(*more: str) -> None:
    """Skip where images cannot be made or unpacked; not in a full check, which installs what it takes."""
    missing = [tool for tool in (*_TOOLS, *more) if shutil.which(tool) is None]
    missing += [] if _busybox() else ["busybox-static"]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"not installed here: {', '.join(missing)}")


def layout(
    base: Path,
    *layers: dict[str, str | bytes],
    architecture: str = MACHINE,
    shell: bool = True,
    env: tuple[str, ...] = (),
    mode: int = 0o755,
) -> Path:
    """A directory with an OCI layout of one image: busybox, and over it a layer for each mapping of paths.

    Text that begins with `->` is a link; a path that ends in `/` is a directory. All belongs to user 1000.
    """
    blobs = base / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    first: dict[str, str | bytes] = {"etc/": "", "var/": "", "var/tmp/": "", "bin/": ""}
    if shell:
        first["bin/busybox"] = Path(_busybox()).read_bytes()
        first |= {f"bin/{name}": "->busybox" for name in PROGRAMS}
    tars = [_tar(entries, mode) for entries in (first, *layers)]
    described = [_blob(blobs, gzip.compress(tar, 1), "layer.v1.tar+gzip") for tar in tars]
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Env": list(env), "Entrypoint": ["/nowhere"], "User": "1000", "WorkingDir": "/nowhere"},
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars],
        },
    }
    manifest = {
        "schemaVersion": 2,
        "config": _blob(blobs, json.dumps(config).encode(), "config.v1+json"),
        "layers": described,
    }
    index = {
        "schemaVersion": 2,
        "manifests": [_blob(blobs, json.dumps(manifest).encode(), "manifest.v1+json")],
    }
    (base / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (base / "index.json").write_text(json.dumps(index))
    return base


def archive(directory: Path) -> Path:
    """The layout as one file, as `podman save --format oci-archive` writes it."""
    path = directory.with_suffix(".tar")
    with tarfile.open(path, "w") as tar:
        for entry in sorted(directory.iterdir()):
            tar.add(entry, entry.name)
    return path


def _busybox() -> str:
    return shutil.which("busybox") or ""


def _blob(blobs: Path, content: bytes, kind: str) -> dict[str, object]:
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    kind = f"application/vnd.oci.image.{kind}"
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}


def _tar(entries: dict[str, str | bytes], mode: int) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for path, content in entries.items():
            info = tarfile.TarInfo(path.rstrip("/"))
            info.uid = info.gid = 1000
            info.mode = mode
            if path.endswith("/"):
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            elif isinstance(content, str) and content.startswith("->"):
                info.type, info.linkname = tarfile.SYMTYPE, content[2:]
                tar.addfile(info)
            else:
                data = content.encode() if isinstance(content, str) else content
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return held.getvalue()
