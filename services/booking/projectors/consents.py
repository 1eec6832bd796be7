"""What clients answered to a consent: the desk is told of a no, and decides nothing by it."""

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from events.catalog.consent import ConsentDeclined, ConsentSigned
from events.envelope import Entry
from events.tables import Rows, Write
from services.booking.models import ConsentAnswer
from services.booking.projectors.following import projects

_SIGNED = insert(ConsentAnswer)
SIGN = Write(
    _SIGNED.on_conflict_do_update(
        index_elements=["clinic_id", "client_id"],
        set_={"signed_at": func.greatest(ConsentAnswer.signed_at, _SIGNED.excluded.signed_at)},
    ),
    ("clinic_id", "client_id", "signed_at"),
)


@projects(ConsentSigned)
async def note_signature(rows: Rows, entry: Entry[ConsentSigned]) -> None:
    """When it was signed, which may have been before a no that was recorded first."""
    signed = entry.event
    rows.write(SIGN, clinic_id=entry.clinic_id, client_id=signed.client_id, signed_at=min(signed.signed_at, entry.recorded_at))


@projects(ConsentDeclined)
async def note_no(rows: Rows, entry: Entry[ConsentDeclined]) -> None:
    declined = entry.event
    rows.put(
        ConsentAnswer,
        clinic_id=entry.clinic_id,
        client_id=declined.client_id,
        declined_at=entry.recorded_at,
        language=declined.language,
        form_version=declined.form_version,
    )
