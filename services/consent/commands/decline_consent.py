from sqlalchemy import select

from events.catalog.consent import ConsentDeclined, ConsentRefused
from events.policy import policy_in_force
from events.transaction import Answer, Transaction
from schemas.consent import Declining
from services.consent import rules
from services.consent.models import Decline, Form, Policies, has_signed


async def decline_consent(tx: Transaction, request: Declining) -> Answer[ConsentDeclined | ConsentRefused]:
    """The client says no on the tablet: nothing is signed under this handing over any more. Saying it twice changes nothing.

    Whoever has signed withdraws instead: that says what happens to what was signed.
    """
    said = select(Decline.event_id).where(Decline.clinic_id == tx.clinic_id, Decline.handing_id == request.handing_id)
    if (earlier := (await tx.rows.execute(said)).scalar_one_or_none()) is not None:
        return await tx.repeat(earlier)
    rule = await policy_in_force(tx.rows, Policies, tx.clinic_id, tx.now)
    version = (Form.form_id == request.form_id, Form.form_version == request.form_version)
    form = (await tx.rows.execute(select(Form).where(Form.clinic_id == tx.clinic_id, *version))).scalar_one_or_none()
    signed = await has_signed(tx.rows, tx.clinic_id, request.client_id, request.handing_id, request.consent_id)
    findings = rules.unmet(
        [
            rules.form_must_be_published(form is not None),
            rules.no_must_come_before_the_signature(signed),
        ]
    )
    policy = rule.version if rule else None
    if form is None or findings:
        refused = ConsentRefused(command="decline_consent", subject_id=request.handing_id, client_id=request.client_id, findings=findings)
        return await tx.answer(refused, policy=policy)
    declined = ConsentDeclined(
        handing_id=request.handing_id,
        client_id=request.client_id,
        form_id=form.form_id,
        form_version=form.form_version,
        language=form.language,
        text_digest=form.text_digest,
    )
    return await tx.answer(declined, policy=policy)
