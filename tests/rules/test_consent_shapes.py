"""Examples that the OpenAPI document shows are accepted, and what makes no sense is not understood."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from schemas import consent, recovery

SHAPES = [
    shape for module in (consent, recovery) for shape in vars(module).values() if isinstance(shape, type) and issubclass(shape, BaseModel)
]
SHOWN = [shape for shape in SHAPES if (shape.model_config.get("json_schema_extra") or None) is not None]


def test_every_body_has_an_example() -> None:
    names = {shape.__name__ for shape in SHOWN}
    assert names == {
        "FormDraft",
        "ConsentSheet",
        "WithdrawalNote",
        "ScreeningSheet",
        "ClearanceSheet",
        "CheckInSheet",
        "ReactionReport",
        "FollowUpNote",
        "HoldNote",
        "LiftNote",
    }


@pytest.mark.parametrize("shape", SHOWN, ids=lambda shape: shape.__name__)
def test_an_example_is_accepted_and_an_unknown_field_is_not(shape: type[BaseModel]) -> None:
    extra: Any = shape.model_config["json_schema_extra"]
    for example in extra["examples"]:
        assert shape.model_validate(example).model_dump()
        with pytest.raises(ValidationError):
            shape.model_validate(example | {"note": "free text"})


@pytest.mark.parametrize("details", [{"on": "2026-11-01"}, {"areas": ["nose"]}])
@pytest.mark.parametrize("answer", ["no", "prefer_not_to_say"])
def test_only_a_yes_has_details(answer: str, details: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        consent.Answer.model_validate({"code": "neurotoxin", "answer": answer} | details)
    assert consent.Answer.model_validate({"code": "neurotoxin", "answer": "yes"} | details).answer == "yes"


@pytest.mark.parametrize("signature", [{"method": "drawn", "strokes": []}, {"method": "typed", "name": "  "}, {"method": "stamp"}])
def test_an_empty_signature_is_none(signature: dict[str, Any]) -> None:
    extra: Any = consent.ConsentSheet.model_config["json_schema_extra"]
    with pytest.raises(ValidationError):
        consent.ConsentSheet.model_validate(extra["examples"][0] | {"signature": signature})
