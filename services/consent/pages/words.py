"""How consents and restrictions are called on the screens."""

from datetime import datetime

from schemas.consent import ConsentRecord, StandingRestriction
from schemas.vocabulary import Area, RestrictionClass
from services.screens.words import Look

AREAS = {area.value: area.value.replace("_", " ").capitalize() for area in Area}

LANGUAGES = {
    "ar": "العربية",
    "bg": "Български",
    "cs": "Čeština",
    "da": "Dansk",
    "de": "Deutsch",
    "el": "Ελληνικά",
    "en": "English",
    "es": "Español",
    "et": "Eesti",
    "fi": "Suomi",
    "fr": "Français",
    "hu": "Magyar",
    "it": "Italiano",
    "ja": "日本語",
    "lt": "Lietuvių",
    "lv": "Latviešu",
    "nl": "Nederlands",
    "no": "Norsk",
    "pl": "Polski",
    "pt": "Português",
    "ro": "Română",
    "ru": "Русский",
    "sk": "Slovenčina",
    "sl": "Slovenščina",
    "sv": "Svenska",
    "tr": "Türkçe",
    "uk": "Українська",
    "zh": "中文",
}
"""Languages by their own names: whoever looks for theirs reads it."""

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


def language(code: str) -> str:
    """A language by its own name, with its country where one is said."""
    name, _, country = code.partition("-")
    called = LANGUAGES.get(name, code)
    return f"{called} ({country})" if country and called != code else called


def direction(code: str) -> str:
    """How it is written."""
    return "rtl" if code.partition("-")[0] in RIGHT_TO_LEFT else "ltr"


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
