"""A treatment that was done on paper. It happened: it is never refused, and says which rules would have failed."""

from typing import Any

from events.catalog.treatment import Equipment, TreatmentRecordedLate
from events.transaction import Answer, Transaction
from schemas.treatment import PastNote, PastTreatmentRecord
from services.treatment.commands.answers import all_met, policy_of, refuse, treatment_of
from services.treatment.commands.load_case import Asked, load_case
from services.treatment.rules import ask_the_gate, requests


async def record_past_treatment(tx: Transaction, record: PastTreatmentRecord) -> Answer[Any]:
    """The gate is asked as of then. Only a time that has not come yet is refused: nothing happened at it."""
    note, rule = record.note, await policy_of(tx)
    policy, version = (None, None) if rule is None else (rule.policy, rule.version)
    if (earlier := await treatment_of(tx, record.treatment_id)) is not None:
        return await tx.repeat(earlier.event_id)
    ahead = [requests.time_must_not_lie_ahead(note.ended_at, tx.now, policy, "ended_at")]
    if not all_met(ahead):
        return await refuse(tx, "record_past_treatment", record.treatment_id, ahead, version)
    asked = _asked(tx, record, note)
    case = await load_case(tx.rows, tx.clinic_id, asked)
    late = TreatmentRecordedLate(
        treatment_id=record.treatment_id,
        practitioner_id=case.practitioner_id,
        equipment=Equipment(
            room_id=note.room_id,
            handpiece_id=note.handpiece_id,
            cartridge_unit_ids=tuple(dict.fromkeys(note.cartridge_unit_ids)),
            pack_ids=tuple(dict.fromkeys(pack.pack_id for pack in note.packs)),
        ),
        lot_ids=tuple(dict.fromkeys(cartridge.lot_id for cartridge in case.cartridges)),
        cycle_ids=tuple(dict.fromkeys(pack.cycle_id for pack in case.packs)),
        findings=ask_the_gate(case),
        **note.model_dump(include={"booking_id", "client_id", "needle_contact", "modality", "depths", "started_at", "ended_at", "reason"}),
    )
    return await tx.answer(late, policy=case.version)


def _asked(tx: Transaction, record: PastTreatmentRecord, note: PastNote) -> Asked:
    return Asked(
        at=note.started_at,
        until=note.ended_at,
        clock_trusted=tx.clock_trusted,
        treatment_id=record.treatment_id,
        booking_id=note.booking_id,
        client_id=note.client_id,
        practitioner_id=note.practitioner_id or tx.actor.identity_id,
        room_id=note.room_id,
        handpiece_id=note.handpiece_id,
        cartridge_unit_ids=note.cartridge_unit_ids,
        packs=note.packs,
        areas=tuple(depth.area for depth in note.depths),
        depth_um=max((depth.depth_um for depth in note.depths), default=0),
        modality=note.modality,
    )
