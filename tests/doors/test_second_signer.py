"""Whoever decides a recall with somebody proves at the door that they are there: by a token of theirs, or by their PIN on a tablet."""

import re
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from events.catalog.compliance import TokenCreated
from events.catalog.hygiene import HygieneRefused, RecallDecided, RecallOpened
from events.database import Database
from events.embedded import Servers
from schemas.policy import policy_from_toml
from schemas.vocabulary import Role
from services.second import second_by_header
from tests.conftest import SECRET, House, open_house
from tests.doors.conftest import Door, token_for
from tests.doors.test_pin import OTHER, PIN, Browser, browser, entries, person, tablet
from tests.services.hygiene_words import BI, Bench

POLICY = '[recall]\nmode = "cdc_steam"\n'

pytestmark = pytest.mark.usefixtures("quick_pins")


@pytest.fixture(scope="module")
async def house(database: Database) -> House:
    """A clinic whose recalls wait for a decision."""
    return await open_house(database, policy_from_toml(POLICY))


async def pending(house: House) -> UUID:
    """A recall that must be decided."""
    bench = Bench(house, await house.now("hygiene"))
    machine = await bench.sterilizer(uuid4().hex[:8])
    await bench.read(await bench.cycle(machine, 20, indicator=BI), 19, grew=True)
    await house.caught_up("hygiene")
    found: UUID = (await house.said(RecallOpened))[-1].recall_id
    return found


async def decide(door: Door, recall: UUID, second: UUID, shown: str | None, key: str | None = None) -> httpx.Response:
    """By the API, as the clinician."""
    body = {
        "decision": "confirmed",
        "root_cause": "wrong_bi",
        "second_signer_id": str(second),
        "occurred_at": (await door.house.now("hygiene")).isoformat() if key is None else "2026-01-01T09:00:00Z",
    }
    headers = {"Idempotency-Key": key or str(uuid4())} | ({} if shown is None else {"Second-Authorization": shown})
    path = f"/clinics/{door.house.clinic_id}/recalls/{recall}/decision"
    return await door.ask("POST", path, Role.CLINICIAN, headers=headers, json=body)


async def test_nothing_is_decided_without_a_token_of_the_second_signer(door: Door) -> None:
    recall, second = await pending(door.house), uuid4()
    token = await token_for(door.house, Role.MANAGER, second)
    foreign = await token_for(await open_house(door.house.database), Role.MANAGER, second)
    size = len(await door.house.entries())
    for unsaid in (None, "", token, f"Basic {token}", "Bearer "):
        answer = await decide(door, recall, second, unsaid)
        assert answer.status_code == 422, answer.text
        [found] = answer.json()["findings"]
        assert found["field"] == "Second-Authorization"
        assert "Second-Authorization: Bearer" in found["reason"]
    for others in ("asp_guessed", door.tokens[Role.CLINICIAN], door.tokens[Role.MANAGER], foreign):
        answer = await decide(door, recall, second, f"Bearer {others}")
        assert answer.status_code == 403, answer.text
        assert "Second-Authorization" in answer.json()["detail"]
    assert len(await door.house.entries()) == size
    first, again = [await decide(door, recall, second, f"bearer {token}", "once") for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200), first.text
    assert first.json()["data"]["second_showed"] == "token"


async def test_whoever_is_there_and_may_not_decide_is_refused_on_record(door: Door) -> None:
    recall, second = await pending(door.house), uuid4()
    answer = await decide(door, recall, second, f"Bearer {await token_for(door.house, Role.TECHNICIAN, second)}")
    assert answer.status_code == 409, answer.text
    assert "A clinician or a manager signs with you" in answer.json()["detail"]
    refused = (await door.house.said(HygieneRefused))[-1]
    assert [found.rule for found in refused.findings if found.verdict == "unmet"] == ["second_signer_must_be_able_to_decide"]


async def test_a_role_that_was_revoked_meanwhile_signs_nothing(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the door and the decision behind the clinic's lock."""
    recall, second = await pending(door.house), uuid4()
    token = await token_for(door.house, Role.MANAGER, second)

    async def slowly(*asked: Any) -> Any:
        found = await second_by_header(*asked)
        gone = await door.ask("DELETE", f"/clinics/{door.house.clinic_id}/identities/{second}/grants/manager", Role.ADMIN)
        assert gone.status_code == 200, gone.text
        return found

    monkeypatch.setattr("services.hygiene.routes.second_by_header", slowly)
    assert (await decide(door, recall, second, f"Bearer {token}")).status_code == 403
    assert recall not in [said.recall_id for said in await door.house.said(RecallDecided)]


async def test_the_header_is_documented(door: Door) -> None:
    document = (await door.client.get("/openapi.json")).json()
    route = document["paths"]["/clinics/{clinic}/recalls/{recall_id}/decision"]["post"]
    assert "Second-Authorization: Bearer" in route["description"]
    assert "Second-Authorization" in [parameter["name"] for parameter in route["parameters"]]


async def sent(here: Browser, recall: UUID, second: UUID, shown: str) -> httpx.Response:
    """The form as the page shows it, filled in."""
    page = await here.get(f"hygiene/recalls/{recall}")
    found = re.search(r'<form method="post" action="[^"]*/decision".*?</form>', page.text, re.DOTALL)
    assert found, page.text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', found[0]))
    fields |= {"decision": "confirmed", "root_cause": "wrong_bi", "second_signer_id": str(second), "shown": shown}
    answer = await here.post(f"hygiene/recalls/{recall}/decision", **fields)
    assert not shown or shown not in answer.text
    return answer


async def test_on_a_shared_tablet_the_second_person_types_their_pin(door: Door) -> None:
    recall = await pending(door.house)
    first, _ = await person(door, Role.CLINICIAN)
    second, _ = await person(door, Role.MANAGER)
    without = uuid4()
    token = await token_for(door.house, Role.MANAGER, without)
    async with tablet(door) as here:
        await here.type_pin(first)
        await door.house.caught_up("hygiene")
        shown = (await here.get(f"hygiene/recalls/{recall}")).text
        assert "Their PIN or access token" in shown
        offered = set(re.findall(r'<option value="([0-9a-f-]{36})"', shown))
        assert {str(second), str(without)} <= offered
        assert str(first) not in offered
        for typed, said in ((OTHER, "This PIN is wrong. 9 more tries are left"), ("1234", "A PIN has six digits"), ("", "their own PIN")):
            refused = await sent(here, recall, second, typed)
            assert refused.status_code == (403 if typed else 422)
            assert "Nothing was decided" in refused.text
            assert said in refused.text
            form = refused.text[refused.text.index('/decision"') :]
            assert re.search(r'value="confirmed" required checked', form), "what was chosen is chosen still"
            assert '<option value="wrong_bi" selected>' in form
            assert f'<option value="{second}" selected>' in form
        assert "has no PIN" in (await sent(here, recall, without, PIN)).text
        assert (await sent(here, recall, first, PIN)).status_code == 409, "nobody signs twice"
        assert (await sent(here, recall, without, door.tokens[Role.MANAGER])).status_code == 403, "that is somebody else's"
        assert (await sent(here, recall, second, PIN)).status_code == 303
        [decided] = [said for said in await door.house.said(RecallDecided) if said.recall_id == recall]
        assert (decided.second_signer_id, decided.second_showed) == (second, "pin")
        made = (await entries(door.house, TokenCreated))[-1]
        assert (made.event.identity_id, made.actor.device[:7]) == (second, "tablet:")
        assert (made.event.expires_at - made.recorded_at).total_seconds() <= 60
        another = await pending(door.house)
        assert (await sent(here, another, without, token)).status_code == 303
    assert (await door.house.said(RecallDecided))[-1].second_showed == "token"


async def test_elsewhere_a_pin_shows_nothing(door: Door) -> None:
    recall = await pending(door.house)
    second, _ = await person(door, Role.MANAGER)
    async with browser(door) as own:
        await own.sign_in(door.tokens[Role.CLINICIAN])
        refused = await sent(own, recall, second, PIN)
    assert refused.status_code == 403
    assert "shared tablets only" in refused.text


async def test_only_who_may_sign_is_offered_and_nobody_is_said_in_words(door: Door) -> None:
    alone = await open_house(door.house.database, policy_from_toml(POLICY))
    recall, helper = await pending(alone), uuid4()
    token = await token_for(alone, Role.CLINICIAN)
    await token_for(alone, Role.TECHNICIAN, helper)
    leaving = uuid4()
    await token_for(alone, Role.MANAGER, leaving)
    async with browser(door, alone.clinic_id) as own:
        await own.sign_in(token)
        await alone.caught_up("hygiene")
        shown = (await own.get(f"hygiene/recalls/{recall}")).text
        assert re.findall(r'<option value="([0-9a-f-]{36})"', shown) == [str(leaving)]
        admin = await token_for(alone, Role.ADMIN)
        gone = await door.client.delete(
            f"/clinics/{alone.clinic_id}/identities/{leaving}/grants/manager",
            headers={"Authorization": f"Bearer {admin}", "Idempotency-Key": "gone"},
        )
        assert gone.status_code == 200, gone.text
        await alone.caught_up("hygiene")
        shown = (await own.get(f"hygiene/recalls/{recall}")).text
        assert "Nobody else may decide a recall here now" in shown
        assert "Record the decision" not in shown


async def test_where_hygiene_has_a_login_of_its_own_the_second_person_types_a_token(
    door: Door, servers: Servers, database_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `deploy/compose.apart.yaml` runs it: PINs stand in tables of compliance."""
    recall = await pending(door.house)
    second, token = await person(door, Role.MANAGER)
    apart = Database(servers.login_url("asepsis_hygiene", database_name), secret=SECRET)
    async with tablet(door) as here:
        await here.sign_in(door.tokens[Role.CLINICIAN])
        state = door.client._transport.app.state._state  # type: ignore[attr-defined]
        monkeypatch.setitem(state, "database", apart)
        assert "runs apart" in (await sent(here, recall, second, PIN)).text
        assert (await sent(here, recall, second, token)).status_code == 303
    await apart.close()
