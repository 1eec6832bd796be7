"""What became of the questions: asked, answered, missed; reactions, holds, incidents."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, any_, bindparam, case, func, literal_column, update
from sqlalchemy.dialects.postgresql import INTERVAL, TIMESTAMP

from events.catalog.booking import ClientMerged
from events.catalog.recovery import (
    CheckinAnswered,
    CheckinDue,
    CheckinFollowedUp,
    CheckinMissed,
    CheckinReminded,
    IncidentOpened,
    ReactionReported,
    SafetyHoldLifted,
    SafetyHoldPlaced,
)
from events.envelope import Entry
from events.tables import Rows, Write
from services.recovery.models import CheckIn, Incident, Reaction, SafetyHold, Treatment
from services.recovery.projectors.following import projects

TIERS = ("none", "review", "urgent", "emergency")
_AT = bindparam("at", type_=TIMESTAMP(timezone=True))


# Intervals have days, and a day's length depends on the time zone; without a zone it is always 24 hours.
def _utc(moment: Any) -> ColumnElement[datetime]:
    return func.timezone("UTC", moment, type_=TIMESTAMP())


def _later(moment: Any) -> ColumnElement[datetime]:
    """As much later as the asking came after its time."""
    late = func.greatest(_utc(_AT) - _utc(CheckIn.due_at), literal_column("interval '0'"), type_=INTERVAL())
    return func.timezone("UTC", _utc(moment) + late, type_=TIMESTAMP(timezone=True))


_THIS = (CheckIn.clinic_id == bindparam("clinic"), CheckIn.checkin_id == bindparam("checkin"))
ASK = Write(
    update(CheckIn)
    .where(*_THIS)
    .values(
        state="asked",
        remind_at=_later(CheckIn.remind_at),
        missed_at=_later(CheckIn.missed_at),
        link_until=_AT + CheckIn.link_seconds * literal_column("interval '1 second'", INTERVAL()),
    )
)
REMIND = Write(update(CheckIn).where(*_THIS).values(remind_at=None))
ANSWER = Write(
    update(CheckIn)
    .where(*_THIS)
    .values(
        state="answered",
        tier=case((CheckIn.tier == any_(bindparam("heavier", type_=ARRAY(Text()))), CheckIn.tier), else_=bindparam("new")),
        answered_event_id=bindparam("event"),
    )
)
MISS = Write(update(CheckIn).where(*_THIS, CheckIn.state == "asked").values(state="missed"))
FOLLOW_UP = Write(update(CheckIn).where(*_THIS).values(call=bindparam("outcome"), called_by=bindparam("by"), called_at=bindparam("at")))
LIFT = Write(
    update(SafetyHold)
    .where(SafetyHold.clinic_id == bindparam("clinic"), SafetyHold.hold_id == bindparam("hold"), SafetyHold.lifted_at.is_(None))
    .values(lifted_at=bindparam("at"), lifted_event_id=bindparam("event"))
)
JOIN = tuple(
    Write(
        update(owned)
        .where(owned.clinic_id == bindparam("clinic"), owned.client_id == bindparam("gone"))
        .values(client_id=bindparam("into"))
    )
    for owned in (Treatment, CheckIn, SafetyHold, Reaction)
)


@projects(CheckinDue)
async def ask(rows: Rows, entry: Entry[CheckinDue]) -> None:
    """Waiting counts from the asking: after an outage nobody is given up on before they were asked."""
    rows.write(ASK, clinic=entry.clinic_id, checkin=entry.event.checkin_id, at=entry.recorded_at)


@projects(CheckinReminded)
async def remind_once(rows: Rows, entry: Entry[CheckinReminded]) -> None:
    rows.write(REMIND, clinic=entry.clinic_id, checkin=entry.event.checkin_id)


@projects(CheckinAnswered)
async def keep_answer(rows: Rows, entry: Entry[CheckinAnswered]) -> None:
    """The worst answer stays on the list; a later mild one does not take it away."""
    answered = entry.event
    heavier = list(TIERS[TIERS.index(answered.tier) + 1 :])
    this = {"clinic": entry.clinic_id, "checkin": answered.checkin_id}
    rows.write(ANSWER, **this, heavier=heavier, new=answered.tier, event=entry.event_id)


@projects(CheckinMissed)
async def give_up(rows: Rows, entry: Entry[CheckinMissed]) -> None:
    rows.write(MISS, clinic=entry.clinic_id, checkin=entry.event.checkin_id)


@projects(CheckinFollowedUp)
async def keep_call(rows: Rows, entry: Entry[CheckinFollowedUp]) -> None:
    said = entry.event
    by = entry.actor.identity_id
    rows.write(FOLLOW_UP, clinic=entry.clinic_id, checkin=said.checkin_id, outcome=said.outcome, by=by, at=entry.recorded_at)


@projects(ReactionReported)
async def keep_reaction(rows: Rows, entry: Entry[ReactionReported]) -> None:
    said = entry.event
    rows.add(
        Reaction,
        clinic_id=entry.clinic_id,
        reaction_id=said.reaction_id,
        treatment_id=said.treatment_id,
        client_id=said.client_id,
        tier=said.tier,
        reported_at=entry.recorded_at,
        ledger_index=entry.index,
        event_id=entry.event_id,
    )


@projects(SafetyHoldPlaced)
async def keep_hold(rows: Rows, entry: Entry[SafetyHoldPlaced]) -> None:
    placed = entry.event
    rows.add(
        SafetyHold,
        clinic_id=entry.clinic_id,
        hold_id=placed.hold_id,
        client_id=placed.client_id,
        reason=placed.reason,
        tier=placed.tier,
        cause=placed.cause,
        placed_at=entry.recorded_at,
        ledger_index=entry.index,
        placed_event_id=entry.event_id,
    )


@projects(SafetyHoldLifted)
async def end_hold(rows: Rows, entry: Entry[SafetyHoldLifted]) -> None:
    rows.write(LIFT, clinic=entry.clinic_id, hold=entry.event.hold_id, at=entry.recorded_at, event=entry.event_id)


@projects(IncidentOpened)
async def keep_incident(rows: Rows, entry: Entry[IncidentOpened]) -> None:
    opened = entry.event
    rows.add(
        Incident,
        clinic_id=entry.clinic_id,
        incident_id=opened.incident_id,
        kind=opened.kind,
        subject_id=opened.subject_id,
        cause=opened.cause,
        become_aware_at=opened.become_aware_at,
        ledger_index=entry.index,
    )


@projects(ClientMerged)
async def join_records(rows: Rows, entry: Entry[ClientMerged]) -> None:
    for join in JOIN:
        rows.write(join, clinic=entry.clinic_id, gone=entry.event.client_id, into=entry.event.into_client_id)
