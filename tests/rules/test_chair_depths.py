"""Depths as they are typed at the end of a treatment: what was typed is recorded, or refused; it is never made another number."""

from typing import Any, cast

import pytest
from fastapi.exceptions import RequestValidationError

from events.transaction import View
from services.screens.forms import Fields
from services.treatment.pages.ending import depths_of
from services.treatment.pages.scans import UNKNOWN, scanned


def typed(**depths: str) -> Fields:
    everywhere = [("depth_mm", depths.pop("everywhere"))] if "everywhere" in depths else []
    return Fields([("areas", area) for area in depths] + [(f"depth_{area}", depth) for area, depth in depths.items()] + everywhere)


def test_each_area_has_its_own_depth_or_the_one_for_all() -> None:
    found = depths_of(typed(cheeks="0,5", forehead="", chin="0", everywhere="1.5"))
    assert [(depth.area.value, depth.depth_um) for depth in found] == [("cheeks", 500), ("forehead", 1500), ("chin", 0)]


@pytest.mark.parametrize("depth", ["15", "150", "-1", "10.001", "1e9"])
def test_a_forgotten_point_is_said_and_not_recorded_as_something_else(depth: str) -> None:
    with pytest.raises(RequestValidationError) as refused:
        depths_of(typed(cheeks=depth, forehead="", chin="1"))
    (said,) = (error["msg"] for error in refused.value.errors())
    assert "how deep the needles went: Forehead" in said
    assert "No needle goes so deep, in millimeters: Cheeks" in said


@pytest.mark.parametrize("code", ["\0abc", "a\0", "9" * 301])
async def test_what_no_label_holds_is_unknown_and_asked_of_nobody(code: str) -> None:
    assert await scanned(cast("View", cast("Any", None)), code) == UNKNOWN
