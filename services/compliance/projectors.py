"""How compliance's tables follow the ledger."""

from collections.abc import Iterable, Iterator
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import update
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
from events.tables import Rows
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

CANONICAL_UUID_LENGTH = 36


def _ids(value: JsonValue) -> Iterator[UUID]:
    """Every UUID in a body, however deep it stands."""
    match value:
        case dict():
            for inner in value.values():
                yield from _ids(inner)
        case list():
            for inner in value:
                yield from _ids(inner)
        case str() if len(value) == CANONICAL_UUID_LENGTH:
            try:
                yield UUID(value)
            except ValueError:
                return
        case _:
            return


@projects(*EVERYTHING)
async def note_mentions(rows: Rows, entry: Entry[Event]) -> None:
    subjects = {*_ids(entry.parts["data"]), entry.actor.identity_id}
    place = {"clinic_id": entry.clinic_id, "epoch": entry.epoch, "index": entry.index, "type": entry.type}
    await rows.execute(insert(Mention).on_conflict_do_nothing(), [{**place, "subject_id": subject} for subject in sorted(subjects)])


projects(SystemConnected, SystemDisconnected)(mailboxes.connect_system)


@projects(SystemConnected, SystemDisconnected)
async def keep_system(rows: Rows, entry: Entry[SystemConnected | SystemDisconnected]) -> None:
    said = entry.event
    connected = isinstance(said, SystemConnected)
    new = insert(SystemRow).values(clinic_id=entry.clinic_id, system=said.system, identity_id=said.identity_id, connected=connected)
    key = [SystemRow.clinic_id, SystemRow.system]
    changed = {"identity_id": said.identity_id, "connected": connected}
    await rows.execute(new.on_conflict_do_update(index_elements=key, set_=changed))


@projects(PolicyPublished)
async def keep_policy_version(rows: Rows, entry: Entry[PolicyPublished]) -> None:
    published = entry.event
    await rows.execute(
        insert(Policies)
        .values(
            clinic_id=entry.clinic_id,
            policy_version=published.policy_version,
            effective_at=published.effective_at,
            digest=published.digest,
            document=published.document.model_dump(mode="json"),
            approver_id=published.approver_id,
            index=entry.index,
        )
        .on_conflict_do_nothing()
    )


@projects(TreatmentStarted)
async def note_start(rows: Rows, entry: Entry[TreatmentStarted]) -> None:
    started = entry.event
    new = insert(TreatmentRow).values(
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
    await rows.execute(new.on_conflict_do_nothing())
    await _note_uses(rows, entry)


@projects(TreatmentRecordedLate)
async def note_late_record(rows: Rows, entry: Entry[TreatmentRecordedLate]) -> None:
    late = entry.event
    new = insert(TreatmentRow).values(
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
    await rows.execute(new.on_conflict_do_nothing())
    await _note_uses(rows, entry)


async def _note_uses(rows: Rows, entry: Entry[TreatmentStarted] | Entry[TreatmentRecordedLate]) -> None:
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
            await _use(rows, entry.clinic_id, kind, subject, done.treatment_id)
    if len(done.lot_ids) == 1:
        for unit in done.equipment.cartridge_unit_ids:
            await _unit(rows, entry.clinic_id, unit, done.lot_ids[0])


async def _use(rows: Rows, clinic_id: UUID, kind: Subject, subject_id: UUID, treatment_id: UUID) -> None:
    new = insert(UseRow).values(clinic_id=clinic_id, subject_id=subject_id, kind=kind, treatment_id=treatment_id)
    await rows.execute(new.on_conflict_do_nothing())


async def _unit(rows: Rows, clinic_id: UUID, unit_id: UUID, lot_id: UUID) -> None:
    new = insert(UnitRow).values(clinic_id=clinic_id, unit_id=unit_id, lot_id=lot_id, wasted=False)
    await rows.execute(new.on_conflict_do_nothing())


@projects(TreatmentEnded)
async def note_end(rows: Rows, entry: Entry[TreatmentEnded]) -> None:
    ended = entry.event
    await rows.execute(
        update(TreatmentRow)
        .where(TreatmentRow.clinic_id == entry.clinic_id, TreatmentRow.treatment_id == ended.treatment_id)
        .values(needle_contact=ended.needle_contact)
    )


@projects(CycleRecorded)
async def note_load(rows: Rows, entry: Entry[CycleRecorded]) -> None:
    cycle = entry.event
    new = insert(LoadRow).values(
        clinic_id=entry.clinic_id,
        cycle_id=cycle.cycle_id,
        sterilizer_id=cycle.sterilizer_id,
        started_at=cycle.started_at,
        index=entry.index,
    )
    await rows.execute(new.on_conflict_do_nothing())
    for pack in cycle.packs:
        labeled = insert(PackRow).values(clinic_id=entry.clinic_id, pack_id=pack.pack_id, cycle_id=cycle.cycle_id)
        await rows.execute(labeled.on_conflict_do_nothing())


@projects(LotReceived)
async def note_delivery(rows: Rows, entry: Entry[LotReceived]) -> None:
    lot = entry.event
    new = insert(LotRow).values(clinic_id=entry.clinic_id, lot_id=lot.lot_id, received=lot.quantity)
    total = LotRow.received + new.excluded.received
    await rows.execute(new.on_conflict_do_update(index_elements=[LotRow.clinic_id, LotRow.lot_id], set_={"received": total}))


@projects(UnitsLabeled)
async def note_unit_labels(rows: Rows, entry: Entry[UnitsLabeled]) -> None:
    for unit in entry.event.unit_ids:
        await _unit(rows, entry.clinic_id, unit, entry.event.lot_id)


@projects(CartridgeOpened)
async def note_opened_cartridge(rows: Rows, entry: Entry[CartridgeOpened]) -> None:
    opened = entry.event
    await _unit(rows, entry.clinic_id, opened.unit_id, opened.lot_id)
    await _use(rows, entry.clinic_id, "cartridge", opened.unit_id, opened.treatment_id)
    await _use(rows, entry.clinic_id, "lot", opened.lot_id, opened.treatment_id)


@projects(CartridgeWasted)
async def note_wasted_cartridge(rows: Rows, entry: Entry[CartridgeWasted]) -> None:
    wasted = entry.event
    new = insert(UnitRow).values(clinic_id=entry.clinic_id, unit_id=wasted.unit_id, lot_id=wasted.lot_id, wasted=True)
    key = [UnitRow.clinic_id, UnitRow.unit_id, UnitRow.lot_id]
    await rows.execute(new.on_conflict_do_update(index_elements=key, set_={"wasted": True}))


async def _hold(rows: Rows, entry: Entry[Event], items: Iterable[UUID]) -> None:
    for item in items:
        new = insert(QuarantineRow).values(clinic_id=entry.clinic_id, item_id=item, index=entry.index)
        await rows.execute(new.on_conflict_do_nothing())


@projects(PackQuarantined)
async def note_held_packs(rows: Rows, entry: Entry[PackQuarantined]) -> None:
    await _hold(rows, entry, entry.event.pack_ids)


@projects(LotQuarantined)
async def note_held_lot(rows: Rows, entry: Entry[LotQuarantined]) -> None:
    await _hold(rows, entry, (entry.event.lot_id,))


@projects(RecallOpened, ExposureFound)
async def note_exposures(rows: Rows, entry: Entry[RecallOpened | ExposureFound]) -> None:
    for exposure in entry.event.exposures:
        new = insert(ExposureRow).values(
            clinic_id=entry.clinic_id, recall_id=entry.event.recall_id, treatment_id=exposure.treatment_id, item_id=exposure.item_id
        )
        await rows.execute(new.on_conflict_do_nothing())


@projects(ClientMerged)
async def follow_merge(rows: Rows, entry: Entry[ClientMerged]) -> None:
    merged = entry.event
    await rows.execute(
        update(MergeRow)
        .where(MergeRow.clinic_id == entry.clinic_id, MergeRow.into_client_id == merged.client_id)
        .values(into_client_id=merged.into_client_id)
    )
    new = insert(MergeRow).values(clinic_id=entry.clinic_id, client_id=merged.client_id, into_client_id=merged.into_client_id)
    key = [MergeRow.clinic_id, MergeRow.client_id]
    await rows.execute(new.on_conflict_do_update(index_elements=key, set_={"into_client_id": new.excluded.into_client_id}))
