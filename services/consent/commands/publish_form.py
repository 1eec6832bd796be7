import hashlib

from sqlalchemy import func, insert, select

from events.catalog.consent import ConsentRefused, FormPublished
from events.policy import policy_in_force
from events.transaction import Answer, Transaction
from schemas.consent import FormPublication
from services.consent.models import Form, FormText, Policies
from services.consent.rules import form_depth_must_be_allowed, form_version_must_be_new, policy_must_be_in_force, unmet


async def publish_form(tx: Transaction, request: FormPublication) -> Answer[FormPublished | ConsentRefused]:
    """A new version of a form. The text stays beside the ledger, its hash goes in."""
    draft = request.draft
    rule = await policy_in_force(tx.rows, Policies, tx.clinic_id, tx.now)
    newest = select(func.max(Form.form_version)).where(Form.clinic_id == tx.clinic_id, Form.form_id == request.form_id)
    findings = [form_version_must_be_new(request.form_version, (await tx.rows.execute(newest)).scalar_one() or 0)]
    findings.append(policy_must_be_in_force(rule is not None) if rule is None else form_depth_must_be_allowed(rule.policy, draft))
    version = None if rule is None else rule.version
    if rule is None or unmet(findings):
        refused = ConsentRefused(command="publish_form", subject_id=request.form_id, findings=unmet(findings))
        return await tx.answer(refused, policy=version)
    text = {"form_id": request.form_id, "form_version": request.form_version, "text": draft.text}
    await tx.rows.execute(insert(FormText).values(clinic_id=tx.clinic_id, **text))
    published = FormPublished(
        form_id=request.form_id,
        form_version=request.form_version,
        language=draft.language,
        text_digest=hashlib.sha256(draft.text.encode()).hexdigest(),
        material=draft.material,
        modality=draft.modality,
        areas=draft.areas,
        max_depth_um=draft.max_depth_um,
        valid_days=draft.valid_days or rule.policy.consent.valid_days,
    )
    return await tx.answer(published, policy=version)
