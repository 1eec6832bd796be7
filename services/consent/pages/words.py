"""How consents and restrictions are called on the screens."""

from datetime import datetime
from pathlib import Path

from schemas.consent import ConsentRecord, StandingRestriction
from schemas.vocabulary import Area, RestrictionClass
from services.screens.languages import Catalogue
from services.screens.words import Look

AREAS = {area.value: area.value.replace("_", " ").capitalize() for area in Area}

WORDS = Catalogue(Path(__file__).parents[1] / "templates" / "words")
"""What a client reads around the clinic's own text."""


def state_of(record: ConsentRecord, now: datetime) -> Look:
    """Colour, shape and word."""
    if record.withdrawn_at is not None:
        return Look("gray", "square", "Withdrawn")
    if record.superseded:
        return Look("amber", "triangle", "A new text must be signed")
    return Look("gray", "clock", "Expired") if now >= record.valid_until else Look("green", "check", "In force")


CLASSES = {
    RestrictionClass.BLOCK: Look("red", "stop", "No treatment"),
    RestrictionClass.TIMED: Look("amber", "clock", "Not yet"),
    RestrictionClass.CLEARANCE: Look("amber", "triangle", "Only when cleared"),
    RestrictionClass.WARNING: Look("blue", "circle", "Take note"),
}


def look_of(standing: StandingRestriction) -> Look:
    """Colour, shape and word of a restriction; cleared ones are green."""
    return Look("green", "check", "Cleared") if standing.cleared_until is not None else CLASSES[standing.restriction.restriction_class]
