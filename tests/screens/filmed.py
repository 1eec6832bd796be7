"""A label as a camera sees it: tilted, with gray edges, as a film that Chromium plays for a camera."""

import math
from pathlib import Path

import segno

FILMED = "3f5a0b9e-0c0e-4c60-8f0c-7e1a7d4d2a22"
"""The id on the label that lies before the browser's camera."""
WIDTH, HEIGHT, MODULE = 640, 480, 7
PAPER, INK, TABLE = 235, 30, 120


def film(text: str, file: Path, *, tilt: float = 0.12) -> None:
    """Two frames of a printed QR code on a table. Raw video, since no encoder has to be there."""
    rows = [list(row) for row in segno.make(text, error="q", micro=False).matrix_iter(scale=1, border=4)]
    size = len(rows) * MODULE
    cos, sin = math.cos(tilt), math.sin(tilt)

    def seen(across: float, down: float) -> int:
        x, y = across - WIDTH / 2, down - HEIGHT / 2
        column, row = (x * cos + y * sin + size / 2) / MODULE, (y * cos - x * sin + size / 2) / MODULE
        if not (0 <= column < len(rows) and 0 <= row < len(rows)):
            return TABLE
        return INK if rows[int(row)][int(column)] else PAPER

    sharp = [[seen(x, y) for x in range(WIDTH)] for y in range(HEIGHT)]
    blurred = bytearray()
    for row in sharp:
        blurred += bytes((row[x - 1] + 2 * row[x] + row[(x + 1) % WIDTH]) // 4 for x in range(WIDTH))
    frame = b"FRAME\n" + bytes(blurred) + bytes([128]) * (WIDTH * HEIGHT // 2)
    file.write_bytes(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode() + frame * 2)
