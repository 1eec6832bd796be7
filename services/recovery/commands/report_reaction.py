from sqlalchemy import insert, select

from events.catalog.recovery import ReactionReported, RecoveryRefused
from events.policy import policy_in_force
from events.transaction import Answer, Transaction
from schemas.recovery import ReactionReporting
from services.recovery import rules
from services.recovery.commands.escalate import escalate, signal_lots
from services.recovery.models import CheckInAnswer, Policies, Reaction, Treatment


async def report_reaction(tx: Transaction, request: ReactionReporting) -> Answer[ReactionReported | RecoveryRefused]:
    """Somebody of the staff saw or heard it. Triage, hold and incident are those of a client's own answer."""
    in_force = await policy_in_force(tx.rows, Policies, tx.clinic_id, tx.now)
    of_treatment = (Treatment.clinic_id == tx.clinic_id, Treatment.treatment_id == request.report.treatment_id)
    treatment = (await tx.rows.execute(select(Treatment).where(*of_treatment))).scalar_one_or_none()
    content = request.report.model_dump_json().encode()
    earlier = select(Reaction.event_id).where(Reaction.clinic_id == tx.clinic_id, Reaction.reaction_id == request.reaction_id)
    known = (await tx.rows.execute(earlier)).scalar_one_or_none()
    findings = [
        rules.policy_must_be_in_force(in_force is not None),
        rules.treatment_must_be_known(treatment is not None),
    ]
    if known is not None:
        kept = select(CheckInAnswer.content).where(CheckInAnswer.clinic_id == tx.clinic_id, CheckInAnswer.answer_id == request.reaction_id)
        if (await tx.rows.execute(kept)).scalar_one_or_none() == content:
            return await tx.repeat(known)
        findings.append(rules.id_must_be_new("reaction_id"))
    if in_force is None or treatment is None or rules.unmet(findings):
        refused = RecoveryRefused(command="report_reaction", subject_id=request.reaction_id, findings=rules.unmet(findings))
        return await tx.answer(refused, policy=in_force.version if in_force else None)
    symptoms = request.report.symptoms
    tier = rules.tier_of(in_force.policy, symptoms)
    about = {"treatment_id": treatment.treatment_id, "client_id": treatment.client_id}
    answer = await tx.answer(ReactionReported(reaction_id=request.reaction_id, tier=tier, **about), policy=in_force.version)
    await escalate(tx, in_force, request.reaction_id, treatment.client_id, tier)
    salt, _ = tx.commitment(content)
    private = {"infection": rules.speaks_of_infection(in_force.policy, symptoms), "salt": salt, "content": content}
    row = insert(CheckInAnswer).values(clinic_id=tx.clinic_id, answer_id=request.reaction_id, answered_at=tx.now, **about)
    await tx.rows.execute(row.values(reaction_event_id=tx.event_id, **private))
    await signal_lots(tx, in_force)
    return answer
