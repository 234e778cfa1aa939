"""docs/reference/cli.md says what the commands say."""

from pathlib import Path

from penstock.cli.reference import reference

PAGE = Path(__file__).parents[2] / "docs/reference/cli.md"


def test_the_reference_is_current(monkeypatch):
    monkeypatch.setenv("PENSTOCK_LANG", "en")
    assert PAGE.read_text() == reference(), "run: python -m penstock.cli.reference docs/reference/cli.md"
