"""The example clinic: its rooms, people and earlier life, made through the services' own commands.

Everything it will be made of is drawn up first (`draw_up`) and kept, tokens included; `make` can then be called again
and again: every command has its id, so what was done before is only answered again.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from events import ledger
from events.access import new_token
from events.database import Database
from events.transaction import Answer, Transaction, aside, transaction
from schemas.booking import Credential, ResourceAddition
from schemas.compliance import ConnectSystem, CreateToken, GrantAccess, OpenClinic, PolicyRequest
from schemas.consent import FormDraft, FormPublication
from schemas.hygiene import (
    CycleReport,
    HandpieceReport,
    IndicatorReport,
    PackOfLoad,
    PlacedIndicator,
    PlateauSample,
    Release,
    Said,
    SterilizerReport,
)
from schemas.vocabulary import Actor, Area, Modality, Role, Shape
from services.booking import commands as booking
from services.compliance import commands as compliance
from services.consent.commands import publish_form
from services.hygiene import commands as hygiene

SYSTEM = "frontdesk"
GTIN = "09501101530003"
"""The cartridges that fit both handpieces: a GS1 example number."""

PROGRAM = "prevac_wrapped_132"
INDICATOR = "rapid_24_minutes"
ZONES = ("Europe/Amsterdam", "America/New_York", "Asia/Tokyo")
"""The clinic stands in the first of them where no midnight is near: a day played across midnight would be two days."""

PEOPLE = {
    "front_desk": ("Fenna", Role.FRONT_DESK),
    "technician": ("Tomas", Role.TECHNICIAN),
    "practitioner": ("Priya", Role.PRACTITIONER),
    "practitioner_2": ("Pieter", Role.PRACTITIONER),
    "practitioner_3": ("Paula", Role.PRACTITIONER),
    "clinician": ("Dr. Kim", Role.CLINICIAN),
    "manager": ("Mara", Role.MANAGER),
    "auditor": ("Augusta", Role.AUDITOR),
    "admin": ("Adam", Role.ADMIN),
    "system": ("The front desk's software", Role.SYSTEM),
}

CONSENT_TEXT = (
    "Microneedling makes many fine channels in the skin. Redness, swelling and pinpoint bleeding are usual for one to three days."
    " Infection, pigment changes and scars are rare.\n\n"
    "I was told of them, of other ways to reach what I want, and of what to do afterwards; I could ask what I liked;"
    " I may say no at any time."
)


class RefusedError(RuntimeError):
    """The example clinic could not be made: a command was refused."""


class Person(Shape):
    """Somebody of the example clinic, with the token for a first look around."""

    identity_id: UUID
    name: str
    role: Role
    token: str


class Form(Shape):
    """The consent form that clients sign."""

    form_id: UUID
    form_version: int
    text_digest: str


class Example(Shape):
    """What the example clinic consists of. Holds tokens: its file is for its owner only."""

    clinic_id: UUID
    timezone: str
    made_at: datetime
    tokens_until: datetime
    system: str
    people: dict[str, Person]
    rooms: tuple[UUID, ...]
    handpieces: tuple[UUID, ...]
    sterilizer_id: UUID
    earlier_packs: tuple[UUID, ...]
    gtin: str
    form: Form

    @property
    def practitioners(self) -> tuple[Person, ...]:
        """Those who treat."""
        return tuple(person for person in self.people.values() if person.role is Role.PRACTITIONER)


def draw_up(now: datetime) -> Example:
    """A new example clinic, on paper."""
    whole = now.replace(microsecond=0)
    people = {key: Person(identity_id=uuid4(), name=name, role=role, token=new_token()) for key, (name, role) in PEOPLE.items()}
    return Example(
        clinic_id=uuid4(),
        timezone=next(zone for zone in ZONES if 2 <= now.astimezone(ZoneInfo(zone)).hour <= 20),  # noqa: PLR2004 - o'clock
        made_at=whole,
        tokens_until=whole + timedelta(days=365),
        system=SYSTEM,
        people=people,
        rooms=tuple(uuid4() for _ in range(3)),
        handpieces=tuple(uuid4() for _ in range(2)),
        sterilizer_id=uuid4(),
        earlier_packs=tuple(uuid4() for _ in range(2)),
        gtin=GTIN,
        form=Form(form_id=uuid4(), form_version=1, text_digest=hashlib.sha256(CONSENT_TEXT.encode()).hexdigest()),
    )


def kept_example(file: Path) -> Example:
    """The example that `asepsis up` keeps in its data directory."""
    return Example.model_validate(json.loads(file.read_text())["example"])


async def database_now(database: Database) -> datetime:
    """The database's clock."""
    async with aside(database, None, "compliance") as rows:
        found = await rows.connection()
        now: datetime = (await found.exec_driver_sql("select clock_timestamp()")).scalar_one()
    return now.astimezone(UTC)


async def clinics(database: Database) -> set[UUID]:
    """Every clinic that the database knows."""
    async with aside(database, None, "compliance") as rows:
        return set(await ledger.clinics(rows))


class _Making:
    """Gives the example's commands, each under an id of its own, as the person who would."""

    def __init__(self, database: Database, example: Example) -> None:
        self._database = database
        self._example = example

    async def do(
        self,
        service: str,
        person: str,
        command: Callable[[Transaction, Any], Awaitable[Answer[Any]]],
        request: BaseModel,
        key: object = "",
    ) -> None:
        who = self._example.people[person]
        actor = Actor(identity_id=who.identity_id, role=who.role)
        identity = f"example.{command.__name__}.{key}".rstrip(".")
        async with transaction(self._database, self._example.clinic_id, service, actor, identity) as tx:
            answer = await tx.once(command, request)
        if answer.event.refusal:
            message = f"{command.__name__}: {', '.join(finding.rule for finding in answer.event.findings)}"
            raise RefusedError(message)


async def make(database: Database, example: Example) -> None:
    """Bring the clinic into being. Raises `RefusedError` where a command was refused, which is a bug."""
    async with aside(database, None, "compliance") as rows:
        await ledger.open_clinic(rows, example.clinic_id)
    making = _Making(database, example)
    await _open(making, example)
    await _furnish(making, example)
    await _live_earlier(making, example)


async def _open(making: _Making, example: Example) -> None:
    """The clinic, who may act in it, and by which numbers."""
    await making.do("compliance", "admin", compliance.open_clinic, OpenClinic(timezone=example.timezone))
    for key, person in example.people.items():
        grant = GrantAccess(identity_id=person.identity_id, role=person.role, display_name=person.name)
        await making.do("compliance", "admin", compliance.grant_access, grant, key)
        token_hash = hashlib.sha256(person.token.encode()).hexdigest()
        token = CreateToken(identity_id=person.identity_id, label=f"example, {key}", expires_at=example.tokens_until, token_hash=token_hash)
        await making.do("compliance", "admin", compliance.create_token, token, key)
    text = files("services").joinpath("example_policy.toml").read_text(encoding="utf-8")
    text += f'\n[clinic]\ntimezone = "{example.timezone}"\n'
    # In force for as long as there is an earlier life to judge by it.
    approver, since = example.people["clinician"].identity_id, example.made_at - timedelta(days=60)
    policy = PolicyRequest(text=text, approver_id=approver, effective_at=since)
    await making.do("compliance", "clinician", compliance.publish_policy, policy)
    system = ConnectSystem(system=example.system, identity_id=example.people["system"].identity_id)
    await making.do("compliance", "admin", compliance.connect_system, system)


async def _furnish(making: _Making, example: Example) -> None:
    """Who treats, where, and with what."""
    for person in example.practitioners:
        credential = Credential(
            practitioner_id=person.identity_id,
            role=Role.PRACTITIONER,
            modalities=(Modality.MICRONEEDLING,),
            max_depth_um=1500,
            valid_until=(example.made_at + timedelta(days=730)).date(),
        )
        await making.do("booking", "manager", booking.credential_practitioner, credential, person.identity_id.hex[:8])
    for number, room in enumerate(example.rooms):
        await making.do("booking", "manager", booking.add_resource, ResourceAddition(resource_id=room, kind="room"), f"room.{number}")
    for number, handpiece in enumerate(example.handpieces):
        report = HandpieceReport(
            serial=f"PEN-{number + 1:04}", fits_gtins=(example.gtin,), max_depth_um=2500, occurred_at=example.made_at - timedelta(days=30)
        )
        said = Said[HandpieceReport](subject_id=handpiece, report=report)
        await making.do("hygiene", "manager", hygiene.commission_handpiece, said, number)
        addition = ResourceAddition(resource_id=handpiece, kind="device")
        await making.do("booking", "manager", booking.add_resource, addition, f"handpiece.{number}")
    draft = FormDraft(
        language="en",
        text=CONSENT_TEXT,
        modality=Modality.MICRONEEDLING,
        areas=(Area.CHEEKS, Area.FOREHEAD, Area.CHIN),
        max_depth_um=1500,
    )
    form = FormPublication(form_id=example.form.form_id, form_version=example.form.form_version, draft=draft)
    await making.do("consent", "clinician", publish_form, form)


async def _live_earlier(making: _Making, example: Example) -> None:
    """A sterilizer whose last weekly indicator, five days ago, was negative; two packs of that load are still on the shelf."""
    sterilizer = SterilizerReport(
        serial="MX-40021", air_removal="prevac", programs=(PROGRAM,), occurred_at=example.made_at - timedelta(days=60)
    )
    await making.do(
        "hygiene", "manager", hygiene.commission_sterilizer, Said[SterilizerReport](subject_id=example.sterilizer_id, report=sterilizer)
    )
    cycle_id, began_at = uuid5(example.clinic_id, "earlier cycle"), example.made_at - timedelta(days=5)
    ended_at = began_at + timedelta(minutes=40)
    cycle = CycleReport(
        sterilizer_id=example.sterilizer_id,
        cycle_number=411,
        program=PROGRAM,
        started_at=began_at,
        ended_at=ended_at,
        samples=tuple(PlateauSample(second=second, temperature_mc=132_800 + second % 7 * 100) for second in range(0, 250, 10)),
        external_indicator="changed",
        internal_indicator="changed",
        packs=tuple(PackOfLoad(pack_id=pack, contents="extractor_set") for pack in example.earlier_packs),
        indicator=PlacedIndicator(product=INDICATOR, lot="BI2207"),
        occurred_at=ended_at,
    )
    await making.do("hygiene", "technician", hygiene.record_cycle, Said[CycleReport](subject_id=cycle_id, report=cycle))
    reading = IndicatorReport(
        cycle_id=cycle_id,
        product=INDICATOR,
        lot="BI2207",
        control_lot="BI2207",
        incubation_started_at=ended_at + timedelta(minutes=5),
        grew=False,
        control_grew=True,
        occurred_at=ended_at + timedelta(minutes=35),
    )
    indicator_id = uuid5(example.clinic_id, "earlier indicator")
    await making.do("hygiene", "technician", hygiene.read_indicator, Said[IndicatorReport](subject_id=indicator_id, report=reading))
    release = Said[Release](subject_id=cycle_id, report=Release(occurred_at=ended_at + timedelta(minutes=40)))
    await making.do("hygiene", "technician", hygiene.release_load, release)
