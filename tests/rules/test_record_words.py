"""The record in words: every event has its line, and what people read of ids, times and amounts."""

from datetime import UTC, datetime
from string import Formatter
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import pytest

from events.catalog.booking import ClientRegistered
from events.catalog.hygiene import CycleRecorded, RecallOpened
from events.catalog.treatment import Equipment
from events.envelope import Event
from schemas.compliance import RecordEntry
from schemas.vocabulary import Actor, Role, Visit
from services.compliance.pages.picture import MOST_ROWS, Sketch, Thing
from services.compliance.pages.words import Words, kind_of, summaries
from services.compliance.projectors import EVERYTHING
from services.event_examples import event_examples

PRIYA = uuid5(UUID(int=0), "practitioner")
WORDS = Words(ZoneInfo("Europe/Amsterdam"), {PRIYA: "Priya"})


def entry_of(event: Event) -> RecordEntry:
    return RecordEntry(
        epoch=1,
        index=7,
        recorded_at=datetime(2026, 12, 1, 9, tzinfo=UTC),
        event_id=UUID(int=7),
        type=f"{event.type}.v{event.version}",
        actor=Actor(identity_id=PRIYA, role=Role.PRACTITIONER),
        policy=1,
        chain="0" * 64,
        data=event.model_dump(mode="json"),
    )


def test_every_event_has_its_line() -> None:
    assert set(summaries()) >= {event.type for event in EVERYTHING}


@pytest.mark.parametrize("event", EVERYTHING, ids=lambda event: event.type)
def test_a_line_speaks_of_fields_that_its_event_has(event: type[Event]) -> None:
    fields = set(event.model_fields)
    fields |= set(Visit.model_fields) if "visit" in fields else set()
    fields |= set(Equipment.model_fields) if "equipment" in fields else set()
    asked = {name for _, name, _, _ in Formatter().parse(summaries()[event.type]) if name}
    assert asked <= fields


@pytest.mark.parametrize("event", event_examples().values(), ids=lambda event: event.type)
def test_a_line_holds_no_code_and_no_raw_id(event: Event) -> None:
    said = WORDS.summary(entry_of(event))
    assert said.endswith((".", "?"))
    assert "{" not in said
    assert "_" not in said
    assert not any(part in said for part in ("None", "T10:", "-0000-"))


def test_people_have_names_and_clients_have_none() -> None:
    booked = next(event for event in event_examples().values() if event.type == "booking.confirmed")
    entry = entry_of(booked)
    said = WORDS.summary(entry)
    assert "with Priya, Tue 1 Dec 2026, 11:00" in said
    client = str(entry.data["visit"]["client_id"])  # type: ignore[index,call-overload]
    assert f"Client {client[:4].upper()}" in said
    assert [(link.kind, link.word) for link in WORDS.links(entry)][:3] == [
        ("Booking", f"Booking {str(uuid5(UUID(int=0), 'booking'))[:4].upper()}"),
        ("Client", f"Client {client[:4].upper()}"),
        ("Person", "Priya"),
    ]


def test_what_a_recall_is_about_is_called_what_it_is() -> None:
    opened = RecallOpened(recall_id=UUID(int=1), kind="sterilizer", subject_id=UUID(int=2), cause=UUID(int=3))
    assert WORDS.summary(entry_of(opened)) == "A recall of Sterilizer 0000: no packs of no cycles held, no exposures of clients."


def test_amounts_have_units_and_lists_are_counted() -> None:
    shown = WORDS.shown
    assert shown("max_depth_um", 1500) == "1.5 mm"
    assert shown("lowest_mc", 134_100) == "134.1 °C"
    assert shown("wet_seconds", 130) == "130 s"
    assert shown("lidocaine_permille", 40) == "4 %"
    assert shown("pack_ids", []) == "no packs"
    assert shown("pack_ids", [str(UUID(int=1)), str(UUID(int=2))]) == "2 packs"
    assert shown("areas", ["cheeks", "upper_lip"]) == "cheeks, upper lip"
    assert [shown("control_grew", value) for value in (True, False, None)] == ["yes", "no", "nothing"]
    assert kind_of("second_signer_id") == "Person"
    assert {kind_of(name) for name in CycleRecorded.model_fields if name.endswith("_id")} == {"Cycle", "Sterilizer"}
    assert kind_of(next(iter(ClientRegistered.model_fields))) == "Client"


def test_a_picture_says_how_much_it_leaves_out() -> None:
    sketch = Sketch()
    lot = sketch.add(0, Thing("lot", "Lot", "asked about", here=True))
    for number in range(30):
        sketch.add(2, Thing(f"{number}", f"Client {number}", "client"), after=[lot])
    drawn = sketch.drawn()
    assert len(drawn.placed) == 1 + MOST_ROWS + 1
    assert drawn.placed[-1].word == f"and {30 - MOST_ROWS} more"
    assert len(drawn.lines) == MOST_ROWS + 1, "what is left out hangs together by one line"
    assert all(0 <= place.x <= drawn.width - 176 and 0 <= place.y <= drawn.height - 52 for place in drawn.placed)
