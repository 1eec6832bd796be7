"""Recovery's decisions: each loads, asks the rules, records."""

from services.recovery.commands.answer_checkin import answer_checkin
from services.recovery.commands.ask_client import Question, ask_client, miss_checkin, remind_client
from services.recovery.commands.follow_up_checkin import follow_up_checkin
from services.recovery.commands.forget_client import forget_client
from services.recovery.commands.lift_safety_hold import lift_safety_hold
from services.recovery.commands.open_incident import open_incident
from services.recovery.commands.place_safety_hold import place_safety_hold
from services.recovery.commands.report_reaction import report_reaction

__all__ = [
    "Question",
    "answer_checkin",
    "ask_client",
    "follow_up_checkin",
    "forget_client",
    "lift_safety_hold",
    "miss_checkin",
    "open_incident",
    "place_safety_hold",
    "remind_client",
    "report_reaction",
]
