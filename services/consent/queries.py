"""What consent can be asked. Reasons of restrictions go to clinical roles only; who asked is compliance's to record."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import select

from events.policy import policy_in_force
from events.transaction import View
from schemas.consent import (
    ConsentRecord,
    FormOnScreen,
    Question,
    QuestionList,
    RestrictionReason,
    ScreeningRecord,
)
from schemas.consent import StandingRestriction as Shown
from schemas.policy import local_date, screening_digest
from schemas.vocabulary import Area, Restriction, RestrictionClass, Role, zones
from services.consent.models import (
    AnswerSheet,
    Clearance,
    Consent,
    Decline,
    Form,
    FormText,
    Policies,
    Practitioner,
    Reason,
    Screening,
    StandingRestriction,
    has_signed,
    person_of,
    records_of,
)
from services.consent.rules import questions

_FORM_FIELDS = FormOnScreen.model_fields.keys() - {"text"}


async def form_on_screen(view: View, form_id: UUID, form_version: int | None = None) -> FormOnScreen | None:
    """A version of a form with its exact text; without a version the newest."""
    found = (
        select(Form, FormText.text)
        .join(
            FormText,
            (FormText.clinic_id == Form.clinic_id) & (FormText.form_id == Form.form_id) & (FormText.form_version == Form.form_version),
        )
        .where(Form.clinic_id == view.clinic_id, Form.form_id == form_id)
        .order_by(Form.form_version.desc())
        .limit(1)
    )
    if form_version is not None:
        found = found.where(Form.form_version == form_version)
    row = (await view.rows.execute(found)).one_or_none()
    if row is None:
        return None
    return FormOnScreen.model_validate({name: getattr(row.Form, name) for name in _FORM_FIELDS} | {"text": row.text})


async def texts_covering(view: View, modality: str, areas: tuple[Area, ...], max_depth_um: int) -> list[FormOnScreen]:
    """What a client can sign for this treatment: in each language the newest text that a signature may still be given to.

    Of several forms the narrowest, as when a signature is asked for: nobody signs for more than the treatment needs.
    """
    query = select(Form).where(Form.clinic_id == view.clinic_id, Form.modality == modality).order_by(Form.form_id, Form.form_version)
    rows = (await view.rows.execute(query)).scalars().all()
    material = {row.form_id: row.form_version for row in rows if row.material}
    newest = {(row.form_id, row.language): row for row in rows if row.form_version >= material.get(row.form_id, 0)}
    found: dict[str, Form] = {}
    for row in newest.values():
        if not zones(areas) <= zones(_areas_of(row)) or row.max_depth_um < max_depth_um:
            continue
        held = found.get(row.language)
        if held is None or _width(row) < _width(held):
            found[row.language] = row
    shown = [await form_on_screen(view, row.form_id, row.form_version) for _, row in sorted(found.items())]
    return [form for form in shown if form is not None]


def _areas_of(form: Form) -> tuple[Area, ...]:
    return tuple(Area(area) for area in form.areas)


def _width(form: Form) -> tuple[int, int, UUID]:
    return len(zones(_areas_of(form))), form.max_depth_um, form.form_id


async def explainers(view: View) -> list[UUID]:
    """Who has a credential that holds today: a signature names the one who explained."""
    rule = await policy_in_force(view.rows, Policies, view.clinic_id, view.now)
    if rule is None:
        return []
    query = select(Practitioner.practitioner_id).where(
        Practitioner.clinic_id == view.clinic_id, Practitioner.valid_until >= local_date(rule.policy, view.now)
    )
    return list((await view.rows.execute(query.order_by(Practitioner.practitioner_id))).scalars())


async def clock_of(view: View) -> tuple[str, bool]:
    """The clinic's time zone, and whether somebody may sign for a minor. Before the first policy: UTC, and no."""
    rule = await policy_in_force(view.rows, Policies, view.clinic_id, view.now)
    return ("UTC", False) if rule is None else (rule.policy.clinic.timezone, rule.policy.age.minors_allowed)


async def last_signed(view: View, most: int = 20) -> list[tuple[UUID, datetime, datetime | None]]:
    """The newest signatures of the clinic: who, when, and when it was withdrawn."""
    query = (
        select(Consent.client_id, Consent.signed_at, Consent.withdrawn_at)
        .where(Consent.clinic_id == view.clinic_id)
        .order_by(Consent.signed_at.desc(), Consent.consent_id)
    )
    return [(row.client_id, row.signed_at, row.withdrawn_at) for row in await view.rows.execute(query.limit(most))]


async def current_forms(view: View) -> list[FormOnScreen]:
    """The newest version of every form, by id."""
    ids = select(Form.form_id).where(Form.clinic_id == view.clinic_id).distinct().order_by(Form.form_id)
    found = [await form_on_screen(view, form_id) for form_id in (await view.rows.execute(ids)).scalars().all()]
    return [form for form in found if form is not None]


async def consents_of_client(view: View, client_id: UUID) -> list[ConsentRecord]:
    """Every signature of a person, the newest first, with whether it still stands."""
    person = await person_of(view.rows, view.clinic_id, client_id)
    query = select(Consent).where(Consent.clinic_id == view.clinic_id, Consent.client_id == person).order_by(Consent.signed_at.desc())
    material = select(Form.form_id, Form.form_version).where(Form.clinic_id == view.clinic_id, Form.material)
    versions = (await view.rows.execute(material)).all()
    records = []
    for row in (await view.rows.execute(query)).scalars():
        superseded = any(form.form_id == row.form_id and form.form_version > row.form_version for form in versions)
        stands = row.withdrawn_at is None and not superseded and view.now < row.valid_until
        names = ConsentRecord.model_fields.keys() - {"superseded", "in_force"}
        fields = {name: getattr(row, name) for name in names}
        records.append(ConsentRecord.model_validate(fields | {"superseded": superseded, "in_force": stands}))
    return records


async def declines_of_client(view: View, client_id: UUID, most: int = 20) -> list[tuple[datetime, str, int]]:
    """When a person said no on the tablet, the newest first: to which language and version of a text."""
    person = await person_of(view.rows, view.clinic_id, client_id)
    query = select(Decline).where(Decline.clinic_id == view.clinic_id, Decline.client_id == person).order_by(Decline.declined_at.desc())
    return [(row.declined_at, row.language, row.form_version) for row in (await view.rows.execute(query.limit(most))).scalars()]


async def is_signed(view: View, client_id: UUID, handing_id: UUID, consent_id: UUID) -> bool:
    """Whether a signature of this handing over is recorded."""
    return await has_signed(view.rows, view.clinic_id, client_id, handing_id, consent_id)


async def is_answered(view: View, screening_id: UUID, client_id: UUID) -> bool:
    """Whether this very sheet of a person is recorded."""
    records = await records_of(view.rows, view.clinic_id, client_id)
    query = select(AnswerSheet.screening_id).where(
        AnswerSheet.clinic_id == view.clinic_id, AnswerSheet.screening_id == screening_id, AnswerSheet.client_id.in_(records)
    )
    return (await view.rows.execute(query)).scalar_one_or_none() is not None


async def question_list(view: View, extent: str) -> QuestionList | None:
    """What the tablet asks, by code: a policy is a document without an order. None before the first."""
    rule = await policy_in_force(view.rows, Policies, view.clinic_id, view.now)
    if rule is None:
        return None
    every_visit = set(questions(rule.policy, "volatile"))
    asked = [
        Question(
            code=code,
            every_visit=code in every_visit,
            asks_areas=known.scope == "area",
            asks_day=known.wait_days > 0 or known.before_days > 0 or known.clearance_until_days > 0,
        )
        for code, known in sorted(rule.policy.contraindications.items())
        if extent == "full" or code in every_visit
    ]
    digest = screening_digest(rule.policy)
    return QuestionList.model_validate({"extent": extent, "policy_digest": digest, "questions": tuple(asked)})


async def _standing(view: View, person: UUID) -> list[tuple[Restriction, str]]:
    query = (
        select(StandingRestriction)
        .where(StandingRestriction.clinic_id == view.clinic_id, StandingRestriction.client_id == person)
        .order_by(StandingRestriction.restriction_id)
    )
    rows = (await view.rows.execute(query)).scalars()
    return [(Restriction.model_validate(row.restriction), row.policy_digest) for row in rows]


def _eligible(standing: Sequence[Shown]) -> bool:
    return all(s.restriction.restriction_class is RestrictionClass.WARNING or s.cleared_until is not None for s in standing)


async def screening_of_client(view: View, client_id: UUID) -> ScreeningRecord:
    """What restricts a person today, and what of it is cleared. Never why."""
    person = await person_of(view.rows, view.clinic_id, client_id)
    rule = await policy_in_force(view.rows, Policies, view.clinic_id, view.now)
    sheets = select(Screening).where(Screening.clinic_id == view.clinic_id, Screening.client_id == person)
    newest = {row.extent: row for row in (await view.rows.execute(sheets)).scalars()}
    found = await _standing(view, person)
    cleared = select(Clearance).where(
        Clearance.clinic_id == view.clinic_id,
        Clearance.restriction_id.in_([restriction.restriction_id for restriction, _ in found]),
        Clearance.valid_until > view.now,
    )
    until = {row.restriction_id: row.valid_until for row in (await view.rows.execute(cleared.order_by(Clearance.valid_until))).scalars()}
    standing = [
        Shown(restriction=restriction, cleared_until=until.get(restriction.restriction_id))
        for restriction, _ in found
        if restriction.until is None or rule is None or local_date(rule.policy, view.now) < restriction.until
    ]
    full, volatile = newest.get("full"), newest.get("volatile")
    last = max(newest.values(), key=lambda row: row.entry_index, default=None)
    judged = rule is not None and last is not None and last.policy_digest == screening_digest(rule.policy)
    return ScreeningRecord(
        client_id=person,
        full_answered_at=full.answered_at if full else None,
        volatile_answered_at=volatile.answered_at if volatile else None,
        judged_under_policy_in_force=judged,
        eligible_now=judged and full is not None and _eligible(standing),
        restrictions=tuple(standing),
    )


async def questions_due(view: View, record: ScreeningRecord) -> Literal["full", "volatile", ""]:
    """Which questions a client has to answer before a treatment now; none where all answers are fresh."""
    rule = await policy_in_force(view.rows, Policies, view.clinic_id, view.now)
    full, last = record.full_answered_at, record.volatile_answered_at
    if rule is None or full is None or last is None or not record.judged_under_policy_in_force:
        return "full"
    fresh = rule.policy.screening
    if view.now - full >= timedelta(days=fresh.full_valid_days):
        return "full"
    return "volatile" if view.now - last >= timedelta(hours=fresh.volatile_valid_hours) else ""


async def reasons_of_client(view: View, client_id: UUID, role: Role) -> list[RestrictionReason]:
    """Why a person is restricted. What policy calls confidential only a clinician sees."""
    records = await records_of(view.rows, view.clinic_id, client_id)
    standing = {restriction.restriction_id for restriction, _ in await _standing(view, records[0])}
    query = select(Reason).where(Reason.clinic_id == view.clinic_id, Reason.client_id.in_(records), Reason.restriction_id.in_(standing))
    return [
        RestrictionReason.model_validate(
            {name: row.verdict[name] for name in ("code", "answer", "on", "needs")}
            | {"restriction_id": row.restriction_id, "screening_id": row.screening_id}
        )
        for row in (await view.rows.execute(query.order_by(Reason.restriction_id))).scalars()
        if role is Role.CLINICIAN or not row.verdict["confidential"]
    ]
