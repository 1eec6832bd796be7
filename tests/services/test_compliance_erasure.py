"""A client's personal data goes when no law keeps it any longer; the chain holds before and after."""

from uuid import UUID, uuid4

from events.catalog.booking import ClientMerged, ClientRegistered
from events.catalog.compliance import AccessGranted, ClientErased, ComplianceRefused
from schemas.compliance import EraseClient
from schemas.vocabulary import Role
from services.compliance.commands import erase_client
from services.compliance.queries import verify_ledger
from tests.conftest import House
from tests.services.compliance_story import furnished, screened, treat


async def registered(house: House, client: UUID | None = None) -> UUID:
    known = client or uuid4()
    await house.given("booking", ClientRegistered(client_id=known, commitment="b" * 64, contactable=True))
    return known


async def test_a_client_who_was_never_screened_or_treated_is_erased_and_the_chain_holds(house: House) -> None:
    client = await registered(house)
    answer = await house.doing("compliance", erase_client, EraseClient(client_id=client))
    assert answer.event == ClientErased(client_id=client)
    assert answer.entry.policy == 1
    assert (await verify_ledger(house.database, house.clinic_id)).sound


async def test_what_the_law_keeps_is_refused_with_each_ground(house: House) -> None:
    things = await furnished(house)
    client = await registered(house)
    await treat(house, things, things.packs[0], client=client)
    answer = await house.doing("compliance", erase_client, EraseClient(client_id=client))
    assert isinstance(answer.event, ComplianceRefused)
    assert {finding.rule for finding in answer.event.findings} == {"record_must_have_outlived_its_retention"}
    assert [finding.parameters["kind"] for finding in answer.event.findings] == ["consent", "screening", "treatment"]
    year = (await house.now()).year
    assert {str(finding.parameters["kept_until"])[:4] for finding in answer.event.findings} == {str(year + 10)}
    assert await house.said(ClientErased) == []


async def test_a_person_is_erased_with_all_records_or_with_none(house: House) -> None:
    maiden, married = await registered(house), await registered(house)
    await house.given("booking", ClientMerged(client_id=maiden, into_client_id=married))
    other_maiden, other_married = await registered(house), await registered(house)
    await house.given("booking", ClientMerged(client_id=other_maiden, into_client_id=other_married))
    await house.given("consent", screened(other_maiden))
    gone = await house.doing("compliance", erase_client, EraseClient(client_id=maiden))
    assert gone.event == ClientErased(client_id=married)
    kept = await house.doing("compliance", erase_client, EraseClient(client_id=other_married))
    assert [finding.parameters["kind"] for finding in kept.event.findings] == ["screening"]
    assert {erased.client_id for erased in await house.said(ClientErased)} == {maiden, married}


async def test_nobody_is_erased_twice_and_no_id_that_is_no_client(house: House) -> None:
    client, staff = await registered(house), uuid4()
    await house.given("compliance", AccessGranted(identity_id=staff, role=Role.MANAGER))
    await house.doing("compliance", erase_client, EraseClient(client_id=client))
    for asked in (client, staff, uuid4()):
        answer = await house.doing("compliance", erase_client, EraseClient(client_id=asked))
        assert [finding.rule for finding in answer.event.findings] == ["client_must_be_known"]
