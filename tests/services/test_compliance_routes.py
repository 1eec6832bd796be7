"""Through the HTTP door: who may ask, what is answered, and that looking is recorded."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from events import ledger
from events.access import hash_of, new_token
from events.catalog.compliance import AccessGranted, ClinicOpened, RecordViewed, TokenCreated
from events.transaction import aside
from schemas.compliance import CreateToken
from schemas.vocabulary import Role
from services.compliance.commands import create_token
from services.compliance.offline import checkpoint_of, verify_export
from services.compliance.routes import routes
from services.problems import handle_problems
from tests.conftest import House, open_house
from tests.services.compliance_story import furnished, treat


@pytest.fixture
async def door(house: House) -> AsyncIterator[AsyncClient]:
    app = FastAPI()
    app.state.database = house.database
    handle_problems(app)
    app.include_router(routes)
    async with AsyncClient(transport=ASGITransport(app=app, raise_app_exceptions=False), base_url="http://clinic") as client:
        yield client


async def key(house: House, role: Role) -> dict[str, str]:
    """Headers of somebody in this role, with a fresh Idempotency-Key."""
    token = new_token()
    await house.doing(
        "compliance",
        create_token,
        CreateToken(
            identity_id=uuid4(),
            label=role.value,
            expires_at=await house.now() + timedelta(hours=1),
            role=role,
            token_hash=hash_of(token).hex(),
        ),
    )
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}


def at(house: House, path: str) -> str:
    return f"/clinics/{house.clinic_id}{path}"


async def test_an_admin_names_a_person_and_hands_them_a_token(house: House, door: AsyncClient) -> None:
    admin, who = await key(house, Role.ADMIN), uuid4()
    granted = await door.post(
        at(house, "/identities"), headers=admin, json={"identity_id": str(who), "role": "auditor", "display_name": "Ida Bell"}
    )
    assert granted.status_code == 201
    assert granted.json()["event"] == "access.granted"
    body = {"identity_id": str(who), "label": "laptop", "expires_at": (await house.now() + timedelta(days=1)).isoformat()}
    made = await door.post(at(house, "/tokens"), headers=admin | {"Idempotency-Key": "t1"}, json=body)
    assert made.status_code == 201
    head = await door.get(at(house, "/ledger/head"), headers={"Authorization": f"Bearer {made.json()['token']}"})
    assert head.status_code == 200
    again = await door.post(at(house, "/tokens"), headers=admin | {"Idempotency-Key": "t1"}, json=body)
    assert (again.status_code, again.json()["type"]) == (409, "urn:asepsis:problem:id_reused")
    people = (await door.get(at(house, "/identities"), headers=admin)).json()
    assert {"identity_id": str(who), "display_name": "Ida Bell", "roles": ["auditor"]} in people
    seen = (await door.get(at(house, "/tokens"), headers=admin)).json()
    assert "laptop" in [token["label"] for token in seen]
    assert all("token" not in token and "token_hash" not in token for token in seen)
    gone = await door.delete(at(house, f"/tokens/{made.json()['token_id']}"), headers=admin | {"Idempotency-Key": "t2"})
    assert gone.json()["event"] == "token.revoked"
    shut = await door.get(at(house, "/ledger/head"), headers={"Authorization": f"Bearer {made.json()['token']}"})
    assert shut.status_code == 401


async def test_grants_come_and_go(house: House, door: AsyncClient) -> None:
    admin, who = await key(house, Role.ADMIN), uuid4()
    path = at(house, f"/identities/{who}/grants")
    assert (await door.post(path, headers=admin, json={"role": "manager"})).status_code == 201
    gone = await door.delete(f"{path}/manager", headers=admin | {"Idempotency-Key": "g2"})
    assert (gone.status_code, gone.json()["event"]) == (200, "access.revoked")
    again = await door.delete(f"{path}/manager", headers=admin | {"Idempotency-Key": "g3"})
    assert again.status_code == 409
    assert [finding["rule"] for finding in again.json()["findings"]] == ["grant_must_exist"]
    assert "does not have the role manager" in again.json()["detail"]


async def test_a_system_is_connected_and_disconnected(house: House, door: AsyncClient) -> None:
    admin = await key(house, Role.ADMIN)
    body = {"identity_id": str(uuid4())}
    assert (await door.post(at(house, "/systems/agenda"), headers=admin, json=body)).json()["event"] == "system.connected"
    gone = await door.delete(at(house, "/systems/agenda"), headers=admin | {"Idempotency-Key": "s2"})
    assert gone.json()["event"] == "system.disconnected"
    assert (await door.post(at(house, "/systems/No%20Name"), headers=admin, json=body)).status_code == 422


async def test_a_policy_is_published_and_shown_with_its_sources(house: House, door: AsyncClient) -> None:
    admin, doctor = await key(house, Role.ADMIN), uuid4()
    await house.given("compliance", AccessGranted(identity_id=doctor, role=Role.CLINICIAN))
    path = at(house, "/policy")
    body = {"text": "spacing.bands.medium.floor_days = 29", "approver_id": str(doctor)}
    published = await door.put(path, headers=admin, json=body)
    assert (published.status_code, published.json()["data"]["policy_version"]) == (201, 2)
    repeated = await door.put(path, headers=admin, json=body)
    assert (repeated.status_code, repeated.json()["repeated"]) == (200, True)
    shown = (await door.get(path, headers=admin)).json()
    assert shown["approval"]["approver_id"] == str(doctor)
    assert shown["document"]["spacing"]["bands"]["medium"]["floor_days"] == 29
    assert shown["sources"]["spacing.bands.medium.floor_days"]["source"] == "S9"
    wrong = body | {"text": "spacing.bands.medium.flor_days = 29"}
    unread = await door.put(path, headers=admin | {"Idempotency-Key": "p2"}, json=wrong)
    assert unread.status_code == 422
    assert "spacing.bands.medium.flor_days" in unread.json()["detail"]
    bad = await door.put(path, headers=admin | {"Idempotency-Key": "p3"}, json=body | {"text": "spacing.bands.medium.floor_days = 31"})
    assert bad.status_code == 409
    assert bad.json()["findings"][0]["field"] == "spacing.bands.medium.recommended_days"


async def test_a_clinic_without_a_policy_has_none_to_show(house: House, door: AsyncClient) -> None:
    bare = House(house.database, uuid4())
    async with aside(bare.database, None, "compliance") as rows:
        await ledger.open_clinic(rows, bare.clinic_id)
    await bare.given("compliance", ClinicOpened(timezone="Europe/Amsterdam"))
    found = await door.get(at(bare, "/policy"), headers=await key(bare, Role.MANAGER))
    assert found.status_code == 404
    assert found.json()["findings"][0]["rule"] == "policy_must_be_published"


async def test_an_auditor_asks_what_stands_behind_a_treatment_and_that_is_recorded(house: House, door: AsyncClient) -> None:
    auditor = await key(house, Role.AUDITOR)
    things = await furnished(house)
    did = await treat(house, things, things.packs[0])
    answer = await door.get(at(house, f"/audit/treatments/{did.treatment}"), headers=auditor)
    assert answer.status_code == 200
    record = answer.json()
    assert "treatment.started.v1" in [found["entry"]["type"] for found in record["known_at_start"]]
    count = len(record["known_at_start"]) + len(record["learned_since"])
    assert await house.said(RecordViewed) == [RecordViewed(question="behind_treatment", subject_id=did.treatment, answers=count)]
    again = await door.get(at(house, f"/audit/treatments/{did.treatment}"), headers=auditor)
    assert again.status_code == 200
    assert len(await house.said(RecordViewed)) == 2, "every look is one"


async def test_asking_for_a_treatment_nobody_knows_is_recorded_too(house: House, door: AsyncClient) -> None:
    asked = uuid4()
    answer = await door.get(at(house, f"/audit/treatments/{asked}"), headers=await key(house, Role.AUDITOR))
    assert answer.status_code == 404
    assert await house.said(RecordViewed) == [RecordViewed(question="behind_treatment", subject_id=asked, answers=0)]


async def test_an_auditor_asks_what_a_load_touched(house: House, door: AsyncClient) -> None:
    auditor = await key(house, Role.AUDITOR)
    things = await furnished(house)
    did = await treat(house, things, things.packs[0])
    asked = {"kind": "cycle", "id": str(things.cycle), "from": "2020-01-01T00:00:00Z"}
    answer = await door.get(at(house, "/audit/touched"), headers=auditor, params=asked)
    assert answer.status_code == 200
    assert [treatment["treatment_id"] for treatment in answer.json()["treatments"]] == [str(did.treatment)]
    assert answer.json()["complete"] is True
    assert answer.json()["projected"] == answer.json()["head"]["size"], "complete to the last entry, though nothing woke the service"
    assert [viewed.question for viewed in await house.said(RecordViewed)] == ["touched_by_cycle"]
    empty = await door.get(at(house, "/audit/touched"), headers=auditor, params=asked | {"until": "2019-01-01T00:00:00Z"})
    assert empty.status_code == 422
    naive = await door.get(at(house, "/audit/touched"), headers=auditor, params=asked | {"from": "2020-01-01T00:00:00"})
    assert naive.status_code == 422


async def test_the_ledger_is_paged_verified_and_taken_away(house: House, door: AsyncClient) -> None:
    auditor = await key(house, Role.AUDITOR)
    head = (await door.get(at(house, "/ledger/head"), headers=auditor)).json()
    kept = f"{head['epoch']}:{head['size']}:{head['chain']}"
    page = (await door.get(at(house, "/ledger"), headers=auditor, params={"limit": 2})).json()
    assert [entry["index"] for entry in page["entries"]] == [0, 1]
    assert page["cursor"] == "2"
    verdict = (await door.get(at(house, "/ledger/verify"), headers=auditor, params={"kept": kept})).json()
    assert (verdict["sound"], verdict["verified"]) == (True, verdict["head"]["size"])
    with_commas = {"kept": kept.replace(":", ",")}
    assert (await door.get(at(house, "/ledger/verify"), headers=auditor, params=with_commas)).json()["sound"]
    assert (await door.get(at(house, "/ledger/verify"), headers=auditor, params={"kept": "1:2:zz"})).status_code == 422
    file = await door.get(at(house, "/ledger/export"), headers=auditor)
    elsewhere = verify_export(file.content.splitlines(), checkpoint_of(kept))
    assert elsewhere.broken is None
    assert json.loads(file.content.splitlines()[0])["clinic_id"] == str(house.clinic_id)
    assert [viewed.question for viewed in await house.said(RecordViewed)] == ["ledger", "ledger_export"]


PATHS = ("/audit/treatments/{id}", "/audit/touched?kind=room&id={id}", "/ledger", "/ledger/head", "/ledger/verify", "/ledger/export")


@pytest.mark.parametrize("path", PATHS)
async def test_only_those_who_may_ask_are_answered(house: House, door: AsyncClient, path: str) -> None:
    filled = path.format(id=uuid4())
    assert (await door.get(at(house, filled))).status_code == 401
    assert (await door.get(at(house, filled), headers=await key(house, Role.FRONT_DESK))).status_code == 403
    other = await open_house(house.database)
    elsewhere = await door.get(at(other, filled), headers=await key(house, Role.AUDITOR))
    assert elsewhere.status_code == 404
    nowhere = await door.get(f"/clinics/{UUID(int=5)}{filled}", headers=await key(house, Role.AUDITOR))
    assert nowhere.json() == elsewhere.json(), "a foreign clinic looks like none"
    assert await house.said(RecordViewed) == await other.said(RecordViewed) == []
    assert await other.said(TokenCreated) == []
