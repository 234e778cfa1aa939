"""Parts of the supervisor that watch and copy, by themselves."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.engines.local.supervisor.format import blank_status
from penstock.engines.local.supervisor.logs import BoundedLog
from penstock.engines.local.supervisor.port import reserve_port
from penstock.engines.local.supervisor.watch import Activity, Checkpoints
from penstock.engines.local.supervisor.workdir import TooLarge, copy_tree

SECOND_US = 1_000_000


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 12))
def test_stalls_are_the_long_idle_runs_and_nothing_else(busy, after_s):
    status, cpu_us = blank_status({}), 0
    activity = Activity(after_s * SECOND_US, 0.02, 0, 0)
    for second, active in enumerate(busy):
        cpu_us += SECOND_US if active else 0
        if activity.is_due((second + 1) * SECOND_US):
            activity.look(status, (second + 1) * SECOND_US, cpu_us)
    stalls = status["stalls_us"]
    assert all(end - start >= after_s * SECOND_US for start, end in stalls)
    assert all(stalls[i][1] <= stalls[i + 1][0] for i in range(len(stalls) - 1))
    for start, end in stalls:
        assert not any(busy[start // SECOND_US : end // SECOND_US])


def test_a_long_stall_is_seen_while_it_lasts():
    status, activity = blank_status({}), Activity(4 * SECOND_US, 0.02, 0, 0)
    changes = [activity.look(status, second * SECOND_US, 0) for second in range(1, 10)]
    assert changes[:4] == [False, False, False, True]
    assert status["stalls_us"] == [(0, 9 * SECOND_US)]


def test_checkpoints_are_noted_once_they_have_settled(tmp_path):
    (tmp_path / "old").touch()
    checkpoints, status = Checkpoints(str(tmp_path)), blank_status({})
    assert not checkpoints.look(status)
    for number in (1, 2):
        path = tmp_path / f"step-{number}"
        path.touch()
        os.utime(path, ns=(0, 2_000_000_000_000_000_000 + number * 1_000_000))
        assert not checkpoints.look(status)
        assert checkpoints.look(status)
        assert not checkpoints.look(status)
    (tmp_path / "step-3.tmp").touch()
    os.utime(tmp_path / "step-3.tmp", ns=(0, 3_000_000_000_000_000_000))
    assert not checkpoints.look(status, settled=True)
    assert status["checkpoints_us"] == [2_000_000_000_001_000, 2_000_000_000_002_000]


def test_a_link_that_leads_nowhere_outside_hides_no_checkpoint(tmp_path):
    (tmp_path / "last.ckpt").symlink_to("/checkpoint/step-1")
    checkpoints, status = Checkpoints(str(tmp_path)), blank_status({})
    (tmp_path / "step-1").touch()
    os.utime(tmp_path / "step-1", ns=(0, 2_000_000_000_000_000_000))
    (tmp_path / "clock").symlink_to("/proc/self/stat")  # as new as whoever looks
    os.utime(tmp_path / "clock", ns=(0, 0), follow_symlinks=False)
    assert checkpoints.look(status, settled=True)
    assert status["checkpoints_us"] == [2_000_000_000_000_000]


def test_a_checkpoint_directory_that_vanishes_is_no_checkpoint(tmp_path):
    checkpoints = Checkpoints(str(tmp_path / "gone"))
    assert not checkpoints.look(blank_status({}), settled=True)


@given(chunks=st.lists(st.binary(max_size=40), max_size=10), limit=st.integers(0, 100))
def test_a_log_keeps_the_first_bytes_and_says_when_it_dropped_some(tmp_path_factory, chunks, limit):
    path = tmp_path_factory.mktemp("log") / "log"
    log = BoundedLog(path, limit)
    for chunk in chunks:
        os.write(log.writer, chunk)
        log.pump()
    log.close()
    written, kept = b"".join(chunks), path.read_bytes()
    assert kept[: len(written)][:limit] == written[:limit]
    assert (b"later output is dropped" in kept) == (len(written) > limit)
    assert len(kept) <= limit + 100


def test_a_copy_is_a_copy_and_stays_in_its_limit(tmp_path):
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "program").write_bytes(b"x" * 1000)
    (source / "deep" / "program").chmod(0o750)
    (source / "link").symlink_to("/etc/passwd")
    (tmp_path / "one").mkdir()
    copy_tree(source, tmp_path / "one", 1000)
    assert (tmp_path / "one" / "deep" / "program").read_bytes() == b"x" * 1000
    assert (tmp_path / "one" / "deep" / "program").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "one" / "link").readlink() == Path("/etc/passwd")
    (tmp_path / "two").mkdir()
    with pytest.raises(TooLarge, match="program"):
        copy_tree(source, tmp_path / "two", 999)


def test_what_is_no_plain_file_is_not_copied(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "target").mkdir()
    os.mkfifo(tmp_path / "source" / "pipe")
    with pytest.raises(OSError, match="no plain file"):
        copy_tree(tmp_path / "source", tmp_path / "target", 1000)


def test_ports_are_kept_apart_even_for_the_same_name():
    kept = [reserve_port("a") for _ in range(5)]
    assert len({port for port, _ in kept}) == 5
    for _, reservation in kept:
        reservation.close()
