"""Ladders of any window: from what is settled, and from history what is not."""

from collections.abc import Sequence
from datetime import datetime

from penstock.app.context import App
from penstock.app.settling import unpacked
from penstock.base.window import Window
from penstock.insight.attribution import attribute
from penstock.insight.ladder import Axis, Tally, device_group, grouping, tallies, uncosted
from penstock.insight.model import Ladder
from penstock.insight.settled import WHOLE_CENTRE, Cells, added, cell_of, count_devices, lives
from penstock.store import fleet, settled
from penstock.store.database import Tx
from penstock.store.settled import HOUR
from penstock.store.tables import LadderCells
from penstock.store.world import history

GAPS_MAX = 6
"""Where more stretches of a window are not settled, all of it is attributed at once."""

type Piece = tuple[Window, Cells]


def ladders(app: App, window: Window, by: Axis | None) -> dict[str, Ladder]:
    """The ladder of a window by group, or the whole under ''; equal to that attributed from history."""
    return ladders_of_parts(app, [window], by)[0]


def ladders_of_parts(app: App, parts: Sequence[Window], by: Axis | None) -> list[dict[str, Ladder]]:
    """The ladders of several windows, in order and without overlaps."""
    with app.database.read() as tx:
        return ladders_in(tx, parts, by, app.policy.currency)


def ladders_in(tx: Tx, parts: Sequence[Window], by: Axis | None, currency: str) -> list[dict[str, Ladder]]:
    """The same, within a transaction."""
    pieces = [_pieces(tx, part, by, currency) for part in parts]
    devices = fleet.devices(tx)
    group = device_group(by, fleet.nodes(tx)) if by and by != "tenant" else lambda _: ""
    known, without_cost = lives(devices, max(part.end for part in parts), group), uncosted(devices)
    found = []
    for part, own in zip(parts, pieces, strict=True):
        sums = added(cells for _, cells in own)
        if by != "tenant":
            count_devices(sums, known, part)
        if by is None and not sums:
            sums = {WHOLE_CENTRE: Tally()}
        found.append({name: sums[name].ladder(part, currency, without_cost) for name in sorted(sums)})
    return found


def settled_until(app: App) -> datetime | None:
    """Up to when rows of the ladder are kept, some of which may be stale."""
    with app.database.read() as tx:
        return settled.state(tx).upto


def _pieces(tx: Tx, window: Window, by: Axis | None, currency: str) -> list[Piece]:
    """Cells that cover the window once: days, then hours, then what is attributed from history."""
    axis, days = by or WHOLE_CENTRE, []
    if window.duration_us >= HOUR.total_seconds() * 1e6:
        days = [_piece(row) for row in settled.cells(tx, axis, 24, window, stale=False)]
        days += [
            _piece(row) for gap in _gaps(window, days) for row in settled.cells(tx, axis, 1, gap, stale=False)
        ]
    gaps = _gaps(window, days)
    if len(gaps) > GAPS_MAX:
        return [_attributed(tx, window, by, currency)]
    return [*days, *(_attributed(tx, gap, by, currency) for gap in gaps)]


def _piece(row: LadderCells) -> Piece:
    return Window(row.start, row.end), unpacked(row.cells)


def _gaps(window: Window, pieces: Sequence[Piece]) -> list[Window]:
    """What the pieces leave of the window."""
    gaps, reached = [], window.start
    for piece in sorted(pieces, key=lambda piece: piece[0]):
        if reached < piece[0].start:
            gaps.append(Window(reached, piece[0].start))
        reached = piece[0].end
    return [*gaps, Window(reached, window.end)] if reached < window.end else gaps


def _attributed(tx: Tx, window: Window, by: Axis | None, currency: str) -> Piece:
    past = history(tx, window)
    key = (lambda _span, _device: "") if by is None else grouping(by, past)
    found = tallies(attribute(past, window), past, window, currency, key)
    return window, {name: cell_of(tally, named=by == "tenant") for name, tally in found.items()}
