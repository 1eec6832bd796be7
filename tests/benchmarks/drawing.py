"""Curves of cost against the size of the history, as an SVG made of lines and words that is read in light and in dark."""

import math
from collections.abc import Sequence
from html import escape

from tests.benchmarks.measure import Curve

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 360, 66, 250, 74, 62
APART = 38
"""Pixels between two names at the right, at least."""
FLAT = 1.25
"""The aim: at the longest history at most so many times the cost at the shortest."""

STYLE = """
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif }
  .title { font-size: 17px; font-weight: 600 } .name { font-weight: 600 }
  .ground { fill: #ffffff } .word { fill: #1f2933 } .quiet { fill: #66727f } .grid { stroke: #e4e9ee } .aim { stroke: #9aa5b1 }
  .ink0 { color: #0b6e8a } .ink1 { color: #c2541b } .ink2 { color: #5a7d1e } .ink3 { color: #7847a8 }
  .line { fill: none; stroke: currentColor; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round }
  .dot, .name { fill: currentColor } .aim { stroke-dasharray: 5 5 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #10161c } .word { fill: #e6edf3 } .quiet { fill: #93a1ae } .grid { stroke: #27313b } .aim { stroke: #5c6b79 }
    .ink0 { color: #56c1de } .ink1 { color: #f5925a } .ink2 { color: #a8cf5f } .ink3 { color: #c39bec }
  }
"""


class Scales:
    """Sizes by factors of ten; costs as multiples of what the same thing costs with the shortest history."""

    def __init__(self, curves: Sequence[Curve]) -> None:
        self.sizes = sorted({size for curve in curves for size, _ in curve.points})
        self.top = max(2.0, math.ceil(2 * max(multiple for curve in curves for _, multiple in multiples(curve))) / 2)
        self._first, self._last = math.log10(self.sizes[0]), math.log10(self.sizes[-1])

    def x(self, size: float) -> float:
        return LEFT + (math.log10(size) - self._first) / max(self._last - self._first, 1e-9) * (WIDTH - LEFT - RIGHT)

    def y(self, multiple: float) -> float:
        return HEIGHT - BOTTOM - multiple / self.top * (HEIGHT - TOP - BOTTOM)


def multiples(curve: Curve) -> list[tuple[int, float]]:
    """The curve's points, as multiples of the first."""
    _, first = curve.points[0]
    return [(size, cost / first) for size, cost in curve.points]


def svg(curves: Sequence[Curve]) -> str:
    """All curves in one picture, each named at its end with what it costs."""
    scales = Scales(curves)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title">',
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="10"/>',
        '<text class="word title" id="title" x="24" y="32">Cost against the length of the record</text>',
        f'<text class="quiet" x="24" y="53">as multiples of the cost at {size_in_words(scales.sizes[0])} entries: flat is meant</text>',
        *_grid(scales),
        *(line for which, curve in enumerate(curves) for line in _curve(scales, which % 4, curve)),
        *_names(scales, curves),
    ]
    return "\n".join([*drawn, "</svg>", ""])


def _grid(scales: Scales) -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    lines = []
    for half in range(int(2 * scales.top) + 1):
        at = scales.y(half / 2)
        lines.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{right}"/>')
        lines.append(f'<text class="quiet" x="{LEFT - 10}" y="{at + 4:.1f}" text-anchor="end">{half / 2:g}×</text>')
    for size in scales.sizes:
        x = scales.x(size)
        lines.append(f'<path class="grid" d="M{x:.1f} {TOP}V{bottom}"/>')
        lines.append(f'<text class="quiet" x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{size_in_words(size)}</text>')
    lines.append(f'<path class="aim" d="M{LEFT} {scales.y(FLAT):.1f}H{right}"/>')
    lines.append(f'<text class="quiet" x="{LEFT + 8}" y="{scales.y(FLAT) - 6:.1f}">the aim: at most {FLAT:g}×</text>')
    lines.append(f'<text class="quiet" x="{(LEFT + right) / 2:.0f}" y="{HEIGHT - 16}" text-anchor="middle">entries in the clinic</text>')
    return lines


def _curve(scales: Scales, ink: int, curve: Curve) -> list[str]:
    places = [(scales.x(size), scales.y(multiple)) for size, multiple in multiples(curve)]
    path = " ".join(f"{'ML'[at > 0]}{x:.1f} {y:.1f}" for at, (x, y) in enumerate(places))
    dots = [
        f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{size:,} entries: {in_words(cost)}</title></circle>'
        for (x, y), (size, cost) in zip(places, curve.points, strict=True)
    ]
    return [f'<g class="ink{ink}"><path class="line" d="{path}"/>', *dots, "</g>"]


def _names(scales: Scales, curves: Sequence[Curve]) -> list[str]:
    """From the top down, and never one upon the other."""
    lines, x = [], WIDTH - RIGHT + 18
    ends = sorted(((scales.y(multiples(curve)[-1][1]), which) for which, curve in enumerate(curves)))
    middle = sum(y for y, _ in ends) / len(ends)
    y = max(middle - APART * (len(ends) - 1) / 2, TOP + 4)
    for _, which in ends:
        points = curves[which].points
        lines.append(
            f'<g class="ink{which % 4}"><text class="name" x="{x}" y="{y:.1f}">{escape(curves[which].name)}</text></g>'
            f'<text class="quiet" x="{x}" y="{y + 16:.1f}">{in_words(points[0][1])} to {in_words(points[-1][1])}'
            f" at {size_in_words(points[-1][0])}</text>"
        )
        y += APART
    return lines


def in_words(milliseconds: float) -> str:
    """A time with two or three digits that matter."""
    return f"{1000 * milliseconds:.3g} µs" if milliseconds < 1 else f"{milliseconds:.3g} ms"


def size_in_words(size: int) -> str:
    """`100 thousand`."""
    for unit, many in (("million", 1_000_000), ("thousand", 1_000)):
        if size >= many:
            return f"{size / many:g} {unit}"
    return str(size)
