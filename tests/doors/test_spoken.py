"""In which language a client reads, on the tablet and on their own phone; and that whatever is in another one says so."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from events.catalog.consent import ConsentSigned
from schemas.consent import FormDraft, FormPublication
from schemas.vocabulary import Area, Modality, Role
from services.consent.commands import publish_form
from services.consent.pages.handing import Given
from tests.conftest import House
from tests.doors.conftest import Door
from tests.doors.test_handed_over import TEXT, a_pass, explainer, form_of, give, ready
from tests.doors.test_pin import Browser, browser, entries
from tests.services.recovery_care import open_care
from tests.services.test_recovery_pages import phone

__all__ = ["ready"]

ARABIC = "تصنع الإبر قنوات دقيقة في الجلد."
DUTCH = {"accept-language": "nl-NL, en;q=0.5"}


@pytest.fixture
async def here(ready: Door) -> AsyncIterator[Browser]:
    """A tablet in a client's hand, for health questions and a signature."""
    async with browser(ready) as own:
        who = await explainer(ready.house)
        areas = {"areas": ("cheeks", "upper_lip"), "max_depth_um": 1500}
        give(ready, own, a_pass(ready, client_id=uuid4(), sign=True, modality="microneedling", explained_by=who, **areas))
        yield own


async def publish(house: House, language: str, text: str) -> None:
    areas = (Area.CHEEKS, Area.UPPER_LIP)
    draft = FormDraft(language=language, text=text, modality=Modality.MICRONEEDLING, areas=areas, max_depth_um=1500)
    await house.doing("consent", publish_form, FormPublication(form_id=uuid4(), form_version=1, draft=draft))


@pytest.fixture(scope="module", autouse=False)
async def texts(ready: Door) -> None:
    await publish(ready.house, "en", TEXT)
    await publish(ready.house, "ar", ARABIC)


def written(page: str) -> tuple[str, str]:
    """What the whole page says of itself."""
    found = re.search(r'<html lang="([^"]*)" dir="([^"]*)">', page)
    assert found is not None
    return found[1], found[2]


def text_of(page: str) -> tuple[str, str]:
    """What the consent text says of itself."""
    found = re.search(r'id="text" lang="([^"]*)" dir="([^"]*)"', page)
    assert found is not None
    return found[1], found[2]


@pytest.mark.usefixtures("texts")
async def test_a_picked_language_stays_and_a_text_that_is_not_there_in_it_says_so(ready: Door, here: Browser) -> None:
    """The frame is French, the text is English and marked so; without an interpreter it is not signed."""
    welcome = (await here.get("signing?lang=fr")).text
    assert written(welcome) == ("fr", "ltr")
    assert "Bienvenue" in welcome
    assert "Skip to the content" not in welcome
    page = (await here.get("signing/consent")).text
    assert (written(page), text_of(page)) == (("fr", "ltr"), ("en", "ltr"))
    assert "joues, lèvre supérieure, jusqu’à 1,5 mm" in page
    assert "n’existe pas dans votre langue" in page
    before = len(await entries(ready.house, ConsentSigned))
    form = await form_of(here) | {"method": "typed", "name": "Ada"}
    assert "Il n’y a pas encore de nom." in (await here.post("signing/consent", **form | {"name": ""})).text
    refused = await here.post("signing/consent", **form)
    assert refused.status_code == 409
    assert '<li lang="en" dir="ltr">The client speaks another language than the form' in refused.text
    assert "La signature n’a pas été possible" in refused.text
    assert len(await entries(ready.house, ConsentSigned)) == before
    english = (await here.get("signing/consent?lang=en")).text
    assert (written(english), "not there in your language" in english) == (("en", "ltr"), False)
    assert (await here.post("signing/consent", **form)).headers["location"].endswith("/done")


@pytest.mark.usefixtures("texts")
async def test_a_text_from_right_to_left_stands_in_a_page_that_says_what_it_is(here: Browser) -> None:
    """There are no Arabic words for the frame: it is English from left to right, and only the text runs the other way."""
    welcome = (await here.get("signing")).text
    assert re.search(r'lang="ar" dir="rtl" hreflang="ar"[^>]*>العربية<', welcome)
    page = (await here.get("signing/consent?lang=ar")).text
    assert (written(page), text_of(page)) == (("en", "ltr"), ("ar", "rtl"))
    assert ARABIC in page
    assert 'dir="auto"' in page, "a name is typed as it is written"
    assert "lang=xx" not in (await here.get("signing?lang=xx")).text
    assert text_of((await here.get("signing/consent")).text) == ("ar", "rtl"), "and it stays"


async def test_the_tablets_own_language_is_spoken_until_somebody_picks_another(ready: Door) -> None:
    async with browser(ready) as own:
        give(ready, own, a_pass(ready, client_id=uuid4(), extent="full"))
        assert written((await own.get("signing", headers=DUTCH)).text) == ("nl", "ltr")
        assert written((await own.get("signing?lang=es", headers=DUTCH)).text) == ("es", "ltr")
        assert written((await own.get("signing/questions/1", headers=DUTCH)).text) == ("es", "ltr")


async def test_health_questions_are_english_and_say_so_in_the_clients_language(ready: Door) -> None:
    """Nobody has approved them in another language: whoever is not sure asks for somebody who interprets."""
    async with browser(ready) as own:
        answers = {"active_acne": Given(a="y", at=(6,)), "alcohol": Given(a="n")}
        give(ready, own, a_pass(ready, client_id=uuid4(), extent="full", language="de", answers=answers))
        page = (await own.get("signing/questions/1")).text
        assert re.search(r'<h1 id="asked" lang="en" dir="ltr">Do you have inflamed acne', page)
        assert "um jemanden, der dolmetscht" in page
        assert "Sie haben geantwortet: <strong>Ja</strong>" in page
        more = (await own.get("signing/questions/1/more")).text
        assert '<span lang="en" dir="ltr">Do you have inflamed acne' in more
        assert "Wangen" in more
        assert "Drücken Sie auf eine der Antworten." in (await own.post("signing/questions/1")).text
        give(ready, own, a_pass(ready, client_id=uuid4(), extent="full", answers=answers))
        english = (await own.get("signing/questions/1")).text
        assert '<h1 id="asked">' in english
        assert "interprets" not in english


async def test_answers_are_checked_in_the_clients_language(ready: Door) -> None:
    from schemas.policy import default_policy

    no = {code: Given(a="n") for code in default_policy().contraindications}
    answers = no | {"active_acne": Given(a="y", at=(6,)), "pregnancy": Given(a="p")}
    async with browser(ready) as own:
        give(ready, own, a_pass(ready, client_id=uuid4(), extent="full", language="fr", answers=answers))
        page = (await own.get("signing/questions/check")).text
        assert "<strong>Oui, joues</strong>" in page
        assert "<strong>Je préfère ne pas répondre</strong>" in page
        assert f"Réponses « Non » : {len(no) - 2}" in page


async def test_a_check_in_speaks_the_phones_language_or_the_one_that_was_picked(house: House) -> None:
    care = await open_care(house, '[clinic]\nphone = "+31201234567"\n')
    async with phone(care) as (client, link):
        for asked, code in ((DUTCH, "nl"), ({"accept-language": "ar"}, "en"), ({}, "en")):
            assert written((await client.get(link, headers=asked)).text) == (code, "ltr")
        client.headers.update(DUTCH)
        picked = await client.get(f"{link}?lang=es")
        assert "set-cookie" not in picked.headers
        assert (written(picked.text), "¿Cómo está su piel?" in picked.text) == (("es", "ltr"), True)
        assert f"{link}?q=1&amp;lang=es" in picked.text, "it stays in the address"
        await spanish(client, link)


async def spanish(client: httpx.AsyncClient, link: str) -> None:
    question = (await client.get(f"{link}?q=2&lang=es")).text
    assert "¿Y algo de esto?" in question
    assert '<label class="tick big" lang="en" dir="ltr">' in question
    assert "no adivine: llame a la clínica" in question
    wrong = await client.post(f"{link}?lang=es", data={"q": "2"})
    assert (wrong.status_code, "Marque lo que tiene." in wrong.text) == (422, True)
    sent = await client.post(f"{link}?lang=es", data={"q": "2", "symptoms": "pus"})
    assert sent.headers["location"].endswith("?q=sent&lang=es")
    told = (await client.get(sent.headers["location"])).text
    assert "Usted necesita atención médica hoy" in told
    assert "Llamar a la clínica: +31201234567" in told
    closed = await client.get(f"{link[:-1]}{'A' if link[-1] != 'A' else 'B'}?lang=fr")
    assert (closed.status_code, written(closed.text), "Il n’y a rien ici" in closed.text) == (404, ("fr", "ltr"), True)


async def test_what_the_staff_reads_stays_english(ready: Door) -> None:
    async with browser(ready) as own:
        await own.sign_in(ready.tokens[Role.PRACTITIONER])
        assert written((await own.get("consent", headers=DUTCH)).text) == ("en", "ltr")
