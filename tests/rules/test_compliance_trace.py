from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from events import catalog
from events.envelope import event_classes
from schemas.compliance import Evidence, RecordEntry
from schemas.vocabulary import Actor, Role
from services.compliance.rules.trace import BEHIND, OF_ITS_TIME, ONLY_NEWEST, matters_since, only_newest, part_of

ANN = UUID(int=1)


def evidence(index: int, type_: str, **data: Any) -> Evidence:
    return Evidence(
        part="screening",
        subjects=(ANN,),
        entry=RecordEntry(
            epoch=1,
            index=index,
            recorded_at=datetime(2026, 11, 23, tzinfo=UTC),
            event_id=UUID(int=index),
            type=type_,
            actor=Actor(identity_id=ANN, role=Role.CLINICIAN),
            policy=1,
            chain="0" * 64,
            data=data,
        ),
    )


def test_only_events_that_somebody_says_stand_behind_a_treatment() -> None:
    said = {name for name, _ in event_classes()}
    assert catalog.PUBLISHERS
    assert {name for types in BEHIND.values() for name in types} <= said
    assert said >= ONLY_NEWEST


def test_any_version_of_a_type_counts() -> None:
    assert part_of("cycle", "load.released.v1") == part_of("cycle", "load.released.v12") == "sterilization"
    assert part_of("booking", "load.released.v1") is None


def test_what_another_treatment_did_with_the_same_handpiece_is_not_about_this_one() -> None:
    assert part_of("handpiece", "treatment.started.v1") is None
    assert part_of("sterilizer", "cycle.recorded.v1") is None


def test_after_the_start_recalls_and_holds_matter_and_later_screenings_do_not() -> None:
    assert matters_since("pack", "recall")
    assert matters_since("client", "hold")
    assert not matters_since("client", "screening")
    assert not any(matters_since(link, "practitioner") for link in OF_ITS_TIME)


def test_of_answers_asked_again_the_last_of_each_extent_counts() -> None:
    found = only_newest(
        [
            evidence(9, "screening.answered.v1", extent="volatile"),
            evidence(2, "screening.answered.v1", extent="full"),
            evidence(5, "screening.answered.v1", extent="volatile"),
            evidence(4, "clearance.granted.v1"),
            evidence(6, "clearance.granted.v1"),
        ]
    )
    assert [one.entry.index for one in found] == [2, 4, 6, 9]
