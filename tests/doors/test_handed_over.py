"""A tablet in a client's hand: what it opens, for how long, whose deed it is; and every way round that is tried here."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.requests import Request
from starlette.responses import Response

from events.catalog.booking import PractitionerCredentialed
from events.catalog.consent import ConsentSigned, ScreeningAnswered
from schemas.consent import FormDraft, FormPublication
from schemas.policy import default_policy
from schemas.vocabulary import Area, Modality, Role
from services.consent.commands import publish_form
from services.consent.pages.handing import Given, Handing, keep
from services.screens import drafts
from tests.conftest import House
from tests.doors.conftest import Door, token_for
from tests.doors.test_pin import Browser, browser, entries, person, tablet

TEXT = "Needles make channels."

pytestmark = pytest.mark.usefixtures("quick_pins")


@pytest.fixture(scope="module")
async def ready(door: Door) -> Door:
    """A clinic with a text to sign and somebody who may explain it."""
    credential = PractitionerCredentialed(
        practitioner_id=uuid4(),
        role=Role.PRACTITIONER,
        modalities=(Modality.MICRONEEDLING,),
        max_depth_um=2500,
        valid_until=date(2999, 1, 1),
    )
    await door.house.given("booking", credential)
    areas = (Area.CHEEKS,)
    draft = FormDraft(language="en", text=TEXT, modality=Modality.MICRONEEDLING, areas=areas, max_depth_um=1500)
    await door.house.doing("consent", publish_form, FormPublication(form_id=uuid4(), form_version=1, draft=draft))
    return door


@pytest.fixture
async def here(ready: Door) -> AsyncIterator[Browser]:
    """A tablet that a practitioner has handed over to a client."""
    async with browser(ready) as own:
        await own.sign_in(ready.tokens[Role.PRACTITIONER])
        await handed(ready.house, own)
        yield own


async def explainer(house: House) -> UUID:
    (found,) = await house.said(PractitionerCredentialed)
    assert isinstance(found.practitioner_id, UUID)
    return found.practitioner_id


async def handed(house: House, own: Browser, client: UUID | None = None) -> UUID:
    client = client or uuid4()
    fields = {"sign": "yes", "areas": "cheeks", "depth_mm": "1,0", "explained_by": str(await explainer(house))}
    answer = await own.post(f"consent/{client}/hand-over", **fields)
    assert answer.headers["location"].endswith("/signing"), answer.text
    return client


async def form_of(own: Browser) -> dict[str, str]:
    """The hidden fields of the page that is signed."""
    page = (await own.get("signing/consent")).text
    names = ("form_id", "form_version", "text_digest")
    return {name: page.partition(f'name="{name}" value="')[2].partition('"')[0] for name in names}


async def answers_of(own: Browser) -> dict[str, str]:
    """The hidden fields of the page that all answers are sent from."""
    page = (await own.get("signing/questions/check")).text
    return {"answered_at": page.partition('name="answered_at" value="')[2].partition('"')[0]}


def held(own: Browser) -> str:
    return own.client.cookies.get("asepsis-signing") or ""


async def test_handing_over_ends_the_session_and_leaves_the_signing_pages_only(ready: Door, here: Browser) -> None:
    assert not here.session
    assert (await here.get("signing")).status_code == 200
    for path in ("board", "consent", f"consent/{uuid4()}", "recovery", "forms", "screening-questions"):
        assert (await here.get(path)).status_code == 401, path
    pass_ = held(here)
    async with browser(ready) as forged:
        forged.client.cookies.set("asepsis", pass_)
        assert (await forged.get("board")).status_code == 401, "a pass is no session"
    async with browser(ready) as own:
        await own.sign_in(ready.tokens[Role.PRACTITIONER])
        own.client.cookies.set("asepsis-signing", own.session)
        assert (await own.get("signing")).status_code == 409, "and a session is no pass"


async def test_what_the_client_does_is_the_clients_even_on_a_clinicians_tablet(ready: Door) -> None:
    """Or their answers would settle what contradicts, as a clinician's do."""
    questions = {code: Given(a="n") for code in default_policy().contraindications}
    pregnant = questions | {"pregnancy": Given(a="y")}
    client = uuid4()
    for answers in (pregnant, questions):
        async with browser(ready) as own:
            give(ready, own, a_pass(ready, client_id=client, extent="full", answers=answers))
            fields = await answers_of(own)
            sent = [await own.post("signing/questions/check", **fields)]
            assert sent[0].headers["location"].endswith("/done"), sent[0].text
            assert (await own.post("signing/questions/check", **fields)).status_code == 409, "what was sent is sent"
    said = [entry for entry in await entries(ready.house, ScreeningAnswered) if entry.event.client_id == client]
    assert [entry.actor.role for entry in said] == [Role.CLIENT, Role.CLIENT]
    assert said[0].actor.identity_id == said[1].actor.identity_id != client
    assert len(said[1].event.restrictions) == 1, "two sheets of one visit that disagree both restrict"


def a_pass(door: Door, **more: Any) -> Handing:
    return Handing.model_validate({"handing_id": uuid4(), "clinic": door.house.clinic_id, "token": door.tokens[Role.CLINICIAN], **more})


def give(door: Door, own: Browser, handing: Handing) -> None:
    """The pass as it is given, without the pages before it."""
    response = Response()
    app = door.client._transport.app  # type: ignore[attr-defined]
    request = Request({"type": "http", "method": "GET", "scheme": "http", "path": "/", "headers": [], "app": app})
    keep(request, response, handing)
    value = response.headers["set-cookie"].partition("=")[2].partition(";")[0]
    own.client.cookies.set("asepsis-signing", value, domain="asepsis.local", path=f"/clinics/{own.clinic}/signing")


async def test_pressed_twice_at_once_it_is_signed_once(ready: Door, here: Browser) -> None:
    before = len(await entries(ready.house, ConsentSigned))
    form = await form_of(here) | {"method": "typed", "name": "Ada"}
    url, headers = f"/clinics/{here.clinic}/signing/consent", {"Cookie": f"asepsis-signing={held(here)}"}
    pressed = await asyncio.gather(*(here.client.post(url, data=form, headers=headers) for _ in range(3)))
    assert [(answer.status_code, answer.headers["location"].endswith("/done")) for answer in pressed] == [(303, True)] * 3
    (signed,) = (await entries(ready.house, ConsentSigned))[before:]
    assert signed.actor.role is Role.CLIENT
    assert (await here.get("signing/consent")).headers["location"].endswith("/done"), "the pass is good for one signature"


async def test_a_refused_signature_sent_again_is_not_taken_for_a_signed_one(ready: Door, here: Browser) -> None:
    before = len(await entries(ready.house, ConsentSigned))
    old = await form_of(here) | {"method": "typed", "name": "Ada", "text_digest": "0" * 64}
    for _ in range(3):
        answer = await here.post("signing/consent", **old)
        assert (answer.status_code, TEXT in answer.text) == (409, True)
    assert len(await entries(ready.house, ConsentSigned)) == before
    answer = await here.post("signing/consent", **(await form_of(here) | {"method": "typed", "name": "Ada"}))
    assert answer.headers["location"].endswith("/done"), answer.text
    assert len(await entries(ready.house, ConsentSigned)) == before + 1


async def test_a_copied_pass_signs_nothing_a_second_time(ready: Door, here: Browser) -> None:
    """Whoever kept the cookie from before signing has what was signed, and no second signature."""
    before, copies = len(await entries(ready.house, ConsentSigned)), [held(here)]
    form = await form_of(here) | {"method": "typed", "name": "Ada"}
    assert (await here.post("signing/consent", **(form | {"form_version": "7"}))).status_code == 409
    copies.append(held(here))
    assert (await here.post("signing/consent", **form)).headers["location"].endswith("/done")
    for copy in copies:
        here.client.cookies.clear()
        here.client.cookies.set("asepsis-signing", copy, domain="asepsis.local", path=f"/clinics/{here.clinic}/signing")
        asked = await here.post("signing/consent", **(form | {"name": "Eve", "consent_id": str(uuid4())}))
        assert asked.headers["location"].endswith("/done"), asked.text
    assert len(await entries(ready.house, ConsentSigned)) == before + 1


async def test_a_copied_pass_answers_nothing_a_second_time(ready: Door) -> None:
    client, questions = uuid4(), default_policy().contraindications
    own_pass = a_pass(ready, client_id=client, extent="full", answers={code: Given(a="n") for code in questions})
    for changed in ({}, {"pregnancy": Given(a="y")}):
        async with browser(ready) as own:
            give(ready, own, own_pass.model_copy(update={"answers": own_pass.answers | changed}))
            fields = await answers_of(own) | {"screening_id": str(uuid4())}
            assert (await own.post("signing/questions/check", **fields)).headers["location"].endswith("/done")
    assert [entry.event.client_id for entry in await entries(ready.house, ScreeningAnswered)].count(client) == 1


async def test_refused_answers_sent_again_are_not_taken_for_recorded_ones(ready: Door) -> None:
    questions = {code: Given(a="n") for code in default_policy().contraindications}
    ahead = questions | {"neurotoxin": Given(a="y", on=date(2999, 1, 1))}
    client = uuid4()
    async with browser(ready) as own:
        give(ready, own, a_pass(ready, client_id=client, extent="full", answers=ahead))
        form = await answers_of(own)
        assert (await own.post("signing/questions/check", **form)).status_code == 409
        number = sorted(questions).index("neurotoxin") + 1
        await own.post(f"signing/questions/{number}", answer="no")
        again = await own.post("signing/questions/check", **form)
        assert again.headers["location"].endswith("/done"), again.text
    assert [entry.event.client_id for entry in await entries(ready.house, ScreeningAnswered)].count(client) == 1


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"method": "drawn", "strokes": "[[[1,2,0],[3,"}, 422, "did not arrive whole"),
        ({"method": "drawn", "strokes": "[[[1,99999999,0]]]"}, 422, "did not arrive whole"),
        ({"method": "drawn", "strokes": '{"a": 1}'}, 422, "did not arrive whole"),
        ({"method": "drawn", "strokes": "[]"}, 422, "no signature yet"),
        ({"method": "drawn", "name": "typed before, then drawn instead"}, 422, "no signature yet"),
        ({"method": "typed", "name": "   "}, 422, "no name yet"),
        ({"method": "typed", "name": "Ada", "text_digest": "0" * 64}, 409, "The text has changed"),
        ({"method": "typed", "name": "Ada", "form_version": "7"}, 409, "The text has changed"),
    ],
)
async def test_what_is_no_signature_is_said_in_words(ready: Door, here: Browser, changed: dict[str, str], status: int, words: str) -> None:
    before = len(await entries(ready.house, ConsentSigned))
    answer = await here.post("signing/consent", **(await form_of(here) | changed))
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert TEXT in answer.text
    assert len(await entries(ready.house, ConsentSigned)) == before


async def test_saying_no_signs_nothing(ready: Door, here: Browser) -> None:
    before = len(await entries(ready.house, ConsentSigned))
    answer = await here.post("signing/consent", decline="yes")
    assert "Nothing was signed" in (await here.get(answer.headers["location"].partition(f"{here.clinic}/")[2])).text
    assert len(await entries(ready.house, ConsentSigned)) == before


async def test_a_pass_ends_with_the_token_it_rests_on_and_after_an_hour(ready: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = uuid4()
    token = await token_for(ready.house, Role.PRACTITIONER, identity)
    async with browser(ready) as own:
        await own.sign_in(token)
        await handed(ready.house, own)
        form = await form_of(own) | {"method": "typed", "name": "Ada"}
        with monkeypatch.context() as later:
            later.setattr(drafts, "SECONDS", -1)
            assert (await own.get("signing")).status_code == 401
        gone = await ready.ask("DELETE", f"/clinics/{own.clinic}/identities/{identity}/grants/practitioner", Role.ADMIN)
        assert gone.status_code == 200, gone.text
        before = len(await ready.house.entries())
        answer = await own.post("signing/consent", **form)
        assert (answer.status_code, "Hand it back to the staff" in answer.text) == (409, True)
        assert len(await ready.house.entries()) == before


async def test_a_foreign_page_sends_nothing_from_a_tablet(ready: Door, here: Browser) -> None:
    before = len(await ready.house.entries())
    form = await form_of(here) | {"method": "typed", "name": "Ada"}
    for site in ("cross-site", "same-site"):
        answer = await here.client.post(f"/clinics/{here.clinic}/signing/consent", data=form, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
    assert len(await ready.house.entries()) == before


async def test_on_a_shared_tablet_the_pin_opens_it_again_and_the_signature_bears_the_tablet(ready: Door) -> None:
    identity, _ = await person(ready, Role.PRACTITIONER)
    async with tablet(ready) as shared:
        assert (await shared.type_pin(identity)).status_code == 303
        client = await handed(ready.house, shared)
        assert (await shared.get("board")).status_code == 401
        await shared.post("signing/consent", **(await form_of(shared) | {"method": "typed", "name": "Ada"}))
        (signed,) = [entry for entry in await entries(ready.house, ConsentSigned) if entry.event.client_id == client]
        assert (signed.actor.device or "").startswith("tablet:")
        back = (await shared.get("signing/done")).text.partition('href="/clinics/')[2].partition('"')[0].partition("/")[2]
        assert str(client) in (await shared.get(back)).headers["location"]
        assert "/who?next=" in (await shared.get(back)).headers["location"]


@pytest.mark.parametrize("longest", ["name", "proof"])
async def test_a_guardian_whom_no_tablet_can_keep_is_a_finding_and_nobody_is_signed_out(ready: Door, longest: str) -> None:
    async with browser(ready) as own:
        await own.sign_in(ready.tokens[Role.PRACTITIONER])
        fields = {
            "sign": "yes",
            "areas": "cheeks",
            "depth_mm": "1",
            "explained_by": str(await explainer(ready.house)),
            "guardian_name": "Eva",
        }
        answer = await own.post(f"consent/{uuid4()}/hand-over", **fields | {f"guardian_{longest}": "".join(map(chr, range(900, 4900)))})
        assert (answer.status_code, "at most 200 characters" in answer.text, bool(held(own))) == (422, True, False), answer.text
        assert (await own.get("consent")).status_code == 200


@pytest.mark.parametrize("by", ["token", "pin", "leaving"])
async def test_a_pass_ends_when_the_staff_take_the_tablet_back(ready: Door, by: str) -> None:
    """Or the next who holds it signs in the name of the client before."""
    identity, token = await person(ready, Role.PRACTITIONER)
    async with tablet(ready) as shared:
        await shared.type_pin(identity)
        await handed(ready.house, shared)
        left_open = await shared.post("idle")
        assert left_open.json() == {"locked": True}
        assert (await shared.get("signing")).status_code == 200, "a page of the staff's that locks takes nothing from the client"
        if by == "token":
            await shared.sign_in(token)
        else:
            await (shared.type_pin(identity) if by == "pin" else shared.post("sign-out"))
        assert not held(shared)
        assert (await shared.get("signing")).status_code in (401, 409)
        assert bool(shared.session) is (by != "leaving")
