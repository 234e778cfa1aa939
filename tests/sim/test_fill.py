"""The published fill experiment on files: its form, and the published figures where the trace is at hand."""

from pathlib import Path

import numpy as np
import pytest

from penstock.base.refusal import Refused
from penstock.placement.fill import POLICIES
from penstock.sim.fill import run_fill

OPENB = Path(__file__).parents[2] / "../shared/data/traces/openb"
NODES = "sn,cpu_milli,memory_mib,gpu,model\n" + "".join(f"n{i},32000,65536,4,A\n" for i in range(6))
TASKS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n" + "".join(
    f"t{i},{2000 + 500 * (i % 5)},4096,{devices},{(1000, 330, 810, 470)[i % 4] if devices == 1 else 1000}\n"
    for i, devices in enumerate([4, 1, 1, 1, 1, 1, 1] * 6)
)


@pytest.mark.parametrize("policy", POLICIES)
def test_each_policy_runs_on_files_and_repeats(tmp_path, policy):
    nodes, tasks = tmp_path / "nodes.csv", tmp_path / "tasks.csv"
    nodes.write_text(NODES)
    tasks.write_text(TASKS)
    told = []
    results = run_fill(nodes, tasks, policy, range(42, 44), 1.3, progress=told.append)
    assert told == [1, 2]
    assert [result.seed for result in results] == [42, 43]
    for result in results:
        assert len(result.allocated) == 131
        assert result.allocated[0] == 0
        assert 50 < result.allocated[130] <= 100
        assert result.allocated == sorted(result.allocated)
        assert result.seconds >= 0
    again = run_fill(nodes, tasks, policy, [43], 1.3)[0]
    assert (again.allocated, again.refused) == (results[1].allocated, results[1].refused)


def test_an_unknown_policy_is_refused(tmp_path):
    with pytest.raises(Refused, match="policy_unknown"):
        run_fill(tmp_path / "n.csv", tmp_path / "t.csv", "magic", [1], 1.3)


def _mean_at_end(trace, policy):
    if not OPENB.is_dir():
        pytest.skip(f"the openb trace is not at {OPENB}")
    results = run_fill(OPENB / "nodes.csv", OPENB / f"pods_{trace}.csv", policy, range(42, 45), 1.3)
    return float(np.mean([result.allocated[130] for result in results]))


def test_fgd_is_as_published_and_ours_ahead_on_the_default_trace():
    fgd = _mean_at_end("default", "fgd")
    assert abs(fgd - 95.391) <= 0.5
    assert _mean_at_end("default", "penstock-accept") > fgd + 0.5
    assert _mean_at_end("default", "penstock") >= 97.0
