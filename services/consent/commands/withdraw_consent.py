from datetime import timedelta

from sqlalchemy import select

from events.catalog.consent import ConsentRefused, ConsentWithdrawn
from events.policy import policy_in_force
from events.transaction import Answer, Transaction
from schemas.consent import Withdrawal
from services.consent import rules
from services.consent.models import Consent, Policies


async def withdraw_consent(tx: Transaction, request: Withdrawal) -> Answer[ConsentWithdrawn | ConsentRefused]:
    """The client says no: at once, for what comes after. Saying it twice changes nothing."""
    rule = await policy_in_force(tx.rows, Policies, tx.clinic_id, tx.now)
    query = select(Consent).where(Consent.clinic_id == tx.clinic_id, Consent.consent_id == request.consent_id)
    consent = (await tx.rows.execute(query)).scalar_one_or_none()
    if consent is not None and consent.withdrawn_event_id is not None:
        return await tx.repeat(consent.withdrawn_event_id)
    said_at = request.note.occurred_at or tx.now
    tolerance = timedelta(seconds=rule.policy.gate.clock_tolerance_seconds if rule else 0)
    findings = rules.unmet(
        [
            rules.consent_must_be_known(consent is not None),
            rules.time_must_not_be_in_the_future(said_at, tx.now, tolerance, "occurred_at"),
        ]
    )
    if consent is None or findings:
        client_id = consent.client_id if consent else None
        refused = ConsentRefused(command="withdraw_consent", subject_id=request.consent_id, client_id=client_id, findings=findings)
        return await tx.answer(refused, policy=rule.version if rule else None)
    withdrawn = ConsentWithdrawn(
        consent_id=request.consent_id, client_id=consent.client_id, channel=request.note.channel, occurred_at=said_at
    )
    return await tx.answer(withdrawn, policy=rule.version if rule else None)
