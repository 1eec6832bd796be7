"""A treatment with its certificate, and what was prepared for a booking."""

from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select

from events.transaction import View
from schemas.treatment import Certificate, CleansingView, NumbingView, Preparation, TreatmentView
from services.treatment.models import Arrival, Cleansing, Numbing, Override, Treatment, Visit

State = Literal["running", "paused", "ended", "recorded_late"]


async def certificate(view: View, treatment_id: UUID) -> Certificate | None:
    """A treatment with the findings it started and ended with; None where nobody knows it."""
    query = select(Treatment).where(Treatment.clinic_id == view.clinic_id, Treatment.treatment_id == treatment_id)
    found = (await view.rows.execute(query)).scalar_one_or_none()
    if found is None:
        return None
    columns: dict[str, Any] = {name: getattr(found, name) for name in TreatmentView.model_fields if hasattr(found, name)}
    treatment = TreatmentView.model_validate(
        columns | {"cartridge_unit_ids": found.unit_ids, "state": state_of(found), "stop_advised": bool(found.stop_causes)}
    )
    return Certificate.model_validate({"treatment": treatment, "findings": found.findings, "end_findings": found.end_findings})


def state_of(treatment: Treatment) -> State:
    if treatment.late:
        return "recorded_late"
    if treatment.ended_at is not None:
        return "ended"
    return "paused" if treatment.paused else "running"


async def preparation(view: View, booking_id: UUID) -> Preparation | None:
    """Arrival, cream, cleansing and overrides of a booking; None where nobody knows it."""

    async def of(model: Any, column: Any) -> list[Any]:
        query = select(model).where(model.clinic_id == view.clinic_id, model.booking_id == booking_id).order_by(column)
        return list((await view.rows.execute(query)).scalars())

    if not await of(Visit, Visit.starts_at):
        return None
    arrivals = await of(Arrival, Arrival.arrived_at)
    numbings = await of(Numbing, Numbing.applied_at)
    cleansings = await of(Cleansing, Cleansing.occurred_at)
    overrides = await of(Override, Override.valid_until)
    shown = ("numbing_id", "product", "lidocaine_permille", "applied_at", "removed_at")
    return Preparation(
        booking_id=booking_id,
        arrived_at=arrivals[0].arrived_at if arrivals else None,
        numbings=tuple(NumbingView.model_validate({name: getattr(cream, name) for name in shown}) for cream in numbings),
        cleansings=tuple(CleansingView(product=done.product, occurred_at=done.occurred_at) for done in cleansings),
        overridden_rules=tuple(override.rule for override in overrides if override.valid_until > view.now),
    )
