"""The JSON Schema of a plan, for editors; reading it says more, and checks what a schema cannot."""

from typing import Any

import msgspec

from penstock.insight.economics.plan import Plan
from penstock.insight.economics.units import schema_of


def plan_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of `plan.yaml`."""
    (_reference,), parts = msgspec.json.schema_components(
        [Plan], schema_hook=schema_of, ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **parts.pop("Plan"),
        "title": "Penstock plan",
        "$defs": dict(sorted(parts.items())),
    }
