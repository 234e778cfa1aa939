"""Drawings for boards as SVG: bars around zero, and bands of many futures. Colours come from the page."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

WIDTH, LABELS, ROW, PAD = 960, 250, 30, 8
ENDS = 150
"""Room on both sides of a tornado for what stands at the ends of its bars."""
PLOT_HEIGHT, LEFT, BOTTOM = 260, 90, 30


def tornado(rows: Sequence[tuple[str, float, float, str, str]], base: float, base_label: str) -> Markup:
    """Bars from the base to both ends: (name, at the worse end, at the better end, its label, its label)."""
    ends = [end for _, low, high, _, _ in rows for end in (low, high)]
    least, most = min([*ends, base]), max([*ends, base])
    span = (most - least) or 1.0
    inner = WIDTH - LABELS - 2 * ENDS

    def at(number: float) -> float:
        return LABELS + ENDS + inner * (number - least) / span

    height = ROW * len(rows) + 34
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img">']
    for index, (name, low, high, low_label, high_label) in enumerate(rows):
        top = index * ROW + 22
        parts.append(f'<text x="{LABELS - 10}" y="{top + 17}" text-anchor="end">{escape(name)}</text>')
        for end, label, kind in ((low, low_label, "loss"), (high, high_label, "gain")):
            left, width = min(at(base), at(end)), abs(at(end) - at(base))
            parts.append(
                f'<rect class="{kind}" x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW - 8}"/>'
            )
            side, anchor = (at(end) + 5, "start") if end > base else (at(end) - 5, "end")
            if width:
                parts.append(
                    f'<text class="soft" x="{side:.1f}" y="{top + 16}" text-anchor="{anchor}">{escape(label)}</text>'
                )
    parts.append(
        f'<line class="zero" x1="{at(base):.1f}" x2="{at(base):.1f}" y1="18" y2="{height}"/>'
        f'<text x="{at(base):.1f}" y="13" text-anchor="middle">{escape(base_label)}</text></svg>'
    )
    return Markup("".join(parts))  # noqa: S704 - every text in it is escaped


def columns(bars: Sequence[tuple[str, float, str]]) -> Markup:
    """Upright bars around zero: (name below, height, label)."""
    most, least = max([0.0, *(h for _, h, _ in bars)]), min([0.0, *(h for _, h, _ in bars)])
    span, step = (most - least) or 1.0, (WIDTH - LEFT) / max(len(bars), 1)

    def at(number: float) -> float:
        return 22 + (PLOT_HEIGHT - 22) * (most - number) / span

    parts = [f'<svg viewBox="0 0 {WIDTH} {PLOT_HEIGHT + BOTTOM + 18}" role="img">']
    for index, (name, height, label) in enumerate(bars):
        left, kind = LEFT / 2 + index * step, "gain" if height >= 0 else "loss"
        top, bottom = min(at(0), at(height)), max(at(0), at(height))
        middle, above = left + step / 2, top - 6 if height >= 0 else bottom + 16
        parts.append(
            f'<rect class="{kind}" x="{left + step * 0.15:.1f}" y="{top:.1f}" width="{step * 0.7:.1f}" '
            f'height="{bottom - top:.1f}"/><text x="{middle:.1f}" y="{above:.1f}" text-anchor="middle">'
            f'{escape(label)}</text><text class="soft" x="{middle:.1f}" y="{PLOT_HEIGHT + BOTTOM + 10}" '
            f'text-anchor="middle">{escape(name)}</text>'
        )
    parts.append(
        f'<line class="zero" x1="{LEFT / 2}" x2="{WIDTH - LEFT / 2}" y1="{at(0):.1f}" y2="{at(0):.1f}"/></svg>'
    )
    return Markup("".join(parts))  # noqa: S704 - every text in it is escaped


def histogram(edges: Sequence[float], counts: Sequence[int], low: str, high: str) -> Markup:
    """How often a quantity falls where; losses in another colour, zero as a line."""
    most, span = max(counts) or 1, (edges[-1] - edges[0]) or 1.0

    def at(number: float) -> float:
        return 20 + (WIDTH - 40) * (number - edges[0]) / span

    parts = [f'<svg viewBox="0 0 {WIDTH} {PLOT_HEIGHT + 26}" role="img">']
    for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True):
        height = (PLOT_HEIGHT - 10) * count / most
        kind = "loss" if (left + right) / 2 < 0 else "gain"
        parts.append(
            f'<rect class="{kind}" x="{at(left) + 1:.1f}" y="{PLOT_HEIGHT - height:.1f}" '
            f'width="{max(at(right) - at(left) - 2, 1):.1f}" height="{height:.1f}"/>'
        )
    if edges[0] < 0 < edges[-1]:
        parts.append(f'<line class="zero" x1="{at(0):.1f}" x2="{at(0):.1f}" y1="0" y2="{PLOT_HEIGHT}"/>')
    parts.append(
        f'<line class="rule" x1="20" x2="{WIDTH - 20}" y1="{PLOT_HEIGHT}" y2="{PLOT_HEIGHT}"/>'
        f'<text x="20" y="{PLOT_HEIGHT + 20}">{escape(low)}</text>'
        f'<text x="{WIDTH - 20}" y="{PLOT_HEIGHT + 20}" text-anchor="end">{escape(high)}</text></svg>'
    )
    return Markup("".join(parts))  # noqa: S704 - every text in it is escaped


def shares(rows: Sequence[tuple[str, float]]) -> Markup:
    """Bars of percentages, one below the other."""
    height = ROW * len(rows)
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img">']
    for index, (name, percent) in enumerate(rows):
        top, width = index * ROW, (WIDTH - LABELS - 90) * min(percent, 100.0) / 100
        parts.append(
            f'<text x="{LABELS - 10}" y="{top + 19}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="bar" x="{LABELS}" y="{top + 4}" width="{max(width, 1):.1f}" height="{ROW - 10}"/>'
            f'<text class="soft" x="{LABELS + width + 8:.1f}" y="{top + 19}">{percent:.1f} %</text>'
        )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - every text in it is escaped


def ranges(rows: Sequence[tuple[str, float, float | None, float, str, str]]) -> Markup:
    """From low to high on one scale, the middle as a mark, zero as a line: (name, low, middle, high, label, label)."""
    least = min([0.0, *(low for _, low, *_ in rows)])
    most = max([0.0, *(high for _, _, _, high, *_ in rows)])
    span, inner = (most - least) or 1.0, WIDTH - LABELS - 2 * ENDS

    def at(number: float) -> float:
        return LABELS + ENDS + inner * (number - least) / span

    height = ROW * len(rows) + 8
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img">']
    for index, (name, low, middle, high, low_label, high_label) in enumerate(rows):
        top = index * ROW + 4
        parts.append(
            f'<text x="{LABELS - 10}" y="{top + 16}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="bar" x="{at(low):.1f}" y="{top}" width="{max(at(high) - at(low), 2):.1f}" '
            f'height="{ROW - 8}"/>'
            f'<text class="soft" x="{at(low) - 6:.1f}" y="{top + 16}" text-anchor="end">{escape(low_label)}</text>'
            f'<text class="soft" x="{at(high) + 6:.1f}" y="{top + 16}">{escape(high_label)}</text>'
        )
        if middle is not None:
            parts.append(
                f'<line class="middle" x1="{at(middle):.1f}" x2="{at(middle):.1f}" y1="{top}" y2="{top + ROW - 8}"/>'
            )
    parts.append(f'<line class="zero" x1="{at(0):.1f}" x2="{at(0):.1f}" y1="0" y2="{height}"/></svg>')
    return Markup("".join(parts))  # noqa: S704 - every text in it is escaped


def stacked(rows: Sequence[tuple[str, Sequence[tuple[str, float]]]], words: Mapping[str, str]) -> Markup:
    """Bars of a whole, one below the other, each split into lines of the ladder by percent; a legend of all lines."""
    used = [
        line
        for line in words
        if any(percent > 0 for _, parts in rows for name, percent in parts if name == line)
    ]
    across, inner = 3, WIDTH - LABELS - 20
    legend = 24 * -(-len(used) // across) + 14
    parts_of = [f'<svg viewBox="0 0 {WIDTH} {ROW * len(rows) + legend}" role="img">']
    for index, line in enumerate(used):
        x, y = LABELS + (index % across) * inner / across, 24 * (index // across)
        parts_of.append(
            f'<rect x="{x:.1f}" y="{y + 3}" width="14" height="14" style="fill: var(--{escape(line)})"/>'
            f'<text class="soft" x="{x + 20:.1f}" y="{y + 15}">{escape(words[line])}</text>'
        )
    for index, (name, parts) in enumerate(rows):
        top, left, shares_by = legend + index * ROW, float(LABELS), dict(parts)
        parts_of.append(f'<text x="{LABELS - 10}" y="{top + 17}" text-anchor="end">{escape(name)}</text>')
        for line in used:
            width = inner * shares_by.get(line, 0.0) / 100
            parts_of.append(
                f'<rect x="{left:.1f}" y="{top + 2}" width="{width:.1f}" height="{ROW - 9}" '
                f'style="fill: var(--{escape(line)})"/>'
            )
            left += width
    return Markup("".join([*parts_of, "</svg>"]))  # noqa: S704 - every text in it is escaped


def band(points: Sequence[tuple[float, float | None, float]], names: Sequence[str]) -> Markup:
    """A band between low and high with the middle as a line; percentages from zero."""
    most = max(high for _, _, high in points) * 1.08 or 1.0
    step = (WIDTH - LEFT - 40) / max(len(points) - 1, 1)

    def place(index: int, value: float) -> str:
        return f"{LEFT + index * step:.1f},{10 + (PLOT_HEIGHT - 10) * (1 - value / most):.1f}"

    upper = [place(index, high) for index, (_, _, high) in enumerate(points)]
    lower = [place(index, low) for index, (low, _, _) in enumerate(points)]
    middle = " ".join(place(index, value) for index, (_, value, _) in enumerate(points) if value is not None)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {PLOT_HEIGHT + BOTTOM}" role="img">',
        f'<polygon class="band" points="{" ".join([*upper, *reversed(lower)])}"/>',
        f'<polyline class="line" points="{middle}"/>',
    ]
    for mark in (0, 50, 100):
        if mark <= most:
            y = place(0, mark).split(",")[1]
            parts.append(
                f'<line class="rule" x1="{LEFT}" x2="{WIDTH - 40}" y1="{y}" y2="{y}"/>'
                f'<text class="soft" x="{LEFT - 8}" y="{float(y) + 4:.1f}" text-anchor="end">{mark} %</text>'
            )
    for index, name in enumerate(names):
        x = LEFT + index * step
        parts.append(
            f'<text class="soft" x="{x:.1f}" y="{PLOT_HEIGHT + 20}" text-anchor="middle">{escape(name)}</text>'
        )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - every text in it is escaped
