"""Consent over HTTP: a form from the screen to the signature, answers to a clearance, and who may do what."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from events.access import hash_of, new_token
from events.catalog.booking import PractitionerCredentialed
from schemas.compliance import CreateToken
from schemas.vocabulary import Modality, Role
from services.compliance.commands import create_token
from services.consent.routes import routes
from services.problems import handle_problems
from tests.conftest import House


@pytest.fixture
async def http(house: House) -> AsyncIterator[AsyncClient]:
    app = FastAPI()
    handle_problems(app)
    app.state.database = house.database
    app.include_router(routes)
    async with AsyncClient(transport=ASGITransport(app), base_url=f"http://clinic.test/clinics/{house.clinic_id}") as client:
        yield client


async def signed_in(house: House, role: Role, identity_id: UUID | None = None) -> dict[str, str]:
    token = new_token()
    expires_at = await house.now() + timedelta(hours=1)
    asked = CreateToken(
        identity_id=identity_id or uuid4(), label="tablet", expires_at=expires_at, role=role, token_hash=hash_of(token).hex()
    )
    await house.doing("compliance", create_token, asked)
    return {"Authorization": f"Bearer {token}"}


def rules_of(reply: Response) -> set[str]:
    assert reply.status_code == 409, reply.text
    return {finding["rule"] for finding in reply.json()["findings"]}


async def test_a_form_is_shown_signed_and_withdrawn(house: House, http: AsyncClient) -> None:
    practitioner_id, form_id, client_id = uuid4(), uuid4(), uuid4()
    credential = PractitionerCredentialed(
        practitioner_id=practitioner_id,
        role=Role.PRACTITIONER,
        modalities=(Modality.MICRONEEDLING,),
        max_depth_um=2500,
        valid_until=date(2999, 1, 1),
    )
    await house.given("booking", credential)
    clinician = await signed_in(house, Role.CLINICIAN)
    tablet = await signed_in(house, Role.PRACTITIONER, practitioner_id)
    draft = {"language": "en", "text": "Needles.", "modality": "microneedling", "areas": ["full_face"], "max_depth_um": 1500}
    assert (await http.put(f"/forms/{form_id}/versions/1", json=draft, headers=tablet)).status_code == 403
    assert (await http.put(f"/forms/{form_id}/versions/1", json=draft, headers=clinician)).status_code == 201
    shown = (await http.get(f"/forms/{form_id}", headers=tablet)).json()
    assert shown["text"] == "Needles."
    sheet = {
        "client_id": str(client_id),
        "form_id": str(form_id),
        "form_version": shown["form_version"],
        "text_digest": shown["text_digest"],
        "areas": ["cheeks"],
        "max_depth_um": 1000,
        "explained_by": str(practitioner_id),
        "signed_at": (await house.now()).isoformat(),
        "signature": {"method": "drawn", "strokes": [[{"x": 1, "y": 2, "t": 0}]]},
    }
    path = f"/consents/{uuid4()}"
    wrong = await http.put(f"/consents/{uuid4()}", json=sheet | {"text_digest": "0" * 64, "max_depth_um": 2000}, headers=tablet)
    assert rules_of(wrong) == {"text_on_screen_must_be_the_forms", "depth_must_lie_within_the_form"}
    signed = await http.put(path, json=sheet, headers=tablet)
    assert signed.status_code == 201, signed.text
    assert "strokes" not in signed.text
    assert (await http.put(path, json=sheet, headers=tablet)).status_code == 200
    (record,) = (await http.get(f"/clients/{client_id}/consents", headers=clinician)).json()
    assert record["in_force"]
    desk = await signed_in(house, Role.FRONT_DESK) | {"Idempotency-Key": "withdraw-1"}
    assert (await http.post(f"{path}/withdraw", json={"channel": "phone"}, headers=desk)).status_code == 200
    (record,) = (await http.get(f"/clients/{client_id}/consents", headers=clinician)).json()
    assert not record["in_force"]
    assert (await http.get(f"/forms/{uuid4()}", headers=tablet)).status_code == 404


async def answers(http: AsyncClient, headers: dict[str, str], **special: str) -> list[dict[str, Any]]:
    asked = (await http.get("/screening-questions?extent=full", headers=headers)).json()
    return [{"code": question["code"], "answer": special.get(question["code"], "no")} for question in asked["questions"]]


async def test_answers_restrict_until_a_clinician_clears_and_reasons_stay_with_clinical_roles(house: House, http: AsyncClient) -> None:
    tablet, clinician = await signed_in(house, Role.PRACTITIONER), await signed_in(house, Role.CLINICIAN)
    desk, client_id = await signed_in(house, Role.FRONT_DESK), uuid4()
    await house.caught_up("consent")
    sheet = {
        "client_id": str(client_id),
        "extent": "full",
        "answered_at": (await house.now()).isoformat(),
        "answers": await answers(http, tablet, anticoagulant="yes"),
    }
    answered = await http.put(f"/screenings/{uuid4()}", json=sheet, headers=tablet)
    assert answered.status_code == 201, answered.text
    assert "anticoagulant" not in answered.text
    (restriction,) = answered.json()["data"]["restrictions"]
    cleared = {"restriction_id": restriction["restriction_id"], "basis": "prescriber"}
    clearance = {"client_id": str(client_id), "restrictions": [cleared]}
    assert (await http.put(f"/clearances/{uuid4()}", json=clearance, headers=tablet)).status_code == 403
    assert (await http.put(f"/clearances/{uuid4()}", json=clearance, headers=clinician)).status_code == 201
    assert (await http.get(f"/clients/{client_id}/screening", headers=tablet)).json()["eligible_now"]
    (reason,) = (await http.get(f"/clients/{client_id}/screening/reasons", headers=tablet)).json()
    assert (reason["code"], reason["needs"]) == ("anticoagulant", "prescriber")
    assert (await http.get(f"/clients/{client_id}/screening/reasons", headers=desk)).status_code == 403


async def test_input_that_is_not_understood_is_not_echoed(house: House, http: AsyncClient) -> None:
    tablet = await signed_in(house, Role.PRACTITIONER)
    sheet = {"client_id": str(uuid4()), "extent": "full", "answered_at": "yesterday", "answers": [{"code": "HIV?", "answer": "maybe"}]}
    reply = await http.put(f"/screenings/{uuid4()}", json=sheet, headers=tablet)
    assert reply.status_code == 422
    assert "HIV" not in reply.text
    assert "maybe" not in reply.text
