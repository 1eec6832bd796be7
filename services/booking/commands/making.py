"""Taking slots: asked for here, or promised elsewhere."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from events.catalog.booking import BookingAnnounced, BookingConfirmed, BookingConflicted, BookingRefused, BookingRequested
from events.transaction import Answer, Transaction
from schemas.booking import BookingRequest
from schemas.vocabulary import Finding, Opening, Visit
from services.booking.models import Booking
from services.booking.queries import Asked, load_policy, load_situation, next_slots, row_of, visit_of
from services.booking.rules import Situation, allows, ask, policy_must_be_in_force, speaking_against


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say about a visit, and under which policy. No situation: there is no policy to judge by."""

    visit: Visit
    findings: tuple[Finding, ...]
    policy: int | None = None
    asked: Asked | None = None
    case: Situation | None = None

    @property
    def allowed(self) -> bool:
        """Whether no rule is broken."""
        return allows(self.findings)

    @property
    def against(self) -> tuple[Finding, ...]:
        """What is worth telling."""
        return speaking_against(self.findings)

    def also(self, *findings: Finding) -> "Judgement":
        """The same with more findings."""
        return replace(self, findings=(*self.findings, *findings))

    async def openings(self) -> tuple[Opening, ...]:
        """The next slots that every rule allows; loaded only when somebody was refused."""
        if self.asked is None or self.case is None:
            return ()
        return await next_slots(self.asked, self.case, self.visit, self.findings)


async def judge(
    tx: Transaction, visit: Visit, *, is_new: bool = True, moves: bool = False, given_start: datetime | None = None
) -> Judgement:
    """Load what is known and ask every rule. Overrides were given for the old slot: what moves has none."""
    rule = await load_policy(tx.rows, tx.clinic_id, tx.now)
    if rule is None:
        return Judgement(visit, (policy_must_be_in_force(known=False),))
    asked = Asked(tx.rows, tx.clinic_id, tx.now, rule.policy)
    case = await load_situation(asked, visit, is_new=is_new, given_start=given_start)
    case = replace(case, overrides={}) if moves else case
    return Judgement(visit, ask(visit, case), rule.version, asked, case)


async def refuse(tx: Transaction, judged: Judgement) -> Answer[Any]:
    """Every reason, and the next free slots."""
    refused = BookingRefused(visit=judged.visit, findings=judged.against, next_slots=await judged.openings())
    return await tx.answer(refused, policy=judged.policy)


async def request_booking(tx: Transaction, request: BookingRequest) -> Answer[Any]:
    """Give the slot or say everything that stands in the way. The same booking asked twice is one booking."""
    visit = request.visit()
    standing = await row_of(tx.rows, tx.clinic_id, visit.booking_id)
    if standing is not None and standing.state == "confirmed" and visit_of(standing) == visit:
        return await tx.repeat(standing.event_id)
    judged = await judge(tx, visit, given_start=request.starts_at)
    await tx.record(BookingRequested(visit=visit), policy=judged.policy)
    if not judged.allowed:
        return await refuse(tx, judged)
    return await tx.answer(BookingConfirmed(visit=visit, findings=judged.against), policy=judged.policy)


async def announce_booking(tx: Transaction, request: BookingRequest) -> Answer[Any]:
    """Record what another system has promised. Against a rule it conflicts, reserves nothing and waits for a person.

    Only an id that names another booking already is refused: two appointments under one id could not be told apart.
    """
    visit = request.visit()
    standing = await row_of(tx.rows, tx.clinic_id, visit.booking_id)
    if standing is not None and _stands(standing) and visit_of(standing) == visit:
        return await tx.repeat(standing.event_id)
    judged = await judge(tx, visit, given_start=request.starts_at)
    if standing is not None:
        return await refuse(tx, judged)
    if not judged.allowed:
        return await tx.answer(BookingConflicted(visit=visit, findings=judged.against), policy=judged.policy)
    return await tx.answer(BookingAnnounced(visit=visit, findings=judged.against), policy=judged.policy)


def _stands(row: Booking) -> bool:
    return row.state in {"confirmed", "conflicted"}
