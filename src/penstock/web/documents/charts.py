"""Drawings for boards as SVG: bars around zero, and bands of many futures. Colours come from the page."""

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, LABELS, ROW, PAD = 960, 250, 30, 8
PLOT_HEIGHT, LEFT, BOTTOM = 260, 90, 30


def tornado(rows: Sequence[tuple[str, float, float, str, str]], base: float, base_label: str) -> Markup:
    """Bars from the base to both ends: (name, at the worse end, at the better end, its label, its label)."""
    ends = [end for _, low, high, _, _ in rows for end in (low, high)]
    least, most = min([*ends, base]), max([*ends, base])
    span = (most - least) or 1.0
    inner = WIDTH - LABELS - 200

    def at(number: float) -> float:
        return LABELS + 100 + inner * (number - least) / span

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
