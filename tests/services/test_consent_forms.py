"""Forms and signatures on the real PostgreSQL: what is recorded, what is kept beside it, what is refused."""

import hashlib
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from events.catalog.booking import BookingConfirmed, ClientMerged, PractitionerCredentialed
from events.catalog.consent import ConsentRefused, ConsentRequested, ConsentSigned, ConsentWithdrawn, FormPublished
from schemas.consent import (
    ConsentSheet,
    ConsentSigning,
    DrawnSignature,
    FormDraft,
    FormPublication,
    Point,
    Withdrawal,
    WithdrawalNote,
)
from schemas.vocabulary import Area, Modality, Role, Visit, VisitType
from services.consent import queries
from services.consent.commands import publish_form, sign_consent, withdraw_consent
from services.consent.models import Signature
from tests.conftest import House

TEXT = "Needles make small channels. Redness is normal. Ünïcode too."
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()


class Signing:
    """A clinic with a form and a practitioner who may explain it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.form_id, self.practitioner_id, self.client_id = uuid4(), uuid4(), uuid4()

    async def open(self) -> "Signing":
        credential = PractitionerCredentialed(
            practitioner_id=self.practitioner_id,
            role=Role.PRACTITIONER,
            modalities=(Modality.MICRONEEDLING,),
            max_depth_um=2500,
            valid_until=date(2999, 1, 1),
        )
        await self.house.given("booking", credential)
        await self.publish(1)
        return self

    async def publish(self, version: int, **changes: Any) -> Any:
        draft = {"language": "en", "text": TEXT, "modality": "microneedling", "areas": ["full_face"], "max_depth_um": 1500}
        request = FormPublication(form_id=self.form_id, form_version=version, draft=FormDraft.model_validate(draft | changes))
        return (await self.house.doing("consent", publish_form, request)).event

    async def sheet(self, **changes: Any) -> ConsentSheet:
        signed = {
            "client_id": self.client_id,
            "form_id": self.form_id,
            "form_version": 1,
            "text_digest": DIGEST,
            "areas": ("cheeks",),
            "max_depth_um": 1000,
            "explained_by": self.practitioner_id,
            "signed_at": await self.house.now("consent"),
            "signature": DrawnSignature(method="drawn", strokes=((Point(x=1, y=2), Point(x=3, y=4, t=16)),)),
        }
        return ConsentSheet.model_validate(signed | changes)

    async def sign(self, consent_id: UUID | None = None, **changes: Any) -> Any:
        request = ConsentSigning(consent_id=consent_id or uuid4(), sheet=await self.sheet(**changes))
        return (await self.house.doing("consent", sign_consent, request)).event


@pytest.fixture
async def signing(house: House) -> Signing:
    return await Signing(house).open()


def rules_of(event: Any) -> set[str]:
    assert isinstance(event, ConsentRefused)
    return {finding.rule for finding in event.findings}


async def test_a_form_is_published_by_the_hash_of_its_text(signing: Signing) -> None:
    (published,) = await signing.house.said(FormPublished)
    assert published.text_digest == DIGEST
    assert published.valid_days == 180, "the policy's, where the form says none"
    async with signing.house.look("consent") as view:
        shown = await queries.form_on_screen(view, signing.form_id)
        assert shown is not None
        assert (shown.text, shown.text_digest) == (TEXT, DIGEST)
        assert await queries.current_forms(view) == [shown]
        assert await queries.form_on_screen(view, uuid4()) is None


async def test_a_published_version_is_never_replaced(signing: Signing) -> None:
    assert rules_of(await signing.publish(1, text="other")) == {"form_version_must_be_new"}
    async with signing.house.look("consent") as view:
        shown = await queries.form_on_screen(view, signing.form_id, 1)
    assert shown is not None
    assert shown.text == TEXT


async def test_a_signature_is_kept_beside_the_ledger_and_bound_to_it(signing: Signing) -> None:
    signed = await signing.sign()
    assert isinstance(signed, ConsentSigned)
    assert signed.valid_until == signed.signed_at + timedelta(days=180)
    async with signing.house.look("consent") as view:
        kept = (await view.rows.execute(select(Signature).where(Signature.clinic_id == view.clinic_id))).scalar_one()
        assert hashlib.sha256(b"\x10" + kept.salt + kept.content).hexdigest() == signed.commitment
        assert b"strokes" in kept.content
        (record,) = await queries.consents_of_client(view, signing.client_id)
    assert record.in_force
    assert record.areas == (Area.CHEEKS,)
    assert all(b"strokes" not in entry.body for entry in await signing.house.entries())


async def test_every_reason_against_a_signature_is_named_at_once(signing: Signing) -> None:
    refused = await signing.sign(
        text_digest="0" * 64,
        areas=("cheeks", "neck"),
        max_depth_um=2000,
        explained_by=uuid4(),
        signed_at=await signing.house.now() + timedelta(hours=1),
        client_language="uk",
    )
    assert rules_of(refused) == {
        "text_on_screen_must_be_the_forms",
        "areas_must_lie_within_the_form",
        "depth_must_lie_within_the_form",
        "explainer_must_be_a_practitioner",
        "time_must_not_be_in_the_future",
        "interpreter_must_be_recorded",
    }
    assert await signing.house.said(ConsentSigned) == []


async def test_a_form_nobody_published_cannot_be_signed(signing: Signing) -> None:
    assert "form_must_be_published" in rules_of(await signing.sign(form_version=7))


async def test_a_material_version_ends_the_old_one_and_another_does_not(signing: Signing) -> None:
    await signing.sign()
    await signing.publish(2, text="clearer", material=False)
    assert isinstance(await signing.sign(), ConsentSigned), "bound to what was on the screen"
    await signing.publish(3, text="new risk", material=True)
    assert rules_of(await signing.sign()) == {"form_must_not_be_superseded"}
    async with signing.house.look("consent") as view:
        records = await queries.consents_of_client(view, signing.client_id)
    assert [(record.superseded, record.in_force) for record in records] == [(True, False), (True, False)]


async def test_the_same_sheet_again_has_the_same_answer_and_another_under_its_id_is_refused(signing: Signing) -> None:
    consent_id, sheet = uuid4(), await signing.sheet()
    request = ConsentSigning(consent_id=consent_id, sheet=sheet)
    first = await signing.house.doing("consent", sign_consent, request)
    again = await signing.house.doing("consent", sign_consent, request)
    assert again.repeated
    assert again.entry.index == first.entry.index
    other = ConsentSigning(consent_id=consent_id, sheet=sheet.model_copy(update={"max_depth_um": 500}))
    assert rules_of((await signing.house.doing("consent", sign_consent, other)).event) == {"id_must_be_new"}
    assert len(await signing.house.said(ConsentSigned)) == 1


async def test_a_withdrawal_holds_at_once_and_deletes_nothing(signing: Signing) -> None:
    signed = await signing.sign()
    request = Withdrawal(consent_id=signed.consent_id, note=WithdrawalNote(channel="phone"))
    withdrawn = await signing.house.doing("consent", withdraw_consent, request)
    assert isinstance(withdrawn.event, ConsentWithdrawn)
    assert withdrawn.event.client_id == signing.client_id
    assert (await signing.house.doing("consent", withdraw_consent, request)).repeated
    async with signing.house.look("consent") as view:
        (record,) = await queries.consents_of_client(view, signing.client_id)
        assert (await view.rows.execute(select(Signature))).scalar_one().consent_id == signed.consent_id
    assert not record.in_force
    assert record.withdrawn_at == withdrawn.entry.recorded_at


async def test_a_consent_nobody_signed_cannot_be_withdrawn(house: House) -> None:
    request = Withdrawal(consent_id=uuid4(), note=WithdrawalNote(channel="phone"))
    assert rules_of((await house.doing("consent", withdraw_consent, request)).event) == {"consent_must_be_known"}


async def test_signatures_of_merged_records_are_one_persons(signing: Signing) -> None:
    married_name = uuid4()
    await signing.sign()
    await signing.house.given("booking", ClientMerged(client_id=signing.client_id, into_client_id=married_name))
    await signing.sign()
    async with signing.house.look("consent") as view:
        assert len(await queries.consents_of_client(view, married_name)) == 2
        assert len(await queries.consents_of_client(view, signing.client_id)) == 2


async def visit_of(signing: Signing, **changes: Any) -> Visit:
    starts_at = await signing.house.now() + timedelta(days=3)
    facts = {
        "booking_id": uuid4(),
        "client_id": signing.client_id,
        "practitioner_id": signing.practitioner_id,
        "room_id": uuid4(),
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=1),
        "areas": ("cheeks",),
        "depth_um": 1000,
    }
    return Visit.model_validate(facts | changes)


async def test_a_booking_asks_for_the_signature_it_needs_once(signing: Signing) -> None:
    visit = await visit_of(signing)
    await signing.house.given("booking", BookingConfirmed(visit=visit), BookingConfirmed(visit=visit))
    await signing.house.react("consent")
    (requested,) = await signing.house.said(ConsentRequested)
    assert (requested.booking_id, requested.form_id, requested.form_version) == (visit.booking_id, signing.form_id, 1)


async def test_a_booking_that_is_covered_or_has_no_needles_asks_for_nothing(signing: Signing) -> None:
    await signing.sign()
    covered, talk = await visit_of(signing), await visit_of(signing, client_id=uuid4(), visit_type=VisitType.CONSULTATION)
    await signing.house.given("booking", BookingConfirmed(visit=covered), BookingConfirmed(visit=talk))
    await signing.house.react("consent")
    assert await signing.house.said(ConsentRequested) == []


async def test_a_booking_beyond_the_signature_asks_again(signing: Signing) -> None:
    await signing.sign()
    deeper = await visit_of(signing, depth_um=1500)
    other_skin = await visit_of(signing, areas=("cheeks", "nose"))
    after_its_end = await visit_of(signing, starts_at=await signing.house.now() + timedelta(days=181), ends_at="2999-01-01T00:00:00Z")
    await signing.house.given("booking", *(BookingConfirmed(visit=visit) for visit in (deeper, other_skin, after_its_end)))
    await signing.house.react("consent")
    asked = {requested.booking_id for requested in await signing.house.said(ConsentRequested)}
    assert asked == {deeper.booking_id, other_skin.booking_id, after_its_end.booking_id}
