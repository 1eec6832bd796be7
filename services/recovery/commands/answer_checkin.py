from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import exists, insert, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from events.catalog.recovery import CheckinAnswered, ReactionReported, RecoveryRefused
from events.faults import reach
from events.policy import InForce, policy_in_force
from events.transaction import Answer, Transaction
from schemas.recovery import CheckInAnswer as Request
from schemas.recovery import CheckInSheet
from services.recovery import rules
from services.recovery.commands.escalate import escalate, signal_lots
from services.recovery.models import CheckIn, CheckInAnswer, Policies, Reaction, SafetyHold


async def _said_last(tx: Transaction, checkin: CheckIn, content: bytes) -> bool:
    """Whether the newest answer said exactly this."""
    newest = (
        select(CheckInAnswer.content)
        .where(CheckInAnswer.clinic_id == tx.clinic_id, CheckInAnswer.checkin_id == checkin.checkin_id)
        .order_by(CheckInAnswer.answered_at.desc())
        .limit(1)
    )
    return (await tx.rows.execute(newest)).scalar_one_or_none() == content


async def _told_before(tx: Transaction, in_force: InForce, checkin: CheckIn, symptoms: Sequence[str]) -> UUID | None:
    """The reaction that stands for these symptoms already: an earlier answer to this check-in told of all that somebody must look at.

    Raised once: a second alarm for the same symptoms would be one more hold to lift and one more incident to look into. A reaction
    stands until its hold is lifted; one that holds nothing nobody lifts: it stands until the client says that nothing is left of it.
    It stands for what its own answer told, not for what was added to it later: that may be another reaction's, which is over by then.
    """
    hold = (SafetyHold.clinic_id == Reaction.clinic_id, SafetyHold.cause == Reaction.reaction_id)
    lifted, held = exists().where(*hold, SafetyHold.lifted_at.is_not(None)), exists().where(*hold)
    later = aliased(CheckInAnswer)
    healed = exists().where(
        later.clinic_id == CheckInAnswer.clinic_id,
        later.checkin_id == CheckInAnswer.checkin_id,
        later.answered_at > CheckInAnswer.answered_at,
        later.reaction_event_id.is_(None),
    )
    raised = (
        select(CheckInAnswer.content, CheckInAnswer.reaction_event_id, ~lifted & (held | ~healed))
        .join(Reaction, (Reaction.clinic_id == CheckInAnswer.clinic_id) & (Reaction.event_id == CheckInAnswer.reaction_event_id))
        .where(CheckInAnswer.clinic_id == tx.clinic_id, CheckInAnswer.checkin_id == checkin.checkin_id)
        .ext(distinct_on(Reaction.ledger_index))
        .order_by(Reaction.ledger_index, CheckInAnswer.answered_at)
    )
    standing = [(content, event_id) for content, event_id, stands in (await tx.rows.execute(raised)).all() if stands]
    told = {symptom for content, _ in standing for symptom in rules.reported(CheckInSheet.model_validate_json(bytes(content)))}
    newest: UUID | None = standing[-1][1] if standing else None
    return newest if told.issuperset(rules.to_be_looked_at(in_force.policy, symptoms)) else None


async def answer_checkin(tx: Transaction, request: Request) -> Answer[CheckinAnswered | RecoveryRefused]:
    """The client answers through their link. Whatever they feel is taken, also after a first answer; urgent things act at once."""
    in_force = await policy_in_force(tx.rows, Policies, tx.clinic_id, tx.now)
    query = select(CheckIn).where(CheckIn.clinic_id == tx.clinic_id, CheckIn.checkin_id == request.checkin_id)
    checkin = (await tx.rows.execute(query)).scalar_one_or_none()
    findings = rules.unmet(
        [
            rules.policy_must_be_in_force(in_force is not None),
            rules.link_must_be_in_time(None if checkin is None else checkin.link_until, tx.now),
        ]
    )
    if in_force is None or checkin is None or findings:
        return await tx.answer(RecoveryRefused(command="answer_checkin", subject_id=request.checkin_id, findings=findings))
    content = request.sheet.model_dump_json().encode()
    policy, symptoms = in_force.policy, rules.reported(request.sheet)
    tier = rules.tier_of(policy, symptoms)
    reaction_event_id = None if tier == "none" else await _told_before(tx, in_force, checkin, symptoms)
    nothing_new = tier == "none" or reaction_event_id is not None
    if nothing_new and checkin.answered_event_id is not None and await _said_last(tx, checkin, content):
        return await tx.repeat(checkin.answered_event_id)
    salt, commitment = tx.commitment(content)
    about = {"checkin_id": checkin.checkin_id, "treatment_id": checkin.treatment_id, "client_id": checkin.client_id}
    answered = CheckinAnswered(tier=tier, answered_at=tx.now, commitment=commitment, **about)
    answer = await tx.answer(answered, policy=in_force.version)
    reach("recovery.answered")
    if not nothing_new:
        reaction = ReactionReported(
            reaction_id=tx.new_id("reaction"), treatment_id=checkin.treatment_id, client_id=checkin.client_id, tier=tier
        )
        reaction_event_id = (await tx.record(reaction, policy=in_force.version)).event_id
        await escalate(tx, in_force, reaction.reaction_id, checkin.client_id, tier)
    private = {"answered_at": answered.answered_at, "infection": rules.speaks_of_infection(policy, symptoms)}
    kept = insert(CheckInAnswer).values(clinic_id=tx.clinic_id, answer_id=tx.event_id, reaction_event_id=reaction_event_id, **about)
    await tx.rows.execute(kept.values(salt=salt, content=content, **private))
    await signal_lots(tx, in_force)
    return answer
