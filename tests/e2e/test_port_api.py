"""An archive checked over the wire: every form of report, bounds, and hostile contents. Nothing is run or kept."""

import io
import json
import zipfile
from collections.abc import Iterator

import pytest

from served import Served, open_tenant, served

TRAIN = b"import torch\nimport flash_attn\nmodel.cuda()\nopen('ran', 'w')\n"


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("port")) as centre:
        open_tenant(centre, "acme")
        yield centre


def packed(**files: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return content.getvalue()


def test_a_member_checks_an_archive_in_every_form(one: Served) -> None:
    token = one.token("acme", "owner", "ann")
    archive = packed(train__py=TRAIN)
    found = one.done("POST", "/port/check?to=ascend910b,metax-c500", token, content=archive)
    assert [t["target"] for t in found["targets"]] == ["ascend910b", "metax-c500"]
    assert {f["rule"] for f in found["findings"]} == {"LIB-001", "DEV-001"}
    sarif = one.ask("POST", "/port/check?to=ascend910b&form=sarif", token, content=archive)
    assert json.loads(sarif.content)["version"] == "2.1.0"
    page = one.ask("POST", "/port/check?to=ascend910b&form=html&title=%3Cscript%3E", token, content=archive)
    assert page.headers["content-type"].startswith("text/html")
    assert b"LIB-001" in page.content and b"<script>" not in page.content
    assert not list(one.centre.directory.rglob("ran"))


def test_what_is_hostile_or_malformed_is_refused_or_survived(one: Served) -> None:
    bomb = packed(bomb__py=b"\0" * 50_000_000)
    survived = one.done("POST", "/port/check?to=ascend910b", content=bomb)
    assert "larger than" in survived["skipped"][0]["reason"]
    outside = io.BytesIO()
    with zipfile.ZipFile(outside, "w") as archive:
        archive.writestr("../../etc/x.py", TRAIN)
    for content, query, code in (
        (outside.getvalue(), "to=ascend910b", "archive_traversal"),
        (b"PK\3\4nonsense", "to=ascend910b", "archive_broken"),
        (b"", "to=ascend910b", "archive_broken"),
        (packed(a__py=TRAIN), "to=ascend999", "target_unknown"),
        (packed(a__py=TRAIN), "to=", "target_missing"),
    ):
        answer = one.ask("POST", f"/port/check?{query}", content=content)
        assert (answer.status_code, answer.json()["refusals"][0]["code"]) == (422, code), query
    assert one.ask("POST", "/port/check?to=h100", content=b"\0" * (64 * 2**20 + 1)).status_code == 413
    assert one.ask("POST", "/port/check?to=h100", None, content=packed(a__py=TRAIN)).status_code == 401


def test_a_deep_file_does_not_take_the_server_down(one: Served) -> None:
    deep = packed(deep__py=b"torch = " + b"(" * 200_000, good__py=b"import torch\nx.cuda()\n")
    found = one.done("POST", "/port/check?to=ascend910b", content=deep)
    assert {f["path"] for f in found["findings"]} == {"good.py"}
    assert one.ask("GET", "/centre").status_code == 200
