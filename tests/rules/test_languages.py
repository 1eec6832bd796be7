"""The words that clients read: every language says the same things, and what is not there is English that says so."""

from datetime import date
from string import Formatter

import pytest

from schemas.vocabulary import Area
from services.consent.pages.words import WORDS as TABLET
from services.recovery.pages.checkin import WORDS as PHONE
from services.recovery.rules import ADVICE
from services.screens.languages import Catalogue, Tongue, accepted, direction, language

SHIPPED = ["en", "de", "es", "fr", "nl"]
LANGUAGES = [pytest.param(words, code, id=f"{where}-{code}") for where, words in (("tablet", TABLET), ("phone", PHONE)) for code in SHIPPED]


def placeholders(said: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(said) if name is not None}


def test_both_services_speak_the_same_languages() -> None:
    assert list(TABLET.tongues) == list(PHONE.tongues) == SHIPPED


@pytest.mark.parametrize(("words", "code"), LANGUAGES)
def test_a_language_says_what_english_says(words: Catalogue, code: str) -> None:
    english, other = words.tongues["en"].words, words.tongues[code].words
    assert other.keys() == english.keys()
    assert [key for key in english if placeholders(other[key]) != placeholders(english[key])] == []
    assert [key for key, said in other.items() if not said.strip()] == []


@pytest.mark.parametrize("code", [code for code in SHIPPED if code != "en"])
def test_another_language_is_not_english_that_was_left(code: str) -> None:
    """But for words that are the same in both, and forms that hold none."""
    for words, alike in ((TABLET, {"number.decimal", "question.no", "areas.neck"}), (PHONE, set())):
        english, other = words.tongues["en"].words, words.tongues[code].words
        same = {key for key, said in other.items() if said == english[key] and any(letter.isalpha() for letter in said)}
        assert {key for key in same if " " in english[key] and not english[key].startswith("{")} <= alike | {"error", "question.number"}


def test_every_area_has_its_word_and_every_month() -> None:
    for tongue in TABLET.tongues.values():
        assert {key.removeprefix("areas.") for key in tongue.words if key.startswith("areas.")} == {area.value for area in Area}
        assert len(tongue("date.months").split()) == 12


def test_the_phone_says_what_the_rules_advise() -> None:
    """One sentence for programs and people: the catalogue only translates it."""
    assert {tier: PHONE.tongues["en"](f"tier.{tier}.advice") for tier in ADVICE} == ADVICE


def test_dates_and_depths_are_written_as_the_language_writes_them() -> None:
    on = date(2026, 3, 9)
    assert {code: tongue.day(on) for code, tongue in TABLET.tongues.items()} == {
        "en": "9 March 2026",
        "de": "9. März 2026",
        "es": "9 de marzo de 2026",
        "fr": "9 mars 2026",
        "nl": "9 maart 2026",
    }
    assert (TABLET.tongues["nl"].millimeters(1500), TABLET.tongues["en"].millimeters(1500)) == ("1,5 mm", "1.5 mm")


def test_the_first_wish_that_there_are_words_for_is_met() -> None:
    assert TABLET.best("nl-BE", "de").lang == "nl"
    assert TABLET.best(None, "", "ar", "FR").lang == "fr"
    assert TABLET.best("ar").lang == "en"
    assert TABLET.best(*accepted("sv, es-MX;q=0.9, en;q=0.8")).lang == "es"
    assert TABLET.best(*accepted("*, ;q=1")).lang == "en"


def test_a_language_from_right_to_left_says_so() -> None:
    assert [direction(code) for code in ("ar", "fa-IR", "he", "ur", "nl", "zh-TW")] == ["rtl", "rtl", "rtl", "rtl", "ltr", "ltr"]
    assert Tongue("ar", {}).dir == "rtl"
    assert (language("ar"), language("pt-BR"), language("xx")) == ("العربية", "Português (BR)", "xx")
