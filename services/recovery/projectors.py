"""How recovery's tables follow the ledger. Check-ins are planned here, so a rebuild plans the same ones."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.booking import ClientMerged
from events.catalog.hygiene import Exposure, ExposureFound, RecallOpened
from events.catalog.recovery import (
    CheckinAnswered,
    CheckinDue,
    CheckinMissed,
    CheckinReminded,
    IncidentOpened,
    ReactionReported,
    SafetyHoldLifted,
    SafetyHoldPlaced,
)
from events.catalog.treatment import TreatmentEnded, TreatmentEndMissing, TreatmentRecordedLate, TreatmentStarted
from events.envelope import Entry
from events.policy import follow_policy, policy_in_force
from events.projection import Projection
from events.tables import Rows
from schemas.policy import PlannedCheckIn, Policy, planned_check_ins
from schemas.vocabulary import AreaDepth, Modality
from services.recovery.models import CheckIn, Incident, Policies, Reaction, SafetyHold, Treatment

projects = Projection("recovery")
follow_policy(projects, Policies)

TIERS = ("none", "review", "urgent", "emergency")


def checkin_id(treatment_id: UUID, step: str) -> UUID:
    """The same however often a plan is made."""
    return uuid5(treatment_id, step)


def plan(policy: Policy, ended_at: datetime, depth_um: int, modality: Modality, learned_at: datetime) -> tuple[PlannedCheckIn, ...]:
    """The check-ins after a treatment that was learned of at `learned_at`: not those that would be missed already."""
    return tuple(step for step in planned_check_ins(policy, ended_at, depth_um, modality) if step.missed_at > learned_at)


def plan_for_recall(policy: Policy, learned_at: datetime) -> PlannedCheckIn | None:
    """One more check-in, outside the schedule, as soon as quiet hours allow. Waits as for the schedule's first step."""
    if not policy.check_ins.plan:
        return None
    first = min(policy.check_ins.plan.values(), key=lambda step: step.after_seconds)
    at_once = first.model_copy(update={"after_seconds": 0, "deep_only": False, "staff_task": True})
    sections = policy.check_ins.model_copy(update={"plan": {"recall": at_once}})
    planned = planned_check_ins(policy.model_copy(update={"check_ins": sections}), learned_at, 0, Modality.MICRONEEDLING)
    return planned[0]


async def _policy(rows: Rows, clinic_id: UUID, at: datetime) -> Policy | None:
    found = await policy_in_force(rows, Policies, clinic_id, at)
    return None if found is None else found.policy


async def _plan(
    rows: Rows,
    clinic_id: UUID,
    treatment_id: UUID,
    client_id: UUID,
    steps: Iterable[tuple[UUID, PlannedCheckIn]],
    link_seconds: int,
) -> None:
    """Plan check-ins, or plan those anew that nobody was asked yet."""
    for planned_id, step in steps:
        times = {"due_at": step.due_at, "remind_at": step.remind_at, "missed_at": step.missed_at, "staff_task": step.staff_task}
        new = insert(CheckIn).values(
            clinic_id=clinic_id,
            checkin_id=planned_id,
            treatment_id=treatment_id,
            client_id=client_id,
            step=step.step,
            link_seconds=link_seconds,
            state="planned",
            **times,
        )
        keep = new.on_conflict_do_update(index_elements=["clinic_id", "checkin_id"], set_=times, where=CheckIn.state == "planned")
        await rows.execute(keep)


async def _plan_after(rows: Rows, entry: Entry[TreatmentEnded | TreatmentEndMissing | TreatmentRecordedLate], ended_at: datetime) -> None:
    clinic, treatment_id = entry.clinic_id, entry.event.treatment_id
    query = select(Treatment).where(Treatment.clinic_id == clinic, Treatment.treatment_id == treatment_id)
    treatment = (await rows.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
    policy = await _policy(rows, clinic, entry.recorded_at)
    if treatment is None or policy is None:
        return
    planned = plan(policy, ended_at, treatment.max_depth_um, Modality(treatment.modality), entry.recorded_at)
    # What an earlier plan had and this one has not: a treatment less deep than it was thought to be.
    gone = [checkin_id(treatment_id, step) for step in policy.check_ins.plan.keys() - {step.step for step in planned}]
    unasked = (CheckIn.clinic_id == clinic, CheckIn.treatment_id == treatment_id, CheckIn.state == "planned")
    await rows.execute(delete(CheckIn).where(*unasked, CheckIn.checkin_id.in_(gone)))
    steps = [(checkin_id(treatment_id, step.step), step) for step in planned]
    await _plan(rows, clinic, treatment_id, treatment.client_id, steps, policy.check_ins.link_valid_seconds)


def _deepest(depths: Sequence[AreaDepth]) -> int:
    return max((charted.depth_um for charted in depths), default=0)


async def _forget(rows: Rows, clinic_id: UUID, treatment_id: UUID) -> None:
    """No needle touched the skin: nothing to ask about."""
    unasked = (CheckIn.clinic_id == clinic_id, CheckIn.treatment_id == treatment_id, CheckIn.state == "planned")
    await rows.execute(delete(CheckIn).where(*unasked))


@projects(TreatmentStarted)
async def know_treatment(rows: Rows, entry: Entry[TreatmentStarted]) -> None:
    """Until its end is known, as deep as the consent allowed."""
    started = entry.event
    new = insert(Treatment).values(
        clinic_id=entry.clinic_id,
        treatment_id=started.treatment_id,
        client_id=started.client_id,
        modality=started.modality,
        max_depth_um=started.max_depth_um,
        lot_ids=list(started.lot_ids),
    )
    await rows.execute(new.on_conflict_do_nothing())


@projects(TreatmentEnded)
async def plan_from_end(rows: Rows, entry: Entry[TreatmentEnded]) -> None:
    ended = entry.event
    if not ended.needle_contact:
        return await _forget(rows, entry.clinic_id, ended.treatment_id)
    facts = {"client_id": ended.client_id, "modality": ended.modality, "max_depth_um": _deepest(ended.depths)}
    new = insert(Treatment).values(clinic_id=entry.clinic_id, treatment_id=ended.treatment_id, lot_ids=[], **facts)
    await rows.execute(new.on_conflict_do_update(index_elements=["clinic_id", "treatment_id"], set_=facts))
    return await _plan_after(rows, entry, ended.ended_at)


@projects(TreatmentEndMissing)
async def plan_from_planned_end(rows: Rows, entry: Entry[TreatmentEndMissing]) -> None:
    await _plan_after(rows, entry, entry.event.planned_end_at)


@projects(TreatmentRecordedLate)
async def plan_from_paper(rows: Rows, entry: Entry[TreatmentRecordedLate]) -> None:
    done = entry.event
    facts = {
        "client_id": done.client_id,
        "modality": done.modality,
        "max_depth_um": _deepest(done.depths),
        "lot_ids": list(done.lot_ids),
    }
    new = insert(Treatment).values(clinic_id=entry.clinic_id, treatment_id=done.treatment_id, **facts)
    await rows.execute(new.on_conflict_do_update(index_elements=["clinic_id", "treatment_id"], set_=facts))
    if done.needle_contact:
        await _plan_after(rows, entry, done.ended_at)


@projects(RecallOpened, ExposureFound)
async def plan_for_exposed(rows: Rows, entry: Entry[RecallOpened | ExposureFound]) -> None:
    """One more question for each treatment on the list, whatever the schedule says."""
    policy = await _policy(rows, entry.clinic_id, entry.recorded_at)
    step = None if policy is None else plan_for_recall(policy, entry.recorded_at)
    if policy is None or step is None:
        return
    exposures: dict[UUID, Exposure] = {exposure.treatment_id: exposure for exposure in entry.event.exposures}
    for treatment_id, exposure in exposures.items():
        steps = [(checkin_id(treatment_id, f"recall:{entry.event.recall_id}"), step)]
        await _plan(rows, entry.clinic_id, treatment_id, exposure.client_id, steps, policy.check_ins.link_valid_seconds)


@projects(CheckinDue)
async def ask(rows: Rows, entry: Entry[CheckinDue]) -> None:
    """Waiting counts from the asking: after an outage nobody is given up on before they were asked."""
    mine = (CheckIn.clinic_id == entry.clinic_id, CheckIn.checkin_id == entry.event.checkin_id)
    found = (await rows.execute(select(CheckIn).where(*mine).execution_options(populate_existing=True))).scalar_one_or_none()
    if found is None:
        return
    late = max(entry.recorded_at - found.due_at, timedelta(0))
    await rows.execute(
        update(CheckIn)
        .where(*mine)
        .values(
            state="asked",
            remind_at=None if found.remind_at is None else found.remind_at + late,
            missed_at=found.missed_at + late,
            link_until=entry.recorded_at + timedelta(seconds=found.link_seconds),
        )
    )


@projects(CheckinReminded)
async def remind_once(rows: Rows, entry: Entry[CheckinReminded]) -> None:
    mine = (CheckIn.clinic_id == entry.clinic_id, CheckIn.checkin_id == entry.event.checkin_id)
    await rows.execute(update(CheckIn).where(*mine).values(remind_at=None))


@projects(CheckinAnswered)
async def keep_answer(rows: Rows, entry: Entry[CheckinAnswered]) -> None:
    """The worst answer stays on the list; a later mild one does not take it away."""
    mine = (CheckIn.clinic_id == entry.clinic_id, CheckIn.checkin_id == entry.event.checkin_id)
    earlier = (await rows.execute(select(CheckIn.tier).where(*mine))).scalar_one_or_none()
    worst = max(earlier or "none", entry.event.tier, key=TIERS.index)
    await rows.execute(update(CheckIn).where(*mine).values(state="answered", tier=worst, answered_event_id=entry.event_id))


@projects(CheckinMissed)
async def give_up(rows: Rows, entry: Entry[CheckinMissed]) -> None:
    mine = (CheckIn.clinic_id == entry.clinic_id, CheckIn.checkin_id == entry.event.checkin_id, CheckIn.state == "asked")
    await rows.execute(update(CheckIn).where(*mine).values(state="missed"))


@projects(ReactionReported)
async def keep_reaction(rows: Rows, entry: Entry[ReactionReported]) -> None:
    facts = entry.event.model_dump() | {"ledger_index": entry.index}
    new = insert(Reaction).values(clinic_id=entry.clinic_id, reported_at=entry.recorded_at, event_id=entry.event_id, **facts)
    await rows.execute(new.on_conflict_do_nothing())


@projects(SafetyHoldPlaced)
async def keep_hold(rows: Rows, entry: Entry[SafetyHoldPlaced]) -> None:
    facts = entry.event.model_dump() | {"ledger_index": entry.index}
    new = insert(SafetyHold).values(clinic_id=entry.clinic_id, placed_at=entry.recorded_at, placed_event_id=entry.event_id, **facts)
    await rows.execute(new.on_conflict_do_nothing())


@projects(SafetyHoldLifted)
async def end_hold(rows: Rows, entry: Entry[SafetyHoldLifted]) -> None:
    mine = (SafetyHold.clinic_id == entry.clinic_id, SafetyHold.hold_id == entry.event.hold_id, SafetyHold.lifted_at.is_(None))
    await rows.execute(update(SafetyHold).where(*mine).values(lifted_at=entry.recorded_at, lifted_event_id=entry.event_id))


@projects(IncidentOpened)
async def keep_incident(rows: Rows, entry: Entry[IncidentOpened]) -> None:
    facts = entry.event.model_dump() | {"ledger_index": entry.index}
    await rows.execute(insert(Incident).values(clinic_id=entry.clinic_id, **facts).on_conflict_do_nothing())


@projects(ClientMerged)
async def join_records(rows: Rows, entry: Entry[ClientMerged]) -> None:
    gone, into = entry.event.client_id, entry.event.into_client_id
    for owned in (Treatment, CheckIn, SafetyHold, Reaction):
        await rows.execute(update(owned).where(owned.clinic_id == entry.clinic_id, owned.client_id == gone).values(client_id=into))
