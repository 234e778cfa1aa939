"""A checkout and its environment may lie in /tmp, which is private to each sandbox."""

from pathlib import Path

from penstock.app.ports import Start
from penstock.engines.local.filetree import TMP, attempt_mounts
from penstock.engines.local.supervisor.shown import system_mounts
from penstock.lease.job import JobSpec, Resources

SPEC = JobSpec(name="a", run="true", resources=Resources(("cpu",)))
PLAN = Start(attempt="a.1", job="a", tenant="t", spec=SPEC, tasks=())


def test_what_is_exposed_below_tmp_is_mounted_over_the_private_tmp() -> None:
    below, beside = Path(TMP) / "checkout/.venv", Path("/srv/python")
    system = [mount["target"] for mount in system_mounts([below, beside])]
    own = [
        mount["target"] for mount in attempt_mounts(PLAN, Path("/data/a.1"), "/checkpoint", [below, beside])
    ]
    assert str(beside) in system
    assert str(beside) not in own
    assert str(below) not in system
    assert own.index(TMP) < own.index(str(below))
