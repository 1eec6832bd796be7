"""Curves of cost against the size of the history, as an SVG made of lines and words."""

import math
from collections.abc import Sequence

from tests.benchmarks.measure import Curve, number

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 320, 64, 150, 24, 44
INKS = ("#1f6f8b", "#c0562f", "#5b8c3a", "#7a4fa3")


def svg(curves: Sequence[Curve]) -> str:
    """Both axes logarithmic: a flat line is a cost that does not grow."""
    sizes = sorted({size for curve in curves for size, _ in curve.points})
    costs = [cost for curve in curves for _, cost in curve.points]
    low, high = math.floor(math.log10(min(costs))), math.ceil(math.log10(max(costs)))
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])

    def x(size: int) -> float:
        return LEFT + (math.log10(size) - first) / max(last - first, 1e-9) * (WIDTH - LEFT - RIGHT)

    def y(cost: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(cost) - low) / max(high - low, 1) * (HEIGHT - TOP - BOTTOM)

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">']
    lines.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>')
    for power in range(low, high + 1):
        at = y(10.0**power)
        lines.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g} ms</text>')
    lines += [f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{size:,}</text>' for size in sizes]
    lines.append(f'<text x="{LEFT}" y="{HEIGHT - 8}">entries in the clinic</text>')
    for ink, curve in zip(INKS, curves, strict=False):
        path = " ".join(f"{'ML'[place > 0]}{x(size):.1f} {y(cost):.1f}" for place, (size, cost) in enumerate(curve.points))
        lines.append(f'<path d="{path}" fill="none" stroke="{ink}" stroke-width="2"/>')
        size, cost = curve.points[-1]
        lines.append(f'<text x="{x(size) + 8:.1f}" y="{y(cost) + 4:.1f}" fill="{ink}">{curve.name}, {number(cost)} {curve.unit}</text>')
    return "\n".join([*lines, "</svg>", ""])
