"""Which text a client is shown, and which questions are due."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from schemas.consent import FormOnScreen
from schemas.vocabulary import Area
from services.consent import queries
from tests.conftest import House
from tests.services.test_consent_forms import Signing, signing

__all__ = ["signing"]


async def texts(house: House, *areas: Area, depth: int = 1000) -> list[FormOnScreen]:
    await house.caught_up("consent")
    async with house.look("consent") as view:
        return await queries.texts_covering(view, "microneedling", areas or (Area.CHEEKS,), depth)


def shown(found: list[FormOnScreen]) -> list[tuple[str, int]]:
    return [(form.language, form.form_version) for form in found]


async def test_each_language_of_a_form_is_offered_until_a_text_of_substance_replaces_it(signing: Signing) -> None:
    house = signing.house
    assert shown(await texts(house)) == [("en", 1)]
    await signing.publish(2, language="nl", text="Naalden.", material=False)
    assert shown(await texts(house)) == [("en", 1), ("nl", 2)]
    await signing.publish(3, text="A typing error is gone.", material=False)
    assert shown(await texts(house)) == [("en", 3), ("nl", 2)]
    await signing.publish(4, language="de", text="Nadeln, und eine neue Gefahr.")
    assert shown(await texts(house)) == [("de", 4)], "what changed in substance must be signed, in whatever language it is there"
    assert [form.text for form in await texts(house)] == ["Nadeln, und eine neue Gefahr."]


async def test_nobody_signs_for_more_than_the_treatment_needs(signing: Signing) -> None:
    house, wide = signing.house, signing.form_id
    signing.form_id = narrow = uuid4()
    await signing.publish(1, areas=["cheeks", "chin"])
    assert [form.form_id for form in await texts(house)] == [narrow]
    assert [form.form_id for form in await texts(house, Area.FOREHEAD)] == [wide]
    assert [form.form_id for form in await texts(house, Area.CHEEKS, depth=1500)] == [narrow]
    assert await texts(house, Area.BACK) == []
    assert await texts(house, Area.CHEEKS, depth=1600) == []


async def test_only_who_holds_a_credential_is_offered_as_the_one_who_explained(signing: Signing) -> None:
    async with signing.house.look("consent") as view:
        assert await queries.explainers(view) == [signing.practitioner_id]
        assert await queries.explainers(replace(view, now=view.now + timedelta(days=365 * 980))) == []
