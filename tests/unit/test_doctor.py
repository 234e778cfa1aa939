"""What `penstock doctor` says of this host and of a data directory."""

import shutil

import pytest

from penstock.cli import doctor
from penstock.engines.settings import FILE


def test_a_centre_of_one_host_is_led_to_clusters(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    (check,) = doctor.clusters(tmp_path)
    assert (check.of, check.outcome, check.found) == ("hosts", "ok", "this host alone")
    assert FILE in check.remedy
    assert "docs/guide/slurm.md" in check.remedy
    assert "docs/guide/ray.md" in check.remedy


def test_a_cluster_that_is_there_but_not_named_is_pointed_at(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    (check,) = doctor.clusters(tmp_path)
    assert check.found.endswith("not named: Slurm, Ray")


def test_a_cluster_that_does_not_answer_is_limited_and_one_host_is_not_spoken_of(tmp_path):
    (tmp_path / FILE).write_text(
        f"shared: {tmp_path}\nengines:\n  - {{kind: ray, name: ray, url: 'http://127.0.0.1:9'}}\n"
    )
    (check,) = doctor.clusters(tmp_path)
    assert (check.of, check.outcome) == ("engine ray", "limited")


@pytest.mark.parametrize(
    ("why_not", "missing", "profile", "expected"),
    [
        ("", [], "/p.json", ("ok", "crun, /p.json", "")),
        ("", [], "", ("limited", "crun, no seccomp profile", None)),
        ("", ["umoci"], "", ("limited", "not installed: umoci", "to add images: `apt install skopeo umoci`")),
        ("x\nno namespaces", [], "", ("limited", "no namespaces", None)),
    ],
)
def test_images(why_not, missing, profile, expected):
    check = doctor.images(why_not, missing, "crun", profile)
    assert (check.outcome, check.found) == expected[:2]
    assert expected[2] is None or check.remedy == expected[2]


def test_this_host_is_looked_at_for_real():
    checks = {check.of: check for check in doctor.engine()}
    assert set(checks) == {"job isolation", "control groups", "images"}
    assert all(check.outcome in ("ok", "limited") for check in checks.values())
