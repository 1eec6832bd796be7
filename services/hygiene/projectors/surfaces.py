"""Handpieces and disinfections follow the ledger."""

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from events.catalog.hygiene import HandpieceCommissioned, HandpieceReprocessed, RoomTurnedOver
from events.envelope import Entry
from events.tables import Rows
from services.hygiene.models import Disinfection, Handpiece, Place
from services.hygiene.projectors.rows import projects, put


@projects(HandpieceCommissioned)
async def keep_handpiece(rows: Rows, entry: Entry[HandpieceCommissioned]) -> None:
    said = entry.event
    await put(
        rows,
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
    await put(
        rows,
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
    clean = insert(Place).values(clinic_id=entry.clinic_id, kind=kind, subject_id=subject_id, disinfected_at=said.occurred_at)
    await rows.execute(
        clean.on_conflict_do_update(
            index_elements=["clinic_id", "kind", "subject_id"],
            set_={"disinfected_at": func.greatest(Place.disinfected_at, said.occurred_at)},
        )
    )
