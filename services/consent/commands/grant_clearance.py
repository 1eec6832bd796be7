from datetime import timedelta

from sqlalchemy import insert, select

from events.catalog.consent import ClearanceGranted, ConsentRefused
from events.policy import policy_in_force
from events.transaction import Answer, Transaction
from schemas.consent import ClearedRestriction, Clearing
from schemas.policy import screening_digest
from schemas.vocabulary import Finding, Restriction
from services.consent import rules
from services.consent.models import Clearance, ClearanceBasis, Policies, Reason, StandingRestriction, person_of, records_of


async def _standing(tx: Transaction, clearing: Clearing) -> tuple[dict[str, Restriction], str | None]:
    """What restricts the client now, by id, and the policy all of it was judged under; None where those differ."""
    person = await person_of(tx.rows, tx.clinic_id, clearing.sheet.client_id)
    query = select(StandingRestriction).where(StandingRestriction.clinic_id == tx.clinic_id, StandingRestriction.client_id == person)
    rows = (await tx.rows.execute(query)).scalars().all()
    digests = {row.policy_digest for row in rows}
    return {str(row.restriction_id): Restriction.model_validate(row.restriction) for row in rows}, (
        digests.pop() if len(digests) == 1 else None
    )


async def _needs(tx: Transaction, clearing: Clearing) -> dict[str, str | None]:
    """What opens each restriction of this person, from its reason."""
    records = await records_of(tx.rows, tx.clinic_id, clearing.sheet.client_id)
    query = select(Reason.restriction_id, Reason.verdict).where(Reason.clinic_id == tx.clinic_id, Reason.client_id.in_(records))
    return {str(row.restriction_id): row.verdict["needs"] for row in await tx.rows.execute(query)}


def _about(cleared: ClearedRestriction, standing: dict[str, Restriction], needs: dict[str, str | None]) -> list[Finding]:
    # Without its reason (erased) nobody can say what would open it: the client has to be asked again first.
    found = standing.get(str(cleared.restriction_id)) if str(cleared.restriction_id) in needs else None
    stands = rules.restriction_must_stand(cleared.restriction_id, found is not None)
    if found is None:
        return [stands]
    needed = needs[str(cleared.restriction_id)]
    return [
        stands,
        rules.restriction_must_be_open_to_clearance(found),
        rules.clearance_must_rest_on_what_is_needed(cleared, needed),
    ]


async def grant_clearance(tx: Transaction, request: Clearing) -> Answer[ClearanceGranted | ConsentRefused]:
    """A clinician opens named restrictions until a day. Blocks and waits stay shut."""
    sheet = request.sheet
    rule = await policy_in_force(tx.rows, Policies, tx.clinic_id, tx.now)
    taken = select(Clearance.clearance_id).where(Clearance.clinic_id == tx.clinic_id, Clearance.clearance_id == request.clearance_id)
    findings = [] if (await tx.rows.execute(taken.limit(1))).first() is None else [rules.id_must_be_new("clearance_id")]
    valid_until = sheet.valid_until
    if rule is None:
        findings.append(rules.policy_must_be_in_force(False))
    else:
        valid_until = valid_until or tx.now + timedelta(days=rule.policy.screening.clearance_valid_days)
        standing, judged_under = await _standing(tx, request)
        needs = await _needs(tx, request)
        for cleared in sheet.restrictions:
            findings += _about(cleared, standing, needs)
        findings.append(rules.clearance_must_not_outlast_policy(rule.policy, valid_until, tx.now))
        findings.append(rules.screening_must_be_of_the_policy_in_force(judged_under, screening_digest(rule.policy)))
    if valid_until is None or rules.unmet(findings):
        refused = ConsentRefused(
            command="grant_clearance", subject_id=request.clearance_id, client_id=sheet.client_id, findings=rules.unmet(findings)
        )
        return await tx.answer(refused, policy=rule.version if rule else None)
    ids = {cleared.restriction_id: cleared.basis for cleared in sheet.restrictions}
    for restriction_id, basis in ids.items():
        private = {"clearance_id": request.clearance_id, "restriction_id": restriction_id, "client_id": sheet.client_id, "basis": basis}
        await tx.rows.execute(insert(ClearanceBasis).values(clinic_id=tx.clinic_id, **private))
    granted = ClearanceGranted(
        clearance_id=request.clearance_id, client_id=sheet.client_id, restriction_ids=tuple(ids), valid_until=valid_until
    )
    return await tx.answer(granted, policy=rule.version if rule else None)
