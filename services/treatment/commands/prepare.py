"""Skin cleansed, numbing cream on and off. Facts about the skin are taken as they are; the gate judges them."""

from typing import Any

from sqlalchemy import select

from events.catalog.treatment import NumbingApplied, NumbingRemoved, SkinCleansed
from events.transaction import Answer, Transaction
from schemas.treatment import Cleansing, Numbing, NumbingRemoval
from services.treatment import models
from services.treatment.commands.answers import all_met, policy_of, refuse, said_at, visit_of
from services.treatment.rules import requests


async def cleanse_skin(tx: Transaction, cleansing: Cleansing) -> Answer[Any]:
    rule, visit = await policy_of(tx), await visit_of(tx, cleansing.booking_id)
    policy, version = (None, None) if rule is None else (rule.policy, rule.version)
    findings = [
        requests.booking_must_be_known(visit),
        requests.booking_must_not_be_canceled(visit),
        requests.time_must_not_lie_ahead(cleansing.note.occurred_at or tx.now, tx.now, policy),
    ]
    if visit is None or not all_met(findings):
        return await refuse(tx, "cleanse_skin", cleansing.cleansing_id, findings, version)
    cleansed = SkinCleansed(
        booking_id=cleansing.booking_id,
        client_id=visit.client_id,
        product=cleansing.note.product,
        occurred_at=said_at(tx, cleansing.note.occurred_at),
    )
    return await tx.answer(cleansed, policy=version)


async def apply_numbing(tx: Transaction, numbing: Numbing) -> Answer[Any]:
    """Too strong, too long or covered is recorded all the same: the start is what it stops."""
    rule, visit = await policy_of(tx), await visit_of(tx, numbing.booking_id)
    policy, version = (None, None) if rule is None else (rule.policy, rule.version)
    if (earlier := await _numbing(tx, numbing)) is not None:
        return await tx.repeat(earlier.event_id)
    findings = [
        requests.booking_must_be_known(visit),
        requests.booking_must_not_be_canceled(visit),
        requests.time_must_not_lie_ahead(numbing.note.occurred_at or tx.now, tx.now, policy),
    ]
    if visit is None or not all_met(findings):
        return await refuse(tx, "apply_numbing", numbing.numbing_id, findings, version)
    applied = NumbingApplied(
        numbing_id=numbing.numbing_id,
        booking_id=numbing.booking_id,
        client_id=visit.client_id,
        occurred_at=said_at(tx, numbing.note.occurred_at),
        **numbing.note.model_dump(exclude={"occurred_at"}),
    )
    return await tx.answer(applied, policy=version)


async def remove_numbing(tx: Transaction, removal: NumbingRemoval) -> Answer[Any]:
    rule, visit, numbing = await policy_of(tx), await visit_of(tx, removal.booking_id), await _numbing(tx, removal)
    policy, version = (None, None) if rule is None else (rule.policy, rule.version)
    if numbing is not None and numbing.removed_event_id is not None:
        return await tx.repeat(numbing.removed_event_id)
    claimed = removal.note.occurred_at or tx.now
    known = numbing is not None and numbing.booking_id == removal.booking_id
    findings = [
        requests.booking_must_be_known(visit),
        requests.numbing_must_be_known(known=known),
        requests.time_must_not_lie_ahead(claimed, tx.now, policy),
        requests.time_must_not_lie_before(claimed, numbing.applied_at if numbing is not None else claimed),
    ]
    if visit is None or not all_met(findings):
        return await refuse(tx, "remove_numbing", removal.numbing_id, findings, version)
    removed = NumbingRemoved(
        numbing_id=removal.numbing_id,
        booking_id=removal.booking_id,
        client_id=visit.client_id,
        occurred_at=said_at(tx, removal.note.occurred_at),
    )
    return await tx.answer(removed, policy=version)


async def _numbing(tx: Transaction, asked: Numbing | NumbingRemoval) -> models.Numbing | None:
    of = (models.Numbing.clinic_id == tx.clinic_id, models.Numbing.numbing_id == asked.numbing_id)
    return (await tx.rows.execute(select(models.Numbing).where(*of))).scalar_one_or_none()
