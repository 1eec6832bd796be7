"""Clients, practitioners, rooms and devices."""

from sqlalchemy import bindparam, case, func, select, update

from events.catalog.booking import ClientMerged, ClientRegistered, PractitionerCredentialed, ResourceAdded
from events.catalog.hygiene import HandpieceCommissioned
from events.envelope import Entry
from events.tables import Rows, Write
from services.booking.models import Client, Practitioner, Resource
from services.booking.projectors.following import projects


@projects(ClientRegistered)
async def know_client(rows: Rows, entry: Entry[ClientRegistered]) -> None:
    known = entry.event
    rows.put(
        Client,
        clinic_id=entry.clinic_id,
        client_id=known.client_id,
        contactable=known.contactable,
        into_client_id=None,
        event_id=entry.event_id,
    )


_INTO = select(Client.into_client_id).where(Client.clinic_id == bindparam("clinic"), Client.client_id == bindparam("into"))
_KEPT = func.coalesce(_INTO.scalar_subquery(), bindparam("into"))
MERGE = Write(
    update(Client)
    .where(
        Client.clinic_id == bindparam("clinic"), (Client.client_id == bindparam("merged")) | (Client.into_client_id == bindparam("merged"))
    )
    .values(into_client_id=case((Client.client_id == _KEPT, None), else_=_KEPT))
)


@projects(ClientMerged)
async def merge_client(rows: Rows, entry: Entry[ClientMerged]) -> None:
    """Point the given-up record, and all that were merged into it before, at the one that stays."""
    rows.write(MERGE, clinic=entry.clinic_id, merged=entry.event.client_id, into=entry.event.into_client_id)


@projects(PractitionerCredentialed)
async def keep_credential(rows: Rows, entry: Entry[PractitionerCredentialed]) -> None:
    credential = entry.event
    rows.put(
        Practitioner,
        clinic_id=entry.clinic_id,
        practitioner_id=credential.practitioner_id,
        role=credential.role,
        modalities=list(credential.modalities),
        max_depth_um=credential.max_depth_um,
        valid_until=credential.valid_until,
    )


@projects(ResourceAdded)
async def keep_resource(rows: Rows, entry: Entry[ResourceAdded]) -> None:
    added = entry.event
    rows.put(Resource, clinic_id=entry.clinic_id, resource_id=added.resource_id, kind=added.kind, turnover_minutes=added.turnover_minutes)


@projects(HandpieceCommissioned)
async def know_handpiece(rows: Rows, entry: Entry[HandpieceCommissioned]) -> None:
    """A handpiece is a device that can be booked; its turnover, if any of its own, stays as it was set."""
    handpiece = entry.event
    rows.put(
        Resource,
        clinic_id=entry.clinic_id,
        resource_id=handpiece.handpiece_id,
        kind="device",
        modality=handpiece.modality,
        max_depth_um=handpiece.max_depth_um,
    )
