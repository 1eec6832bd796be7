"""Words that more than one service uses: ids, areas, depths, roles, findings.

Everything that can stand in an event is built from these types. None of them holds a name, a contact,
a date of birth, free text or a health answer; `tests/test_catalog.py` walks every event to hold that.
"""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

MAX_INTEGER = 2**53 - 1
"""The largest integer every JSON reader keeps exactly."""

NO_ZERO_BYTE = r"^[^\x00]*$"
"""Free text may hold anything but the one character that PostgreSQL's text cannot."""


FIRST_YEAR, LAST_YEAR = 1850, 2999
"""Nobody who comes here was born before, nothing is promised for later; beyond, arithmetic falls off the calendar."""

D = TypeVar("D", bound=date)


def within_reach(day: D) -> D:
    """A day or moment with room on both sides for every wait, validity and time zone."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"the year lies between {FIRST_YEAR} and {LAST_YEAR}")
    return day


def _as_utc(instant: datetime) -> datetime:
    return within_reach(instant).astimezone(UTC)


def no_number(value: object) -> object:
    """A bare number is no time with an offset and no date, though pydantic takes it for seconds since 1970."""
    if isinstance(value, int | float) or (isinstance(value, str) and value.lstrip("+-").replace(".", "").isdigit()):
        raise ValueError("this is written as RFC 3339 says, not as a number")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(no_number), AfterValidator(_as_utc)]
"""A moment, RFC 3339 with an offset; kept in UTC."""

LocalDate = Annotated[date, BeforeValidator(no_number), AfterValidator(within_reach)]
"""A calendar date in the clinic's own time zone."""

Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
"""A word from a fixed list of ours or of a policy: lower case, no blanks."""

Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:+/-]{1,80}$")]
"""An opaque identifier or a number, date or id rendered as text."""

CommandId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
"""The sender's id of one command (contract.md)."""

SystemName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
"""The name of a front-desk system; part of a stream's key."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in hex: a content hash, or a salted commitment to a private row."""

Language = Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
TimeZoneName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._+/-]{1,64}$")]

Gtin = Annotated[str, Field(pattern=r"^[0-9]{14}$")]
"""GS1 AI (01), 14 digits with a right check digit."""

LotCode = Annotated[str, Field(pattern=r"^[!-~]{1,20}$")]
"""GS1 AI (10), up to 20 printable characters."""

SerialCode = Annotated[str, Field(pattern=r"^[!-~]{1,40}$")]
"""GS1 AI (21), or a maker's serial number."""

Micrometers = Annotated[int, Field(ge=0, le=10_000)]
"""Needle depth. 1.0 mm is 1000."""

Millidegrees = Annotated[int, Field(ge=-50_000, le=500_000)]
"""Temperature. 134 °C is 134000."""

Seconds = Annotated[int, Field(ge=0, le=10_000_000)]
Count = Annotated[int, Field(ge=0, le=MAX_INTEGER)]


GateNumber = Annotated[str, Field(pattern=r"^(G[0-9]{2})?$")]
"""The number of a rule of the gate, G01 to G22 (domain.md, appendix A); empty for a rule that has none."""


class Shape(BaseModel):
    """Base of every value, request and reply: frozen, and nothing that was not asked for. Its errors repeat no input."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Role(StrEnum):
    """What an identity may do in a clinic (`schemas/access.py` says which command)."""

    FRONT_DESK = "front_desk"
    TECHNICIAN = "technician"
    PRACTITIONER = "practitioner"
    CLINICIAN = "clinician"
    MANAGER = "manager"
    AUDITOR = "auditor"
    ADMIN = "admin"
    SYSTEM = "system"
    CLIENT = "client"
    SERVICE = "service"


class Area(StrEnum):
    """Body zones. `full_face` covers every zone of the face (domain.md 1.1)."""

    FULL_FACE = "full_face"
    FOREHEAD = "forehead"
    GLABELLA = "glabella"
    NOSE = "nose"
    PERIORBITAL = "periorbital"
    UPPER_LIP = "upper_lip"
    CHEEKS = "cheeks"
    CHIN = "chin"
    JAW = "jaw"
    NECK = "neck"
    DECOLLETE = "decollete"
    SCALP = "scalp"
    ARMS = "arms"
    HANDS = "hands"
    ABDOMEN = "abdomen"
    BACK = "back"
    LEGS = "legs"


FACE = frozenset(
    {
        Area.FOREHEAD,
        Area.GLABELLA,
        Area.NOSE,
        Area.PERIORBITAL,
        Area.UPPER_LIP,
        Area.CHEEKS,
        Area.CHIN,
        Area.JAW,
    }
)


def zones(areas: tuple[Area, ...]) -> frozenset[Area]:
    """The single zones that the areas stand for: `full_face` opened up."""
    named = frozenset(areas) - {Area.FULL_FACE}
    return named | FACE if Area.FULL_FACE in areas else named


def overlap(one: tuple[Area, ...], other: tuple[Area, ...]) -> bool:
    """Whether two lists of areas share skin."""
    return bool(zones(one) & zones(other))


class Modality(StrEnum):
    """What makes the channels: needles alone, or needles with radio frequency."""

    MICRONEEDLING = "microneedling"
    RF_MICRONEEDLING = "rf_microneedling"


class VisitType(StrEnum):
    """What a client comes for. Only needle contact starts spacing (domain.md, Life is not tidy)."""

    CONSULTATION = "consultation"
    PATCH_TEST = "patch_test"
    TREATMENT = "treatment"
    FOLLOW_UP = "follow_up"


class AgeBand(StrEnum):
    """The client's age on the day, as far as the rules need it (domain.md 1.3)."""

    UNDER_18 = "under_18"
    FROM_18_TO_21 = "from_18_to_21"
    FROM_22 = "from_22"


class Verdict(StrEnum):
    """What a rule says about a case."""

    MET = "met"
    WARNING = "warning"
    UNMET = "unmet"


class Finding(Shape):
    """What one rule says about one case, with what it looked at.

    `rule` is the rule's function name, `code` the gate number it serves (G01 … G22) or "" elsewhere.
    `parameters` feed the sentence in `schemas/sentences.py`; `evidence` are ids of records.
    """

    rule: Code
    code: GateNumber = ""
    verdict: Verdict
    field: Token | None = None
    parameters: dict[Code, int | Token] = {}
    evidence: tuple[UUID, ...] = ()
    overridable_by: tuple[Role, ...] = ()
    earliest_ok: Instant | None = None


TABLET = "tablet:"
"""A device that begins with it is a shared tablet of the clinic, where a PIN stood for a token. No program calls itself so."""


class Actor(Shape):
    """Who acts: an identity in a role, from a device where one is known."""

    identity_id: UUID
    role: Role
    device: Token | None = None


class AreaDepth(Shape):
    """How deep the needles went (or may go) in one area."""

    area: Area
    depth_um: Micrometers


class Visit(Shape):
    """An appointment as all services know it. Half-open: `ends_at` is free again."""

    booking_id: UUID
    client_id: UUID
    practitioner_id: UUID
    room_id: UUID
    device_id: UUID | None = None
    starts_at: Instant
    ends_at: Instant
    visit_type: VisitType = VisitType.TREATMENT
    modality: Modality = Modality.MICRONEEDLING
    areas: Annotated[tuple[Area, ...], Field(max_length=17)] = ()
    depth_um: Micrometers = 0


class Opening(Shape):
    """A slot that is free for the visit that was asked for."""

    starts_at: Instant
    ends_at: Instant
    practitioner_id: UUID
    room_id: UUID


class RestrictionClass(StrEnum):
    """How a screening answer restricts treatment (domain.md 1.4: B, C, T, W)."""

    BLOCK = "block"
    CLEARANCE = "clearance"
    TIMED = "timed"
    WARNING = "warning"


class Restriction(Shape):
    """An opaque restriction: what it forbids, never why. No areas means the whole body.

    `until` is the first day on which it no longer restricts. `numbing_only`: it forbids the cream, not the needles.
    """

    restriction_id: UUID
    restriction_class: RestrictionClass
    areas: tuple[Area, ...] = ()
    until: LocalDate | None = None
    numbing_only: bool = False
