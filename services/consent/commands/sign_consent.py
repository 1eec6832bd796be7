from datetime import timedelta

from sqlalchemy import insert, select

from events.catalog.consent import ConsentRefused, ConsentSigned
from events.faults import reach
from events.policy import policy_in_force
from events.transaction import Answer, Transaction
from schemas.consent import ConsentSheet, ConsentSigning
from schemas.policy import Policy, local_date
from schemas.vocabulary import Finding
from services.consent import rules
from services.consent.models import Consent, Decline, Form, Policies, Practitioner, Signature

Signed = ConsentSigned | ConsentRefused


async def _form(tx: Transaction, sheet: ConsentSheet) -> tuple[rules.Form, str] | None:
    """The version that was on the screen, and its language."""
    of_form = (Form.clinic_id == tx.clinic_id, Form.form_id == sheet.form_id)
    row = (await tx.rows.execute(select(Form).where(*of_form, Form.form_version == sheet.form_version))).scalar_one_or_none()
    if row is None:
        return None
    later = select(Form.form_version).where(*of_form, Form.form_version > sheet.form_version, Form.material)
    superseded = (await tx.rows.execute(later.limit(1))).scalar_one_or_none() is not None
    names = rules.Form.model_fields.keys() - {"superseded"}
    return rules.Form.model_validate({name: getattr(row, name) for name in names} | {"superseded": superseded}), row.language


def _about_form(form: rules.Form, language: str, sheet: ConsentSheet, tolerance: timedelta) -> list[Finding]:
    return [
        rules.form_must_not_be_superseded(form),
        rules.text_on_screen_must_be_the_forms(form, sheet),
        rules.areas_must_lie_within_the_form(form, sheet),
        rules.depth_must_lie_within_the_form(form, sheet),
        rules.signature_must_follow_the_form(form, sheet.signed_at, tolerance),
        rules.interpreter_must_be_recorded(language, sheet),
    ]


async def _about_people(tx: Transaction, policy: Policy, sheet: ConsentSheet, tolerance: timedelta) -> list[Finding]:
    credential = select(Practitioner.valid_until).where(
        Practitioner.clinic_id == tx.clinic_id, Practitioner.practitioner_id == sheet.explained_by
    )
    until = (await tx.rows.execute(credential)).scalar_one_or_none()
    return [
        rules.explainer_must_be_a_practitioner(local_date(policy, sheet.signed_at), until),
        rules.guardian_must_be_allowed(policy, sheet),
        rules.guardian_must_be_proven(sheet),
        rules.time_must_not_be_in_the_future(sheet.signed_at, tx.now, tolerance, "signed_at"),
        rules.signature_must_be_handed_in_soon(policy, sheet.signed_at, tx.now),
    ]


async def sign_consent(tx: Transaction, request: ConsentSigning) -> Answer[Signed]:
    """The client signs on the clinic's tablet: exactly this text, these areas, this depth."""
    sheet, content = request.sheet, request.sheet.model_dump_json().encode()
    earlier = await _signed_before(tx, request, content)
    if isinstance(earlier, Answer):
        return earlier
    in_force = await policy_in_force(tx.rows, Policies, tx.clinic_id, tx.now)
    found = await _form(tx, sheet)
    findings = [*earlier, rules.form_must_be_published(found is not None), await _about_a_no(tx, request)]
    if in_force is None:
        findings.append(rules.policy_must_be_in_force(False))
    else:
        tolerance = timedelta(seconds=in_force.policy.gate.clock_tolerance_seconds)
        findings += [] if found is None else _about_form(*found, sheet, tolerance)
        findings += await _about_people(tx, in_force.policy, sheet, tolerance)
    if in_force is None or found is None or rules.unmet(findings):
        refused = ConsentRefused(
            command="sign_consent", subject_id=request.consent_id, client_id=sheet.client_id, findings=rules.unmet(findings)
        )
        return await tx.answer(refused, policy=in_force.version if in_force else None)
    form, language = found
    salt, commitment = tx.commitment(content)
    private = insert(Signature).values(clinic_id=tx.clinic_id, consent_id=request.consent_id, client_id=sheet.client_id)
    await tx.rows.execute(private.values(salt=salt, content=content))
    reach("consent.signed")
    signed = ConsentSigned(
        consent_id=request.consent_id,
        client_id=sheet.client_id,
        form_id=form.form_id,
        form_version=form.form_version,
        language=language,
        text_digest=form.text_digest,
        modality=form.modality,
        areas=sheet.areas,
        max_depth_um=sheet.max_depth_um,
        explained_by=sheet.explained_by,
        signed_at=sheet.signed_at,
        valid_until=sheet.signed_at + timedelta(days=min(form.valid_days, in_force.policy.consent.valid_days)),
        commitment=commitment,
        handing_id=request.handing_id,
    )
    return await tx.answer(signed, policy=in_force.version)


async def _about_a_no(tx: Transaction, request: ConsentSigning) -> Finding:
    said = select(Decline.handing_id).where(Decline.clinic_id == tx.clinic_id, Decline.handing_id == request.handing_id)
    declined = request.handing_id is not None and (await tx.rows.execute(said)).first() is not None
    return rules.signature_must_not_follow_a_no(declined)


async def _signed_before(tx: Transaction, request: ConsentSigning, content: bytes) -> Answer[Signed] | list[Finding]:
    """The answer to the same sheet from another door, or what speaks against a second sheet under its id."""
    known = select(Consent.signed_event_id).where(Consent.clinic_id == tx.clinic_id, Consent.consent_id == request.consent_id)
    event_id = (await tx.rows.execute(known)).scalar_one_or_none()
    if event_id is None:
        return []
    kept = select(Signature.content).where(Signature.clinic_id == tx.clinic_id, Signature.consent_id == request.consent_id)
    if (await tx.rows.execute(kept)).scalar_one_or_none() == content:
        return await tx.repeat(event_id)
    return [rules.id_must_be_new("consent_id")]
