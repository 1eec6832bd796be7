"""How consent's tables follow the ledger."""

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.booking import ClientMerged, PractitionerCredentialed
from events.catalog.consent import ClearanceGranted, ConsentRequested, ConsentSigned, ConsentWithdrawn, FormPublished, ScreeningAnswered
from events.envelope import Entry
from events.policy import follow_policy
from events.projection import Projection
from events.tables import Rows
from services.consent.models import (
    Clearance,
    Consent,
    ConsentRequest,
    Form,
    MergedClient,
    Policies,
    Practitioner,
    Screening,
    ScreeningTaken,
    StandingRestriction,
    person_of,
)

projects = Projection("consent")
follow_policy(projects, Policies)


@projects(FormPublished)
async def keep_form(rows: Rows, entry: Entry[FormPublished]) -> None:
    form = entry.event.model_dump(mode="json", exclude={"form_id"})
    new = insert(Form).values(clinic_id=entry.clinic_id, form_id=entry.event.form_id, published_at=entry.recorded_at, **form)
    await rows.execute(new.on_conflict_do_nothing())


@projects(PractitionerCredentialed)
async def keep_credential(rows: Rows, entry: Entry[PractitionerCredentialed]) -> None:
    credential = {"valid_until": entry.event.valid_until}
    new = insert(Practitioner).values(clinic_id=entry.clinic_id, practitioner_id=entry.event.practitioner_id, **credential)
    await rows.execute(new.on_conflict_do_update(index_elements=["clinic_id", "practitioner_id"], set_=credential))


@projects(ConsentRequested)
async def keep_request(rows: Rows, entry: Entry[ConsentRequested]) -> None:
    asked = entry.event.model_dump(exclude={"client_id"})
    await rows.execute(insert(ConsentRequest).values(clinic_id=entry.clinic_id, **asked).on_conflict_do_nothing())


@projects(ConsentSigned)
async def keep_signature(rows: Rows, entry: Entry[ConsentSigned]) -> None:
    signed = entry.event.model_dump(exclude={"text_digest", "commitment"})
    signed["areas"] = list(entry.event.areas)
    signed["client_id"] = await person_of(rows, entry.clinic_id, entry.event.client_id)
    new = insert(Consent).values(clinic_id=entry.clinic_id, signed_event_id=entry.event_id, **signed)
    await rows.execute(new.on_conflict_do_nothing())


@projects(ConsentWithdrawn)
async def end_consent(rows: Rows, entry: Entry[ConsentWithdrawn]) -> None:
    """Effective when it is recorded, whenever it was said: nothing that happened before is touched."""
    mine = (Consent.clinic_id == entry.clinic_id, Consent.consent_id == entry.event.consent_id, Consent.withdrawn_at.is_(None))
    await rows.execute(update(Consent).where(*mine).values(withdrawn_at=entry.recorded_at, withdrawn_event_id=entry.event_id))


@projects(ScreeningAnswered)
async def keep_screening(rows: Rows, entry: Entry[ScreeningAnswered]) -> None:
    """The newest entry says all that restricts; a full sheet answers the volatile questions too."""
    answered, clinic = entry.event, entry.clinic_id
    client = await person_of(rows, clinic, answered.client_id)
    taken = insert(ScreeningTaken).values(clinic_id=clinic, screening_id=answered.screening_id, event_id=entry.event_id)
    await rows.execute(taken.on_conflict_do_nothing())
    facts = {
        "screening_id": answered.screening_id,
        "answered_at": answered.answered_at,
        "policy_digest": answered.policy_digest,
        "entry_index": entry.index,
    }
    for extent in ("full", "volatile") if answered.extent == "full" else ("volatile",):
        new = insert(Screening).values(clinic_id=clinic, client_id=client, extent=extent, **facts)
        keep = new.on_conflict_do_update(
            index_elements=["clinic_id", "client_id", "extent"], set_=facts, where=Screening.answered_at <= answered.answered_at
        )
        await rows.execute(keep)
    old = (StandingRestriction.clinic_id == clinic, StandingRestriction.client_id == client)
    await rows.execute(delete(StandingRestriction).where(*old))
    for restriction in answered.restrictions:
        standing = insert(StandingRestriction).values(
            clinic_id=clinic,
            client_id=client,
            restriction_id=restriction.restriction_id,
            restriction=restriction.model_dump(mode="json"),
            policy_digest=answered.policy_digest,
        )
        await rows.execute(standing.on_conflict_do_nothing())


@projects(ClearanceGranted)
async def keep_clearance(rows: Rows, entry: Entry[ClearanceGranted]) -> None:
    facts = {"valid_until": entry.event.valid_until, "granted_by": entry.actor.identity_id}
    for restriction_id in entry.event.restriction_ids:
        ids = {"clinic_id": entry.clinic_id, "restriction_id": restriction_id, "clearance_id": entry.event.clearance_id}
        await rows.execute(insert(Clearance).values(**ids, **facts).on_conflict_do_nothing())


@projects(ClientMerged)
async def join_records(rows: Rows, entry: Entry[ClientMerged]) -> None:
    """Consents and restrictions of both records count for the person; of their sheets the older ones give way."""
    clinic, gone = entry.clinic_id, entry.event.client_id
    into = await person_of(rows, clinic, entry.event.into_client_id)
    if gone == into:
        return
    earlier = (MergedClient.clinic_id == clinic, MergedClient.into_client_id == gone)
    await rows.execute(update(MergedClient).where(*earlier).values(into_client_id=into))
    new = insert(MergedClient).values(clinic_id=clinic, client_id=gone, into_client_id=into)
    await rows.execute(new.on_conflict_do_update(index_elements=["clinic_id", "client_id"], set_={"into_client_id": into}))
    await rows.execute(update(Consent).where(Consent.clinic_id == clinic, Consent.client_id == gone).values(client_id=into))
    mine = (StandingRestriction.clinic_id == clinic, StandingRestriction.client_id == gone)
    await rows.execute(update(StandingRestriction).where(*mine).values(client_id=into))
    sheets = select(Screening.extent, Screening.client_id, Screening.answered_at).where(
        Screening.clinic_id == clinic, Screening.client_id.in_([gone, into])
    )
    found = (await rows.execute(sheets)).all()
    for extent in {sheet.extent for sheet in found}:
        newest = max((sheet for sheet in found if sheet.extent == extent), key=lambda sheet: (sheet.answered_at, sheet.client_id == into))
        of_person = (Screening.clinic_id == clinic, Screening.client_id.in_([gone, into]), Screening.extent == extent)
        await rows.execute(delete(Screening).where(*of_person, Screening.client_id != newest.client_id))
        await rows.execute(update(Screening).where(*of_person).values(client_id=into))
