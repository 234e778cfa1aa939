"""What the local engine promises beyond the contract: it survives the server, hides files, loses nobody."""

import contextlib
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.contract.harnesses import LOCAL
from tests.contract.test_engine import MANY

from penstock.app.ports import Start
from penstock.base.refusal import Fault, Refused
from penstock.engines.local.engine import LocalEngine
from penstock.engines.local.host import LEVELS, Isolation
from penstock.engines.local.planning import Settings, attempt_files
from penstock.engines.local.spawner import Spawner
from penstock.engines.local.supervisor import shown
from penstock.engines.local.supervisor.directory import NEW, make, remove, supervisor_of
from penstock.engines.local.supervisor.shapes import Mount
from penstock.engines.local.trial import strongest
from penstock.lease.job import AttemptState

ENGINES = LOCAL
SERVER = """
import os, sys, time
from pathlib import Path
import msgspec
from penstock.app.ports import Start
from penstock.engines.local.engine import LocalEngine
from penstock.engines.local.host import LEVELS, Isolation
engine = LocalEngine(Path(sys.argv[1]), isolation=Isolation(sys.argv[2]), control_groups=sys.argv[3] == "yes")
for plan in msgspec.json.decode(sys.stdin.buffer.read(), type=list[Start]):
    engine.start(plan)
if sys.argv[4] == "dies":
    os.kill(os.getpid(), 9)
elif sys.argv[4] == "dies late":
    time.sleep(60)
engine.close()
"""
"""A server in a process of its own, which starts attempts and then dies, waits to be killed, or closes."""


def serve(bench, plans: list[Start], end: str) -> subprocess.Popen[bytes]:
    host = bench.engine.host
    groups = "yes" if host.limits_by("pids") else "no"
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(bench.root), host.isolation.value, groups, end],
        stdin=subprocess.PIPE,
    )
    assert server.stdin is not None
    server.stdin.write(msgspec.json.encode(plans))
    server.stdin.close()
    return server


def supervisor(bench, attempt: str) -> int:
    return bench.wait(lambda: supervisor_of(bench.root / bench.id(attempt)), "a supervisor")


def test_an_attempt_outlives_a_server_that_is_killed(bench):
    run = "cd $PENSTOCK_CHECKPOINT_DIR; touch up; while [ ! -e go ]; do sleep 0.05; done; exit 4"
    plan = bench.plan("a", run)
    bench.adopt("a")
    assert serve(bench, [plan], "dies").wait() == -signal.SIGKILL
    bench.file("up")
    assert bench.until("a", "running").exits == ()
    bench.engine.start(plan)
    (bench.left / "go").touch()
    assert bench.end("a").exits[0].exit_code == 4


def test_two_servers_that_start_the_same_attempt_start_it_once(bench):
    plan = bench.plan("a", "echo ran >> $PENSTOCK_CHECKPOINT_DIR/ran")
    bench.adopt("a")
    servers = [serve(bench, [plan], "closes") for _ in range(3)]
    assert [server.wait() for server in servers] == [0, 0, 0]
    assert bench.end("a").state == AttemptState.SUCCEEDED
    assert (bench.left / "ran").read_text() == "ran\n"


def test_an_attempt_whose_server_died_before_the_supervisor_came_is_taken_up_once(bench):
    plan = bench.plan("a", "echo ran >> $PENSTOCK_CHECKPOINT_DIR/ran")
    bench.adopt("a")
    lay_down(bench, plan)
    assert bench.see("a").state == AttemptState.STARTING
    assert bench.end("a").state == AttemptState.SUCCEEDED
    assert (bench.left / "ran").read_text() == "ran\n"


def test_an_attempt_that_nobody_took_up_can_be_stopped(bench):
    bench.adopt("a")
    lay_down(bench, bench.plan("a", "touch $PENSTOCK_CHECKPOINT_DIR/ran"))
    bench.stop("a", 5)
    seen = bench.end("a")
    assert (seen.state, seen.began_at) == (AttemptState.STOPPED, None)
    assert not (bench.left / "ran").exists()


def lay_down(bench, plan: Start) -> None:
    """What a server leaves that dies between making the directory and sending a supervisor."""
    directory = bench.root / plan.attempt
    engine = bench.engine
    assert make(directory, attempt_files(plan, directory, engine.host, engine._settings, engine._system))


def test_many_that_live_at_once_all_run_and_all_stop(own_bench):
    names = [f"a{number}" for number in range(MANY or 20)]
    for name in names:
        own_bench.start(name, "exec sleep 600")
    for name in names:
        own_bench.until(name, "running")
    assert {own_bench.see(name).state for name in names} == {AttemptState.RUNNING}
    for name in names:
        own_bench.stop(name, 0)
    assert {own_bench.end(name).state for name in names} == {AttemptState.STOPPED}


DAEMON = """
(setsid bash -c 'echo x > $PENSTOCK_CHECKPOINT_DIR/up; trap "" TERM HUP; while :; do sleep 0.1; done' &)
exec sleep 600
"""


def test_when_the_supervisor_is_killed_everything_dies_and_the_attempt_is_lost(bench):
    bench.start("a", DAEMON, tasks=2)
    bench.file("up")
    bench.until("a", "running")
    os.kill(supervisor(bench, "a"), signal.SIGKILL)
    seen = bench.end("a")
    assert (seen.state, seen.cause) == (AttemptState.LOST, "supervisor_lost")
    assert seen.running_at <= seen.ended_at
    assert bench.survivors("a") == []
    assert bench.see("a") == seen


def test_a_lost_attempt_is_never_run_again(bench):
    plan = bench.start("a", "cd $PENSTOCK_CHECKPOINT_DIR; echo ran >> ran; touch up; exec sleep 600")
    bench.file("up")
    os.kill(supervisor(bench, "a"), signal.SIGKILL)
    bench.engine.start(plan)
    assert bench.end("a").state == AttemptState.LOST
    again = Spawner()
    again.spawn(bench.root / bench.id("a"))
    again.close()
    assert bench.end("a").state == AttemptState.LOST
    assert (bench.left / "ran").read_text() == "ran\n"


@pytest.mark.parametrize("seed", range(3))
def test_whatever_dies_nothing_runs_twice_or_stays(own_bench, seed):
    """A server is killed at some instant of starting four attempts, and any supervisor may be killed."""
    chance = random.Random(seed)
    run = "echo $RANK >> $PENSTOCK_CHECKPOINT_DIR/ran-$PENSTOCK_ATTEMPT; (setsid sleep 600 &); sleep 0.1"
    plans = [own_bench.plan(f"a{number}", run, tasks=2) for number in range(4)]
    for number in range(4):
        own_bench.adopt(f"a{number}")
    server = serve(own_bench, plans, "dies late")
    own_bench.wait(lambda: any(own_bench.root.iterdir()), "the first directory")
    time.sleep(chance.random() / 20)
    server.kill()
    server.wait()
    while (
        sum(seen.ended_at is not None for seen in own_bench.engine.observe(plan.attempt for plan in plans))
        < 4
    ):
        for plan in plans:
            own_bench.engine.start(plan)
        time.sleep(0.01)
        victim = supervisor_of(own_bench.root / chance.choice(plans).attempt)
        if victim and chance.random() < 0.1:
            os.kill(victim, signal.SIGKILL)
    for number, plan in enumerate(plans):
        ran = own_bench.left / f"ran-{plan.attempt}"
        ranks = sorted(ran.read_text().split()) if ran.exists() else []
        state = own_bench.see(f"a{number}").state
        assert state in (AttemptState.SUCCEEDED, AttemptState.LOST)
        assert ranks == ["0", "1"] if state == AttemptState.SUCCEEDED else len(ranks) == len(set(ranks))


def test_an_attempt_of_before_the_host_restarted_is_lost(own_bench):
    own_bench.adopt("a")
    host = own_bench.engine.host
    own_bench.engine.host = msgspec.structs.replace(host, boot="an earlier start of the kernel")
    lay_down(own_bench, own_bench.plan("a", "touch $PENSTOCK_CHECKPOINT_DIR/ran"))
    own_bench.engine.host = host
    seen = own_bench.end("a")
    assert (seen.state, seen.cause, seen.began_at) == (AttemptState.LOST, "host_restart", None)
    assert not (own_bench.left / "ran").exists()


def test_an_attempt_whose_plan_was_cut_by_a_crash_of_the_host_is_lost(bench):
    bench.adopt("a")
    lay_down(bench, bench.plan("a", "exit 0"))
    (bench.root / bench.id("a") / "plan.json").write_bytes(b"")
    assert (bench.end("a").state, bench.end("a").cause) == (AttemptState.LOST, "host_restart")


def test_a_supervisor_that_fails_is_no_failure_of_the_program(bench):
    bench.adopt("a")
    lay_down(bench, bench.plan("a", "touch $PENSTOCK_CHECKPOINT_DIR/ran"))
    (bench.root / bench.id("a") / "workdir").write_text("in the way")
    seen = bench.end("a")
    assert (seen.state, seen.cause, seen.exits) == (AttemptState.LOST, "supervisor_failed", ())
    messages = bench.root / bench.id("a") / "supervisor.log"
    bench.wait(lambda: messages.exists() and "FileExistsError" in messages.read_text(), "the reason")
    assert not (bench.left / "ran").exists()


def test_one_attempt_that_cannot_be_looked_at_does_not_hide_the_others(own_bench):
    own_bench.start("a", "exit 0")
    own_bench.end("a")
    (own_bench.root / "broken").mkdir()
    (own_bench.root / "broken" / "status.json").mkdir()
    assert [seen.attempt for seen in own_bench.engine.observe(["broken", own_bench.id("a")])] == [
        own_bench.id("a")
    ]
    with pytest.raises(Fault, match="broken"):
        own_bench.engine.observe(["broken"])


def test_the_engine_starts_attempts_after_its_warm_process_died(own_bench):
    own_bench.start("first", "exit 0")
    _, process = own_bench.engine._spawner._warm
    process.kill()
    process.wait()
    own_bench.start("a", "exit 0")
    assert own_bench.end("a").state == AttemptState.SUCCEEDED


def test_no_file_or_process_outside_is_in_sight(own_bench):
    if own_bench.engine.host.isolation is Isolation.PROCESS_GROUPS:
        pytest.skip("process groups hide no files, and the record says so")
    secret = own_bench.root / "other" / "secret"
    secret.parent.mkdir()
    secret.write_text("of another tenant")
    run = f"""
    for path in {secret} {own_bench.root} {own_bench.base} {Path.home()}/.ssh /home /var/log /sys/fs/cgroup /etc/shadow; do
      [ -e $path ] && echo sees $path
    done
    for process in /proc/[0-9]*; do
      tr '\\0' ' ' < $process/cmdline; cat $process/environ $process/root{secret}
    done > /tmp/seen 2>/dev/null
    grep -ae pytest -ae {own_bench.base} -ae tenant /tmp/seen
    for path in /usr/x /etc/x /x /penstock/x; do
      touch $path 2>/dev/null && echo writes $path
    done
    for path in sys/kernel/hostname sys/kernel/core_pattern sys/vm/overcommit_memory sysrq-trigger; do
      (: >> /proc/$path) 2>/dev/null && echo could write $path
    done
    mount -t tmpfs none /tmp 2>/dev/null && echo mounts
    grep CapEff /proc/self/status | grep -v 0000000000000000
    echo mine > /tmp/x && cat /tmp/x
    """
    own_bench.start("a", run)
    own_bench.end("a")
    assert own_bench.log("a") == "mine\n"
    (own_bench.root / "other").rename(own_bench.base / "other")


def test_the_private_tmp_of_one_attempt_is_not_that_of_another(bench):
    bench.start("a", "echo $TMPDIR; echo x > $TMPDIR/mine")
    bench.end("a")
    bench.start("b", "ls -A $TMPDIR | grep mine")
    bench.end("b")
    assert bench.log("b") == ""


def test_the_environment_of_the_server_stays_there(own_bench, monkeypatch):
    monkeypatch.setenv("PENSTOCK_ADMIN_TOKEN", "secret")
    own_bench.reopen()
    own_bench.start("a", "env", env={"MINE": "1"})
    own_bench.end("a")
    assert {line.partition("=")[0] for line in own_bench.log("a").splitlines()} == {
        *("PATH", "HOME", "TMPDIR", "LANG", "TERM", "PWD", "SHLVL", "_", "OMP_NUM_THREADS", "MINE"),
        *("MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"),
        *("NODE_RANK", "PENSTOCK_JOB", "PENSTOCK_ATTEMPT", "PENSTOCK_ENGINE", "PENSTOCK_CHECKPOINT_DIR"),
        *("PENSTOCK_STACK", "PENSTOCK_COLLECTIVE", "PENSTOCK_TORCH_DEVICE", "PENSTOCK_TORCH_PLUGIN"),
    }


def test_a_task_stays_on_its_cpus(bench):
    run = """python -c '
import os
mine = os.sched_getaffinity(0)
try:
    os.sched_setaffinity(0, range(os.cpu_count()))
except OSError:
    pass
print(len(mine), len(os.sched_getaffinity(0)))'"""
    bench.start("a", run)
    bench.end("a")
    before, after = map(int, bench.log("a").split())
    assert before == 1
    if bench.engine.host.limits_by("cpuset"):
        assert after == 1
        assert bench.see("a").limits["cpu"] == "affinity+cpuset"


SPIN = """python -c '
import time
until = time.monotonic() + 1
while time.monotonic() < until: pass
print(time.process_time())'"""


def test_a_share_of_a_cpu_is_no_more_than_that(bench):
    if not bench.engine.host.limits_by("cpu"):
        pytest.skip("no control group of this host limits processor time")
    plan = bench.plan("a", SPIN)
    bench.begin(msgspec.structs.replace(plan, tasks=(msgspec.structs.replace(plan.tasks[0], share=200),)))
    seen = bench.end("a")
    assert float(bench.log("a")) < 0.5
    assert seen.cpu_seconds < 0.5 * (seen.ended_at - seen.began_at).total_seconds()
    assert seen.limits["share"].startswith("quota, cgroup")


@pytest.fixture
def pretended_gpus(tmp_path, monkeypatch):
    """Two GPUs as NVIDIA's driver lists them, whose files are those of the null device."""
    files = {Path(f"/dev/nvidia{minor}"): f"GPU-{minor}" for minor in (240, 241)}
    if os.geteuid() != 0 or any(path.exists() for path in (*files, Path("/dev/nvidiactl"))):
        pytest.skip("only root can make device files, and only where no driver has made them")
    monkeypatch.setattr(shown, "_NVIDIA_PROC", tmp_path / "gpus")
    for path, uuid in files.items():
        (tmp_path / "gpus" / uuid).mkdir(parents=True)
        minor = path.name.removeprefix("nvidia")
        (tmp_path / "gpus" / uuid / "information").write_text(f"GPU UUID: {uuid}\nDevice Minor: {minor}\n")
    made = (*files, Path("/dev/nvidiactl"))
    for path in made:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    yield tuple(files.values())
    for path in made:
        path.unlink()


def test_a_task_is_told_its_gpus_and_the_files_of_others_are_not_there(open_bench, pretended_gpus):
    run = "echo $CUDA_VISIBLE_DEVICES; ls /dev | grep nvidia; for f in /dev/nvidia*; do : > $f || echo no $f; done"
    for isolation in (Isolation.BUBBLEWRAP, Isolation.NAMESPACES):
        bench = open_bench(isolation)
        for name, handles in (("one", pretended_gpus[:1]), ("both", pretended_gpus)):
            plan = bench.plan(name, run, tasks=len(handles))
            tasks = [
                msgspec.structs.replace(task, stack="cuda", handles=(handle,))
                for task, handle in zip(plan.tasks, handles, strict=True)
            ]
            bench.begin(msgspec.structs.replace(plan, tasks=tuple(tasks)))
            assert bench.end(name).limits["devices"] == "visibility variable"
        assert bench.log("one").split() == [pretended_gpus[0], "nvidia240", "nvidiactl"]
        for rank, handle in enumerate(pretended_gpus):
            assert bench.log("both", rank).split() == [handle, "nvidia240", "nvidia241", "nvidiactl"]


def test_a_time_without_activity_is_noted(open_bench):
    bench = open_bench(stall_after=timedelta(seconds=0.4))
    bench.start("a", "sleep 1.5; python -c 'import time\nwhile time.process_time() < 0.5: pass'")
    seen = bench.end("a")
    start, end = seen.stalls[0]
    assert seen.running_at <= start < end <= seen.ended_at
    assert end - start >= timedelta(seconds=0.4)


@pytest.mark.parametrize("isolation", [Isolation.BUBBLEWRAP, Isolation.NAMESPACES])
def test_without_a_network_only_the_loopback_is_there(open_bench, isolation):
    bench = open_bench(isolation)
    bench.start("a", "cut -d: -f1 /proc/net/dev | tail -n +3; exec 3<>/dev/tcp/127.0.0.1/9", network="none")
    bench.end("a")
    first, *rest = bench.log("a").splitlines()
    assert first.strip() == "lo"
    assert "Connection refused" in "".join(rest)
    assert bench.see("a").limits["network"] == "none"


def test_a_job_that_wants_no_network_is_not_run_with_one(open_bench):
    bench = open_bench(Isolation.PROCESS_GROUPS)
    bench.start("a", "touch $PENSTOCK_CHECKPOINT_DIR/ran", network="none")
    assert (bench.end("a").cause, list(bench.left.iterdir())) == ("network_unavailable", [])


def test_the_strongest_isolation_that_works_is_taken(open_bench):
    bench = open_bench(isolation=None)
    assert bench.engine.host.isolation is Isolation.BUBBLEWRAP
    assert bench.engine.passed_over == {}
    impossible: list[Mount] = [{"kind": "ro", "source": "/nowhere", "target": "/x"}]
    engine = bench.engine
    given = bench.root, engine.host, Settings(), impossible, engine._spawner
    best, passed_over = strongest(LEVELS, *given)
    assert best is Isolation.PROCESS_GROUPS
    assert set(passed_over) == {"bubblewrap", "namespaces"}
    assert all("nowhere" in reason for reason in passed_over.values()), passed_over


def test_a_data_directory_that_jobs_could_read_is_refused(tmp_path):
    with pytest.raises(Refused, match="data_exposed"):
        LocalEngine(tmp_path / "data" / "engine", expose=[tmp_path])
    with pytest.raises(Refused, match="expose_missing"):
        LocalEngine(tmp_path / "data" / "engine", expose=[tmp_path / "nowhere"])


def test_a_sweep_ends_processes_without_a_directory_and_clears_half_made_ones(own_bench):
    if not own_bench.engine.host.limits_by("pids"):
        pytest.skip("without control groups nothing holds the processes of an attempt without a directory")
    own_bench.start("a", "touch $PENSTOCK_CHECKPOINT_DIR/up; trap '' TERM; while :; do sleep 0.1; done")
    own_bench.file("up")
    process = supervisor(own_bench, "a")
    os.kill(process, signal.SIGSTOP)
    remove(own_bench.root / own_bench.id("a"))
    (own_bench.root / f"{NEW}half").mkdir()
    os.utime(own_bench.root / f"{NEW}half", (0, 0))
    assert own_bench.engine.known() == ()
    own_bench.engine.sweep()
    own_bench.wait(lambda: not own_bench.survivors("a"))
    os.kill(process, signal.SIGKILL)
    assert list(own_bench.root.iterdir()) == []


def test_an_id_that_is_a_path_is_refused(bench):
    for name in ("../a", ".hidden", "a/b", ""):
        with pytest.raises(Refused, match="id_malformed"):
            bench.engine.stop(name, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk to fill")
def test_a_full_disk_is_a_fault_and_leaves_nothing_half_made(open_bench):
    bench = open_bench()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", bench.root], check=True)
    try:
        with (bench.root / ".filler").open("wb") as filler, contextlib.suppress(OSError):
            filler.write(bytes(2**20))
        with pytest.raises(Fault, match="No space left"):
            bench.engine.start(bench.plan("a", "exit 0"))
        assert bench.see("a") is None
        assert [path.name for path in bench.root.iterdir()] == [".filler"]
    finally:
        subprocess.run(["umount", bench.root], check=True)
    bench.start("a", "exit 0")
    assert bench.end("a").state == AttemptState.SUCCEEDED


def test_a_supervisor_that_is_free_takes_the_next_attempt(open_bench):
    bench = open_bench()
    if not bench.engine.host.limits_by("pids"):
        pytest.skip("without control groups a supervisor is used once")
    marks = []
    for name in ("a", "b"):
        bench.start(name, "touch $PENSTOCK_CHECKPOINT_DIR/up-$PENSTOCK_ATTEMPT; exec sleep 600")
        bench.file(f"up-{bench.id(name)}")
        marks.append(supervisor(bench, name))
        bench.stop(name, 0)
        bench.end(name)
        bench.wait(lambda name=name: not supervisor_of(bench.root / bench.id(name)), "it to be free")
        time.sleep(0.1)
    assert marks[0] == marks[1]


def test_a_free_supervisor_that_was_killed_is_replaced(open_bench):
    bench = open_bench()
    bench.start("a", "exec sleep 600")
    bench.until("a", "running")
    first = supervisor(bench, "a")
    bench.stop("a", 0)
    bench.end("a")
    with contextlib.suppress(ProcessLookupError):
        os.kill(first, signal.SIGKILL)
    bench.start("b", "exit 3")
    assert bench.end("b").exits[0].exit_code == 3


def test_free_supervisors_end_with_their_server(open_bench):
    bench = open_bench()
    bench.start("a", "exec sleep 600")
    bench.until("a", "running")
    first = supervisor(bench, "a")
    bench.stop("a", 0)
    bench.end("a")
    bench.engine.close()
    bench.wait(lambda: not Path(f"/proc/{first}").exists(), "the supervisor's end")
    bench.reopen()


def test_the_end_of_an_attempt_is_told_at_once(open_bench):
    ends = threading.Event()
    bench = open_bench(on_end=ends.set)
    bench.start("a", "exit 3")
    assert ends.wait(30)
    assert [one.exit_code for one in bench.see("a").exits] == [3]
