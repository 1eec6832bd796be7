from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import insert, select

from events.catalog.consent import ConsentRefused, ScreeningAnswered
from events.faults import reach
from events.policy import InForce, policy_in_force
from events.transaction import Answer, Transaction
from schemas.consent import Screening, ScreeningSheet
from schemas.policy import local_date, screening_digest
from schemas.vocabulary import Finding, Restriction, Role
from services.consent import rules
from services.consent.models import AnswerSheet, Policies, Reason, ScreeningTaken, StandingRestriction, records_of

Answered = ScreeningAnswered | ConsentRefused


async def _kept_sheets(tx: Transaction, in_force: InForce, records: Sequence[UUID]) -> list[rules.Sheet]:
    """The sheets of this person that still count: older ones have to be repeated anyway."""
    since = tx.now - timedelta(days=in_force.policy.screening.intake_repeat_days)
    query = select(AnswerSheet).where(
        AnswerSheet.clinic_id == tx.clinic_id, AnswerSheet.client_id.in_(records), AnswerSheet.answered_at > since
    )
    return [
        rules.Sheet(
            answered_at=row.answered_at,
            by_clinician=row.by_clinician,
            answers=ScreeningSheet.model_validate_json(row.content).answers,
        )
        for row in (await tx.rows.execute(query)).scalars()
    ]


def _findings(tx: Transaction, in_force: InForce, sheet: ScreeningSheet, kept: Sequence[rules.Sheet]) -> list[Finding]:
    policy = in_force.policy
    asked = rules.questions(policy, sheet.extent)
    tolerance = timedelta(seconds=policy.gate.clock_tolerance_seconds)
    return [
        *rules.questions_must_be_answered(asked, sheet.answers),
        rules.answers_must_be_to_these_questions(asked, sheet.answers),
        rules.questions_must_be_answered_once(sheet.answers),
        rules.days_must_not_lie_ahead(policy, sheet.answers, local_date(policy, tx.now)),
        rules.time_must_not_be_in_the_future(sheet.answered_at, tx.now, tolerance, "answered_at"),
        *([] if sheet.extent == "full" else [rules.intake_must_have_been_answered(policy, kept)]),
    ]


async def _restrictions(
    tx: Transaction, request: Screening, verdicts: Sequence[rules.Verdicted], records: Sequence[UUID]
) -> tuple[Restriction, ...]:
    """Opaque ids for what was judged. What stands unchanged keeps its id, and with it its clearance.

    Ids are random and the list is sorted by them: neither says which question a restriction came from.
    """
    standing = (
        select(Reason.restriction_id, Reason.verdict)
        .join(
            StandingRestriction,
            (StandingRestriction.clinic_id == Reason.clinic_id) & (StandingRestriction.restriction_id == Reason.restriction_id),
        )
        .where(Reason.clinic_id == tx.clinic_id, Reason.client_id.in_(records))
    )
    known = [(row.restriction_id, rules.Verdicted.model_validate(row.verdict)) for row in await tx.rows.execute(standing)]
    restrictions = []
    for verdict in verdicts:
        restriction_id = next((found for found, earlier in known if earlier == verdict), None)
        if restriction_id is None:
            restriction_id = uuid4()
            reason = {
                "client_id": request.sheet.client_id,
                "screening_id": request.screening_id,
                "verdict": verdict.model_dump(mode="json"),
            }
            await tx.rows.execute(insert(Reason).values(clinic_id=tx.clinic_id, restriction_id=restriction_id, **reason))
        shown = verdict.model_dump(include={"restriction_class", "areas", "until", "numbing_only"})
        restrictions.append(Restriction(restriction_id=restriction_id, **shown))
    return tuple(sorted(restrictions, key=lambda restriction: restriction.restriction_id))


async def answer_screening(tx: Transaction, request: Screening) -> Answer[Answered]:
    """Health answers become opaque restrictions: all that restricts the client now, judged under the policy in force."""
    sheet, content = request.sheet, request.sheet.model_dump_json().encode()
    earlier = await _answered_before(tx, request, content)
    if isinstance(earlier, Answer):
        return earlier
    in_force = await policy_in_force(tx.rows, Policies, tx.clinic_id, tx.now)
    refused = ConsentRefused(command="answer_screening", subject_id=request.screening_id, client_id=sheet.client_id, findings=())
    if in_force is None:
        return await tx.answer(refused.model_copy(update={"findings": (rules.policy_must_be_in_force(False),)}))
    records = await records_of(tx.rows, tx.clinic_id, sheet.client_id)
    by_clinician = tx.actor.role is Role.CLINICIAN
    kept = await _kept_sheets(tx, in_force, records)
    kept.append(rules.Sheet(answered_at=sheet.answered_at, by_clinician=by_clinician, answers=sheet.answers))
    findings = rules.unmet([*earlier, *_findings(tx, in_force, sheet, kept)])
    if findings:
        return await tx.answer(refused.model_copy(update={"findings": findings}), policy=in_force.version)
    policy = in_force.policy
    verdicts = rules.judged(policy, rules.standing_answers(policy, kept), local_date(policy, tx.now))
    salt, commitment = tx.commitment(content)
    facts = {"client_id": sheet.client_id, "answered_at": sheet.answered_at, "by_clinician": by_clinician}
    private = insert(AnswerSheet).values(clinic_id=tx.clinic_id, screening_id=request.screening_id, salt=salt, content=content, **facts)
    await tx.rows.execute(private)
    reach("consent.screened")
    answered = ScreeningAnswered(
        screening_id=request.screening_id,
        client_id=sheet.client_id,
        extent=sheet.extent,
        answered_at=sheet.answered_at,
        policy_digest=screening_digest(policy),
        restrictions=await _restrictions(tx, request, verdicts, records),
        commitment=commitment,
    )
    return await tx.answer(answered, policy=in_force.version)


async def _answered_before(tx: Transaction, request: Screening, content: bytes) -> Answer[Answered] | list[Finding]:
    """The answer to the same sheet from another door, or what speaks against a second sheet under its id."""
    taken = select(ScreeningTaken.event_id).where(
        ScreeningTaken.clinic_id == tx.clinic_id, ScreeningTaken.screening_id == request.screening_id
    )
    event_id = (await tx.rows.execute(taken)).scalar_one_or_none()
    if event_id is None:
        return []
    kept = select(AnswerSheet.content).where(AnswerSheet.clinic_id == tx.clinic_id, AnswerSheet.screening_id == request.screening_id)
    if (await tx.rows.execute(kept)).scalar_one_or_none() == content:
        return await tx.repeat(event_id)
    return [rules.id_must_be_new("screening_id")]
