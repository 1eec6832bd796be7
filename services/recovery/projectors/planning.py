"""Treatments, and the check-ins after them. They are planned here, so a rebuild plans the same ones."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import bindparam, delete, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from events.catalog.hygiene import Exposure, ExposureFound, RecallOpened
from events.catalog.treatment import TreatmentEnded, TreatmentEndMissing, TreatmentRecordedLate, TreatmentStarted
from events.envelope import Entry
from events.policy import policy_in_force
from events.tables import Rows, Write
from schemas.policy import PlannedCheckIn, Policy, planned_check_ins
from schemas.vocabulary import AreaDepth, Modality
from services.recovery.models import CheckIn, Policies, Treatment
from services.recovery.projectors.following import projects


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


_THIS = (CheckIn.clinic_id == bindparam("clinic"), CheckIn.checkin_id == bindparam("checkin"))
_UNASKED = (CheckIn.treatment_id == bindparam("treatment"), CheckIn.state == literal_column("'planned'"))
_NEW = insert(CheckIn)
PLAN = Write(
    _NEW.on_conflict_do_update(
        index_elements=["clinic_id", "checkin_id"],
        set_={name: _NEW.excluded[name] for name in ("due_at", "remind_at", "missed_at", "staff_task")},
        where=CheckIn.state == literal_column("'planned'"),
    ),
    (
        *("clinic_id", "checkin_id", "treatment_id", "client_id", "step", "due_at", "remind_at", "missed_at", "staff_task"),
        *("link_seconds", "state"),
    ),
)
"""Check-ins are planned, or planned anew if nobody was asked yet."""

DROP = Write(delete(CheckIn).where(*_THIS, *_UNASKED))
FORGET = Write(delete(CheckIn).where(CheckIn.clinic_id == bindparam("clinic"), *_UNASKED))


def _plan(rows: Rows, clinic_id: UUID, treatment_id: UUID, client_id: UUID, named: str, step: PlannedCheckIn, link_seconds: int) -> None:
    rows.write(
        PLAN,
        clinic_id=clinic_id,
        checkin_id=checkin_id(treatment_id, named),
        treatment_id=treatment_id,
        client_id=client_id,
        step=step.step,
        due_at=step.due_at,
        remind_at=step.remind_at,
        missed_at=step.missed_at,
        staff_task=step.staff_task,
        link_seconds=link_seconds,
        state="planned",
    )


async def _plan_after(
    rows: Rows,
    entry: Entry[TreatmentEnded | TreatmentEndMissing | TreatmentRecordedLate],
    ended_at: datetime,
    client_id: UUID,
    depth_um: int,
    modality: Modality,
) -> None:
    clinic, treatment_id = entry.clinic_id, entry.event.treatment_id
    policy = await _policy(rows, clinic, entry.recorded_at)
    if policy is None:
        return
    planned = plan(policy, ended_at, depth_um, modality, entry.recorded_at)
    # What an earlier plan had and this one has not: a treatment less deep than it was thought to be.
    for gone in policy.check_ins.plan.keys() - {step.step for step in planned}:
        rows.write(DROP, clinic=clinic, checkin=checkin_id(treatment_id, gone), treatment=treatment_id)
    for step in planned:
        _plan(rows, clinic, treatment_id, client_id, step.step, step, policy.check_ins.link_valid_seconds)


def _deepest(depths: Sequence[AreaDepth]) -> int:
    return max((charted.depth_um for charted in depths), default=0)


@projects(TreatmentStarted)
async def know_treatment(rows: Rows, entry: Entry[TreatmentStarted]) -> None:
    """Until its end is known, as deep as the consent allowed."""
    started = entry.event
    rows.add(
        Treatment,
        clinic_id=entry.clinic_id,
        treatment_id=started.treatment_id,
        client_id=started.client_id,
        modality=started.modality,
        max_depth_um=started.max_depth_um,
        lot_ids=list(started.lot_ids),
    )


_ENDED = insert(Treatment)
END = Write(
    _ENDED.on_conflict_do_update(
        index_elements=["clinic_id", "treatment_id"],
        set_={name: _ENDED.excluded[name] for name in ("client_id", "modality", "max_depth_um")},
    ),
    ("clinic_id", "treatment_id", "client_id", "modality", "max_depth_um", "lot_ids"),
)
"""The end says nothing about lots: they stay as the start said them."""


@projects(TreatmentEnded)
async def plan_from_end(rows: Rows, entry: Entry[TreatmentEnded]) -> None:
    ended, depth_um = entry.event, _deepest(entry.event.depths)
    if not ended.needle_contact:  # nothing to ask about
        rows.write(FORGET, clinic=entry.clinic_id, treatment=ended.treatment_id)
        return
    rows.write(
        END,
        clinic_id=entry.clinic_id,
        treatment_id=ended.treatment_id,
        client_id=ended.client_id,
        modality=ended.modality,
        max_depth_um=depth_um,
        lot_ids=[],
    )
    await _plan_after(rows, entry, ended.ended_at, ended.client_id, depth_um, ended.modality)


@projects(TreatmentEndMissing)
async def plan_from_planned_end(rows: Rows, entry: Entry[TreatmentEndMissing]) -> None:
    missing = entry.event
    known = select(Treatment.client_id, Treatment.max_depth_um, Treatment.modality).where(
        Treatment.clinic_id == entry.clinic_id, Treatment.treatment_id == missing.treatment_id
    )
    found = (await rows.execute(known)).one_or_none()
    if found is not None:
        await _plan_after(rows, entry, missing.planned_end_at, found.client_id, found.max_depth_um, Modality(found.modality))


@projects(TreatmentRecordedLate)
async def plan_from_paper(rows: Rows, entry: Entry[TreatmentRecordedLate]) -> None:
    done, depth_um = entry.event, _deepest(entry.event.depths)
    rows.put(
        Treatment,
        clinic_id=entry.clinic_id,
        treatment_id=done.treatment_id,
        client_id=done.client_id,
        modality=done.modality,
        max_depth_um=depth_um,
        lot_ids=list(done.lot_ids),
    )
    if done.needle_contact:
        await _plan_after(rows, entry, done.ended_at, done.client_id, depth_um, done.modality)


@projects(RecallOpened, ExposureFound)
async def plan_for_exposed(rows: Rows, entry: Entry[RecallOpened | ExposureFound]) -> None:
    """One more question for each treatment on the list, whatever the schedule says."""
    policy = await _policy(rows, entry.clinic_id, entry.recorded_at)
    step = None if policy is None else plan_for_recall(policy, entry.recorded_at)
    if policy is None or step is None:
        return
    exposures: dict[UUID, Exposure] = {exposure.treatment_id: exposure for exposure in entry.event.exposures}
    named = f"recall:{entry.event.recall_id}"
    for treatment_id, exposure in exposures.items():
        _plan(rows, entry.clinic_id, treatment_id, exposure.client_id, named, step, policy.check_ins.link_valid_seconds)
