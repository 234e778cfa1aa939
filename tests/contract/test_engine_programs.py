"""The contract, second part: what programs find, for engines that really run them."""

import signal

import msgspec
import pytest
from tests.contract.harnesses import PROGRAMS

from penstock.base.window import from_us
from penstock.lease.job import AttemptState, Resources, TaskExit

ENGINES = PROGRAMS
SUCCEEDED, FAILED, STOPPED = AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.STOPPED
STUBBORN = """
trap '' TERM
echo task >> $PENSTOCK_CHECKPOINT_DIR/pids
setsid bash -c 'trap "" TERM; (setsid bash -c "trap : TERM; echo x > $PENSTOCK_CHECKPOINT_DIR/up-$RANK
  while :; do sleep 0.1; done" &) ; sleep 600' &
while :; do sleep 0.1; done
"""
"""Ignores SIGTERM, and so do a child in another session and a daemon that was forked twice; each rank says when."""


def test_stop_ends_every_process_of_every_task(bench):
    bench.start("a", STUBBORN, tasks=2)
    bench.file("up-0")
    bench.file("up-1")
    bench.stop("a", 0.2)
    seen = bench.end("a")
    assert (seen.state, seen.cause) == (STOPPED, "stop")
    assert [one.signal for one in seen.exits] == [signal.SIGKILL, signal.SIGKILL]


def test_a_program_that_succeeds_leaves_no_process_behind(bench):
    bench.start("a", "setsid sleep 600 & (setsid sleep 600 &); exit 0")
    assert bench.end("a").state == SUCCEEDED


def test_stop_leaves_time_to_save(bench):
    run = """
    python -c '
import pathlib, signal, sys, time
here = pathlib.Path(sys.argv[1])
def save(*_):
    time.sleep(0.3)
    (here / "saved").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
(here / "up").touch()
time.sleep(600)' $PENSTOCK_CHECKPOINT_DIR
    true
    """
    bench.start("a", run)
    bench.file("up")
    bench.stop("a", 20)
    assert bench.end("a").state == STOPPED
    assert (bench.left / "saved").exists()


def test_a_second_stop_can_shorten_the_grace(bench):
    bench.start("a", STUBBORN)
    bench.file("up-0")
    bench.stop("a", 600)
    bench.stop("a", 0)
    assert bench.end("a").state == STOPPED


@pytest.mark.parametrize("env", [{"BIG": "x" * 200_000}, {"A=B": "x"}, {"A": "x\0y"}])
def test_an_environment_that_no_program_can_be_given_starts_no_task(bench, env):
    bench.start("a", "touch $PENSTOCK_CHECKPOINT_DIR/ran-$RANK", tasks=2, env=env)
    seen = bench.end("a")
    assert (seen.state, seen.cause, seen.running_at) == (FAILED, "environment", None)
    assert list(bench.left.iterdir()) == []


def test_set_up_runs_once_and_before_the_tasks(bench):
    setup = "echo set-up >> $PENSTOCK_CHECKPOINT_DIR/order; echo preparing"
    bench.start("a", "echo task >> $PENSTOCK_CHECKPOINT_DIR/order", tasks=2, setup=setup)
    assert bench.end("a").state == SUCCEEDED
    assert (bench.left / "order").read_text().split() == ["set-up", "task", "task"]
    assert bench.log("a") == "preparing\n"


def test_no_task_runs_after_a_failed_set_up(bench):
    bench.start("a", "touch $PENSTOCK_CHECKPOINT_DIR/ran", tasks=2, setup="exit 5")
    seen = bench.end("a")
    assert (seen.state, seen.cause, seen.running_at) == (FAILED, "setup", None)
    assert seen.exits == (TaskExit(rank=0, exit_code=5),)
    assert not (bench.left / "ran").exists()


def test_an_attempt_is_starting_until_its_tasks_run_and_can_be_stopped_then(bench):
    bench.start("a", "exit 0", setup="touch $PENSTOCK_CHECKPOINT_DIR/up; exec sleep 600")
    bench.file("up")
    assert bench.see("a").state == AttemptState.STARTING
    bench.stop("a", 1)
    assert bench.end("a").state == STOPPED


def test_the_environment_of_a_gang(bench):
    names = (
        "RANK WORLD_SIZE LOCAL_RANK LOCAL_WORLD_SIZE NODE_RANK MASTER_ADDR PENSTOCK_JOB PENSTOCK_ATTEMPT MINE"
    )
    bench.start(
        "a", f"for name in {names}; do echo ${{!name}}; done", tasks=2, env={"MINE": "x y", "RANK": "9"}
    )
    bench.end("a")
    for rank in (0, 1):
        assert bench.log("a", rank).splitlines() == [
            *(str(rank), "2", str(rank), "2", "0", "127.0.0.1", "job-of-a", bench.id("a"), "x y")
        ]


def test_tasks_meet_at_the_master_port(bench):
    run = """exec python -c '
import os, socket
place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
if os.environ["RANK"] == "0":
    with socket.create_server(place) as server:
        connection, _ = server.accept()
        print(connection.recv(5).decode())
else:
    while True:
        try:
            socket.create_connection(place).sendall(b"hello")
            break
        except ConnectionRefusedError:
            pass
'"""
    bench.start("a", run, tasks=2)
    assert bench.end("a").state == SUCCEEDED
    assert bench.log("a") == "hello\n"


def test_the_program_is_the_one_of_the_synced_directory_and_gets_its_own_copy(bench):
    source = bench.base / "workdir"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "words").write_text("as synced")
    (source / "hello").write_text("#!/bin/bash\ncat deep/words > copy; mv copy deep/words; cat deep/link\n")
    (source / "hello").chmod(0o755)
    (source / "deep" / "link").symlink_to("words")
    bench.begin(
        msgspec.structs.replace(bench.plan("a", "./hello; echo changed > deep/words"), workdir=str(source))
    )
    assert bench.end("a").state == SUCCEEDED
    assert bench.log("a") == "as synced"
    assert (source / "deep" / "words").read_text() == "as synced"


def test_a_volume_is_at_its_mount_path_and_keeps_what_is_written(bench):
    bench.needs("volumes")
    volume = bench.base / "volume"
    volume.mkdir()
    (volume / "in").write_text("data")
    plan = bench.plan("a", "cp /data/set/in /data/set/out")
    bench.begin(msgspec.structs.replace(plan, volumes={"/data/set": str(volume)}))
    assert bench.end("a").state == SUCCEEDED
    assert (volume / "out").read_text() == "data"


@pytest.mark.parametrize("path", ["data", "/checkpoint/x"])
def test_a_mount_path_that_leads_elsewhere_is_refused(bench, path):
    bench.needs("volumes")
    volume = bench.base / "volume"
    volume.mkdir()
    plan = bench.plan("a", "touch $PENSTOCK_CHECKPOINT_DIR/ran")
    bench.begin(msgspec.structs.replace(plan, volumes={path: str(volume)}))
    seen = bench.end("a")
    assert (seen.state, seen.cause) == (FAILED, "mount_path")
    assert not (bench.left / "ran").exists()


def test_the_number_of_processes_is_limited(bench):
    bench.needs("processes")
    run = """python -c '
import os, signal
children = []
try:
    while len(children) < 200:
        pid = os.fork()
        if pid == 0:
            signal.pause()
        children.append(pid)
except BlockingIOError:
    print("at most", len(children))
for child in children:
    os.kill(child, 9)
'"""
    bench.start("a", run, max_processes=30)
    assert bench.end("a").state == SUCCEEDED
    words = bench.log("a").split()
    assert words[:2] == ["at", "most"]
    assert 10 < int(words[2]) <= 30


def test_a_log_is_bounded_and_says_so_and_the_task_goes_on(bench):
    run = "head -c 3000000 /dev/zero | tr '\\0' x; touch $PENSTOCK_CHECKPOINT_DIR/done"
    bench.start("a", run, log_limit_bytes=1000)
    assert bench.end("a").state == SUCCEEDED
    text = bench.log("a")
    assert text.startswith("x" * 1000 + "\npenstock: log limit of 1000 bytes reached")
    assert text.count("\n") == 2
    assert (bench.left / "done").exists()


def test_a_checkpoint_is_noted_once_and_when_it_is_complete(bench):
    (bench.left / "older").touch()
    run = """
    cd $PENSTOCK_CHECKPOINT_DIR
    echo half > step-1.tmp; sleep 0.7
    mv step-1.tmp step-1; echo whole >> step-1
    while [ ! -e go.tmp ]; do sleep 0.05; done
    """
    bench.start("a", run)
    noted = bench.wait(lambda: bench.see("a").checkpoints)
    assert bench.see("a").state == AttemptState.RUNNING
    written = (bench.left / "step-1").stat().st_mtime_ns // 1000
    (bench.left / "go.tmp").touch()
    assert bench.end("a").checkpoints == noted == (from_us(written),)


def test_a_checkpoint_written_at_the_very_end_counts(bench):
    bench.start("a", "touch $PENSTOCK_CHECKPOINT_DIR/last")
    seen = bench.end("a")
    assert len(seen.checkpoints) == 1
    assert seen.began_at <= seen.checkpoints[0] <= seen.ended_at


def test_the_record_says_which_limits_hold(bench):
    bench.start("a", "exit 0", resources=Resources(models=("cpu",), memory_bytes=2**28))
    limits = bench.end("a").limits
    assert {"isolation", "memory", "processes", "cpu", "log", "network"} <= set(limits)
    by_group = any(word in limits["memory"] for word in ("cgroup", "control group"))
    assert by_group is bench.offers("memory")
