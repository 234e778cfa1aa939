"""Endpoints of the card-hour book: the ladder, a line opened, alarms, and the demand that was lost."""

from datetime import datetime

from litestar import Router, get
from litestar.params import FromQuery

from penstock.app import alarms, recorded, reports
from penstock.insight.alarms import Alarm, Thresholds
from penstock.insight.lost import LostRevenue
from penstock.insight.model import Ladder
from penstock.insight.opened import Interval
from penstock.insight.recorded import RecordedJob
from penstock.web.edge import Page
from penstock.web.given import GivenApp, GivenPrincipal

_DEFAULT = Thresholds()


@get("/ladder", sync_to_thread=True)
def show_ladder(
    centre: GivenApp,
    principal: GivenPrincipal,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
    by: FromQuery[str | None] = None,
) -> dict[str, Ladder]:
    """Where every card-hour of a window went."""
    return reports.show_ladder(centre, principal, start, end, by)


@get("/card-hours", sync_to_thread=True)
def show_card_hours(
    centre: GivenApp,
    principal: GivenPrincipal,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
    line: FromQuery[str | None] = None,
    by: FromQuery[str | None] = None,
    of: FromQuery[str | None] = None,
) -> Page[Interval]:
    """Each device's lines over a window, or one line opened: its intervals, with the jobs and reasons behind them.

    `by` and `of` choose one group, such as `by=model&of=a100`. Over all intervals of a line, card time and both
    kinds of money sum to the line's on the ladder.
    """
    return Page(reports.show_intervals(centre, principal, start, end, line, by, of))


@get("/alarms", sync_to_thread=True)
def show_alarms(
    centre: GivenApp,
    principal: GivenPrincipal,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
    idle_share: FromQuery[float] = _DEFAULT.idle_share,
    idle_card_hours: FromQuery[float] = _DEFAULT.idle_card_hours,
    sold_floor: FromQuery[float] = _DEFAULT.sold_floor,
    backlog_share: FromQuery[float] = _DEFAULT.backlog_share,
    backlog_customers: FromQuery[int] = _DEFAULT.backlog_customers,
) -> Page[Alarm]:
    """What costs money now: idle holdings, idle pools, rents under depreciation, concentrated backlog, drift."""
    when = Thresholds(
        idle_share=idle_share,
        idle_card_hours=idle_card_hours,
        sold_floor=sold_floor,
        backlog_share=backlog_share,
        backlog_customers=backlog_customers,
    )
    return Page(alarms.show_alarms(centre, principal, start, end, when))


@get("/lost", sync_to_thread=True)
def show_lost(
    centre: GivenApp,
    principal: GivenPrincipal,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
) -> LostRevenue:
    """Refused and delayed demand of a window, by what to mend first, in card time and in money."""
    return alarms.show_lost(centre, principal, start, end)


@get("/recorded-jobs", sync_to_thread=True)
def show_recorded(
    centre: GivenApp,
    principal: GivenPrincipal,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
) -> Page[RecordedJob]:
    """The jobs submitted in a window, served and refused alike, in the columns of a trace."""
    return Page(recorded.show_recorded(centre, principal, start, end))


ROUTER = Router("/", route_handlers=[show_ladder, show_card_hours, show_alarms, show_lost, show_recorded])
