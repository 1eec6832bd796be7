"""A treatment that somebody asks about later, made through the program's own doors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx

from tests.faults.morning import Client, Morning
from tests.screens.conftest import Clinic


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


async def receive(clinic: Clinic, lot: str) -> str:
    """A box of cartridges whose lot is typed in. Gives the id."""
    identity = str(uuid4())
    label = {"gtin": clinic.example.gtin, "lot": lot, "expires_on": "2030-01-31"}
    body: dict[str, Any] = {"manual": label, "quantity": 5, "occurred_at": Morning.ago(1)}
    label["checked_by"] = str(clinic.example.people["manager"].identity_id)
    await clinic.ask("PUT", f"/lots/{identity}", body, "technician")
    return identity
