"""Attacks on screening: nobody is locked out of it, and nothing that was answered is lost, however much was answered."""

import pytest

from events.catalog.booking import ClientMerged, ClientRegistered
from events.catalog.consent import ScreeningAnswered
from schemas.consent import Answer
from schemas.policy import default_policy
from schemas.vocabulary import Area, RestrictionClass
from services.consent.rules import questions
from tests.conftest import House
from tests.services.test_consent_screening import Tablet

POLICY = default_policy()


@pytest.fixture
def tablet(house: House) -> Tablet:
    return Tablet(house)


async def test_a_client_who_says_yes_to_everything_again_and_again_is_still_answered(tablet: Tablet) -> None:
    """Sheets of one visit that disagree all count; together they must fit into one entry of the ledger."""
    areas = tuple(Area)
    for n in range(4):
        skin = areas[n:] or areas
        given = [Answer(code=code, answer="yes", areas=skin) for code in questions(POLICY, "full")]
        answered = await tablet.answer(*given)
        assert isinstance(answered, ScreeningAnswered), answered


async def test_what_either_record_said_stands_after_a_merge_until_the_person_is_asked_again(tablet: Tablet) -> None:
    twin, house = Tablet(tablet.house), tablet.house
    for client_id in (twin.client_id, tablet.client_id):
        await house.given("booking", ClientRegistered(client_id=client_id, commitment="b" * 64, contactable=True))
    blocked = await twin.answer(Answer(code="pregnancy", answer="yes"))
    assert {found.restriction_class for found in blocked.restrictions} == {RestrictionClass.BLOCK}
    assert not (await tablet.answer()).restrictions
    await house.given("booking", ClientMerged(client_id=twin.client_id, into_client_id=tablet.client_id))
    again = await tablet.answer(extent="volatile")
    assert RestrictionClass.BLOCK in {found.restriction_class for found in again.restrictions}, "a no of the same day outweighed a yes"
