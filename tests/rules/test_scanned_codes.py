"""One list of codes for the server's reader and for the tablet's: both say the same of each."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.hygiene.rules.labels import LabelUnreadableError, read_scan

CODES = json.loads((Path(__file__).parents[1] / "screens" / "codes.json").read_text())


@pytest.mark.parametrize("code", CODES, ids=lambda code: repr(code["scan"]))
def test_a_code_says_what_the_tablet_says(code: dict[str, Any]) -> None:
    try:
        said: dict[str, Any] = read_scan(code["scan"]).model_dump(mode="json")
    except LabelUnreadableError as wrong:
        said = {"wrong": wrong.field}
    assert said == code["says"]
