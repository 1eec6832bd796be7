"""A treatment that has begun, put before the gate again."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from schemas.treatment import OpenedPack
from schemas.vocabulary import Area, Modality
from services.treatment.commands.load_case import Asked
from services.treatment.models import Treatment


def asked_of(
    treatment: Treatment, *, at: datetime, until: datetime, units: Sequence[UUID] | None = None, clock_trusted: bool = True
) -> Asked:
    """What was named at the start. Packs were seen to be changed and whole then; nobody sees that again."""
    return Asked(
        at=at,
        until=until,
        clock_trusted=clock_trusted,
        treatment_id=treatment.treatment_id,
        booking_id=treatment.booking_id,
        client_id=treatment.client_id,
        practitioner_id=treatment.practitioner_id,
        room_id=treatment.room_id,
        handpiece_id=treatment.handpiece_id,
        cartridge_unit_ids=treatment.unit_ids if units is None else units,
        packs=[OpenedPack(pack_id=pack_id, indicator_changed=True, intact=True) for pack_id in treatment.pack_ids],
        areas=tuple(Area(area) for area in treatment.planned_areas),
        depth_um=treatment.planned_depth_um,
        modality=Modality(treatment.modality),
        photos_taken=True,
        emergency_kit_in_date=True,
    )
