"""Handpieces and disinfections follow the ledger."""

from events.catalog.hygiene import HandpieceCommissioned, HandpieceReprocessed, RoomTurnedOver
from events.envelope import Entry
from events.tables import Rows
from services.hygiene.models import Disinfection, Handpiece
from services.hygiene.projectors.rows import SEE_PLACE, projects


@projects(HandpieceCommissioned)
async def keep_handpiece(rows: Rows, entry: Entry[HandpieceCommissioned]) -> None:
    said = entry.event
    rows.add(
        Handpiece,
        clinic_id=entry.clinic_id,
        handpiece_id=said.handpiece_id,
        serial=said.serial,
        modality=said.modality.value,
        fits_gtins=list(said.fits_gtins),
        max_depth_um=said.max_depth_um,
        event_id=entry.event_id,
    )


@projects(HandpieceReprocessed, RoomTurnedOver)
async def keep_disinfection(rows: Rows, entry: Entry[HandpieceReprocessed | RoomTurnedOver]) -> None:
    said = entry.event
    if isinstance(said, HandpieceReprocessed):
        kind, disinfection_id, subject_id = "handpiece", said.reprocessing_id, said.handpiece_id
    else:
        kind, disinfection_id, subject_id = "room", said.turnover_id, said.room_id
    rows.add(
        Disinfection,
        clinic_id=entry.clinic_id,
        disinfection_id=disinfection_id,
        kind=kind,
        subject_id=subject_id,
        product=said.product,
        wet_seconds=said.wet_seconds,
        label_seconds=said.label_seconds,
        occurred_at=said.occurred_at,
        event_id=entry.event_id,
    )
    rows.write(SEE_PLACE, clinic_id=entry.clinic_id, kind=kind, subject_id=subject_id, disinfected_at=said.occurred_at, used_at=None)
