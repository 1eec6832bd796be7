"""Who is expected at the chair, who has come, and whose treatment has begun, as the gate knows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select

from events.policy import InForce, policy_in_force
from events.transaction import View
from schemas.vocabulary import Visit as VisitShape
from services.treatment.models import Arrival, Cleansing, Numbing, Policies, Practitioner, Treatment, Visit
from services.treatment.queries.certificates import State, state_of

MOST_LISTED = 300
"""Sittings of a day: more than any clinic has."""

MOST_CLIENTS = 2_000
"""To choose from in a list; whoever has more of them books first."""

LATELY, MONTHS = timedelta(days=14), timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Sitting:
    """A booking at the chair, and what has come of it."""

    visit: VisitShape
    booking_state: Literal["confirmed", "announced", "conflicted", "canceled"]
    came_at: datetime | None
    treatment_id: UUID | None
    treatment_state: State | None
    practitioner_id: UUID
    """Who treats, or who is to."""
    started_at: datetime | None
    stop_advised: bool
    end_missing: bool


async def policy_of(view: View) -> InForce | None:
    """The policy that holds now."""
    return await policy_in_force(view.rows, Policies, view.clinic_id, at=view.now)


async def sittings(view: View, from_at: datetime, until: datetime, practitioner_id: UUID | None = None) -> tuple[Sitting, ...]:
    """What begins between the two moments, of one practitioner or of all; and every treatment that nobody has ended."""
    treated = select(Treatment.booking_id).where(Treatment.clinic_id == view.clinic_id)
    running = treated.where(Treatment.ended_at.is_(None))
    where: ColumnElement[bool] = or_(
        and_(Visit.starts_at >= from_at, Visit.starts_at < until, or_(Visit.state != "canceled", Visit.booking_id.in_(treated))),
        Visit.booking_id.in_(running),
    )
    found = await _sittings(view, where)
    return tuple(one for one in found if practitioner_id in {None, one.practitioner_id, one.visit.practitioner_id})


async def untreated(view: View, from_at: datetime, until: datetime) -> tuple[Sitting, ...]:
    """What should have begun between the two moments and did not, as far as the record knows: the newest first."""
    treated = select(Treatment.booking_id).where(Treatment.clinic_id == view.clinic_id, Treatment.booking_id.is_not(None))
    where = and_(Visit.starts_at >= from_at, Visit.starts_at < until, Visit.state != "canceled", Visit.booking_id.not_in(treated))
    return tuple(await _sittings(view, where, newest_first=True))


async def sitting_of(view: View, booking_id: UUID) -> Sitting | None:
    """One of them, whenever it is; None where nobody knows the booking."""
    return next(iter(await _sittings(view, Visit.booking_id == booking_id)), None)


async def _sittings(view: View, where: ColumnElement[bool], *, newest_first: bool = False) -> list[Sitting]:
    order = (Visit.starts_at.desc(), Visit.booking_id) if newest_first else (Visit.starts_at, Visit.booking_id)
    query = select(Visit).where(Visit.clinic_id == view.clinic_id, where).order_by(*order).limit(MOST_LISTED)
    visits = (await view.rows.execute(query)).scalars().all()
    ids = [visit.booking_id for visit in visits]

    async def of(model: Any, column: Any) -> Sequence[Any]:
        known = select(model).where(model.clinic_id == view.clinic_id, model.booking_id.in_(ids)).order_by(column)
        return (await view.rows.execute(known)).scalars().all()

    came = {arrival.booking_id: arrival.came_at for arrival in reversed(await of(Arrival, Arrival.came_at))}
    treatments = {treatment.booking_id: treatment for treatment in await of(Treatment, Treatment.started_at)}
    return [_sitting(visit, came.get(visit.booking_id), treatments.get(visit.booking_id)) for visit in visits]


def _sitting(visit: Any, came_at: datetime | None, treatment: Treatment | None) -> Sitting:
    return Sitting(
        visit=VisitShape.model_validate({name: getattr(visit, name) for name in VisitShape.model_fields}),
        booking_state=visit.state,
        came_at=came_at,
        treatment_id=treatment.treatment_id if treatment else None,
        treatment_state=state_of(treatment) if treatment else None,
        practitioner_id=treatment.practitioner_id if treatment else visit.practitioner_id,
        started_at=treatment.started_at if treatment else None,
        stop_advised=bool(treatment and treatment.stop_causes and treatment.ended_at is None),
        end_missing=bool(treatment and treatment.end_missing and treatment.ended_at is None),
    )


async def usual_product(view: View, what: Literal["cleansing", "numbing"]) -> str | None:
    """What was last used here for it."""
    model: Any = Cleansing if what == "cleansing" else Numbing
    at = Cleansing.occurred_at if what == "cleansing" else Numbing.applied_at
    lately = select(Visit.booking_id).where(Visit.clinic_id == view.clinic_id, Visit.starts_at > view.now - LATELY)
    query = select(model.product).where(model.clinic_id == view.clinic_id, model.booking_id.in_(lately)).order_by(at.desc()).limit(1)
    found: str | None = (await view.rows.execute(query)).scalar_one_or_none()
    return found


async def practitioners_known(view: View) -> tuple[UUID, ...]:
    """Everybody who has, or had, a credential to treat."""
    query = select(Practitioner.practitioner_id).where(Practitioner.clinic_id == view.clinic_id)
    return tuple(sorted((await view.rows.execute(query)).scalars()))


async def clients_lately(view: View) -> tuple[UUID, ...]:
    """Whoever was booked here in the last months, or is to be."""
    query = select(Visit.client_id).where(Visit.clinic_id == view.clinic_id, Visit.starts_at > view.now - MONTHS).distinct()
    return tuple((await view.rows.execute(query.limit(MOST_CLIENTS))).scalars())
