"""When a form can be published, a signature accepted, and what a signature covers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from schemas.consent import ConsentSheet, FormDraft
from schemas.policy import Policy
from schemas.vocabulary import Area, Finding, LocalDate, Modality, Shape, Visit, zones
from services.consent.rules.requests import finding


class Form(Shape):
    """A published version as the rules look at it. `superseded`: a later material version exists."""

    form_id: UUID
    form_version: int
    text_digest: str
    modality: Modality
    areas: tuple[Area, ...]
    max_depth_um: int
    valid_days: int
    published_at: datetime
    superseded: bool


def form_version_must_be_new(form_version: int, newest: int) -> Finding:
    """Versions only rise; a published text is never replaced."""
    return finding("form_version_must_be_new", form_version > newest, field="form_version", newest=newest)


def form_depth_must_be_allowed(policy: Policy, draft: FormDraft) -> Finding:
    """No form asks for more depth than some area of it may ever have."""
    caps = [cap for area, cap in policy.depth.areas.items() if area in zones(draft.areas) or area in draft.areas]
    deepest = max((cap.clinician_cap_um for cap in caps), default=0)
    return finding("form_depth_must_be_allowed", draft.max_depth_um <= deepest, field="max_depth_um", deepest_um=deepest)


def form_must_be_published(known: bool) -> Finding:  # noqa: FBT001 - the fact
    return finding("form_must_be_published", known, field="form_version")


def form_must_not_be_superseded(form: Form) -> Finding:
    """A signature binds to the version that was on the screen, unless what changed since is material."""
    return finding("form_must_not_be_superseded", not form.superseded, field="form_version", form_version=form.form_version)


def text_on_screen_must_be_the_forms(form: Form, sheet: ConsentSheet) -> Finding:
    return finding("text_on_screen_must_be_the_forms", sheet.text_digest == form.text_digest, field="text_digest")


def areas_must_lie_within_the_form(form: Form, sheet: ConsentSheet) -> Finding:
    outside = sorted(zones(sheet.areas) - zones(form.areas))
    return finding("areas_must_lie_within_the_form", not outside, field="areas", outside=".".join(outside) or "none")


def depth_must_lie_within_the_form(form: Form, sheet: ConsentSheet) -> Finding:
    return finding(
        "depth_must_lie_within_the_form",
        sheet.max_depth_um <= form.max_depth_um,
        field="max_depth_um",
        asked_um=sheet.max_depth_um,
        form_um=form.max_depth_um,
    )


def explainer_must_be_a_practitioner(policy_day: LocalDate, credential_until: LocalDate | None) -> Finding:
    """Whoever explained has a credential that holds on the day (its last day included)."""
    holds = credential_until is not None and policy_day <= credential_until
    return finding("explainer_must_be_a_practitioner", holds, field="explained_by")


def signature_must_be_handed_in_soon(policy: Policy, signed_at: datetime, now: datetime) -> Finding:
    """A claimed time far back would shorten a cooling-off that has to be waited out."""
    limit = timedelta(hours=policy.gate.late_signature_hours)
    return finding("signature_must_be_handed_in_soon", now - signed_at <= limit, field="signed_at", hours=policy.gate.late_signature_hours)


def signature_must_follow_the_form(form: Form, signed_at: datetime, tolerance: timedelta) -> Finding:
    """Nobody signs a text before it was published."""
    return finding("signature_must_follow_the_form", signed_at >= form.published_at - tolerance, field="signed_at")


def interpreter_must_be_recorded(form_language: str, sheet: ConsentSheet) -> Finding:
    """A client who speaks another language than the form's had somebody who interpreted."""
    same = sheet.client_language is None or sheet.client_language.partition("-")[0] == form_language.partition("-")[0]
    return finding("interpreter_must_be_recorded", same or sheet.interpreter_id is not None, field="interpreter_id")


def guardian_must_be_allowed(policy: Policy, sheet: ConsentSheet) -> Finding:
    return finding("guardian_must_be_allowed", sheet.guardian is None or policy.age.minors_allowed, field="guardian")


def guardian_must_be_proven(sheet: ConsentSheet) -> Finding:
    """Somebody saw a proof that this person may sign for the minor."""
    guardian = sheet.guardian
    proven = guardian is None or (guardian.proof is not None and guardian.proof_seen_by is not None)
    return finding("guardian_must_be_proven", proven, field="guardian.proof")


def signature_must_not_follow_a_no(declined: bool) -> Finding:  # noqa: FBT001 - the fact
    """Whoever said no on this tablet signs nothing on it: a pass that was kept is worth no more than one that is spent."""
    return finding("signature_must_not_follow_a_no", not declined)


def no_must_come_before_the_signature(signed: bool) -> Finding:  # noqa: FBT001 - the fact
    """After a signature a no is a withdrawal."""
    return finding("no_must_come_before_the_signature", not signed, field="consent_id")


def consent_must_be_known(known: bool) -> Finding:  # noqa: FBT001 - the fact
    return finding("consent_must_be_known", known, field="consent_id")


def covers(modality: str, areas: Sequence[Area], max_depth_um: int, visit: Visit) -> bool:
    """Whether a form or a signature is wide and deep enough for a visit."""
    return modality == visit.modality and zones(visit.areas) <= zones(tuple(areas)) and visit.depth_um <= max_depth_um
