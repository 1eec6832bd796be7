"""The desk's pages without a browser: two records of one person, what was promised elsewhere, and the ways to the chair and back."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from events.catalog.booking import BookingConfirmed, BookingConflicted, ClientMerged, PractitionerCredentialed
from schemas.vocabulary import Role, VisitType
from services.event_examples import VISIT
from tests.conftest import actor
from tests.doors.conftest import Door
from tests.doors.test_chair import signed_in
from tests.services.test_noes import no, yes


async def registered(door: Door, given_name: str) -> UUID:
    client = uuid4()
    person = {"given_name": given_name, "family_name": "de Vries", "date_of_birth": "1991-04-12", "phone": "+31201234567"}
    answer = await door.ask("PUT", f"/clinics/{door.house.clinic_id}/clients/{client}", Role.FRONT_DESK, json=person)
    assert answer.status_code == 201, answer.text
    await door.house.caught_up("booking")
    return client


async def test_two_records_of_one_person_are_merged_once_they_were_compared(door: Door) -> None:
    this, other, same = [await registered(door, name) for name in ("Noor", "Nora", "Noor")]
    path = f"board/clients/{this}/merge"
    async with signed_in(door, Role.FRONT_DESK) as desk:
        assert (await desk.get(path)).status_code == 403
        assert (await desk.post(path, data={"command_id": "a", "other": str(other), "stays": "this", "compared": "yes"})).status_code == 403
        page = (await desk.get(f"board/book?client_id={this}")).text
        assert ("Ask the manager to merge them." in page, path in page) == (True, False)
    async with signed_in(door, Role.MANAGER) as manager:
        page = (await manager.get(f"board/book?client_id={this}")).text
        assert ("Ask the manager" in page, f'{path}"' in page) == (False, True)
        page = (await manager.get(path)).text
        assert page.index(str(same)) < page.index(str(other)), "who has the very same name stands first"
        form = {"command_id": str(uuid4()), "other": str(other), "stays": "this", "compared": "yes"}
        missing = {"other": "Say which record is the same person.", "stays": "Say which record stays.", "compared": "Compare both records"}
        for field, said in missing.items():
            answer = await manager.post(path, data={name: value for name, value in form.items() if name != field})
            assert (answer.status_code, said in answer.text) == (422, True), answer.text
        answers = [await manager.post(path, data=form) for _ in range(2)]
        assert [answer.headers["location"] for answer in answers] == [
            f"/clinics/{door.house.clinic_id}/board/book?client_id={this}&done=merged"
        ] * 2
        assert "Both records are one person" in (await manager.get(f"board/book?client_id={this}&done=merged")).text
        again = await manager.post(path, data=form | {"command_id": str(uuid4())})
        assert (again.status_code, "The records were not merged" in again.text) == (409, True), again.text
        back = f"board/clients/{other}/merge"
        assert "This record was merged into another one." in (await manager.get(back)).text
    assert [(fact.client_id, fact.into_client_id) for fact in await door.house.said(ClientMerged)] == [(other, this)]


async def test_the_other_record_may_be_the_one_that_stays(door: Door) -> None:
    this, other = [await registered(door, name) for name in ("Mila", "Milla")]
    form = {"command_id": str(uuid4()), "other": str(other), "stays": "other", "compared": "yes"}
    async with signed_in(door, Role.CLINICIAN) as clinician:
        answer = await clinician.post(f"board/clients/{this}/merge", data=form)
    assert f"client_id={other}&" in answer.headers["location"]
    assert (await door.house.said(ClientMerged))[-1].client_id == this


async def test_what_was_promised_elsewhere_is_recorded_whatever_speaks_against_it(door: Door) -> None:
    client, booking = await registered(door, "Sam"), uuid4()
    form = {
        "command_id": str(uuid4()),
        "booking_id": str(booking),
        "client_id": str(client),
        "visit_type": "consultation",
        "minutes": "45",
        "practitioner_id": str(uuid4()),
        "room_id": str(uuid4()),
        "day": "2027-06-01",
        "time": "10:15",
    }
    async with signed_in(door, Role.PRACTITIONER) as practitioner:
        assert (await practitioner.post("board/promised", data=form)).status_code == 403
        wished = f"board/book?client_id={client}&visit_type=consultation&minutes=45&from_on=2027-06-01"
        assert "It was promised already" not in (await practitioner.get(wished)).text
    async with signed_in(door, Role.FRONT_DESK) as desk:
        assert "It was promised already" in (await desk.get(wished)).text
        assert (await desk.post("board/promised", data=form | {"day": "2027-03-28", "time": "02:30"})).status_code == 422
        for off_the_calendar in ({"day": "0001-01-01"}, {"day": "9999-12-31", "time": "23:59", "minutes": "120"}):
            assert (await desk.post("board/promised", data=form | off_the_calendar)).status_code == 422, off_the_calendar
        answers = [await desk.post("board/promised", data=form) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [303, 303], answers[0].text
        where = answers[0].headers["location"].partition(f"{door.house.clinic_id}/")[2]
        assert "Recorded as it was promised." in (await desk.get(where)).text
    [promised] = await door.house.said(BookingConflicted)
    assert (promised.visit.booking_id, promised.visit.visit_type) == (booking, VisitType.CONSULTATION)
    assert promised.visit.starts_at.isoformat() == "2027-06-01T08:15:00+00:00"
    assert {"practitioner_must_be_known", "room_must_be_known"} <= {found.rule for found in promised.findings}


async def test_a_machine_that_is_refused_a_booking_is_shown_no_client(door: Door) -> None:
    """Another system may book. What clients are called, and when they were born, is for people."""
    form = {
        "booking_id": str(uuid4()),
        "client_id": str(await registered(door, "Canary")),
        "practitioner_id": str(uuid4()),
        "room_id": str(uuid4()),
        "starts_at": "2027-06-01T10:00:00+02:00",
        "ends_at": "2027-06-01T10:45:00+02:00",
        "visit_type": "consultation",
    }
    for role, shown in ((Role.FRONT_DESK, True), (Role.SYSTEM, False)):
        sent = form | {"command_id": str(uuid4())}
        answer = await door.ask("POST", f"/clinics/{door.house.clinic_id}/board/book", role, data=sent, headers={"Accept": "text/html"})
        assert (answer.status_code, "Canary" in answer.text, "practitioner" in answer.text) == (409, shown, True), answer.text


@pytest.mark.parametrize(("role", "shown"), [(Role.PRACTITIONER, True), (Role.CLINICIAN, True), (Role.FRONT_DESK, False)])
async def test_a_booking_leads_to_the_chair_and_back_for_whoever_may_go_there(door: Door, role: Role, shown: bool) -> None:
    visit = VISIT.model_copy(update={"booking_id": uuid4(), "client_id": await registered(door, "Liv")})
    await door.house.given("booking", BookingConfirmed(visit=visit), at=actor(Role.FRONT_DESK))
    await door.house.caught_up("booking")
    async with signed_in(door, role) as browser:
        there = f"/clinics/{door.house.clinic_id}/chair/{visit.booking_id}"
        assert (f'href="{there}"' in (await browser.get(f"board/{visit.booking_id}")).text) is shown
        if shown:
            assert (
                f'href="/clinics/{door.house.clinic_id}/board/{visit.booking_id}"' in (await browser.get(f"chair/{visit.booking_id}")).text
            )


async def test_the_desk_is_told_that_a_client_said_no_while_that_stands(door: Door) -> None:
    """Whoever sees who comes: technicians see bookings without a name, and not what somebody said."""
    visit = VISIT.model_copy(update={"booking_id": uuid4(), "client_id": await registered(door, "Jip")})
    await door.house.given("booking", BookingConfirmed(visit=visit))
    day, told = f"board?on={visit.starts_at:%Y-%m-%d}", "The client said no to the consent on"

    async def shown(role: Role) -> list[bool]:
        await door.house.caught_up("booking")
        async with signed_in(door, role) as browser:
            return [told in (await browser.get(path)).text for path in (day, f"board/{visit.booking_id}")]

    assert await shown(Role.FRONT_DESK) == [False, False]
    await door.house.given("consent", no(visit.client_id))
    assert await shown(Role.FRONT_DESK) == [True, True]
    assert await shown(Role.TECHNICIAN) == [False, False]
    await door.house.given("consent", yes(visit.client_id, await door.house.now()))
    assert await shown(Role.FRONT_DESK) == [False, False]


async def test_the_manager_renews_a_credential_and_says_it_of_somebody_new(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bo = uuid4(), uuid4()

    async def called(*_: Any) -> dict[UUID, str]:
        return {ada: "Ada", bo: "Bo"}

    app: Any = door.client._transport.app  # type: ignore[attr-defined]
    monkeypatch.setitem(app.state._state, "people_called", called)
    form = {"command_id": "a", "practitioner_id": str(ada), "role": "practitioner", "modalities": "microneedling", "depth_mm": "1,5"}
    for role in (Role.FRONT_DESK, Role.CLINICIAN):
        async with signed_in(door, role) as browser:
            assert (await browser.get("practitioners")).status_code == 403
            assert (await browser.post("practitioners", data=form | {"valid_until": "2031-12-31"})).status_code == 403
    async with signed_in(door, Role.MANAGER) as manager:
        assert ">Ada</option>" in (await manager.get("practitioners")).text
        for valid_until, status in (("2019-12-31", 409), ("soon", 422), ("2030-12-31", 303), ("2030-12-31", 303)):
            answer = await manager.post("practitioners", data=form | {"command_id": valid_until, "valid_until": valid_until})
            assert answer.status_code == status, answer.text
            if status != 303:
                assert ("This was not recorded" in answer.text, 'value="1,5"' in answer.text) == (True, True), answer.text
        page = (await manager.get("practitioners?done=credentialed")).text
        assert "Practitioner: microneedling, up to 1.5 mm, until Tue 31 Dec 2030" in page
        assert ("Recorded: it holds from now on." in page, ">Ada</option>" in page, ">Bo</option>" in page) == (True, False, True)
        deeper = form | {"command_id": "b", "valid_until": "2031-12-31", "role": "clinician", "depth_mm": "2.5"}
        assert (await manager.post("practitioners", data=deeper)).status_code == 303
    said = [(fact.practitioner_id, fact.role, fact.max_depth_um) for fact in await door.house.said(PractitionerCredentialed)]
    assert said == [(ada, Role.PRACTITIONER, 1500), (ada, Role.CLINICIAN, 2500)]
