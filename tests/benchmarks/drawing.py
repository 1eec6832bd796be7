"""Curves of cost against the size of the history, as an SVG made of lines and words that is read in light and in dark."""

import math
from collections.abc import Sequence
from html import escape

from tests.benchmarks.measure import Curve, number

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 380, 74, 236, 62, 54
APART = 18
"""Pixels between two words at the right, at least."""

STYLE = """
  .ground { fill: #ffffff } .word { fill: #1f2933 } .quiet { fill: #6b7785 } .grid { stroke: #e4e9ee } .fine { stroke: #f2f4f7 }
  .ink0 { --ink: #0b6e8a } .ink1 { --ink: #c2541b } .ink2 { --ink: #5a7d1e } .ink3 { --ink: #7847a8 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #10161c } .word { fill: #e6edf3 } .quiet { fill: #8b98a5 } .grid { stroke: #27313b } .fine { stroke: #19212a }
    .ink0 { --ink: #56c1de } .ink1 { --ink: #f5925a } .ink2 { --ink: #a8cf5f } .ink3 { --ink: #c39bec }
  }
  .line { fill: none; stroke: var(--ink); stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round }
  .dot { fill: var(--ink) } .name { fill: var(--ink); font-weight: 600 }
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif } .title { font-size: 16px; font-weight: 600 }
"""


class Scales:
    """Both axes logarithmic: a flat line is a cost that does not grow."""

    def __init__(self, curves: Sequence[Curve]) -> None:
        self.sizes = sorted({size for curve in curves for size, _ in curve.points})
        costs = [cost for curve in curves for _, cost in curve.points]
        self.low, self.high = math.floor(math.log10(min(costs))), math.ceil(math.log10(max(costs)))
        self._first, self._last = math.log10(self.sizes[0]), math.log10(self.sizes[-1])

    def x(self, size: float) -> float:
        return LEFT + (math.log10(size) - self._first) / max(self._last - self._first, 1e-9) * (WIDTH - LEFT - RIGHT)

    def y(self, cost: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(cost) - self.low) / max(self.high - self.low, 1) * (HEIGHT - TOP - BOTTOM)


def svg(curves: Sequence[Curve]) -> str:
    """All curves in one picture, each named at its end with what it costs there."""
    scales = Scales(curves)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title">',
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="10"/>',
        '<text class="word title" id="title" x="24" y="32">What it costs stays what it costs, however long the record is</text>',
        *_grid(scales),
        *(line for which, curve in enumerate(curves) for line in _curve(scales, which % 4, curve)),
        *_names(scales, curves),
    ]
    return "\n".join([*drawn, "</svg>", ""])


def _grid(scales: Scales) -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    lines = []
    for power in range(scales.low, scales.high + 1):
        at = scales.y(10.0**power)
        lines += [
            f'<path class="fine" d="M{LEFT} {scales.y(digit * 10.0**power):.1f}H{right}"/>' for digit in range(2, 10) if power < scales.high
        ]
        lines.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{right}"/>')
        lines.append(f'<text class="quiet" x="{LEFT - 10}" y="{at + 4:.1f}" text-anchor="end">{_cost(10.0**power)}</text>')
    for size in scales.sizes:
        x = scales.x(size)
        lines.append(f'<path class="grid" d="M{x:.1f} {TOP}V{bottom}"/>')
        lines.append(f'<text class="quiet" x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{_size(size)}</text>')
    middle = (LEFT + right) / 2
    lines.append(f'<text class="quiet" x="{middle:.0f}" y="{HEIGHT - 12}" text-anchor="middle">entries in the clinic’s ledger</text>')
    return lines


def _curve(scales: Scales, ink: int, curve: Curve) -> list[str]:
    places = [(scales.x(size), scales.y(cost)) for size, cost in curve.points]
    path = " ".join(f"{'ML'[at > 0]}{x:.1f} {y:.1f}" for at, (x, y) in enumerate(places))
    dots = [
        f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{size:,}: {_cost(cost)}</title></circle>'
        for (x, y), (size, cost) in zip(places, curve.points, strict=True)
    ]
    return [f'<g class="ink{ink}"><path class="line" d="{path}"/>', *dots, "</g>"]


def _names(scales: Scales, curves: Sequence[Curve]) -> list[str]:
    """From the top down, and never one upon the other."""
    lines, taken = [], -math.inf
    for which, curve in sorted(enumerate(curves), key=lambda found: -found[1].points[-1][1]):
        size, cost = curve.points[-1]
        y = max(scales.y(cost) + 4, taken + APART)
        taken = y
        lines.append(
            f'<g class="ink{which % 4}"><text class="name" x="{scales.x(size) + 14:.1f}" y="{y:.1f}">{escape(curve.name)}'
            f'<tspan class="quiet" font-weight="400">  {_cost(cost)}</tspan></text></g>'
        )
    return lines


def _cost(milliseconds: float) -> str:
    if milliseconds < 1:
        return f"{number(1000 * milliseconds).rstrip('0').rstrip('.')} µs"
    return f"{number(milliseconds).rstrip('0').rstrip('.')} ms"


def _size(size: int) -> str:
    for unit, many in (("million", 1_000_000), ("thousand", 1_000)):
        if size >= many:
            return f"{size / many:g} {unit}"
    return str(size)
