"""The demo's ring all-reduce between real processes over real sockets."""

import json
import signal
import socket
import subprocess
import sys

import pytest
from gang import JOB, PATIENCE_S, free_port

SUMS = """
import hashlib, json, sys
import numpy as np
from ring_allreduce import Ring
rank, world, port = map(int, sys.argv[1:4])
seen = hashlib.sha256()
with Ring(rank, world, "127.0.0.1", port, 30) as ring:
    for kind in (np.float32, np.float64, np.int64):
        for length in (0, 1, 2, 3, 5, 64, 1000, 300_007):
            vectors = [(np.random.default_rng([r, length]).standard_normal(length) * 1000).astype(kind)
                       for r in range(world)]
            mine = vectors[rank].copy()
            ring.all_reduce(mine)
            assert np.allclose(mine, np.sum(vectors, axis=0), rtol=1e-4, atol=1e-2), (kind, length)
            assert kind != np.int64 or (mine == np.sum(vectors, axis=0)).all()
            seen.update(mine.tobytes())
            copy = vectors[rank].copy()
            ring.broadcast(copy)
            assert (copy == vectors[0]).all()
print(json.dumps(seen.hexdigest()))
"""
WAITS = """
import sys
import numpy as np
from rendezvous import PeerLost
from ring_allreduce import Ring
rank, world, port, timeout_s, silent = *map(int, sys.argv[1:4]), float(sys.argv[4]), int(sys.argv[5])
try:
    with Ring(rank, world, "127.0.0.1", port, timeout_s) as ring:
        print("met", flush=True)
        if rank == silent:
            sys.stdin.read()
        ring.all_reduce(np.ones(1_000_000))
except PeerLost as error:
    print(error, flush=True)
    sys.exit(75)
"""


def start(program: str, *arguments: object) -> subprocess.Popen:
    command = [sys.executable, "-B", "-c", program, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=JOB, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process: subprocess.Popen) -> tuple[int, str]:
    try:
        output, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    return process.returncode, output


@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_every_process_holds_the_sum(world: int):
    port = free_port()
    outcomes = [finish(p) for p in [start(SUMS, rank, world, port) for rank in range(world)]]
    assert [code for code, _ in outcomes] == [0] * world, outcomes
    assert len({json.loads(output) for _, output in outcomes}) == 1


def test_a_killed_process_ends_the_others():
    port = free_port()
    processes = [start(WAITS, rank, 3, port, 600, 2) for rank in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "met\n"
    processes[2].send_signal(signal.SIGKILL)
    for process in processes[:2]:
        code, output = finish(process)
        assert code == 75
        assert "closed its connection" in output or "is gone" in output
    finish(processes[2])


def test_a_silent_process_is_given_up():
    port = free_port()
    processes = [start(WAITS, rank, 2, port, 5 if rank else 0.5, 1) for rank in range(2)]
    code, output = finish(processes[0])
    assert code == 75
    assert "no neighbour moved for 0.5 s" in output or "did not come in time" in output
    finish(processes[1])


@pytest.mark.parametrize(
    ("rank", "said"), [(0, "ranks [1] of 2 did not come in time"), (1, "nobody answers at")]
)
def test_a_process_that_never_comes(rank: int, said: str):
    code, output = finish(start(WAITS, rank, 2, free_port(), 0.3, 9))
    assert code == 75
    assert said in output


def test_strangers_are_shown_the_door():
    port = free_port()
    master = start(SUMS, 0, 2, port)
    strangers = []
    for words in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\x00\x00\x02[]",
        b'\x00\x00\x00\x16{"rank":7, "world": 2 }',
    ):
        while True:
            try:
                stranger = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
                break
            except ConnectionRefusedError:
                assert master.poll() is None
        strangers.append(stranger)
        stranger.sendall(words)
    outcomes = [finish(start(SUMS, 1, 2, port)), finish(master)]
    for stranger in strangers:
        stranger.close()
    assert [code for code, _ in outcomes] == [0, 0], outcomes
