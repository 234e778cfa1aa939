"""Who visits the console of a module's centre, signed in once."""

from collections.abc import Iterator

import pytest

from penstock.web.console.snapshots import SNAPSHOTS
from served import Served
from visiting import Visit


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are waited for however slow the machine is."""
    monkeypatch.setattr(SNAPSHOTS, "wait_s", 60.0)


@pytest.fixture(scope="module")
def staff(centre: Served) -> Iterator[Visit]:
    visit = Visit(centre, centre.admin)
    yield visit
    visit.close()


@pytest.fixture(scope="module")
def tenant(centre: Served) -> Iterator[Visit]:
    visit = Visit(centre, centre.acme["token"])
    yield visit
    visit.close()
