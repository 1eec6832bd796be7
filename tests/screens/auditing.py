"""A treatment that somebody asks about later, made through the program's own doors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx

from services.example import PROGRAM
from tests.faults.morning import Client, Morning
from tests.screens.conftest import Clinic

INDICATOR = {"product": "rapid_24_minutes", "lot": "BI2211"}


@asynccontextmanager
async def treated(clinic: Clinic) -> AsyncIterator[tuple[Morning, Client]]:
    """One client from the booking to the answered check-in, with everything that was used on them."""
    async with clinic.stage.morning(1) as morning:
        await morning.tablet.client.aclose()
        morning.tablet.client = httpx.AsyncClient(base_url=clinic.program.address, timeout=8)
        client = morning.clients[0]
        await morning.prepare()
        await morning.start(client, morning.handpieces[0])
        await morning.finish(client)
        yield morning, client


def _box(clinic: Clinic, lot: str) -> dict[str, Any]:
    label = {"gtin": clinic.example.gtin, "lot": lot, "expires_on": "2030-01-31"}
    return {"manual": label, "quantity": 5, "occurred_at": Morning.ago(1)}


async def receive(clinic: Clinic, lot: str, device: str = "tablet-2") -> str:
    """A box of cartridges whose lot is typed in. Gives the id."""
    identity, box = str(uuid4()), _box(clinic, lot)
    box["manual"]["checked_by"] = str(clinic.example.people["manager"].identity_id)
    async with _technician(clinic, device) as client:
        answer = await client.put(f"/lots/{identity}", json=box)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return identity


async def refused(clinic: Clinic) -> None:
    """A typed label that nobody has compared."""
    async with _technician(clinic, "tablet-2") as client:
        answer = await client.put(f"/lots/{uuid4()}", json=_box(clinic, "TYPED"))
    assert answer.status_code == httpx.codes.CONFLICT, answer.text


def _technician(clinic: Clinic, device: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {clinic.example.people['technician'].token}", "Asepsis-Device": device}
    return httpx.AsyncClient(base_url=f"{clinic.program.address}/clinics/{clinic.example.clinic_id}", headers=headers)


async def run(clinic: Clinic, number: int, days_ago: int, **more: Any) -> str:
    """A cycle of the clinic's sterilizer, some days ago. Gives the id."""
    identity, began = str(uuid4()), days_ago * 24 * 60
    report: dict[str, Any] = {
        "sterilizer_id": str(clinic.example.sterilizer_id),
        "cycle_number": number,
        "program": PROGRAM,
        "started_at": Morning.ago(began),
        "ended_at": Morning.ago(began - 40),
        "samples": [{"second": second, "temperature_mc": 132_900} for second in range(0, 251, 10)],
        "external_indicator": "changed",
        "internal_indicator": "changed",
        "occurred_at": Morning.ago(began - 42),
        **more,
    }
    await clinic.ask("PUT", f"/cycles/{identity}", report, "technician")
    return identity


async def read(clinic: Clinic, cycle: str, days_ago: int, *, grew: bool, control_grew: bool = True) -> None:
    """The biological indicator that lay in a cycle."""
    reading = {
        "cycle_id": cycle,
        **INDICATOR,
        "control_lot": INDICATOR["lot"],
        "incubation_started_at": Morning.ago(days_ago * 24 * 60 - 60),
        "grew": grew,
        "control_grew": control_grew,
        "occurred_at": Morning.ago(days_ago * 24 * 60 - 120),
    }
    await clinic.ask("PUT", f"/indicators/{uuid4()}", reading, "technician")
