"""What a maker's code says of one unit, as far as the chair needs it."""

import pytest

from services.treatment.pages.scans import serial_in

GTIN = "09501101530003"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (f"01{GTIN}1728123121A-7", (GTIN, "A-7")),
        (f"01{GTIN}1728123110SP4471\x1d21A-7", (GTIN, "A-7")),
        (f"01{GTIN}21A-7\x1d10SP4471", (GTIN, "A-7")),
        (f"01{GTIN}\x1d1728123110SP4471\x1d21A-7\x1d", (GTIN, "A-7")),
        (f"01{GTIN}1728123110SP4471", None),  # a lot
        (f"01{GTIN}1728123110SP447121A-7", None),  # the separator was dropped: it may be a lot SP447121A-7
        (f"01{GTIN}9921A-7", None),  # something else first: nobody can say where it ends
        (f"01{GTIN}21", None),
        ("PEN-0001", None),
        ("", None),
    ],
)
def test_a_serial_is_read_only_where_it_cannot_be_something_else(code: str, found: tuple[str, str] | None) -> None:
    assert serial_in(code) == found
