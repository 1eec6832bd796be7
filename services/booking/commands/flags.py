"""What happened since: coming bookings that somebody must look at. Nothing is canceled by itself."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select

from events.catalog.booking import BookingFlagged
from events.transaction import Transaction
from schemas.policy import PastTreatment, local_date
from schemas.vocabulary import Verdict, Visit
from services.booking.models import Booking, Flag, Occupancy
from services.booking.queries import Asked, client_group, load_policy, load_situation, row_of, visit_of
from services.booking.queries.situation import treatments_of
from services.booking.rules import (
    allows,
    as_if_done,
    credential_must_hold_on_the_day,
    earliest_after,
    practitioner_may_needle_that_deep,
    practitioner_must_be_known,
    rule_applies,
    spaced,
)


async def _asked(tx: Transaction) -> tuple[Asked, int] | None:
    rule = await load_policy(tx.rows, tx.clinic_id, tx.now)
    return None if rule is None else (Asked(tx.rows, tx.clinic_id, tx.now, rule.policy), rule.version)


async def _flag(
    tx: Transaction, visits: Iterable[Visit], reason: str, cause: UUID, policy: int, on: Mapping[UUID, date] | None = None
) -> None:
    """Flag each booking once for one reason, cause and date."""
    visits = list(visits)
    known = select(Flag.booking_id, Flag.earliest_on).where(
        Flag.clinic_id == tx.clinic_id,
        Flag.booking_id.in_([visit.booking_id for visit in visits]),
        Flag.reason == reason,
        Flag.cause == cause,
    )
    flagged = {(row.booking_id, row.earliest_on) for row in await tx.rows.execute(known)}
    for visit in visits:
        earliest_on = (on or {}).get(visit.booking_id)
        if (visit.booking_id, earliest_on) in flagged:
            continue
        said = BookingFlagged(booking_id=visit.booking_id, client_id=visit.client_id, reason=reason, cause=cause, earliest_on=earliest_on)
        await tx.record(said, policy=policy)


async def _treatments(asked: Asked, client_ids: Collection[UUID]) -> tuple[tuple[PastTreatment, ...], tuple[Visit, ...]]:
    """What was done to the clients under all their merged ids, and what they have booked."""
    groups = [await client_group(asked.rows, asked.clinic_id, client_id) for client_id in client_ids]
    return await treatments_of(asked, {one for group in groups if group for one in group[1]} | set(client_ids))


async def flag_spacing(tx: Transaction, client_id: UUID, cause: UUID, *, among_bookings: bool = False) -> None:
    """Bookings that come too early by the depths really reached.

    `among_bookings`: also after each other. That is asked after a merge; else each was judged when it was made.
    """
    found = await _asked(tx)
    if found is None:
        return
    asked, version = found
    done, coming = await _treatments(asked, [client_id])
    coming = tuple(visit for visit in coming if spaced(asked.policy, visit))
    past = list(done)
    too_early: dict[UUID, date] = {}
    for visit in coming:
        spacing = earliest_after(asked.policy, past, visit)
        verdict = spacing.verdict_on(local_date(asked.policy, visit.starts_at))
        if verdict is Verdict.UNMET and spacing.earliest_on is not None:
            too_early[visit.booking_id] = spacing.earliest_on
        if among_bookings:
            past.append(as_if_done(asked.policy, visit))
    await _flag(tx, (visit for visit in coming if visit.booking_id in too_early), "spacing", cause, version, too_early)


async def flag_two_places(tx: Transaction, client_id: UUID, cause: UUID) -> None:
    """After a merge: bookings of one person that run at the same time."""
    found = await _asked(tx)
    if found is None:
        return
    asked, version = found
    _, coming = await _treatments(asked, [client_id])
    twice = [
        visit
        for visit in coming
        if any(
            other.booking_id != visit.booking_id and other.starts_at < visit.ends_at and visit.starts_at < other.ends_at for other in coming
        )
    ]
    await _flag(tx, twice, "two_places", cause, version)


async def flag_held(tx: Transaction, client_id: UUID, hold_id: UUID) -> None:
    """A safety hold stands against everything the client has booked that it forbids."""
    found = await _asked(tx)
    if found is None:
        return
    asked, version = found
    _, coming = await _treatments(asked, [client_id])
    forbidden = (visit for visit in coming if rule_applies(asked.policy, "G10", visit))
    await _flag(tx, forbidden, "safety_hold", hold_id, version)


async def flag_exposed(tx: Transaction, recall_id: UUID, client_ids: Collection[UUID], held_id: UUID | None = None) -> None:
    """A recall: what exposed clients have booked, and what is booked on a device that is held."""
    found = await _asked(tx)
    if found is None:
        return
    asked, version = found
    if client_ids:
        _, coming = await _treatments(asked, client_ids)
        await _flag(tx, coming, "exposed", recall_id, version)
    if held_id is not None:
        query = select(Booking).where(
            Booking.clinic_id == tx.clinic_id,
            Booking.device_id == held_id,
            Booking.ends_at > tx.now,
            Booking.state == "confirmed",
        )
        rows = (await tx.rows.execute(query.order_by(Booking.starts_at))).scalars()
        await _flag(tx, [visit_of(row) for row in rows], "device_held", recall_id, version)


async def flag_late(tx: Transaction, booking_id: UUID, cause: UUID) -> None:
    """A treatment ended late: what follows in its room, with its device or practitioner, and begins too soon now."""
    found = await _asked(tx)
    row = await row_of(tx.rows, tx.clinic_id, booking_id)
    if found is None or row is None:
        return
    asked, version = found
    taken = select(Occupancy).where(Occupancy.clinic_id == tx.clinic_id, Occupancy.booking_id == booking_id, Occupancy.part != "client")
    case = await load_situation(asked, visit_of(row), is_new=False)
    late: dict[UUID, Visit] = {}
    for used in (await tx.rows.execute(taken.execution_options(populate_existing=True))).scalars():
        if used.ends_at <= row.ends_at:
            continue
        free_from = used.ends_at + case.turnover(used.subject_id)
        following = (
            select(Booking)
            .join(Occupancy, (Occupancy.clinic_id == Booking.clinic_id) & (Occupancy.booking_id == Booking.booking_id))
            .where(
                Occupancy.clinic_id == tx.clinic_id,
                Occupancy.subject_id == used.subject_id,
                Occupancy.ends_at > row.ends_at,
                Occupancy.starts_at >= row.ends_at,
                Occupancy.starts_at < free_from,
                Booking.booking_id != booking_id,
                Booking.state == "confirmed",
            )
        )
        late |= {next_row.booking_id: visit_of(next_row) for next_row in (await tx.rows.execute(following)).scalars()}
    await _flag(tx, sorted(late.values(), key=lambda visit: (visit.starts_at, visit.booking_id)), "resource_late", cause, version)


async def flag_credential(tx: Transaction, practitioner_id: UUID, cause: UUID) -> None:
    """A credential changed: bookings that the practitioner may no longer serve."""
    found = await _asked(tx)
    if found is None:
        return
    asked, version = found
    most = timedelta(days=asked.policy.booking.horizon_days + 1)
    query = select(Booking).where(
        Booking.clinic_id == tx.clinic_id,
        Booking.practitioner_id == practitioner_id,
        Booking.starts_at > tx.now,
        Booking.starts_at < tx.now + most,
        Booking.state == "confirmed",
    )
    visits = [visit_of(row) for row in (await tx.rows.execute(query.order_by(Booking.starts_at))).scalars()]
    if not visits:
        return
    case = await load_situation(asked, visits[0], is_new=False)
    rules = (practitioner_must_be_known, credential_must_hold_on_the_day, practitioner_may_needle_that_deep)
    lost = [visit for visit in visits if not allows(rule(visit, case) for rule in rules)]
    await _flag(tx, lost, "credential", cause, version)
