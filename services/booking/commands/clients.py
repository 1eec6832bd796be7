"""Who the clients are."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from events.catalog.booking import ClientMerged, ClientRegistered, RequestRefused
from events.transaction import Answer, Transaction
from schemas.booking import ClientMerge, ClientRegistration
from services.booking.models import ClientDetails
from services.booking.queries import client_group
from services.booking.queries.facts import REGISTERED
from services.booking.rules import allows, client_id_must_be_unused, clients_must_be_two, person_must_be_known, speaking_against


async def register_client(tx: Transaction, request: ClientRegistration) -> Answer[Any]:
    """Make a client known. The same id with the same content is the same client; with other content it is refused."""
    content = request.model_dump_json().encode()
    known = await REGISTERED.first(tx.rows, clinic=tx.clinic_id, client=request.client_id)
    if known is not None:
        if known.content == content:
            return await tx.repeat(known.event_id)
        finding = client_id_must_be_unused(request.client_id, used_otherwise=True)
        return await tx.answer(RequestRefused(command="register_client", subject_id=request.client_id, findings=(finding,)))
    salt, digest = tx.commitment(content)
    details = request.model_dump()
    await tx.rows.execute(insert(ClientDetails).values(clinic_id=tx.clinic_id, salt=salt, content=content, **details))
    contactable = request.email is not None or request.phone is not None
    return await tx.answer(ClientRegistered(client_id=request.client_id, commitment=digest, contactable=contactable))


async def merge_clients(tx: Transaction, request: ClientMerge) -> Answer[Any]:
    """Let everything of one record count for the other. Records that were merged before go along."""
    merged = await client_group(tx.rows, tx.clinic_id, request.client_id)
    stays = await client_group(tx.rows, tx.clinic_id, request.into_client_id)
    client_id = merged[0] if merged else request.client_id
    into_client_id = stays[0] if stays else request.into_client_id
    findings = (
        person_must_be_known(request.client_id, "client_id", known=merged is not None),
        person_must_be_known(request.into_client_id, "into_client_id", known=stays is not None),
        clients_must_be_two(client_id, into_client_id),
    )
    if not allows(findings):
        against = speaking_against(findings)
        return await tx.answer(RequestRefused(command="merge_client", subject_id=request.client_id, findings=against))
    return await tx.answer(ClientMerged(client_id=client_id, into_client_id=into_client_id))


async def forget_client(tx: Transaction, client_id: UUID) -> None:
    """Delete value and salt of an erased client, and of every record that was merged with it. The ledger still verifies."""
    group = await client_group(tx.rows, tx.clinic_id, client_id)
    ids = group[1] if group else (client_id,)
    await tx.rows.execute(delete(ClientDetails).where(ClientDetails.clinic_id == tx.clinic_id, ClientDetails.client_id.in_(ids)))
