"""How compliance's tables follow the ledger."""

import re
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert

from events import access, mailboxes
from events.catalog import PUBLISHERS
from events.catalog.booking import ClientMerged
from events.catalog.compliance import AccessGranted, AccessRevoked, PolicyPublished, SystemConnected, SystemDisconnected
from events.catalog.hygiene import (
    CartridgeOpened,
    CartridgeWasted,
    CycleRecorded,
    ExposureFound,
    LotQuarantined,
    LotReceived,
    PackQuarantined,
    RecallOpened,
    UnitsLabeled,
)
from events.catalog.treatment import TreatmentEnded, TreatmentRecordedLate, TreatmentStarted
from events.envelope import Entry, Event
from events.projection import Projection
from events.tables import Rows, Write
from schemas.compliance import Subject
from services.compliance.models import (
    ExposureRow,
    LoadRow,
    LotRow,
    Mention,
    MergeRow,
    PackRow,
    Policies,
    QuarantineRow,
    SystemRow,
    TreatmentRow,
    UnitRow,
    UseRow,
)

projects = Projection("compliance")
projects(AccessGranted)(access.apply_grant)
projects(AccessRevoked)(access.apply_revocation)

EVERYTHING = tuple(
    found
    for publisher in PUBLISHERS.values()
    for found in vars(publisher).values()
    if isinstance(found, type) and issubclass(found, Event) and found.type
)
"""Compliance hears every event there is."""

UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UUID_LENGTH = 36


def _ids(value: JsonValue, found: set[str]) -> None:
    """Add every UUID in a body, however deep it stands, in the one form in which it is written."""
    match value:
        case str() if len(value) == UUID_LENGTH:
            if UUID_TEXT.fullmatch(value):
                found.add(value)
            else:
                with suppress(ValueError):
                    found.add(str(UUID(value)))
        case dict():
            for inner in value.values():
                _ids(inner, found)
        case list():
            for inner in value:
                _ids(inner, found)
        case _:
            return


MENTION = Write(insert(Mention).on_conflict_do_nothing(), ("clinic_id", "subject_id", "epoch", "index", "type"))


@projects(*EVERYTHING)
async def note_mentions(rows: Rows, entry: Entry[Event]) -> None:
    subjects = {str(entry.parts["actor"]["identity_id"])}
    _ids(entry.parts["data"], subjects)
    for subject in subjects:
        rows.write(MENTION, clinic_id=entry.clinic_id, subject_id=subject, epoch=entry.epoch, index=entry.index, type=entry.type)


projects(SystemConnected, SystemDisconnected)(mailboxes.connect_system)


@projects(SystemConnected, SystemDisconnected)
async def keep_system(rows: Rows, entry: Entry[SystemConnected | SystemDisconnected]) -> None:
    said = entry.event
    connected = isinstance(said, SystemConnected)
    rows.put(SystemRow, clinic_id=entry.clinic_id, system=said.system, identity_id=said.identity_id, connected=connected)


@projects(PolicyPublished)
async def keep_policy_version(rows: Rows, entry: Entry[PolicyPublished]) -> None:
    published = entry.event
    rows.add(
        Policies,
        clinic_id=entry.clinic_id,
        policy_version=published.policy_version,
        effective_at=published.effective_at,
        digest=published.digest,
        document=published.document.model_dump(mode="json"),
        approver_id=published.approver_id,
        index=entry.index,
    )


@projects(TreatmentStarted)
async def note_start(rows: Rows, entry: Entry[TreatmentStarted]) -> None:
    started = entry.event
    rows.add(
        TreatmentRow,
        clinic_id=entry.clinic_id,
        treatment_id=started.treatment_id,
        booking_id=started.booking_id,
        client_id=started.client_id,
        practitioner_id=started.practitioner_id,
        started_at=entry.recorded_at,
        needle_contact=None,
        recorded_late=False,
        epoch=entry.epoch,
        index=entry.index,
    )
    _note_uses(rows, entry)


@projects(TreatmentRecordedLate)
async def note_late_record(rows: Rows, entry: Entry[TreatmentRecordedLate]) -> None:
    late = entry.event
    rows.add(
        TreatmentRow,
        clinic_id=entry.clinic_id,
        treatment_id=late.treatment_id,
        booking_id=late.booking_id,
        client_id=late.client_id,
        practitioner_id=late.practitioner_id,
        started_at=late.started_at,
        needle_contact=late.needle_contact,
        recorded_late=True,
        epoch=entry.epoch,
        index=entry.index,
    )
    _note_uses(rows, entry)


def _note_uses(rows: Rows, entry: Entry[TreatmentStarted] | Entry[TreatmentRecordedLate]) -> None:
    """Everything that touched the treatment. Where one lot is named, its units are that lot's."""
    done = entry.event
    used: tuple[tuple[Subject, Iterable[UUID]], ...] = (
        ("client", (done.client_id,)),
        ("practitioner", (done.practitioner_id,)),
        ("room", (done.equipment.room_id,)),
        ("handpiece", (done.equipment.handpiece_id,) if done.equipment.handpiece_id else ()),
        ("cartridge", done.equipment.cartridge_unit_ids),
        ("pack", done.equipment.pack_ids),
        ("lot", done.lot_ids),
        ("cycle", done.cycle_ids),
    )
    for kind, subjects in used:
        for subject in subjects:
            _use(rows, entry.clinic_id, kind, subject, done.treatment_id)
    if len(done.lot_ids) == 1:
        for unit in done.equipment.cartridge_unit_ids:
            _unit(rows, entry.clinic_id, unit, done.lot_ids[0])


def _use(rows: Rows, clinic_id: UUID, kind: Subject, subject_id: UUID, treatment_id: UUID) -> None:
    rows.add(UseRow, clinic_id=clinic_id, subject_id=subject_id, kind=kind, treatment_id=treatment_id)


def _unit(rows: Rows, clinic_id: UUID, unit_id: UUID, lot_id: UUID) -> None:
    rows.add(UnitRow, clinic_id=clinic_id, unit_id=unit_id, lot_id=lot_id, wasted=False)


END = Write(
    update(TreatmentRow)
    .where(TreatmentRow.clinic_id == bindparam("clinic"), TreatmentRow.treatment_id == bindparam("treatment"))
    .values(needle_contact=bindparam("contact"))
)


@projects(TreatmentEnded)
async def note_end(rows: Rows, entry: Entry[TreatmentEnded]) -> None:
    ended = entry.event
    rows.write(END, clinic=entry.clinic_id, treatment=ended.treatment_id, contact=ended.needle_contact)


@projects(CycleRecorded)
async def note_load(rows: Rows, entry: Entry[CycleRecorded]) -> None:
    cycle = entry.event
    rows.add(
        LoadRow,
        clinic_id=entry.clinic_id,
        cycle_id=cycle.cycle_id,
        sterilizer_id=cycle.sterilizer_id,
        started_at=cycle.started_at,
        index=entry.index,
    )
    for pack in cycle.packs:
        rows.add(PackRow, clinic_id=entry.clinic_id, pack_id=pack.pack_id, cycle_id=cycle.cycle_id)


_DELIVERED = insert(LotRow)
DELIVER = Write(
    _DELIVERED.on_conflict_do_update(
        index_elements=[LotRow.clinic_id, LotRow.lot_id], set_={"received": LotRow.received + _DELIVERED.excluded.received}
    ),
    ("clinic_id", "lot_id", "received"),
)


@projects(LotReceived)
async def note_delivery(rows: Rows, entry: Entry[LotReceived]) -> None:
    lot = entry.event
    rows.write(DELIVER, clinic_id=entry.clinic_id, lot_id=lot.lot_id, received=lot.quantity)


@projects(UnitsLabeled)
async def note_unit_labels(rows: Rows, entry: Entry[UnitsLabeled]) -> None:
    for unit in entry.event.unit_ids:
        _unit(rows, entry.clinic_id, unit, entry.event.lot_id)


@projects(CartridgeOpened)
async def note_opened_cartridge(rows: Rows, entry: Entry[CartridgeOpened]) -> None:
    opened = entry.event
    _unit(rows, entry.clinic_id, opened.unit_id, opened.lot_id)
    _use(rows, entry.clinic_id, "cartridge", opened.unit_id, opened.treatment_id)
    _use(rows, entry.clinic_id, "lot", opened.lot_id, opened.treatment_id)


@projects(CartridgeWasted)
async def note_wasted_cartridge(rows: Rows, entry: Entry[CartridgeWasted]) -> None:
    wasted = entry.event
    rows.put(UnitRow, clinic_id=entry.clinic_id, unit_id=wasted.unit_id, lot_id=wasted.lot_id, wasted=True)


def _hold(rows: Rows, entry: Entry[Event], items: Iterable[UUID]) -> None:
    for item in items:
        rows.add(QuarantineRow, clinic_id=entry.clinic_id, item_id=item, index=entry.index)


@projects(PackQuarantined)
async def note_held_packs(rows: Rows, entry: Entry[PackQuarantined]) -> None:
    _hold(rows, entry, entry.event.pack_ids)


@projects(LotQuarantined)
async def note_held_lot(rows: Rows, entry: Entry[LotQuarantined]) -> None:
    _hold(rows, entry, (entry.event.lot_id,))


@projects(RecallOpened, ExposureFound)
async def note_exposures(rows: Rows, entry: Entry[RecallOpened | ExposureFound]) -> None:
    recall_id = entry.event.recall_id
    for exposure in entry.event.exposures:
        rows.add(
            ExposureRow,
            clinic_id=entry.clinic_id,
            recall_id=recall_id,
            treatment_id=exposure.treatment_id,
            item_id=exposure.item_id,
        )


FOLLOW = Write(
    update(MergeRow)
    .where(MergeRow.clinic_id == bindparam("clinic"), MergeRow.into_client_id == bindparam("merged"))
    .values(into_client_id=bindparam("into"))
)


@projects(ClientMerged)
async def follow_merge(rows: Rows, entry: Entry[ClientMerged]) -> None:
    merged = entry.event
    rows.write(FOLLOW, clinic=entry.clinic_id, merged=merged.client_id, into=merged.into_client_id)
    rows.put(MergeRow, clinic_id=entry.clinic_id, client_id=merged.client_id, into_client_id=merged.into_client_id)
