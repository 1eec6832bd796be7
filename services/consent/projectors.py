"""How consent's tables follow the ledger."""

from sqlalchemy import ARRAY, Uuid, all_, bindparam, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import aliased

from events.catalog.booking import ClientMerged, PractitionerCredentialed
from events.catalog.consent import (
    ClearanceGranted,
    ConsentDeclined,
    ConsentRequested,
    ConsentSigned,
    ConsentWithdrawn,
    FormPublished,
    ScreeningAnswered,
)
from events.envelope import Entry
from events.policy import follow_policy
from events.projection import Projection
from events.tables import Rows, Write
from services.consent.models import (
    Clearance,
    Consent,
    ConsentRequest,
    Decline,
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
    form = entry.event
    rows.add(
        Form,
        clinic_id=entry.clinic_id,
        form_id=form.form_id,
        form_version=form.form_version,
        language=form.language,
        text_digest=form.text_digest,
        material=form.material,
        modality=form.modality.value,
        areas=[area.value for area in form.areas],
        max_depth_um=form.max_depth_um,
        valid_days=form.valid_days,
        published_at=entry.recorded_at,
    )


@projects(PractitionerCredentialed)
async def keep_credential(rows: Rows, entry: Entry[PractitionerCredentialed]) -> None:
    credential = entry.event
    rows.put(Practitioner, clinic_id=entry.clinic_id, practitioner_id=credential.practitioner_id, valid_until=credential.valid_until)


@projects(ConsentRequested)
async def keep_request(rows: Rows, entry: Entry[ConsentRequested]) -> None:
    asked = entry.event
    rows.add(
        ConsentRequest,
        clinic_id=entry.clinic_id,
        booking_id=asked.booking_id,
        form_id=asked.form_id,
        form_version=asked.form_version,
    )


_CLINIC, _CLIENT = bindparam("clinic", type_=Uuid()), bindparam("client", type_=Uuid())
_INTO = select(MergedClient.into_client_id).where(MergedClient.clinic_id == _CLINIC, MergedClient.client_id == _CLIENT)
_PERSON = select(func.coalesce(_INTO.scalar_subquery(), _CLIENT)).scalar_subquery()
"""The record that stands for this client after all merges. In a subquery of its own: under row security PostgreSQL takes a bare
COALESCE for leaky, and looks it up in no index.
"""

SIGN = Write(
    insert(Consent)
    .values(
        clinic_id=_CLINIC,
        consent_id=bindparam("consent"),
        client_id=_PERSON,
        form_id=bindparam("form"),
        form_version=bindparam("version"),
        language=bindparam("language"),
        modality=bindparam("modality"),
        areas=bindparam("areas"),
        max_depth_um=bindparam("max_depth_um"),
        explained_by=bindparam("explained_by"),
        signed_at=bindparam("signed_at"),
        valid_until=bindparam("valid_until"),
        signed_event_id=bindparam("event"),
        handing_id=bindparam("handing"),
    )
    .on_conflict_do_nothing()
)
DECLINE = Write(
    insert(Decline)
    .values(
        clinic_id=_CLINIC,
        handing_id=bindparam("handing"),
        client_id=_PERSON,
        form_id=bindparam("form"),
        form_version=bindparam("version"),
        language=bindparam("language"),
        declined_at=bindparam("at"),
        event_id=bindparam("event"),
    )
    .on_conflict_do_nothing()
)
WITHDRAW = Write(
    update(Consent)
    .where(Consent.clinic_id == _CLINIC, Consent.consent_id == bindparam("consent"), Consent.withdrawn_at.is_(None))
    .values(withdrawn_at=bindparam("at"), withdrawn_event_id=bindparam("event"))
)


@projects(ConsentSigned)
async def keep_signature(rows: Rows, entry: Entry[ConsentSigned]) -> None:
    signed = entry.event
    rows.write(
        SIGN,
        clinic=entry.clinic_id,
        consent=signed.consent_id,
        client=signed.client_id,
        form=signed.form_id,
        version=signed.form_version,
        language=signed.language,
        modality=signed.modality.value,
        areas=[area.value for area in signed.areas],
        max_depth_um=signed.max_depth_um,
        explained_by=signed.explained_by,
        signed_at=signed.signed_at,
        valid_until=signed.valid_until,
        event=entry.event_id,
        handing=signed.handing_id,
    )


@projects(ConsentDeclined)
async def keep_no(rows: Rows, entry: Entry[ConsentDeclined]) -> None:
    declined = entry.event
    rows.write(
        DECLINE,
        clinic=entry.clinic_id,
        handing=declined.handing_id,
        client=declined.client_id,
        form=declined.form_id,
        version=declined.form_version,
        language=declined.language,
        at=entry.recorded_at,
        event=entry.event_id,
    )


@projects(ConsentWithdrawn)
async def end_consent(rows: Rows, entry: Entry[ConsentWithdrawn]) -> None:
    """Effective when it is recorded, whenever it was said: nothing that happened before is touched."""
    rows.write(WITHDRAW, clinic=entry.clinic_id, consent=entry.event.consent_id, at=entry.recorded_at, event=entry.event_id)


_SHEET = insert(Screening).values(
    clinic_id=_CLINIC,
    client_id=_PERSON,
    extent=bindparam("extent"),
    screening_id=bindparam("screening"),
    answered_at=bindparam("answered_at"),
    policy_digest=bindparam("digest"),
    entry_index=bindparam("index"),
)
ANSWER = Write(
    _SHEET.on_conflict_do_update(
        index_elements=["clinic_id", "client_id", "extent"],
        set_={name: _SHEET.excluded[name] for name in ("screening_id", "answered_at", "policy_digest", "entry_index")},
        where=Screening.answered_at <= _SHEET.excluded.answered_at,
    )
)
_IDS = bindparam("restrictions", type_=ARRAY(Uuid()))
_FORMER = delete(StandingRestriction).where(
    StandingRestriction.clinic_id == _CLINIC,
    StandingRestriction.client_id == _PERSON,
    all_(_IDS) != StandingRestriction.restriction_id,
)
_NOW = func.unnest(_IDS, bindparam("documents", type_=ARRAY(JSONB()))).table_valued("id", "document", name="now").render_derived()
_STANDING = insert(StandingRestriction).from_select(
    ["clinic_id", "client_id", "restriction_id", "restriction", "policy_digest"],
    select(_CLINIC, _PERSON, _NOW.c.id, _NOW.c.document, bindparam("digest", type_=StandingRestriction.policy_digest.type)),
)
RESTRICT = Write(
    _STANDING.on_conflict_do_update(
        index_elements=["clinic_id", "client_id", "restriction_id"],
        set_={name: _STANDING.excluded[name] for name in ("restriction", "policy_digest")},
    ).add_cte(_FORMER.cte("former"))
)
"""The newest entry says all that restricts: what it does not name is over."""


@projects(ScreeningAnswered)
async def keep_screening(rows: Rows, entry: Entry[ScreeningAnswered]) -> None:
    """A full sheet answers the volatile questions too."""
    answered = entry.event
    rows.add(ScreeningTaken, clinic_id=entry.clinic_id, screening_id=answered.screening_id, event_id=entry.event_id)
    this = {"clinic": entry.clinic_id, "client": answered.client_id, "digest": answered.policy_digest}
    for extent in ("full", "volatile") if answered.extent == "full" else ("volatile",):
        sheet = {"screening": answered.screening_id, "answered_at": answered.answered_at, "index": entry.index}
        rows.write(ANSWER, **this, **sheet, extent=extent)
    # Said twice in one entry, the first counts.
    now = {restriction.restriction_id: restriction.model_dump(mode="json") for restriction in reversed(answered.restrictions)}
    rows.write(RESTRICT, **this, restrictions=list(now), documents=list(now.values()))


@projects(ClearanceGranted)
async def keep_clearance(rows: Rows, entry: Entry[ClearanceGranted]) -> None:
    granted = entry.event
    for restriction_id in granted.restriction_ids:
        rows.add(
            Clearance,
            clinic_id=entry.clinic_id,
            restriction_id=restriction_id,
            clearance_id=granted.clearance_id,
            valid_until=granted.valid_until,
            granted_by=entry.actor.identity_id,
        )


_GONE, _STAYS = bindparam("gone", type_=Uuid()), bindparam("into", type_=Uuid())
_OTHER_SHEET, _OTHER_RESTRICTION = aliased(Screening), aliased(StandingRestriction)
JOIN = (
    Write(
        update(MergedClient).where(MergedClient.clinic_id == _CLINIC, MergedClient.into_client_id == _GONE).values(into_client_id=_STAYS)
    ),
    Write(update(Consent).where(Consent.clinic_id == _CLINIC, Consent.client_id == _GONE).values(client_id=_STAYS)),
    Write(update(Decline).where(Decline.clinic_id == _CLINIC, Decline.client_id == _GONE).values(client_id=_STAYS)),
    # What restricts both restricts the person once.
    Write(
        delete(StandingRestriction).where(
            StandingRestriction.clinic_id == _CLINIC,
            StandingRestriction.client_id == _GONE,
            StandingRestriction.restriction_id.in_(
                select(_OTHER_RESTRICTION.restriction_id).where(
                    _OTHER_RESTRICTION.clinic_id == _CLINIC, _OTHER_RESTRICTION.client_id == _STAYS
                )
            ),
        )
    ),
    Write(
        update(StandingRestriction)
        .where(StandingRestriction.clinic_id == _CLINIC, StandingRestriction.client_id == _GONE)
        .values(client_id=_STAYS)
    ),
    Write(
        delete(Screening).where(
            Screening.clinic_id == _CLINIC,
            Screening.client_id.in_([_GONE, _STAYS]),
            select(1)
            .where(
                _OTHER_SHEET.clinic_id == _CLINIC,
                _OTHER_SHEET.client_id.in_([_GONE, _STAYS]),
                _OTHER_SHEET.extent == Screening.extent,
                tuple_(_OTHER_SHEET.answered_at, _OTHER_SHEET.client_id == _STAYS)
                > tuple_(Screening.answered_at, Screening.client_id == _STAYS),
            )
            .exists(),
        )
    ),
    Write(update(Screening).where(Screening.clinic_id == _CLINIC, Screening.client_id == _GONE).values(client_id=_STAYS)),
)


@projects(ClientMerged)
async def join_records(rows: Rows, entry: Entry[ClientMerged]) -> None:
    """Consents and restrictions of both records count for the person; of their sheets the older ones give way."""
    gone = entry.event.client_id
    into = await person_of(rows, entry.clinic_id, entry.event.into_client_id)
    if gone == into:
        return
    for join in JOIN:
        rows.write(join, clinic=entry.clinic_id, gone=gone, into=into)
    rows.put(MergedClient, clinic_id=entry.clinic_id, client_id=gone, into_client_id=into)
