"""What recovery can be asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import func, literal_column, select

from events.policy import policy_in_force
from events.transaction import View
from schemas.policy import Policy, Tier, local_date
from schemas.recovery import Call, CheckInLine, CheckInQuestions, CheckInReply, CheckInSheet, GivenAnswer, ReactionReport
from schemas.recovery import Incident as IncidentShown
from schemas.recovery import Reaction as ReactionShown
from schemas.recovery import SafetyHold as HoldShown
from schemas.vocabulary import MAX_INTEGER
from services.recovery.models import CheckIn, CheckInAnswer, Incident, Policies, Reaction, SafetyHold, Treatment
from services.recovery.rules import ADVICE, ALARMING, FEVER, LinkTarget, report_due_on, reported, respond_by, target_of, tier_of

MOST = 200
"""The longest page of a list."""

NEWEST = MAX_INTEGER

REPORTABLE = "adverse_event"
"""The kind of incident that an authority may want to hear of."""


def link_target(secret: bytes, token: str) -> LinkTarget | None:
    """The clinic and check-in of a link that we made; None for any other."""
    return target_of(secret, token)


def reply_to_client(tier: Tier) -> CheckInReply:
    """What the client is told, whatever else happened."""
    return CheckInReply(received=True, tier=tier, advice=ADVICE[tier])


async def check_in_questions(view: View, checkin_id: UUID) -> CheckInQuestions | None:
    """What the client is asked; None if they were not asked yet, or there is no such check-in."""
    query = select(CheckIn.link_until).where(CheckIn.clinic_id == view.clinic_id, CheckIn.checkin_id == checkin_id)
    until = (await view.rows.execute(query)).scalar_one_or_none()
    rule = await policy_in_force(view.rows, Policies, view.clinic_id, view.now)
    if until is None or rule is None:
        return None
    symptoms = tuple(code for code in rule.policy.recovery.symptoms if code != FEVER)
    return CheckInQuestions(symptoms=symptoms, asks_fever=True, open_until=until)


@dataclass(frozen=True, slots=True)
class Asked:
    """A check-in as the client's phone shows it: what is asked, the worst first, and the clinic's own number."""

    groups: tuple[tuple[Tier, tuple[str, ...]], ...]
    open_until: datetime
    answered: Tier | None
    phone: str


async def asked_on_phone(view: View, checkin_id: UUID) -> Asked | None:
    """The same questions as `check_in_questions`, by how fast a person must look. A fever is asked for whatever the policy says."""
    query = select(CheckIn.link_until, CheckIn.tier).where(CheckIn.clinic_id == view.clinic_id, CheckIn.checkin_id == checkin_id)
    found = (await view.rows.execute(query)).one_or_none()
    rule = await policy_in_force(view.rows, Policies, view.clinic_id, view.now)
    if found is None or found.link_until is None or rule is None:
        return None
    symptoms = rule.policy.recovery.symptoms
    fever = tier_of(rule.policy, [FEVER])
    by_tier: dict[Tier, list[str]] = {tier: [FEVER] if tier == fever else [] for tier in ADVICE}
    for code, known in symptoms.items():
        if code != FEVER:
            by_tier[known.tier].append(code)
    groups = tuple((tier, tuple(codes)) for tier, codes in by_tier.items() if codes)
    return Asked(groups, found.link_until, None if found.tier is None else _tier(found.tier), rule.policy.clinic.phone)


def sheet_of(ticked: Sequence[str]) -> CheckInSheet:
    """What was ticked, as it is answered: the fever is a question of its own there."""
    return CheckInSheet(symptoms=tuple(sorted(set(ticked) - {FEVER})), fever=FEVER in ticked)


def is_alarming(tier: Tier) -> bool:
    """Whether nobody waits for the rest of the answers."""
    return tier in ALARMING


async def check_ins_on(view: View, on: date) -> list[CheckInLine]:
    """The check-ins due on a local day, in order of time."""
    rule = await policy_in_force(view.rows, Policies, view.clinic_id, view.now)
    noon, around = datetime.combine(on, time(12), tzinfo=UTC), timedelta(days=2)
    near = CheckIn.due_at.between(noon - around, noon + around)
    query = select(CheckIn).where(CheckIn.clinic_id == view.clinic_id, near).order_by(CheckIn.due_at, CheckIn.checkin_id)
    return [
        CheckInLine.model_validate({name: getattr(row, name) for name in CheckInLine.model_fields})
        for row in (await view.rows.execute(query)).scalars()
        if rule is not None and local_date(rule.policy, row.due_at) == on
    ]


# Word for word as the indexes say it: a plan that holds for all values of a parameter uses none of them.
_SILENT = (CheckIn.state == literal_column("'missed'"), CheckIn.call.is_distinct_from(literal_column("'reached'")))


async def unanswered_check_ins(view: View) -> list[CheckInLine]:
    """Check-ins that were given up on: nobody answered in time, and nobody has spoken with the client since. The newest first."""
    query = select(CheckIn).where(CheckIn.clinic_id == view.clinic_id, *_SILENT)
    found = (await view.rows.execute(query.order_by(CheckIn.due_at.desc(), CheckIn.checkin_id).limit(MOST))).scalars()
    return [CheckInLine.model_validate({name: getattr(row, name) for name in CheckInLine.model_fields}) for row in found]


async def calls(view: View) -> list[Call]:
    """Who is to be called because the policy says so and they did not answer: those who have waited longest first.

    Of more than can be shown the newest: whom nobody called in years, or before calls were recorded, hides nobody who waits today.
    """
    query = select(CheckIn).where(CheckIn.clinic_id == view.clinic_id, CheckIn.staff_task, *_SILENT)
    newest = query.order_by(CheckIn.missed_at.desc(), CheckIn.checkin_id.desc()).limit(MOST)
    found = (await view.rows.execute(newest)).scalars().all()[::-1]
    names = Call.model_fields.keys() - {"outcome"}
    return [Call.model_validate({name: getattr(row, name) for name in names} | {"outcome": row.call}) for row in found]


async def treatments_of(view: View, client_id: UUID) -> list[tuple[UUID, datetime | None]]:
    """A client's treatments with needle contact, the newest first, each with when its first check-in is or was due."""
    first = func.min(CheckIn.due_at)
    query = (
        select(Treatment.treatment_id, first)
        .outerjoin(CheckIn, (CheckIn.clinic_id == Treatment.clinic_id) & (CheckIn.treatment_id == Treatment.treatment_id))
        .where(Treatment.clinic_id == view.clinic_id, Treatment.client_id == client_id)
        .group_by(Treatment.treatment_id)
        .order_by(first.desc().nulls_last(), Treatment.treatment_id)
    )
    return [(row[0], row[1]) for row in await view.rows.execute(query.limit(MOST))]


async def symptoms_known(view: View) -> tuple[tuple[str, ...], str]:
    """What can be reported, the worst first, and the clinic's time zone."""
    rule = await policy_in_force(view.rows, Policies, view.clinic_id, view.now)
    if rule is None:
        return (), "UTC"
    order, known = list(ADVICE), rule.policy.recovery.symptoms
    return tuple(sorted(known, key=lambda code: order.index(known[code].tier))), rule.policy.clinic.timezone


async def answers_to(view: View, checkin_id: UUID) -> list[GivenAnswer]:
    """Everything a client answered to one check-in, the newest first."""
    query = (
        select(CheckInAnswer)
        .where(CheckInAnswer.clinic_id == view.clinic_id, CheckInAnswer.checkin_id == checkin_id)
        .order_by(CheckInAnswer.answered_at.desc())
    )
    return [
        GivenAnswer(answered_at=row.answered_at, sheet=CheckInSheet.model_validate_json(row.content))
        for row in (await view.rows.execute(query)).scalars()
    ]


@dataclass(frozen=True, slots=True)
class Told:
    """What a client answered, or the staff reported of them."""

    at: datetime
    symptoms: tuple[str, ...]
    by_client: bool


async def told_of(view: View, client_id: UUID) -> list[Told]:
    """Everything that was said of a client's skin, the newest first."""
    query = (
        select(CheckInAnswer)
        .where(CheckInAnswer.clinic_id == view.clinic_id, CheckInAnswer.client_id == client_id)
        .order_by(CheckInAnswer.answered_at.desc(), CheckInAnswer.answer_id)
        .limit(MOST)
    )
    found = []
    for row in (await view.rows.execute(query)).scalars():
        by_client = row.checkin_id is not None
        said = CheckInSheet.model_validate_json(row.content) if by_client else None
        symptoms = reported(said) if said is not None else ReactionReport.model_validate_json(row.content).symptoms
        found.append(Told(row.answered_at, symptoms, by_client))
    return found


async def safety_holds(view: View, *, open_only: bool, client_id: UUID | None = None, before: int = NEWEST) -> list[HoldShown]:
    """Holds, the newest first, that stand in the ledger before this index."""
    query = select(SafetyHold).where(SafetyHold.clinic_id == view.clinic_id, SafetyHold.ledger_index < before)
    if open_only:
        query = query.where(SafetyHold.lifted_at.is_(None))
    if client_id is not None:
        query = query.where(SafetyHold.client_id == client_id)
    found = await view.rows.execute(query.order_by(SafetyHold.ledger_index.desc()).limit(MOST))
    return [HoldShown.model_validate({name: getattr(row, name) for name in HoldShown.model_fields}) for row in found.scalars()]


async def incidents(view: View, before: int = NEWEST) -> list[IncidentShown]:
    """Incidents, the newest first, that stand in the ledger before this index."""
    rule = await policy_in_force(view.rows, Policies, view.clinic_id, view.now)
    query = select(Incident).where(Incident.clinic_id == view.clinic_id, Incident.ledger_index < before)
    found = (await view.rows.execute(query.order_by(Incident.ledger_index.desc()).limit(MOST))).scalars()
    return [_incident(row, None if rule is None else rule.policy) for row in found]


def _incident(row: Incident, policy: Policy | None) -> IncidentShown:
    names = IncidentShown.model_fields.keys() - {"report_due_on", "reporting"}
    fields: dict[str, object] = {name: getattr(row, name) for name in names}
    if policy is not None and row.kind == REPORTABLE:
        fields["report_due_on"] = report_due_on(policy, row.become_aware_at)
        fields["reporting"] = "mandatory" if policy.recovery.device_user_facility else "voluntary"
    return IncidentShown.model_validate(fields)


async def reactions(view: View, before: int = NEWEST) -> list[ReactionShown]:
    """Reactions, the newest first, that stand in the ledger before this index."""
    rule = await policy_in_force(view.rows, Policies, view.clinic_id, view.now)
    if rule is None:
        return []
    query = select(Reaction).where(Reaction.clinic_id == view.clinic_id, Reaction.ledger_index < before)
    found = (await view.rows.execute(query.order_by(Reaction.ledger_index.desc()).limit(MOST))).scalars()
    names = ReactionShown.model_fields.keys() - {"respond_by"}
    return [
        ReactionShown.model_validate(
            {name: getattr(row, name) for name in names} | {"respond_by": respond_by(rule.policy, _tier(row.tier), row.reported_at)}
        )
        for row in found
    ]


def _tier(stored: str) -> Tier:
    return next(tier for tier in ADVICE if tier == stored)
