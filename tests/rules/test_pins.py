"""PINs that anybody would try first."""

import pytest

from services.compliance.pages.pins import is_guessable


@pytest.mark.parametrize("pin", ["000000", "121212", "112121", "123456", "987654", "890123", "123123", "555777", "246802", "343434"])
def test_what_anybody_would_try_first_is_guessable(pin: str) -> None:
    assert is_guessable(pin)


def test_most_pins_are_not_guessable() -> None:
    assert sum(is_guessable(f"{number:06}") for number in range(0, 1_000_000, 37)) < 27_027 * 0.02
