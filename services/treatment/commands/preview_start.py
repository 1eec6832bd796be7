"""What the gate would say: the same tuple, nothing recorded, never used for a start."""

from events.transaction import View
from schemas.treatment import Preview, PreviewRequest
from services.treatment.commands.load_case import Asked, load_case
from services.treatment.rules import ask_the_gate, unmet_of


async def preview_start(view: View, request: PreviewRequest, *, as_booked: bool = True) -> Preview:
    """Judge a booking as if somebody pressed Start now; what is not named is taken as booked, or else it is missing."""
    case = await load_case(
        view.rows,
        view.clinic_id,
        Asked(
            at=view.now,
            until=view.now,
            clock_trusted=True,
            as_booked=as_booked,
            packs=request.packs,
            **request.model_dump(exclude={"packs"}),
        ),
    )
    findings = ask_the_gate(case)
    return Preview(booking_id=request.booking_id, would_start=not unmet_of(findings), policy=case.version, findings=findings)
