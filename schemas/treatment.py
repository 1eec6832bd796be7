"""What is asked of the gate and what it answers."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from schemas.vocabulary import Area, AreaDepth, Code, Finding, Instant, Micrometers, Modality, Shape

MOST_ITEMS = 12
"""Cartridges or packs of one treatment."""

Items = Annotated[tuple[UUID, ...], Field(max_length=MOST_ITEMS)]
Areas = Annotated[tuple[Area, ...], Field(max_length=17)]
Depths = Annotated[tuple[AreaDepth, ...], Field(max_length=17)]


_BOOKING, _ROOM, _THING = (f"3f1d2c4e-5b6a-4789-9abc-{n:012x}" for n in range(1, 4))


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


_TIME = "2026-11-23T10:00:00+01:00"
_DEPTHS = [{"area": "cheeks", "depth_um": 1000}]
_USED: dict[str, Any] = {"handpiece_id": _THING, "cartridge_unit_ids": [_THING]}
_PACKS = [{"pack_id": _THING, "indicator_changed": True, "intact": True}]


class OpenedPack(Shape):
    """A sterile pack at the chair: was its inner indicator changed, was it dry and whole?"""

    pack_id: UUID
    indicator_changed: bool
    intact: bool


class StartRequest(Shape):
    """Start the treatment of a booking with exactly these things. Who asks is the practitioner.

    Without `areas` and `depth_um` those of the booking are meant. The last two are asked only where policy wants them.
    """

    model_config = _example(booking_id=_BOOKING, room_id=_ROOM, packs=_PACKS, **_USED)

    booking_id: UUID
    room_id: UUID
    handpiece_id: UUID | None = None
    cartridge_unit_ids: Items = ()
    packs: Annotated[tuple[OpenedPack, ...], Field(max_length=MOST_ITEMS)] = ()
    areas: Areas | None = None
    depth_um: Micrometers | None = None
    photos_taken: bool = False
    emergency_kit_in_date: bool = False


class PreviewRequest(Shape):
    """What would the gate say now? What is not named yet is taken from the booking, or missing."""

    model_config = _example(booking_id=_BOOKING, room_id=_ROOM, **_USED)

    booking_id: UUID
    practitioner_id: UUID | None = None
    room_id: UUID | None = None
    handpiece_id: UUID | None = None
    cartridge_unit_ids: Items = ()
    packs: Annotated[tuple[OpenedPack, ...], Field(max_length=MOST_ITEMS)] = ()
    areas: Areas | None = None
    depth_um: Micrometers | None = None
    photos_taken: bool = False
    emergency_kit_in_date: bool = False


class Preview(Shape):
    """What the gate would say, at this size of the record. Nothing was recorded."""

    booking_id: UUID
    would_start: bool
    policy: int | None
    findings: tuple[Finding, ...]


class CleansingNote(Shape):
    """The skin was cleansed; without a time, now."""

    model_config = _example(product="chlorhexidine", occurred_at=_TIME)

    product: Code
    occurred_at: Instant | None = None


class Cleansing(Shape):
    booking_id: UUID
    cleansing_id: UUID
    note: CleansingNote


class NumbingNote(Shape):
    """Numbing cream went on. Lidocaine in thousandths: 40 is 4 %. Without a time, now."""

    model_config = _example(product="lidocaine_cream", lidocaine_permille=40, milligrams=5000, areas=["cheeks"])

    product: Code
    lidocaine_permille: Annotated[int, Field(ge=0, le=1000)]
    milligrams: Annotated[int, Field(ge=0, le=1_000_000)]
    areas: Annotated[tuple[Area, ...], Field(min_length=1, max_length=17)]
    occluded: bool = False
    prescriber_order: bool = False
    occurred_at: Instant | None = None


class Numbing(Shape):
    booking_id: UUID
    numbing_id: UUID
    note: NumbingNote


class RemovalNote(Shape):
    """The cream came off; without a time, now."""

    model_config = _example(occurred_at=_TIME)

    occurred_at: Instant | None = None


class NumbingRemoval(Shape):
    booking_id: UUID
    numbing_id: UUID
    note: RemovalNote


class PauseNote(Shape):
    model_config = _example(reason="client_request")

    reason: Code
    occurred_at: Instant | None = None


class Pause(Shape):
    treatment_id: UUID
    note: PauseNote


class ResumeNote(Shape):
    model_config = _example(occurred_at=_TIME)

    occurred_at: Instant | None = None


class Resumption(Shape):
    treatment_id: UUID
    note: ResumeNote


class AddedCartridge(Shape):
    """A further cartridge for a running treatment."""

    treatment_id: UUID
    unit_id: UUID


class EndNote(Shape):
    """What was really done. Without needle contact there are no depths; without a time, it ended now."""

    model_config = _example(needle_contact=True, depths=_DEPTHS, skin_cleansed=True, sharps_disposed=True, aftercare_given=True)

    needle_contact: bool
    depths: Depths = ()
    skin_cleansed: bool
    sharps_disposed: bool
    aftercare_given: bool
    ended_at: Instant | None = None

    @model_validator(mode="after")
    def _contact_has_depths(self) -> Self:
        if self.needle_contact != bool(self.depths):
            raise ValueError("needle contact names the depth of each area, and nothing else does")
        return self


class End(Shape):
    treatment_id: UUID
    note: EndNote


class PastNote(Shape):
    """A treatment that was done on paper."""

    model_config = _example(
        client_id=_BOOKING, room_id=_ROOM, needle_contact=True, depths=_DEPTHS, started_at=_TIME, ended_at=_TIME, reason="tablet_dead"
    )

    booking_id: UUID | None = None
    client_id: UUID
    practitioner_id: UUID | None = None
    room_id: UUID
    handpiece_id: UUID | None = None
    cartridge_unit_ids: Items = ()
    packs: Annotated[tuple[OpenedPack, ...], Field(max_length=MOST_ITEMS)] = ()
    needle_contact: bool
    modality: Modality = Modality.MICRONEEDLING
    depths: Depths = ()
    started_at: Instant
    ended_at: Instant
    reason: Literal["tablet_dead", "network_down", "server_down", "other"]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.ended_at < self.started_at:
            raise ValueError("ended_at lies before started_at")
        if self.needle_contact != bool(self.depths):
            raise ValueError("needle contact names the depth of each area, and nothing else does")
        return self


class PastTreatmentRecord(Shape):
    treatment_id: UUID
    note: PastNote


class OverrideNote(Shape):
    """Let one booking pass one rule. `rule` is the rule's name, as its finding says."""

    model_config = _example(booking_id=_BOOKING, rule="room_must_be_turned_over", reason="checked", valid_until=_TIME)

    booking_id: UUID
    rule: Code
    reason: Code
    valid_until: Instant


class Override(Shape):
    override_id: UUID
    note: OverrideNote


class TreatmentView(Shape):
    """A treatment: what was used, what was planned, what was done."""

    treatment_id: UUID
    booking_id: UUID | None
    client_id: UUID
    practitioner_id: UUID
    room_id: UUID
    handpiece_id: UUID | None
    cartridge_unit_ids: tuple[UUID, ...]
    pack_ids: tuple[UUID, ...]
    lot_ids: tuple[UUID, ...]
    cycle_ids: tuple[UUID, ...]
    state: Literal["running", "paused", "ended", "recorded_late"]
    modality: Modality
    areas: tuple[Area, ...]
    max_depth_um: Micrometers
    depths: tuple[AreaDepth, ...]
    needle_contact: bool
    started_at: Instant
    planned_end_at: Instant
    ended_at: Instant | None
    end_missing: bool
    stop_advised: bool


class Certificate(Shape):
    """A treatment with what every rule said at its start, and at its end."""

    treatment: TreatmentView
    findings: tuple[Finding, ...]
    end_findings: tuple[Finding, ...]


class NumbingView(Shape):
    numbing_id: UUID
    product: Code
    lidocaine_permille: int
    applied_at: Instant
    removed_at: Instant | None


class CleansingView(Shape):
    product: Code
    occurred_at: Instant


class Preparation(Shape):
    """What was done for a booking before its start."""

    booking_id: UUID
    arrived_at: Instant | None
    numbings: tuple[NumbingView, ...]
    cleansings: tuple[CleansingView, ...]
    overridden_rules: tuple[Code, ...]
