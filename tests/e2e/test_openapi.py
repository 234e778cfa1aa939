"""The interface is a contract: docs/reference/openapi.json is what the server says, and a diff shows a break."""

import os
from pathlib import Path

import msgspec

from penstock.probes.host import HostProbe
from penstock.sim.centre import SimulatedCentre
from penstock.web.application import application

CONTRACT = Path(__file__).parents[2] / "docs/reference/openapi.json"


def test_contract_is_current(tmp_path: Path) -> None:
    centre = SimulatedCentre(tmp_path, 1)
    served = application(centre.app, HostProbe()).openapi_schema.to_schema()
    centre.close()
    text = msgspec.json.format(msgspec.json.encode(served, order="sorted"), indent=1).decode() + "\n"
    if os.environ.get("PENSTOCK_GOLDEN") == "record":
        CONTRACT.write_text(text, encoding="utf-8")
    assert CONTRACT.read_text(encoding="utf-8") == text, "run with PENSTOCK_GOLDEN=record and review the diff"
