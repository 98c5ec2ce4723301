"""Draw lines and bars as SVG, readable on light and dark pages; no library is needed for that."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 70, 210, 40, 48  # the names of the lines stand at the right
BAR, GAP = 22, 8
COLOURS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#be185d", "#65a30d", "#78716c", "#0f766e")
STYLE = (
    "<style>text{font:13px system-ui,sans-serif;fill:#1f2937}.t{font-weight:600;font-size:15px}"
    ".g{stroke:#9ca3af;stroke-opacity:.4}.l{fill:none;stroke-width:2}"
    "@media(prefers-color-scheme:dark){text{fill:#e5e7eb}}</style>"
)

Lines = Mapping[str, Sequence[tuple[float, float]]]


def line_plot(title: str, x_name: str, y_name: str, lines: Lines) -> str:
    """Return a plot of these lines from 0 up; the horizontal axis is logarithmic, for sizes of 100 and of a million."""
    xs = sorted({x for points in lines.values() for x, _y in points})
    top = ceiling(max(y for points in lines.values() for _x, y in points))
    low, high = math.log(xs[0]), math.log(xs[-1])
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        share = (math.log(x) - low) / (high - low) if high > low else 0.5
        return LEFT + share * (right - LEFT), bottom - y / top * (bottom - TOP)

    parts = [text(LEFT, 22, title, kind="t"), text((LEFT + right) / 2, HEIGHT - 10, x_name, anchor="middle")]
    parts.append(text(right + 14, TOP - 6, y_name))
    for step in range(5):
        y = top * step / 4
        at = place(xs[0], y)[1]
        parts.append(f'<line class="g" x1="{LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(text(LEFT - 8, at + 4, number(y), anchor="end"))
    parts += [text(place(x, 0)[0], bottom + 18, number(x), anchor="middle") for x in xs]
    for order, (name, points) in enumerate(lines.items()):
        colour = COLOURS[order % len(COLOURS)]
        places = [place(x, y) for x, y in sorted(points)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline class="l" stroke="{colour}" points="{path}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
        parts += legend(right + 14, TOP + 16 + order * 20, colour, name)
    return document(title, HEIGHT, parts)


def bar_plot(title: str, bars: Mapping[str, float]) -> str:
    """Return horizontal bars, the longest first, each with its figure."""
    longest = max(bars.values())
    height = TOP + len(bars) * (BAR + GAP) + GAP
    names = 275
    parts = [text(16, 22, title, kind="t")]
    for order, (name, value) in enumerate(sorted(bars.items(), key=lambda bar: -bar[1])):
        y = TOP + order * (BAR + GAP)
        width = value / longest * (WIDTH - names - 90)
        parts.append(text(names - 8, y + 16, name, anchor="end"))
        parts.append(
            f'<rect x="{names}" y="{y}" width="{width:.1f}" height="{BAR}" rx="3" fill="{COLOURS[order % len(COLOURS)]}"/>'
        )
        parts.append(text(names + width + 8, y + 16, number(value)))
    return document(title, height, parts)


def ceiling(value: float) -> float:
    """Return a round number that is not below this one."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= value)


def number(value: float) -> str:
    """Return a number for an axis."""
    return f"{value:,.0f}" if value >= 100 or float(value).is_integer() else f"{value:.3g}"


def legend(x: float, y: float, colour: str, name: str) -> list[str]:
    """Return a dot and a name."""
    return [f'<circle cx="{x}" cy="{y}" r="5" fill="{colour}"/>', text(x + 12, y + 4, name)]


def text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "") -> str:
    """Return a piece of text."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def document(title: str, height: int, parts: Sequence[str]) -> str:
    """Return the file."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    return "\n".join([head, f"<title>{escape(title)}</title>", STYLE, *parts, "</svg>", ""])
