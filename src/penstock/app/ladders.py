"""Ladders of any window: from what is settled, and from history what is not."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from penstock.app.context import App
from penstock.app.settling import unpacked
from penstock.base.window import Window
from penstock.insight.attribution import attribute
from penstock.insight.ladder import Axis, Tally, device_group, grouping, tallies, uncosted
from penstock.insight.model import Ladder
from penstock.insight.settled import WHOLE_CENTRE, Cells, added, cell_of, count_devices, lives, touching
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


def ladder_and_parts(app: App, parts: Sequence[Window]) -> tuple[Ladder, list[Ladder]]:
    """The ladder of all of several windows that follow each other, and those of each, which sum to it."""
    with app.database.read() as tx:
        *own, whole = ladders_in(tx, parts, None, app.policy.currency, together=True)
    return whole[""], [one[""] for one in own]


def ladders_in(
    tx: Tx, parts: Sequence[Window], by: Axis | None, currency: str, *, together: bool = False
) -> list[dict[str, Ladder]]:
    """The same, within a transaction; `together`: after them those of all the windows as one."""
    settled_pieces = [_settled(tx, part, by) for part in parts]
    fresh = _attributed(tx, [gap for _, gaps in settled_pieces for gap in gaps], by, currency)
    pieces = [[*kept, *((gap, fresh[gap]) for gap in gaps)] for kept, gaps in settled_pieces]
    if together:
        parts = [*parts, Window(parts[0].start, parts[-1].end)]
        pieces.append([piece for own in pieces for piece in own])
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


def _settled(tx: Tx, window: Window, by: Axis | None) -> tuple[list[Piece], list[Window]]:
    """Days, then hours, that are summed within a window, and what they leave of it."""
    axis, kept = by or WHOLE_CENTRE, []
    if window.duration_us >= HOUR.total_seconds() * 1e6:
        kept = [_piece(row) for row in settled.cells(tx, axis, 24, window, stale=False)]
        kept += [
            _piece(row) for gap in _gaps(window, kept) for row in settled.cells(tx, axis, 1, gap, stale=False)
        ]
    gaps = _gaps(window, kept)
    return ([], [window]) if len(gaps) > GAPS_MAX else (kept, gaps)


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


def _attributed(tx: Tx, gaps: Sequence[Window], by: Axis | None, currency: str) -> dict[Window, Cells]:
    """The cells of each window, from history; those that follow each other are attributed together."""
    found: dict[Window, Cells] = {}
    for run in _runs(gaps):
        whole = Window(run[0].start, run[-1].end)
        past = history(tx, whole)
        key = (lambda _span, _device: "") if by is None else grouping(by, past)
        for window, own in zip(run, touching(attribute(past, whole), run), strict=True):
            summed = tallies(own, past, window, currency, key)
            found[window] = {name: cell_of(tally, named=by == "tenant") for name, tally in summed.items()}
    return found


def _runs(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """Windows in order, those together that follow each other without a gap."""
    run: list[Window] = []
    for window in sorted(windows):
        if run and run[-1].end != window.start:
            yield run
            run = []
        run.append(window)
    if run:
        yield run
