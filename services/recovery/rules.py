"""When to ask, how fast a person must look, what the client is told, and when a link or a hold counts."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from schemas.policy import Policy, Tier, local_date, open_at, triage
from schemas.recovery import CheckInSheet
from schemas.vocabulary import Finding, LocalDate, Shape, Verdict

FEVER = "fever_or_chills"
"""The policy's code for what the fever question asks."""

ALARMING: frozenset[Tier] = frozenset({"urgent", "emergency"})

ADVICE: dict[Tier, str] = {
    "emergency": "This can be an emergency. Call your local emergency number now. Do not wait for us to answer.",
    "urgent": "This needs medical care today. Call the clinic now. If nobody answers, go to urgent care.",
    "review": "Thank you. Somebody of the clinic will look at this and contact you. If it gets worse, call us or come back to this page.",
    "none": "Thank you. If anything changes, call us or come back to this page.",
}
"""What the client is told (domain.md 1.7). Never more: no diagnosis, and never a word about medicines."""


def finding(rule: str, met: bool, *, field: str | None = None) -> Finding:  # noqa: FBT001 - the verdict
    return Finding(rule=rule, verdict=Verdict.MET if met else Verdict.UNMET, field=field)


def unmet(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(found for found in findings if found.verdict is Verdict.UNMET)


# Links: 48 bytes, the clinic, the check-in, and a keyed code of both for this one purpose.

_PURPOSE = b"asepsis/check-in/answer/v1\x00"
_TOKEN_BYTES, _TOKEN_CHARACTERS = 48, 64


class LinkTarget(Shape):
    """What a genuine link is for."""

    clinic_id: UUID
    checkin_id: UUID


def _code(secret: bytes, ids: bytes) -> bytes:
    return hmac.digest(secret, _PURPOSE + ids, "sha256")[:16]


def link_token(secret: bytes, clinic_id: UUID, checkin_id: UUID) -> str:
    """The opaque part of the link: whoever has it may answer this check-in, and nothing else."""
    ids = clinic_id.bytes + checkin_id.bytes
    return urlsafe_b64encode(ids + _code(secret, ids)).decode()


def target_of(secret: bytes, token: str) -> LinkTarget | None:
    """What the link is for; None if we did not make it."""
    if len(token) != _TOKEN_CHARACTERS or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token)
    except (NotBase64, ValueError):
        return None
    ids, code = raw[:32], raw[32:]
    if len(raw) != _TOKEN_BYTES or not hmac.compare_digest(code, _code(secret, ids)):
        return None
    return LinkTarget(clinic_id=UUID(bytes=ids[:16]), checkin_id=UUID(bytes=ids[16:]))


def link_must_be_in_time(link_until: datetime | None, now: datetime) -> Finding:
    """Half-open, and only once the client was asked."""
    return finding("link_must_be_in_time", link_until is not None and now < link_until)


# Triage


def reported(sheet: CheckInSheet) -> tuple[str, ...]:
    """The symptoms of a sheet, with the fever question among them."""
    return tuple(dict.fromkeys((*sheet.symptoms, FEVER) if sheet.fever else sheet.symptoms))


def tier_of(policy: Policy, symptoms: Sequence[str]) -> Tier:
    """How fast a person must look. A fever is urgent, also where the policy has no code for it."""
    tier = triage(policy, symptoms)
    unknown_fever = FEVER in symptoms and FEVER not in policy.recovery.symptoms
    return "urgent" if unknown_fever and tier not in ALARMING else tier


def to_be_looked_at(policy: Policy, symptoms: Iterable[str]) -> frozenset[str]:
    """The symptoms that a person must look at, each by itself."""
    return frozenset(symptom for symptom in symptoms if tier_of(policy, [symptom]) != "none")


def speaks_of_infection(policy: Policy, symptoms: Iterable[str]) -> bool:
    known = policy.recovery.symptoms
    return any(symptom == FEVER or (symptom in known and known[symptom].infection) for symptom in symptoms)


def lots_to_look_at(policy: Policy, lots_by_treatment: Iterable[Sequence[UUID]]) -> tuple[UUID, ...]:
    """Lots that as many treatments with signs of infection share as the policy calls a signal."""
    shared = Counter(lot for lots in lots_by_treatment for lot in set(lots))
    return tuple(sorted(lot for lot, replies in shared.items() if replies >= policy.recovery.lot_signal_replies))


# Clocks


def respond_by(policy: Policy, tier: Tier, reported_at: datetime) -> datetime:
    """Until when a person must have looked: sooner while the clinic is open."""
    response = policy.recovery.responses[tier]
    opened = open_at(policy, reported_at, reported_at + timedelta(minutes=1))
    return reported_at + timedelta(minutes=response.open_minutes if opened else response.closed_minutes)


_SATURDAY = 5


def report_due_on(policy: Policy, aware_at: datetime) -> LocalDate:
    """The last day of the policy's work days after the day somebody became aware: not weekends, not the clinic's closed days."""
    day, left = local_date(policy, aware_at), policy.recovery.report_work_days
    while left > 0:
        day += timedelta(days=1)
        left -= day.weekday() < _SATURDAY and day not in policy.clinic.closed_on
    return day


# Requests


def policy_must_be_in_force(known: bool) -> Finding:  # noqa: FBT001 - the fact
    return finding("policy_must_be_in_force", known)


def id_must_be_new(field: str) -> Finding:
    """Said when an id was used with other content."""
    return finding("id_must_be_new", False, field=field)


def treatment_must_be_known(known: bool) -> Finding:  # noqa: FBT001 - the fact
    return finding("treatment_must_be_known", known, field="treatment_id")


def checkin_must_be_unanswered(waits: bool) -> Finding:  # noqa: FBT001 - the fact
    """Nobody is called who has answered since, or whom somebody has reached."""
    return finding("checkin_must_be_unanswered", waits, field="checkin_id")


def hold_must_be_known(known: bool) -> Finding:  # noqa: FBT001 - the fact
    return finding("hold_must_be_known", known, field="hold_id")
