"""Which clients have said no to a consent and have not signed since."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, select

from events.transaction import View
from schemas.booking import BookingReply
from schemas.policy import GateCode, Policy
from services.booking.models import Client, ConsentAnswer
from services.booking.queries.situation import load_policy

AHEAD = frozenset({"confirmed", "conflicted"})
"""Bookings whose treatment has not begun, and still may."""

CONSENT: GateCode = "G07"


@dataclass(frozen=True, slots=True)
class SaidNo:
    """When, and to which text."""

    at: datetime
    language: str
    form_version: int


_asked = func.unnest(bindparam("clients", type_=ARRAY(Uuid()))).table_valued("client_id", name="asked").render_derived()
_known = select(
    _asked.c.client_id,
    func.coalesce(
        select(Client.into_client_id)
        .where(Client.clinic_id == bindparam("clinic"), Client.client_id == _asked.c.client_id)
        .scalar_subquery(),
        _asked.c.client_id,
    ).label("person"),
).cte("known")
_merged = select(_known.c.client_id, Client.client_id.label("record")).join(
    Client, (Client.clinic_id == bindparam("clinic")) & (Client.into_client_id == _known.c.person)
)
_records = select(_known.c.client_id, _known.c.person.label("record")).union_all(_merged).cte("records")
ANSWERED = select(_records.c.client_id, ConsentAnswer).join(
    ConsentAnswer, (ConsentAnswer.clinic_id == bindparam("clinic")) & (ConsentAnswer.client_id == _records.c.record)
)
"""What each of these clients answered, under any record of theirs."""


async def noes_ahead(view: View, bookings: Iterable[BookingReply]) -> dict[UUID, SaidNo]:
    """By booking, for those that are still to come and for which policy asks for a consent."""
    known = await load_policy(view.rows, view.clinic_id, view.now)
    if known is None:
        return {}
    ahead = {one.visit.booking_id: one.visit.client_id for one in bookings if one.state in AHEAD and _asks(known.policy, one)}
    noes: dict[UUID, SaidNo] = {}
    signed: dict[UUID, datetime] = {}
    for client_id, answer in (await view.rows.execute(ANSWERED, {"clinic": view.clinic_id, "clients": list(set(ahead.values()))})).all():
        if answer.signed_at is not None:
            signed[client_id] = max(answer.signed_at, signed.get(client_id, answer.signed_at))
        if answer.declined_at is not None and (client_id not in noes or noes[client_id].at < answer.declined_at):
            noes[client_id] = SaidNo(answer.declined_at, answer.language, answer.form_version)
    standing = {client_id: no for client_id, no in noes.items() if client_id not in signed or signed[client_id] <= no.at}
    return {booking_id: standing[client_id] for booking_id, client_id in ahead.items() if client_id in standing}


def _asks(policy: Policy, booking: BookingReply) -> bool:
    return policy.gate.rules[CONSENT].enabled and CONSENT in policy.gate.visit_types[booking.visit.visit_type]
