"""Plans as tests give them to the command line: a file, with some of its text replaced."""

import json
from pathlib import Path
from typing import Any

import pytest

from penstock.cli.main import main

HERE = Path(__file__).parent
GUIDE = HERE.parents[1] / "docs/guide/plans"
NEW_CENTRE, ONE_SERVER = HERE / "plans/new-centre.yaml", HERE / "plans/one-server.yaml"
LEASER = GUIDE / "leaser-2024.yaml"
M = 1e12
"""A million of the currency in micros."""


class Desk:
    """Runs `penstock plan` on texts, as a person at a terminal does."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def run(self, *words: str) -> tuple[int, str, str]:
        status = main(list(words))
        out, err = self.capsys.readouterr()
        return status, out, err

    def file(self, text: str, name: str = "plan.yaml") -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def economics(self, base: Path, *changes: tuple[str, str], more: str = "") -> Any:
        status, out, err = self.run("plan", "economics", self.file(changed(base, *changes) + more), "--json")
        assert status == 0, err
        return json.loads(out)

    def refusals(self, base: Path, *changes: tuple[str, str], more: str = "") -> list[dict[str, str]]:
        file = self.file(changed(base, *changes) + more)
        status, out, _ = self.run("plan", "economics", file, "--json")
        assert status == 1
        return json.loads(out)["refusals"]

    def claims(self, text: str, status: int = 0) -> Any:
        found, out, err = self.run("plan", "claims", self.file(text, "claims.yaml"), "--json")
        assert found == status, err
        return json.loads(out)


def changed(base: Path, *changes: tuple[str, str]) -> str:
    text = base.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def value(figure: dict[str, Any]) -> float:
    """A figure's number; every figure says its unit, its population and its status."""
    assert figure["unit"] and figure["population"], figure
    assert figure["status"] in ("claimed", "derived", "measured"), figure
    return figure["value"]


def millions(figure: dict[str, Any]) -> float:
    assert figure["unit"].startswith("micros "), figure
    return value(figure) / M
