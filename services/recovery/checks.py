"""How recovery's decisions are asked again, and which private rows its events are bound to.

Refusals of an answer or a report rest on what was not kept, but for whether the link, the treatment or the hold was known.
"""

from collections.abc import Sequence

from events.catalog.recovery import (
    CheckinAnswered,
    CheckinDue,
    CheckinFollowedUp,
    CheckinMissed,
    CheckinReminded,
    ReactionReported,
    RecoveryRefused,
    SafetyHoldLifted,
    SafetyHoldPlaced,
)
from events.checking.replays import Asked, Past, Private, Replays, answers_a_command
from schemas.recovery import (
    CheckInAnswer,
    CheckInSheet,
    FollowUp,
    FollowUpNote,
    HoldLifting,
    HoldNote,
    HoldPlacing,
    LiftNote,
    ReactionReport,
    ReactionReporting,
)
from services.recovery import commands

ANSWERS = "recovery.check_in_answers"


replays = Replays("recovery", writes_messages=True)
replays.keeps(Private(CheckinAnswered, ANSWERS, {"answer_id": "event_id"}, "content", digest="commitment", client="client_id"))
# What a client answered stands in the row of the answer; what staff reported has a row of its own.
replays.keeps(Private(ReactionReported, ANSWERS, {"answer_id": "reaction_id"}, client="client_id", when=answers_a_command))


@replays(CheckinAnswered)
async def of_an_answer(past: Past) -> Sequence[Asked] | None:
    kept = await past.kept(ANSWERS, answer_id=past.answer.event_id)
    if kept is None:
        return None
    sheet = CheckInSheet.model_validate_json(bytes(kept["content"]))
    request = CheckInAnswer(checkin_id=past.event.checkin_id, sheet=sheet)
    return [Asked(commands.answer_checkin, request, salt=bytes(kept["salt"]))]


@replays(ReactionReported)
async def of_a_report(past: Past) -> Sequence[Asked] | None:
    kept = await past.kept(ANSWERS, answer_id=past.event.reaction_id)
    if kept is None:
        return None
    report = ReactionReport.model_validate_json(bytes(kept["content"]))
    return [Asked(commands.report_reaction, ReactionReporting(reaction_id=past.event.reaction_id, report=report))]


@replays(CheckinFollowedUp)
async def of_a_call(past: Past) -> Sequence[Asked]:
    said: CheckinFollowedUp = past.event
    return [Asked(commands.follow_up_checkin, FollowUp(checkin_id=said.checkin_id, note=FollowUpNote(outcome=said.outcome)))]


@replays(SafetyHoldPlaced)
async def of_a_hold(past: Past) -> Sequence[Asked]:
    said: SafetyHoldPlaced = past.event
    note = HoldNote(client_id=said.client_id, reason=said.reason, tier=said.tier)
    return [Asked(commands.place_safety_hold, HoldPlacing(hold_id=said.hold_id, note=note))]


@replays(SafetyHoldLifted)
async def of_a_lift(past: Past) -> Sequence[Asked]:
    said: SafetyHoldLifted = past.event
    return [Asked(commands.lift_safety_hold, HoldLifting(hold_id=said.hold_id, note=LiftNote(reason=said.reason)))]


@replays(RecoveryRefused, refusing=("answer_checkin", "follow_up_checkin", "lift_safety_hold"))
async def of_a_refused_request(past: Past) -> Sequence[Asked]:
    subject = past.event.subject_id
    if past.event.command == "answer_checkin":
        return [Asked(commands.answer_checkin, CheckInAnswer(checkin_id=subject, sheet=CheckInSheet()))]
    if past.event.command == "follow_up_checkin":
        return [Asked(commands.follow_up_checkin, FollowUp(checkin_id=subject, note=FollowUpNote(outcome="taken")))]
    return [Asked(commands.lift_safety_hold, HoldLifting(hold_id=subject, note=LiftNote(reason="unknown")))]


replays.of_job(CheckinDue, "ask_due_clients", "checkin_id")
replays.of_job(CheckinReminded, "remind_silent_clients", "checkin_id")
replays.of_job(CheckinMissed, "give_up_on_silent_clients", "checkin_id")
