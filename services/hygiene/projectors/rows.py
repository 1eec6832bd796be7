"""The projection itself, and what more than one of its files writes."""

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from events.policy import follow_policy
from events.projection import Projection
from events.tables import Write
from services.hygiene.models import Place, Policies

projects = Projection("hygiene")
follow_policy(projects, Policies)

_NEW = insert(Place)
SEE_PLACE = Write(
    _NEW.on_conflict_do_update(
        index_elements=["clinic_id", "kind", "subject_id"],
        set_={
            "disinfected_at": func.greatest(Place.disinfected_at, _NEW.excluded.disinfected_at),
            "used_at": func.greatest(Place.used_at, _NEW.excluded.used_at),
        },
    ),
    ("clinic_id", "kind", "subject_id", "disinfected_at", "used_at"),
)
"""A place was disinfected or used: the latest of each counts, and what was not said (null) changes nothing."""
