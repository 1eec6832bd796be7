from collections.abc import Iterable

from sqlalchemy import select

from events.catalog.consent import ConsentRequested
from events.policy import policy_in_force
from events.transaction import Transaction
from schemas.vocabulary import Area, Visit, zones
from services.consent import rules
from services.consent.models import Consent, ConsentRequest, Form, Policies, person_of

CONSENT_RULE = "G07"


def _latest(forms: Iterable[Form]) -> dict[str, Form]:
    newest: dict[str, Form] = {}
    for form in forms:
        held = newest.get(str(form.form_id))
        if held is None or form.form_version > held.form_version:
            newest[str(form.form_id)] = form
    return newest


async def request_consent(tx: Transaction, visit: Visit) -> None:
    """Ask for the signature a booking needs, once for each version of a form; nothing where one in force covers it."""
    rule = await policy_in_force(tx.rows, Policies, tx.clinic_id, tx.now)
    if rule is None or CONSENT_RULE not in rule.policy.gate.visit_types[visit.visit_type]:
        return
    person = await person_of(tx.rows, tx.clinic_id, visit.client_id)
    forms = (await tx.rows.execute(select(Form).where(Form.clinic_id == tx.clinic_id, Form.modality == visit.modality))).scalars().all()
    signed = select(Consent).where(Consent.clinic_id == tx.clinic_id, Consent.client_id == person, Consent.withdrawn_at.is_(None))
    uncovered = set(zones(visit.areas))
    for consent in (await tx.rows.execute(signed)).scalars():
        later = any(f.form_id == consent.form_id and f.form_version > consent.form_version and f.material for f in forms)
        deep_enough = consent.modality == visit.modality and consent.max_depth_um >= visit.depth_um
        if deep_enough and not later and consent.valid_until > visit.starts_at:
            uncovered -= zones(tuple(Area(area) for area in consent.areas))
    if not uncovered:
        return
    fitting = [f for f in _latest(forms).values() if rules.covers(f.modality, [Area(a) for a in f.areas], f.max_depth_um, visit)]
    if not fitting:
        return
    # The narrowest form that is enough: a client signs for no more than the visit needs.
    form = min(fitting, key=lambda fit: (len(zones(tuple(Area(a) for a in fit.areas))), fit.max_depth_um, fit.form_id))
    same = (ConsentRequest.booking_id == visit.booking_id, ConsentRequest.form_id == form.form_id)
    asked = select(ConsentRequest.form_version).where(ConsentRequest.clinic_id == tx.clinic_id, *same)
    if form.form_version in (await tx.rows.execute(asked)).scalars().all():
        return
    requested = ConsentRequested(
        booking_id=visit.booking_id, client_id=visit.client_id, form_id=form.form_id, form_version=form.form_version
    )
    await tx.record(requested, policy=rule.version)
