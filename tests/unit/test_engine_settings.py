"""engines.yaml: what an operator may say of clusters, and every mistake with its code."""

from pathlib import Path

import pytest

from penstock.base.refusal import Refused
from penstock.engines.ray.settings import RaySettings
from penstock.engines.settings import read_engines
from penstock.engines.slurm.settings import SlurmSettings

GOOD = """
shared: /shared/penstock
local: {isolation: namespaces}
engines:
  - kind: slurm
    url: https://slurm.example:6820
    user: penstock
    jwt_key_file: /etc/penstock/jwt_hs256.key
  - {kind: ray, name: lab, url: "http://10.0.0.1:8265", token_file: /etc/penstock/ray-token, isolation: namespaces}
"""


def said(folder: Path, text: str):
    (folder / "engines.yaml").write_text(text)
    return read_engines(folder)


def test_no_file_is_no_cluster(tmp_path):
    assert read_engines(tmp_path).engines == ()


def test_clusters_of_both_kinds(tmp_path):
    found = said(tmp_path, GOOD)
    slurm, ray = found.engines
    assert isinstance(slurm, SlurmSettings)
    assert isinstance(ray, RaySettings)
    assert slurm.jwt_key_file == Path("/etc/penstock/jwt_hs256.key")
    assert (ray.name, ray.token_file, ray.shared) == ("lab", Path("/etc/penstock/ray-token"), found.shared)
    assert ray.isolation == found.local.isolation == "namespaces"


@pytest.mark.parametrize(
    "entry",
    [
        "kind: kubernetes",
        "kind: ray",
        "{kind: ray, url: 'http://10.0.0.1:8265', token_file: 3}",
        "{kind: ray, url: 'http://10.0.0.1:8265', password: x}",
        "{kind: ray, url: 'http://10.0.0.1:8265', name: local}",
        "{kind: ray, url: 'http://10.0.0.1:8265', shared: shared}",
        "{kind: slurm, url: 'http://10.0.0.1:6820'}",
    ],
)
def test_a_mistake_is_refused_with_its_place(tmp_path, entry):
    with pytest.raises(Refused, match="engine_settings") as refused:
        said(tmp_path, f"shared: /shared\nengines:\n  - {entry}\n")
    assert "engines.yaml" in refused.value.refusals[0].message


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("engine: []", "there is no field 'engine'", "did you mean 'engines'?"),
        ("local: {level: x}", "local: there is no field 'level'", "known are isolation"),
        (
            "local: {isolation: chroot}",
            "isolation is none of bubblewrap, namespaces, process groups",
            "see docs/",
        ),
        (
            "engines: [{kind: slurm, partiton: x}]",
            "there is no field 'partiton'",
            "did you mean 'partition'?",
        ),
        ("engines: [{kind: slurm}]", "engines[0]: shared is missing", "see docs/"),
    ],
)
def test_a_mistake_says_what_was_meant(tmp_path, text, message, remedy):
    with pytest.raises(Refused) as refused:
        said(tmp_path, text)
    first = refused.value.refusals[0]
    assert first.message.endswith(message)
    assert first.remedy.startswith(remedy)


@pytest.mark.parametrize("local", ["{isolation: chroot}", "{isolation: crun}", "{level: namespaces}", "3"])
def test_a_mistake_about_this_host_is_refused_too(tmp_path, local):
    with pytest.raises(Refused, match=r"engines\.yaml: local: "):
        said(tmp_path, f"local: {local}\n")


def test_a_token_that_cannot_be_read_is_refused(tmp_path):
    settings = RaySettings(url="http://10.0.0.1:8265", shared=tmp_path, token_file=tmp_path / "none")
    with pytest.raises(Refused, match="engine_token"):
        settings.token()
