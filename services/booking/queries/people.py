"""Clients with their personal data, and everything that can be booked."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from events.transaction import View
from schemas.booking import ClientList, ClientReply, PractitionerReply, ResourceReply, Resources, StatedIdentity
from schemas.policy import turnover_of
from services.booking.models import Client, ClientDetails, Practitioner, Resource
from services.booking.queries.facts import DETAILS
from services.booking.queries.situation import load_policy
from services.booking.rules import identity_matches

FOUND_CLIENTS = 50


async def details_of(rows: AsyncSession, clinic_id: UUID, client_id: UUID) -> ClientDetails | None:
    """The private row of the record that stays, or else of one merged into it. None: unknown or erased."""
    found: ClientDetails | None = await DETAILS.first(rows, clinic=clinic_id, client=client_id)
    return found


async def contact_of(rows: AsyncSession, clinic_id: UUID, client_id: UUID) -> str | None:
    """Where to reach a client: email, or else phone. For the sender of messages. None: unknown, erased, or neither is known."""
    row = await details_of(rows, clinic_id, client_id)
    return None if row is None else row.email or row.phone


def _reply(client: Client, details: ClientDetails | None, duplicates: tuple[UUID, ...] = ()) -> ClientReply:
    return ClientReply(
        client_id=client.client_id,
        into_client_id=client.into_client_id,
        given_name=details.given_name if details else None,
        family_name=details.family_name if details else None,
        date_of_birth=details.date_of_birth if details else None,
        email=details.email if details else None,
        phone=details.phone if details else None,
        language=details.language if details else None,
        contactable=client.contactable,
        possible_duplicates=duplicates,
    )


async def _born_on(view: View, day: date, at_most: int) -> Sequence[tuple[Client, ClientDetails]]:
    query = (
        select(Client, ClientDetails)
        .join(ClientDetails, (ClientDetails.clinic_id == Client.clinic_id) & (ClientDetails.client_id == Client.client_id))
        .where(ClientDetails.clinic_id == view.clinic_id, ClientDetails.date_of_birth == day)
        .order_by(ClientDetails.family_name, ClientDetails.given_name, ClientDetails.client_id)
        .limit(at_most)
    )
    return [(client, details) for client, details in await view.rows.execute(query)]


async def client_of(view: View, client_id: UUID) -> ClientReply | None:
    """One client with personal data and possible duplicates; None if not known."""
    client = await view.rows.get(Client, (view.clinic_id, client_id))
    if client is None:
        return None
    details = await view.rows.get(ClientDetails, (view.clinic_id, client_id))
    if details is None:
        return _reply(client, None)
    said = StatedIdentity(given_name=details.given_name, family_name=details.family_name, date_of_birth=details.date_of_birth)
    return _reply(
        client,
        details,
        tuple(
            other.client_id
            for other, row in await _born_on(view, details.date_of_birth, FOUND_CLIENTS)
            if other.client_id != client_id
            and other.into_client_id is None
            and client.into_client_id is None
            and identity_matches(said, row.given_name, row.family_name, row.date_of_birth)
        ),
    )


async def clients_born_on(view: View, day: date) -> ClientList:
    """Clients by date of birth: how a desk finds somebody without typing a name into an address."""
    return ClientList(clients=tuple(_reply(client, details) for client, details in await _born_on(view, day, FOUND_CLIENTS)))


async def clients_named(view: View, client_ids: Collection[UUID]) -> dict[UUID, str]:
    """What clients are called, for a list of theirs. Who was erased is not in it."""
    query = select(ClientDetails.client_id, ClientDetails.given_name, ClientDetails.family_name).where(
        ClientDetails.clinic_id == view.clinic_id, ClientDetails.client_id.in_(client_ids)
    )
    return {row.client_id: f"{row.given_name} {row.family_name}" for row in await view.rows.execute(query)}


async def phones_of(view: View, client_ids: Collection[UUID]) -> dict[UUID, str]:
    """Under which number clients are called, for a list of theirs. Who was erased or gave none is not in it."""
    query = select(ClientDetails.client_id, ClientDetails.phone).where(
        ClientDetails.clinic_id == view.clinic_id, ClientDetails.client_id.in_(client_ids), ClientDetails.phone.is_not(None)
    )
    return {row.client_id: row.phone for row in await view.rows.execute(query)}


async def bookable(view: View) -> Resources:
    """All rooms, devices and practitioners."""
    known = await load_policy(view.rows, view.clinic_id, view.now)
    things = (
        await view.rows.execute(
            select(Resource)
            .where(Resource.clinic_id == view.clinic_id, Resource.kind.in_(("room", "device")))
            .order_by(Resource.resource_id)
        )
    ).scalars()
    people = select(Practitioner).where(Practitioner.clinic_id == view.clinic_id).order_by(Practitioner.practitioner_id)
    replies: dict[str, list[ResourceReply]] = {"room": [], "device": []}
    for row in things:
        policy_minutes = 0 if known is None else int(turnover_of(known.policy, row.kind).total_seconds() // 60)
        reply = ResourceReply.model_validate(
            {
                "resource_id": row.resource_id,
                "kind": row.kind,
                "turnover_minutes": policy_minutes if row.turnover_minutes is None else row.turnover_minutes,
                "modality": row.modality,
                "max_depth_um": row.max_depth_um,
            }
        )
        replies[row.kind].append(reply)
    return Resources(
        rooms=tuple(replies["room"]),
        devices=tuple(replies["device"]),
        practitioners=tuple(
            PractitionerReply.model_validate({name: getattr(row, name) for name in PractitionerReply.model_fields})
            for row in (await view.rows.execute(people)).scalars()
        ),
    )
