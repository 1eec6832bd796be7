"""How a booking is shown: one look for each state, and sentences for what codes say."""

from dataclasses import dataclass
from uuid import UUID

from schemas.booking import BookingReply, FlagReply, PractitionerReply, Resources
from schemas.sentences import HEALTH
from schemas.vocabulary import Role, Verdict
from services.booking.queries import SaidNo
from services.screens.languages import language
from services.screens.words import Look, Wall, day

LOOKS = {
    "expected": Look("blue", "circle", "Booked"),
    "late": Look("amber", "clock", "Late"),
    "no_show_due": Look("amber", "clock", "Not here yet"),
    "no_show": Look("gray", "square", "No-show"),
    "arrived": Look("green", "check", "Here"),
    "started": Look("violet", "play", "In treatment"),
    "ended": Look("gray", "flag", "Done"),
    "canceled": Look("gray", "square", "Canceled"),
    "conflicted": Look("red", "stop", "Conflict"),
}
LOOK_AT_IT = Look("amber", "triangle", "Look at this")

_REVIEW = "Ask the clinician before this goes on."
_FLAGS = {
    "spacing": "The skin has not rested long enough by then.",
    "safety_hold": _REVIEW,
    "exposed": _REVIEW,
    "device_held": "The handpiece is held because of a recall. Choose another.",
    "resource_late": "What comes before ends late: room, handpiece or practitioner may not be free in time.",
    "credential": "The practitioner's credential does not cover this any more.",
    "two_places": "The client has another booking at this time.",
    "no_show": "The client did not come.",
}


def look_of(booking: BookingReply) -> Look:
    """The state of a booking at a glance: what came of it, or else whether the client is there."""
    return LOOKS[booking.attendance if booking.state == "confirmed" else booking.state]


def flag_in_words(flag: FlagReply) -> str:
    """Why somebody must look at it. Nothing of a client's health."""
    said = _FLAGS.get(flag.reason, _REVIEW)
    return said if flag.earliest_on is None else f"{said} It has from {day(flag.earliest_on)} on."


def reasons_of(booking: BookingReply) -> list[str]:
    """Everything that speaks against a booking, each once."""
    findings = [found.reason for found in booking.findings if found.verdict is not Verdict.MET and found.code not in HEALTH]
    return list(dict.fromkeys([*map(flag_in_words, booking.flags), *findings]))


@dataclass(frozen=True, slots=True)
class Words(Wall):
    """What is called how in one clinic, for the desk."""

    def practitioners(self, known: Resources) -> list[tuple[UUID, str]]:
        """Who can be chosen, by name."""
        return sorted(((row.practitioner_id, self._titled(row)) for row in known.practitioners), key=lambda pair: (pair[1], pair[0]))

    def no(self, said: SaidNo) -> str:
        """A client's no to a consent: that is no reason of their health."""
        which = f"{language(said.language)}, version {said.form_version}"
        return f"The client said no to the consent on {self.day_and_time(said.at)} ({which})."

    def _titled(self, row: PractitionerReply) -> str:
        return self.person(row.practitioner_id) + (" (clinician)" if row.role is Role.CLINICIAN else "")
