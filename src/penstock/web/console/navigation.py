"""The menu: what each kind of visitor works with."""

import msgspec

from penstock.web.console.language import sentence
from penstock.web.console.visitor import Visitor


class Place(msgspec.Struct, frozen=True):
    """A page of the menu. `name` is that of its template."""

    name: str
    path: str
    title: str
    staff_only: bool = False
    scope: str = ""
    """Whom it is for, where not for everybody."""


PLACES = (
    Place("overview", "/overview", sentence("Overview")),
    Place("fleet", "/fleet", sentence("Fleet"), staff_only=True),
    Place("market", "/market", sentence("Market")),
    Place("leases", "/leases", sentence("Leases")),
    Place("jobs", "/jobs", sentence("Jobs")),
    Place("billing", "/billing", sentence("Billing")),
    Place("economics", "/economics", sentence("Economics"), staff_only=True),
    Place("planner", "/planner", sentence("Planner"), staff_only=True),
    Place("portability", "/portability", sentence("Portability"), scope="submit"),
    Place("alarms", "/alarms", sentence("Alarms")),
    Place("admin", "/admin", sentence("Admin")),
)


def navigation(visitor: Visitor) -> tuple[Place, ...]:
    """The places this visitor may go to."""
    return tuple(
        place
        for place in PLACES
        if (visitor.staff or not place.staff_only) and (not place.scope or visitor.may(place.scope))
    )
