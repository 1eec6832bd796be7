"""A client who says no on the tablet: recorded by the hash of the text, and nothing is signed after it under the same handing over."""

import hashlib
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from events.catalog.consent import ConsentDeclined, ConsentSigned
from schemas.consent import Declining, FormDraft, FormPublication
from schemas.vocabulary import Area, Modality, Role
from services.checkup import check_all
from services.consent.commands import decline_consent, publish_form
from tests.conftest import actor
from tests.doors.conftest import Door
from tests.doors.test_handed_over import TEXT, form_of, handed, held, ready
from tests.doors.test_pin import Browser, browser, entries

__all__ = ["ready"]

NAMED = {"method": "typed", "name": "Ada"}


@pytest.fixture
async def client() -> UUID:
    return uuid4()


@pytest.fixture
async def here(ready: Door, client: UUID) -> AsyncIterator[Browser]:
    """A tablet that was handed to this client."""
    async with browser(ready) as own:
        await own.sign_in(ready.tokens[Role.PRACTITIONER])
        await handed(ready.house, own, client)
        yield own


def hold(own: Browser, kept: str) -> None:
    """The browser as it was before: somebody kept the pass."""
    own.client.cookies.clear()
    own.client.cookies.set("asepsis-signing", kept, domain="asepsis.local", path=f"/clinics/{own.clinic}/signing")


async def said(door: Door, client: UUID) -> tuple[list[ConsentDeclined], list[ConsentSigned]]:
    noes = [entry.event for entry in await entries(door.house, ConsentDeclined) if entry.event.client_id == client]
    return noes, [entry.event for entry in await entries(door.house, ConsentSigned) if entry.event.client_id == client]


async def test_a_no_is_recorded_as_the_clients_and_nothing_more(ready: Door, here: Browser, client: UUID) -> None:
    before = len(await ready.house.entries())
    answer = await here.post("signing/consent", **(await form_of(here)), decline="yes")
    assert "Nothing was signed" in (await here.get(answer.headers["location"].partition(f"{here.clinic}/")[2])).text
    (entry,) = (await ready.house.entries())[before:]
    assert entry.actor.role is Role.CLIENT
    assert isinstance(entry.event, ConsentDeclined)
    assert entry.event.text_digest == hashlib.sha256(TEXT.encode()).hexdigest()
    assert set(type(entry.event).model_fields) == {"handing_id", "client_id", "form_id", "form_version", "language", "text_digest"}
    assert (await here.get("signing/consent")).headers["location"].endswith("/done"), "the pass is spent"


async def test_a_pass_that_was_kept_signs_nothing_after_a_no(ready: Door, here: Browser, client: UUID) -> None:
    """Nor one that was refused before, nor one that is asked again and again: each try has an id of its own."""
    kept, form = [held(here)], await form_of(here)
    assert (await here.post("signing/consent", **(form | NAMED | {"form_version": "7"}))).status_code == 409
    kept.append(held(here))
    await here.post("signing/consent", **form, decline="yes")
    for one in kept:
        hold(here, one)
        tried = [await here.post("signing/consent", **form, **NAMED) for _ in range(3)]
        assert [answer.status_code for answer in tried] == [409] * 3
        assert "Hand it over anew" in tried[-1].text
        assert 'name="give_back"' in tried[-1].text
    noes, signed = await said(ready, client)
    assert (len(noes), signed) == (1, [])


async def test_the_same_no_again_is_the_same_and_a_later_handing_over_may_sign(ready: Door, here: Browser, client: UUID) -> None:
    kept, form = held(here), await form_of(here)
    for more in ({}, {}, {"lang": "nl"}):
        hold(here, kept)
        assert (await here.post("signing/consent", **form | more, decline="yes")).headers["location"].endswith("/done")
    assert len((await said(ready, client))[0]) == 1
    async with browser(ready) as own:
        await own.sign_in(ready.tokens[Role.PRACTITIONER])
        page = (await own.get(f"consent/{client}")).text
        assert "Said no" in page
        assert "English, version 1" in page
        await handed(ready.house, own, client)
        signed = await own.post("signing/consent", **(await form_of(own)), **NAMED)
        assert signed.headers["location"].endswith("/done"), signed.text
    assert [len(found) for found in await said(ready, client)] == [1, 1]


async def test_after_a_signature_a_no_is_not_recorded_behind_the_clients_back(ready: Door, here: Browser, client: UUID) -> None:
    kept, form = held(here), await form_of(here)
    assert (await here.post("signing/consent", **form, **NAMED)).headers["location"].endswith("/done")
    for _ in range(2):
        hold(here, kept)
        await here.post("signing/consent", **form, decline="yes")
        assert "You have signed." in (await here.get("signing/done")).text, "what is signed is withdrawn, which the staff records"
    assert [len(found) for found in await said(ready, client)] == [0, 1]


async def test_a_pass_from_before_a_refused_try_says_no_no_to_what_was_signed_in_a_later_one(
    ready: Door, here: Browser, client: UUID
) -> None:
    """Each try has an id of its own: the handing over is the same."""
    kept, form = held(here), await form_of(here)
    for _ in range(2):
        assert (await here.post("signing/consent", **(form | NAMED | {"form_version": "7"}))).status_code == 409
    assert (await here.post("signing/consent", **form, **NAMED)).headers["location"].endswith("/done")
    for _ in range(2):
        hold(here, kept)
        await here.post("signing/consent", **form, decline="yes")
        assert "You have signed." in (await here.get("signing/done")).text
    assert [len(found) for found in await said(ready, client)] == [0, 1]


async def test_handing_back_what_could_not_be_signed_is_no_no(ready: Door, here: Browser, client: UUID) -> None:
    await here.post("signing/consent", **(await form_of(here)), give_back="yes")
    assert "Nothing was signed." in (await here.get("signing/done")).text
    assert await said(ready, client) == ([], [])


async def test_a_no_is_to_the_text_that_was_on_the_screen(ready: Door, here: Browser, client: UUID) -> None:
    """Also where a newer one has been published while the client was reading."""
    form = await form_of(here)
    newer = FormDraft(
        language="en", text="Other words.", modality=Modality.MICRONEEDLING, areas=(Area.CHEEKS,), max_depth_um=1500, material=False
    )
    publication = FormPublication(form_id=UUID(form["form_id"]), form_version=int(form["form_version"]) + 1, draft=newer)
    await ready.house.doing("consent", publish_form, publication)
    await here.post("signing/consent", **form, decline="yes")
    ((no,), _) = await said(ready, client)
    assert (str(no.form_version), no.text_digest) == (form["form_version"], form["text_digest"])


async def test_a_no_to_a_text_that_never_was_is_not_called_a_signature(ready: Door, here: Browser, client: UUID) -> None:
    answer = await here.post("signing/consent", **(await form_of(here)) | {"form_id": str(uuid4())}, decline="yes")
    assert answer.status_code == 409, answer.text
    assert await said(ready, client) == ([], [])


async def test_a_no_to_a_text_that_was_never_published_is_refused(ready: Door) -> None:
    request = Declining(handing_id=uuid4(), consent_id=uuid4(), client_id=uuid4(), form_id=uuid4(), form_version=1)
    answer = await ready.house.doing("consent", decline_consent, request, by=actor(Role.CLIENT))
    assert [found.rule for found in answer.event.findings] == ["form_must_be_published"]


async def test_every_yes_and_no_of_these_tests_is_decided_so_when_it_is_asked_again(ready: Door, here: Browser, client: UUID) -> None:
    await here.post("signing/consent", **(await form_of(here)), **NAMED)
    assert [len(found) for found in await said(ready, client)] == [0, 1]
    found: list[str] = []
    await check_all(ready.house.database, ("consent",), None, ready.house.clinic_id, lambda report: found.extend(map(str, report.wrongs)))
    assert found == []
