"""How consent's decisions are asked again, and which private rows its events are bound to.

Left out by name: `restrictions` of a screening are compared without the ids that chance gave them. Refusals of a signature,
a sheet or a clearance rest on what was not kept: only those of a withdrawal are asked again.
"""

from collections.abc import Sequence

from events.catalog.consent import (
    ClearanceGranted,
    ConsentDeclined,
    ConsentRefused,
    ConsentSigned,
    ConsentWithdrawn,
    FormPublished,
    ScreeningAnswered,
)
from events.checking.replays import Asked, Past, Private, Replays
from schemas.consent import (
    ClearanceSheet,
    ClearedRestriction,
    Clearing,
    ConsentSheet,
    ConsentSigning,
    Declining,
    FormDraft,
    FormPublication,
    Screening,
    ScreeningSheet,
    Withdrawal,
    WithdrawalNote,
)
from services.consent import commands

replays = Replays("consent")
replays.keeps(
    Private(ConsentSigned, "consent.signatures", {"consent_id": "consent_id"}, "content", digest="commitment", client="client_id")
)
replays.keeps(
    Private(
        ScreeningAnswered, "consent.answer_sheets", {"screening_id": "screening_id"}, "content", digest="commitment", client="client_id"
    )
)
replays.keeps(
    Private(
        FormPublished,
        "consent.form_texts",
        {"form_id": "form_id", "form_version": "form_version"},
        "text",
        digest="text_digest",
        salted=False,
    )
)
replays.keeps(Private(ScreeningAnswered, "consent.reasons", {"screening_id": "screening_id"}, client="client_id", always=False))
replays.keeps(Private(ClearanceGranted, "consent.clearance_bases", {"clearance_id": "clearance_id"}, client="client_id"))


@replays(FormPublished)
async def of_a_form(past: Past) -> Sequence[Asked] | None:
    said: FormPublished = past.event
    kept = await past.kept("consent.form_texts", form_id=said.form_id, form_version=said.form_version)
    if kept is None:
        return None
    names = {"language", "material", "modality", "areas", "max_depth_um", "valid_days"}
    draft = FormDraft(text=kept["text"], **said.model_dump(include=names))
    return [Asked(commands.publish_form, FormPublication(form_id=said.form_id, form_version=said.form_version, draft=draft))]


@replays(ConsentSigned)
async def of_a_signature(past: Past) -> Sequence[Asked] | None:
    kept = await past.kept("consent.signatures", consent_id=past.event.consent_id)
    if kept is None:
        return None
    sheet = ConsentSheet.model_validate_json(bytes(kept["content"]))
    signing = ConsentSigning(consent_id=past.event.consent_id, sheet=sheet, handing_id=past.event.handing_id)
    return [Asked(commands.sign_consent, signing, salt=bytes(kept["salt"]))]


@replays(ConsentDeclined)
async def of_a_no(past: Past) -> Sequence[Asked]:
    """No signature of the name that one would have had was there: the handing over's own stands for that name."""
    said: ConsentDeclined = past.event
    names = {"handing_id", "client_id", "form_id", "form_version"}
    return [Asked(commands.decline_consent, Declining(consent_id=said.handing_id, **said.model_dump(include=names)))]


@replays(ConsentWithdrawn)
async def of_a_withdrawal(past: Past) -> Sequence[Asked]:
    said: ConsentWithdrawn = past.event
    note = WithdrawalNote(channel=said.channel, occurred_at=said.occurred_at)
    return [Asked(commands.withdraw_consent, Withdrawal(consent_id=said.consent_id, note=note))]


@replays(ConsentRefused, refusing=("withdraw_consent",))
async def of_a_refused_withdrawal(past: Past) -> Sequence[Asked]:
    withdrawal = Withdrawal(consent_id=past.event.subject_id, note=WithdrawalNote(channel="unknown"))
    return [Asked(commands.withdraw_consent, withdrawal, frozenset({"time_must_not_be_in_the_future"}))]


@replays(ScreeningAnswered)
async def of_a_screening(past: Past) -> Sequence[Asked] | None:
    kept = await past.kept("consent.answer_sheets", screening_id=past.event.screening_id)
    if kept is None:
        return None
    sheet = ScreeningSheet.model_validate_json(bytes(kept["content"]))
    screening = Screening(screening_id=past.event.screening_id, sheet=sheet)
    return [Asked(commands.answer_screening, screening, frozenset({"restriction_id"}), salt=bytes(kept["salt"]))]


@replays(ClearanceGranted)
async def of_a_clearance(past: Past) -> Sequence[Asked] | None:
    said: ClearanceGranted = past.event
    cleared = []
    for restriction_id in said.restriction_ids:
        kept = await past.kept("consent.clearance_bases", clearance_id=said.clearance_id, restriction_id=restriction_id)
        if kept is None:
            return None
        cleared.append(ClearedRestriction(restriction_id=restriction_id, basis=kept["basis"]))
    sheet = ClearanceSheet(client_id=said.client_id, restrictions=tuple(cleared), valid_until=said.valid_until)
    return [Asked(commands.grant_clearance, Clearing(clearance_id=said.clearance_id, sheet=sheet))]
