"""What the gate says, as a checklist: findings in groups, each with the way to where it is put right."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from fastapi import Request

from schemas.access import may_any
from schemas.sentences import Said
from schemas.vocabulary import Role, Verdict, Visit
from services.screens.menu import open_to
from services.screens.words import Look, plain
from services.treatment.pages.words import Words

VERDICTS = {
    Verdict.MET: Look("green", "check", "Met"),
    Verdict.WARNING: Look("amber", "triangle", "Look at this"),
    Verdict.UNMET: Look("red", "square", "Not met"),
}
NOT_YET = Look("red", "square", "Not yet")
"""What is unmet before a start can still be put right."""
SAID_NO = Look("red", "stop", "Said no")

CONSENT = "consent_must_cover_areas_and_depth"
"""What the gate says of it rests on signatures alone, and stays as it was decided: a no is told beside it."""

GROUPS: tuple[tuple[str, dict[str, str]], ...] = (
    (
        "The client",
        {
            "identity_must_be_confirmed": "Identity",
            "age_must_be_allowed": "Age",
            "client_must_be_contactable": "How to reach the client",
            "screening_must_be_fresh": "Health questions",
            "nothing_may_contraindicate": "What the answers say",
            "clearances_must_be_valid": "Clearances",
            CONSENT: "Consent",
            "cooling_off_must_be_over": "Cooling-off",
            "spacing_must_have_passed": "Rest since the last treatment",
            "no_safety_hold_may_stand": "Safety hold",
        },
    ),
    ("The skin", {"numbing_must_be_off": "Numbing", "skin_must_be_cleansed": "Cleansing", "photographs_must_be_taken": "Photographs"}),
    (
        "The room, and what is used",
        {
            "room_must_be_turned_over": "Room",
            "nothing_named_may_be_taken": "Everything is free",
            "handpiece_must_be_reprocessed": "Handpiece",
            "cartridges_must_be_sterile_and_unused": "Cartridges",
            "packs_must_be_sterile_and_unused": "Sterile packs",
            "sterilizers_must_not_be_in_doubt": "Sterilizers",
            "emergency_kit_must_be_in_date": "Emergency kit",
        },
    ),
    (
        "The booking, and who treats",
        {
            "booking_must_hold_its_slot": "Booking",
            "start_must_fall_into_the_slot": "Time",
            "practitioner_must_be_credentialed": "Credential",
            "depth_must_suit_the_areas": "Depth",
            "policy_must_be_in_force": "Policy",
            "clock_must_be_trusted": "Clocks",
        },
    ),
    ("What was done", {"depth_must_stay_within_consent": "Depth reached", "areas_must_stay_within_consent": "Areas treated"}),
)
"""A rule that stands in none of them is shown in a group of its own, under its name."""

OTHERS = "And"

ON_THIS_PAGE = {
    "numbing_must_be_off": ("#clocks", "To the cream"),
    "skin_must_be_cleansed": ("#cleanser", "Cleanse the skin"),
    "photographs_must_be_taken": ("#seen", "Tick it below"),
    "emergency_kit_must_be_in_date": ("#seen", "Tick it below"),
    "handpiece_must_be_reprocessed": ("#scan", "Scan the handpiece"),
    "cartridges_must_be_sterile_and_unused": ("#scan", "Scan a cartridge"),
    "packs_must_be_sterile_and_unused": ("#things", "To the packs"),
}

AT_THE_DESK = frozenset(
    {
        "booking_must_hold_its_slot",
        "start_must_fall_into_the_slot",
        "identity_must_be_confirmed",
        "age_must_be_allowed",
        "client_must_be_contactable",
        "spacing_must_have_passed",
    }
)

ELSEWHERE = {
    "screening_must_be_fresh": ("consent", "/{client}", "answer_screening"),
    "nothing_may_contraindicate": ("consent", "/{client}", "answer_screening"),
    "clearances_must_be_valid": ("consent", "/{client}", "grant_clearance"),
    CONSENT: ("consent", "/{client}", "sign_consent"),
    "cooling_off_must_be_over": ("consent", "/{client}", "sign_consent"),
    "no_safety_hold_may_stand": ("recovery", "", "lift_safety_hold"),
    "room_must_be_turned_over": ("tablet", "#turnover", "turn_over_room"),
    "handpiece_must_be_reprocessed": ("tablet", "#reprocessing", "reprocess_handpiece"),
}
"""The screen of the navigation where it is put right, the place on it, and the command that does it: a way only for whoever may."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads findings about a booking, and where they may go from there."""

    request: Request
    clinic: UUID
    visit: Visit
    words: Words

    @property
    def roles(self) -> frozenset[Role]:
        """All that they hold here."""
        found: frozenset[Role] = self.request.state.roles
        return found

    def may(self, command: str) -> bool:
        """Whether one of the roles may do it."""
        return may_any(self.roles, command) is not None

    def may_waive(self, finding: Said) -> bool:
        """Whether policy lets one of their roles override this finding."""
        return self.may("override_rule") and bool(self.roles & set(finding.overridable_by))

    def ways(self, rule: str) -> tuple[tuple[str, str], ...]:
        """Links to where it is put right: on this page, at the desk, or on the screen whose command does it."""
        here = f"/clinics/{self.clinic}"
        found = [ON_THIS_PAGE[rule]] if rule in ON_THIS_PAGE and self.may("start_treatment") else []
        if rule in AT_THE_DESK and self.may("view_day_sheet"):
            found.append((f"{here}/board/{self.visit.booking_id}", "Open the booking"))
        path, place, command = ELSEWHERE.get(rule, ("", "", ""))
        screens = open_to(self.request.app.state.menu, self.roles) if self.may(command) else ()
        place = place.format(client=self.visit.client_id)
        found += [(f"{here}/{screen.path}{place}", screen.word) for screen in screens if screen.path == path]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Line:
    """One finding as it is read. `ways`: where it is put right. `waivable`: whether this person may let it pass."""

    rule: str
    title: str
    reason: str
    look: Look
    ways: tuple[tuple[str, str], ...]
    waivable: bool
    earliest: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """The findings about one thing."""

    title: str
    lines: tuple[Line, ...]


def signed_for(finding: Said) -> bool:
    """Whether this says that a signature covers what is to be done."""
    return finding.rule == CONSENT and finding.verdict is Verdict.MET and finding.parameters.get("reason") != "not_required"


def titled(rule: str) -> str:
    """What a rule is about, in a word or two."""
    return next((titles[rule] for _, titles in GROUPS if rule in titles), plain(rule))


def grouped(
    findings: Iterable[Said], verdicts: frozenset[Verdict], reader: Reader | None = None, said_no: str | None = None
) -> tuple[Group, ...]:
    """Those with these verdicts, in their groups; a group with none is left out. `said_no`: the client's no, as a sentence."""
    wanted = [finding for finding in findings if finding.verdict in verdicts]
    placed = {rule for _, rules in GROUPS for rule in rules}
    rest = {finding.rule: "" for finding in wanted if finding.rule not in placed}
    groups = (
        Group(title, tuple(_line(finding, reader, said_no) for finding in wanted if finding.rule in rules))
        for title, rules in (*GROUPS, (OTHERS, rest))
    )
    return tuple(group for group in groups if group.lines)


def _line(finding: Said, reader: Reader | None, said_no: str | None) -> Line:
    unmet = finding.verdict is Verdict.UNMET
    no = said_no if unmet and finding.rule == CONSENT else None
    # After a no it goes without saying that nothing is signed.
    reasons = (no, None if no and finding.parameters.get("reason") == "not_signed" else finding.reason)
    return Line(
        rule=finding.rule,
        title=titled(finding.rule),
        reason=" ".join(reason for reason in reasons if reason),
        look=SAID_NO if no else NOT_YET if unmet and reader else VERDICTS[finding.verdict],
        ways=reader.ways(finding.rule) if reader and unmet else (),
        waivable=bool(reader and unmet and reader.may_waive(finding)),
        earliest=reader.words.day_and_time(finding.earliest_ok) if reader and finding.earliest_ok and unmet else None,
    )
