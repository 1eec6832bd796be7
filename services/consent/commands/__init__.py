"""Consent's decisions: each loads, asks the rules, records."""

from services.consent.commands.answer_screening import answer_screening
from services.consent.commands.decline_consent import decline_consent
from services.consent.commands.forget_client import forget_client
from services.consent.commands.grant_clearance import grant_clearance
from services.consent.commands.publish_form import publish_form
from services.consent.commands.request_consent import request_consent
from services.consent.commands.sign_consent import sign_consent
from services.consent.commands.withdraw_consent import withdraw_consent

__all__ = [
    "answer_screening",
    "decline_consent",
    "forget_client",
    "grant_clearance",
    "publish_form",
    "request_consent",
    "sign_consent",
    "withdraw_consent",
]
