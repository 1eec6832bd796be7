"""What a client said last to the text of a consent, where that was a no."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from events.transaction import View
from services.treatment.models import Client, Consent, Decline


@dataclass(frozen=True, slots=True)
class SaidNo:
    """When, and to which text."""

    at: datetime
    language: str
    form_version: int


async def no_of(view: View, client_id: UUID) -> SaidNo | None:
    """The newest no of a person, under any of their records, unless they have signed since."""
    person = select(Client.person_id).where(Client.clinic_id == view.clinic_id, Client.client_id == client_id).scalar_subquery()
    records = select(Client.client_id).where(Client.clinic_id == view.clinic_id, Client.person_id == person)
    persons = {client_id, *(await view.rows.execute(records)).scalars()}
    noes = select(Decline).where(Decline.clinic_id == view.clinic_id, Decline.client_id.in_(persons))
    newest = (await view.rows.execute(noes.order_by(Decline.declined_at.desc(), Decline.client_id).limit(1))).scalar_one_or_none()
    if newest is None:
        return None
    signed = select(func.max(Consent.signed_at)).where(Consent.clinic_id == view.clinic_id, Consent.client_id.in_(persons))
    last = (await view.rows.execute(signed)).scalar_one_or_none()
    return None if last is not None and last > newest.declined_at else SaidNo(newest.declined_at, newest.language, newest.form_version)
