"""In a rehearsal spot work gives way with notice, small work moves closer together, and lent nodes are left in time."""

import numpy as np
import pytest

from penstock.placement.jobs import FOREVER, Faults, Jobs
from penstock.placement.replay import LINES, How, replay
from penstock.placement.workload import ANY_MODEL, Fleet, workload
from penstock.sim.compiled import prepare

prepare()

HOUR = 3600.0


def fleet(*devices):
    count = len(devices)
    return Fleet(
        cpu=np.full(count, 10**6),
        memory=np.full(count, 10**6),
        devices=np.array(devices),
        model=np.zeros(count, np.int64),
        models=("h800",),
    )


def jobs(*rows, save=0.0):
    """(submitted at hour, hours, devices, priority); those of negative priority are cheap."""
    submit, length, devices, priority = (np.array(column) for column in zip(*rows, strict=True))
    count = len(rows)
    return Jobs(
        work=workload([(0, 0, int(one), 1000, ANY_MODEL) for one in devices]),
        nodes=np.ones(count, np.int64),
        submit_s=submit * HOUR,
        run_s=(length * HOUR)[:, None],
        limit_s=np.full(count, FOREVER),
        save_s=np.full(count, save),
        priority=priority.astype(np.int64),
        tenant=np.zeros(count, np.int64),
        label=np.zeros(count, np.int64),
        cheap=priority < 0,
    )


def played(fleet_, jobs_, how, faults=None, until=24):
    return replay(fleet_, jobs_, how, 1, [0.0, until * HOUR], faults)


def line(found, name):
    return found.spent[:, :, LINES.index(name)].sum() / HOUR


@pytest.mark.parametrize(("save", "ends", "lost"), [(0.0, 11, 0), (FOREVER, 13, 16)])
def test_spot_work_gives_way_and_loses_nothing_where_it_can_checkpoint(save, ends, lost):
    asked = jobs((0, 10, 8, -1), (2, 1, 8, 0), save=save)
    found = played(fleet(8), asked, How(policy="first-fit", spot=True))
    assert (found.start_s / HOUR).tolist() == [0, 2], "who pays the rent does not wait"
    assert (found.end_s / HOUR).tolist() == [ends, 3]
    assert line(found, "lost_work") == lost
    assert found.cheap_device_s.sum() / HOUR == 80, "what is kept of it is cheap"
    assert line(found, "productive") == 88
    assert (played(fleet(8), asked, How(policy="first-fit")).start_s / HOUR).tolist() == [0, 10]


def test_no_more_spot_work_leaves_than_is_needed_and_the_latest_first():
    asked = jobs((0, 10, 4, -1), (1, 10, 4, -1), (2, 1, 4, 0))
    found = played(fleet(8), asked, How(policy="first-fit", spot=True))
    assert found.attempts.tolist() == [0, 1, 0]
    assert (found.end_s / HOUR).tolist() == [10, 12, 3]


def test_spot_work_does_not_displace_spot_work_nor_leave_in_vain():
    asked = jobs((0, 10, 8, -1), (1, 1, 8, -1), (2, 1, 16, 0))
    found = played(fleet(8), asked, How(policy="first-fit", spot=True), until=48)
    assert found.attempts.tolist() == [0, 0, 0]
    assert found.outcome[2] < 0, "nothing would let it in"


@pytest.mark.parametrize(("save", "start"), [(0.0, 2), (FOREVER, 10)])
def test_small_work_moves_closer_together_to_let_a_large_job_in(save, start):
    """After an hour two nodes have two cards free each, and four are wanted on one."""
    asked = jobs((0, 1, 2, 0), (0, 10, 2, 0), (0, 10, 2, 0), (2, 4, 4, 0), save=save)
    how = How(policy="first-fit", move_s=360.0)
    found = played(fleet(4, 4), asked, how)
    assert found.start_s[3] / HOUR == start
    assert played(fleet(4, 4), asked, How(policy="first-fit")).start_s[3] / HOUR == 10
    moved = save < FOREVER
    assert found.attempts.sum() == moved
    assert sorted(found.end_s[1:3] / HOUR) == pytest.approx([10, 10.1] if moved else [10, 10])
    assert line(found, "starting") == pytest.approx(0.2 * moved)
    assert found.spent.sum() / HOUR == pytest.approx(8 * 24)


def test_a_node_that_is_wanted_back_is_left_with_a_checkpoint():
    back = Faults(
        node=np.array([0]), start_s=np.array([3 * HOUR]), end_s=np.array([9 * HOUR]), warned=np.array([True])
    )
    asked = jobs((0, 4, 8, 0), save=2 * HOUR)
    found = played(fleet(8), asked, How(policy="first-fit"), back)
    assert (line(found, "lost_work"), found.end_s[0] / HOUR) == (0, 10)
    surprise = Faults(node=back.node, start_s=back.start_s, end_s=back.end_s)
    found = played(fleet(8), asked, How(policy="first-fit"), surprise)
    assert (line(found, "lost_work"), found.end_s[0] / HOUR) == (8, 11)
