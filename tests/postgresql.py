"""A real PostgreSQL in a temporary directory, started for tests and gone after them.

It writes no disk barriers (`fsync=off`): what is tested is our side of it. Skipped, saying so, where the server
is not installed; in CI that is a failure.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
import pytest

QUICK = ("fsync=off", "full_page_writes=off")


@cache
def programs() -> Path | None:
    """Where initdb and its likes are."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    known = found[-1:] or [Path(path) for path in [shutil.which("initdb")] if path]
    return known[0].parent if known else None


@contextmanager
def server(*settings: str) -> Iterator[str]:
    """The URL of a server's `postgres` database; a superuser without password, on loopback only."""
    binaries = programs()
    if binaries is None:
        if os.environ.get("CI") == "true":
            raise AssertionError("PostgreSQL is not installed")
        pytest.skip("PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="penstock-postgresql-") as folder:
        as_owner: list[str] = []
        if os.geteuid() == 0:  # the server does not run as root
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            as_owner = ["runuser", "-u", "postgres", "--"]
        data, port = f"{folder}/data", _free_port()
        _run([*as_owner, binaries / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "-N"])  # fmt: skip
        options = [
            f"port={port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={folder}",
            *settings,
        ]
        control = [*as_owner, binaries / "pg_ctl", "-D", data, "-w", "-t", "60"]
        _run([*control, "-l", f"{folder}/log", "-o", " ".join(f"-c {one}" for one in options), "start"])
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"])


def new_database(server_url: str, template: str = "template1") -> str:
    """The URL of a new database of the server, empty or as the template is."""
    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return f"{server_url.rpartition('/')[0]}/{name}"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _run(command: list) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
