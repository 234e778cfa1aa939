"""Trace files: what is read, and what is refused with which place."""

import bz2
import gzip
import lzma
import sys

import pytest

from penstock.base.refusal import Refused
from penstock.placement.workload import ANY_MODEL
from penstock.sim.trace.openb import read_trace

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NODES = "sn,cpu_milli,memory_mib,gpu,model\na,64000,262144,2,P100\nb,96000,393216,8,G2\nc,1000,1000,0,\n"
HEADER = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n"
TASKS = HEADER + "t1,4000,8192,1,500,\nt2,4000,8192,1,500,G2|T4\nt3,8000,1024,0,0,\nt4,4000,8192,1,500,\n"


def files(folder, tasks=TASKS, nodes=NODES, pack=lambda data: data):
    (folder / "nodes.csv").write_bytes(pack(nodes.encode() if isinstance(nodes, str) else nodes))
    (folder / "tasks.csv").write_bytes(pack(tasks.encode() if isinstance(tasks, str) else tasks))
    return folder / "nodes.csv", folder / "tasks.csv"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_a_trace_is_read_plain_or_compressed(tmp_path, pack):
    trace = read_trace(*files(tmp_path, pack=pack))
    fleet, work = trace.fleet, trace.work
    assert fleet.models == ("G2", "P100")
    assert fleet.devices.tolist() == [2, 8]
    assert fleet.capacity == 10_000
    shapes = list(zip(work.cpu, work.memory, work.devices, work.share, work.models, strict=True))
    assert [shapes[i] for i in work.tasks] == [
        (4000, 8192, 1, 500, ANY_MODEL),
        (4000, 8192, 1, 500, 1),
        (8000, 1024, 0, 0, ANY_MODEL),
        (4000, 8192, 1, 500, ANY_MODEL),
    ]


BAD = {
    "negative": ("t1,-1,0,1,500,\n", "trace_value", "2:cpu_milli"),
    "a word": ("t1,many,0,1,500,\n", "trace_value", "2:cpu_milli"),
    "empty": ("t1,,0,1,500,\n", "trace_value", "2:cpu_milli"),
    "absurd": ("t1,99999999999999999999,0,1,500,\n", "trace_value", "2:cpu_milli"),
    "more than a device": ("t1,1,0,1,1001,\n", "trace_value", "2:gpu_milli"),
    "no part of a device": ("t1,1,0,1,0,\n", "trace_value", "2:gpu_milli"),
    "unknown model": ("t1,1,0,1,500,H9\n", "trace_model_unknown", "2:gpu_spec"),
    "the same name": ("t1,1,0,1,500,\nt1,1,0,1,500,\n", "trace_name_repeated", "3:name"),
    "a short row": ("t1,1,0\n", "trace_row_length", "2:4"),
    "a long row": ("t1,1,0,1,500,,7\n", "trace_row_length", "2:7"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_refused_with_its_place_or_skipped_and_counted(tmp_path, case):
    rows, code, place = BAD[case]
    nodes, tasks = files(tmp_path, HEADER + rows + "fine,1,1,1,500,\n")
    with pytest.raises(Refused) as refused:
        read_trace(nodes, tasks)
    assert [(r.code, r.where) for r in refused.value.refusals] == [(code, f"{tasks}:{place}")]
    trace = read_trace(nodes, tasks, skip_bad=True)
    assert (trace.skipped, trace.first_skipped[0].where) == (1, f"{tasks}:{place}")


@pytest.mark.parametrize(
    ("tasks", "code", "place"),
    [
        ("name,cpu_milli,memory_mib,gpu_milli\n", "trace_column_missing", ":1:num_gpu"),
        ("", "trace_column_missing", ":1:name"),
        (HEADER, "trace_empty", ""),
        (TASKS.encode() + b"t\xff,1,1,1,1,\n", "trace_encoding", ":6:2"),
        (gzip.compress(TASKS.encode(), mtime=0)[:-9], "trace_truncated", ":6:1"),
        (gzip.compress((TASKS * 4000).encode(), mtime=0)[:-9], "trace_truncated", ":20001:1"),
        (gzip.compress(TASKS.encode(), mtime=0)[:40] + b"\0" * 9, "trace_truncated", ":1:1"),
        (gzip.compress(TASKS.encode(), mtime=0) + b"more", "trace_truncated", ":6:1"),
        (lzma.compress(TASKS.encode())[:-9], "trace_truncated", ":6:1"),
        (zstd.compress(TASKS.encode())[:-9], "trace_truncated", ":1:1"),
    ],
)
def test_a_bad_file_is_refused_also_when_rows_may_be_skipped(tmp_path, tasks, code, place):
    paths = files(tmp_path, tasks)
    with pytest.raises(Refused) as refused:
        read_trace(*paths, skip_bad=True)
    assert (refused.value.refusals[0].code, refused.value.refusals[0].where) == (code, f"{paths[1]}{place}")


def test_a_missing_file_and_a_fleet_without_devices_are_refused(tmp_path):
    nodes, tasks = files(tmp_path, nodes=NODES.splitlines()[0] + "\nc,1,1,0,\n")
    with pytest.raises(Refused, match="trace_fleet"):
        read_trace(nodes, tasks)
    with pytest.raises(Refused, match="trace_unreadable"):
        read_trace(tmp_path / "none.csv", tasks)
