"""The local engine for a user without any privilege, as on a laptop: the same promises, weaker limits."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.contract.images import layout, need_tools

from penstock.engines.local.images import store
from penstock.lease.seen import Seen

NOBODY = 65534
SERVER = """
import sys, time
from pathlib import Path
import msgspec
from penstock.app.ports import Start
from penstock.engines.local.engine import LocalEngine
from penstock.engines.local.host import Isolation
engine = LocalEngine(Path(sys.argv[1]), isolation=Isolation(sys.argv[2]), images=Path(sys.argv[1]) / "../images")
plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Start)
engine.start(plan)
while not (seen := engine.observe([plan.attempt])[0]).ended_at:
    time.sleep(0.01)
engine.close()
print(msgspec.json.encode([seen, engine.logs(plan.attempt, 0, 0, 10_000).decode()]).decode())
"""
JOB = """
[ $RANK = 1 ] && exec sleep 600
grep -q 'CapEff:.0*$' /proc/self/status && echo powerless
echo x > file && echo works > $PENSTOCK_CHECKPOINT_DIR/file && cat $PENSTOCK_CHECKPOINT_DIR/file
(setsid sleep 600 &)
kill -9 $$
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that everybody can reach."""
    made = Path(tempfile.mkdtemp(prefix="penstock-test-"))
    made.chmod(0o777)
    (made / "checkpoint").mkdir()
    (made / "checkpoint").chmod(0o777)
    yield made
    shutil.rmtree(made)


def opened_for_all(paths: list[Path], keep: Path) -> list[str]:
    """Shell commands by which, in mount namespaces of their own, these paths can be reached by anyone."""
    closed = {
        path: next((p for p in [*path.parents][::-1] if not p.stat().st_mode & 1), None) for path in paths
    }
    hidden = [path for path in paths if closed[path]]
    commands = ["mount --make-rprivate /"]
    for number, path in enumerate(hidden):
        commands += [f"mkdir {keep}/{number}", f"mount --bind {path} {keep}/{number}"]
    commands += [f"mount -t tmpfs -o mode=755 none {place}" for place in {closed[path] for path in hidden}]
    for number, path in enumerate(hidden):
        commands += [f"mkdir -p {path}", f"mount --move {keep}/{number} {path}"]
    return commands


def add_as_nobody(directory: Path, image: str) -> None:
    """The image with the owner that it has where the same user adds it: that is what umoci is told to make."""
    store.add(directory / "images", image, str(layout(directory / "layout")))
    for parent, directories, files in (directory / "images").walk():
        for path in (parent, *(parent / name for name in (*directories, *files))):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="without root, the whole suite runs unprivileged anyway")
@pytest.mark.parametrize(
    ("isolation", "image"),
    [
        *((level, "") for level in ("bubblewrap", "namespaces", "process groups")),
        *((level, "localhost/tiny:1") for level in ("crun", "namespaces")),
    ],
)
def test_a_gang_of_an_unprivileged_user(bench_of_plans, directory, isolation, image):
    if image:
        need_tools(*(["crun"] if isolation == "crun" else []))
        add_as_nobody(directory, image)
    plan = bench_of_plans.plan("a", JOB, tasks=2, image=image)
    plan = msgspec.structs.replace(plan, checkpoint=str(directory / "checkpoint"))
    (directory / "keep").mkdir()
    paths = [Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), Path(__file__).resolve().parents[2]]
    user = f"setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups"
    server = shlex.join([sys.executable, "-c", SERVER, str(directory / "engine"), isolation])
    commands = ["set -e", *opened_for_all(paths, directory / "keep"), "cd /", f"exec {user} {server}"]
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", "\n".join(commands)],
        input=msgspec.json.encode(plan),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    seen, log = msgspec.json.decode(done.stdout, type=tuple[Seen, str])
    assert log == "powerless\nworks\n"
    assert [one.signal for one in seen.exits] == [9, 15]
    assert seen.limits["isolation"] == isolation
    assert len(seen.checkpoints) == 1
    assert bench_of_plans.survivors("a") == []
