"""Let one booking pass one rule."""

from typing import Any

from sqlalchemy import select

from events.catalog.treatment import RuleOverridden
from events.transaction import Answer, Transaction
from schemas.treatment import Override
from services.treatment import models
from services.treatment.commands.answers import all_met, policy_of, refuse, visit_of
from services.treatment.rules import requests
from services.treatment.rules.gate import CODES


async def override_rule(tx: Transaction, override: Override) -> Answer[Any]:
    """By a role that policy names for the rule. Sterility, consent, recall and safety holds name none."""
    rule, visit, note = await policy_of(tx), await visit_of(tx, override.note.booking_id), override.note
    version = None if rule is None else rule.version
    given = select(models.Override.event_id).where(
        models.Override.clinic_id == tx.clinic_id, models.Override.override_id == override.override_id
    )
    if (earlier := (await tx.rows.execute(given)).scalar_one_or_none()) is not None:
        return await tx.repeat(earlier)
    findings = [
        requests.policy_must_be_published(None if rule is None else rule.policy),
        requests.booking_must_be_known(visit),
        requests.booking_must_not_be_canceled(visit),
        *(() if rule is None else requests.of_an_override(note, tx.actor.role, rule.policy, tx.now)),
    ]
    if not all_met(findings):
        return await refuse(tx, "override_rule", override.override_id, findings, version)
    return await tx.answer(
        RuleOverridden(override_id=override.override_id, code=CODES.get(note.rule, ""), **note.model_dump()), policy=version
    )
