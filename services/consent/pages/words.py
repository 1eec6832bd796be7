"""How consents and restrictions are called on the screens."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.consent import ConsentRecord, StandingRestriction
from schemas.vocabulary import Area, RestrictionClass

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


def plain(code: str) -> str:
    """A code as people say it."""
    return code.replace("_", " ").replace(".", " ").capitalize()


def areas(codes: tuple[Area, ...]) -> str:
    """Where on the body."""
    return ", ".join(area.value.replace("_", " ") for area in codes)


def depth(micrometers: int) -> str:
    """As it is read on the handpiece."""
    return f"{micrometers / 1000:g} mm"


def thing(kind: str, identity: UUID) -> str:
    """What has no name here: the beginning of its id, as on the other screens."""
    return f"{kind} {identity.hex[:4].upper()}"


def day(on: date) -> str:
    """A date as people read it, whatever their country."""
    return f"{on:%a} {on.day} {on:%b %Y}"


def state_of(record: ConsentRecord, now: datetime) -> tuple[str, str, str]:
    """Colour, shape and word."""
    if record.withdrawn_at is not None:
        return "gray", "square", "Withdrawn"
    if record.superseded:
        return "amber", "triangle", "A new text must be signed"
    return ("gray", "clock", "Expired") if now >= record.valid_until else ("green", "check", "In force")


CLASSES = {
    RestrictionClass.BLOCK: ("red", "stop", "No treatment"),
    RestrictionClass.TIMED: ("amber", "clock", "Not yet"),
    RestrictionClass.CLEARANCE: ("amber", "triangle", "Only when cleared"),
    RestrictionClass.WARNING: ("blue", "circle", "Take note"),
}


def look_of(standing: StandingRestriction) -> tuple[str, str, str]:
    """Colour, shape and word of a restriction; cleared ones are green."""
    return ("green", "check", "Cleared") if standing.cleared_until is not None else CLASSES[standing.restriction.restriction_class]


@dataclass(frozen=True, slots=True)
class Clock:
    """The clinic's wall."""

    zone: ZoneInfo

    def day(self, at: datetime) -> str:
        return day(at.astimezone(self.zone).date())

    def day_and_time(self, at: datetime) -> str:
        return f"{self.day(at)}, {at.astimezone(self.zone):%H:%M}"
