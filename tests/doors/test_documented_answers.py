"""What the doors really answer stands in the OpenAPI document. What Schemathesis found missing there, one test each."""

from typing import Any
from uuid import uuid4

import pytest

from schemas.vocabulary import Role
from services.problems import MAX_REQUEST_BYTES
from tests.doors.conftest import Door


@pytest.fixture(scope="module")
async def document(door: Door) -> Any:
    return (await door.client.get("/openapi.json")).json()


def documented(document: Any, method: str, path: str, answer: Any) -> bool:
    """Whether the document has this status with this type of content."""
    responses = document["paths"][path][method]["responses"]
    content = responses.get(str(answer.status_code), {}).get("content", {})
    return answer.headers["content-type"].partition(";")[0] in content


async def test_an_answer_that_is_repeated_is_documented(door: Door, document: Any) -> None:
    path = f"/clinics/{door.house.clinic_id}/handpieces/{uuid4()}"
    when = (await door.house.now()).isoformat()
    body = {"serial": "HP-0001", "fits_gtins": ["09501101530003"], "max_depth_um": 2500, "occurred_at": when}
    first = await door.ask("PUT", path, Role.MANAGER, json=body)
    again = await door.ask("PUT", path, Role.MANAGER, json=body)
    assert (first.status_code, again.status_code) == (201, 200), again.text
    for answer in (first, again):
        assert documented(document, "put", "/clinics/{clinic}/handpieces/{handpiece_id}", answer)


async def test_the_export_is_documented_as_lines(door: Door, document: Any) -> None:
    answer = await door.ask("GET", f"/clinics/{door.house.clinic_id}/ledger/export", Role.AUDITOR)
    assert answer.status_code == 200
    assert documented(document, "get", "/clinics/{clinic}/ledger/export", answer)


async def test_too_large_a_body_is_documented(door: Door, document: Any) -> None:
    path = f"/clinics/{door.house.clinic_id}/handpieces/{uuid4()}"
    answer = await door.ask("PUT", path, Role.MANAGER, content=b" " * (MAX_REQUEST_BYTES + 1))
    assert answer.status_code == 413
    assert documented(document, "put", "/clinics/{clinic}/handpieces/{handpiece_id}", answer)


def test_a_link_whose_time_has_passed_is_documented(document: Any) -> None:
    for method in ("get", "post"):
        assert "410" in document["paths"]["/check-ins/{token}"][method]["responses"]
