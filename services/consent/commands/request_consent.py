from collections.abc import Iterable

from sqlalchemy import Uuid, bindparam, func, select

from events.asks import Ask
from events.catalog.consent import ConsentRequested
from events.policy import policy_in_force
from events.transaction import Transaction
from schemas.vocabulary import Area, Visit, zones
from services.consent import rules
from services.consent.models import Consent, ConsentRequest, Form, MergedClient, Policies

CONSENT_RULE = "G07"

_CLINIC, _CLIENT = bindparam("clinic", type_=Uuid()), bindparam("client", type_=Uuid())
_STAYS = select(MergedClient.into_client_id).where(MergedClient.clinic_id == _CLINIC, MergedClient.client_id == _CLIENT).scalar_subquery()
_FORMS = Ask(select(Form).where(Form.clinic_id == _CLINIC, Form.modality == bindparam("modality")))
# In a subquery of its own: under row security PostgreSQL takes a bare COALESCE for leaky, and would read every consent.
_PERSON = select(func.coalesce(_STAYS, _CLIENT)).scalar_subquery()
_SIGNED = Ask(select(Consent).where(Consent.clinic_id == _CLINIC, Consent.client_id == _PERSON, Consent.withdrawn_at.is_(None)))
_ASKED = Ask(
    select(ConsentRequest.form_version).where(
        ConsentRequest.clinic_id == _CLINIC,
        ConsentRequest.booking_id == bindparam("booking"),
        ConsentRequest.form_id == bindparam("form"),
        ConsentRequest.form_version == bindparam("version"),
    )
)


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
    forms = await _FORMS.all(tx.rows, clinic=tx.clinic_id, modality=visit.modality)
    uncovered = set(zones(visit.areas))
    for consent in await _SIGNED.all(tx.rows, clinic=tx.clinic_id, client=visit.client_id):
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
    version = {"booking": visit.booking_id, "form": form.form_id, "version": form.form_version}
    if await _ASKED.first(tx.rows, clinic=tx.clinic_id, **version) is not None:
        return
    requested = ConsentRequested(
        booking_id=visit.booking_id, client_id=visit.client_id, form_id=form.form_id, form_version=form.form_version
    )
    await tx.record(requested, policy=rule.version)
