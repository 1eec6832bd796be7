"""The words that clients read, from one data file for each language beside the templates.

A language without a file reads English, marked as English; what a clinic wrote itself is shown in the language it was written in.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

ENGLISH = "en"

NAMES = {
    "ar": "العربية",
    "bg": "Български",
    "cs": "Čeština",
    "da": "Dansk",
    "de": "Deutsch",
    "el": "Ελληνικά",
    "en": "English",
    "es": "Español",
    "et": "Eesti",
    "fa": "فارسی",
    "fi": "Suomi",
    "fr": "Français",
    "he": "עברית",
    "hu": "Magyar",
    "it": "Italiano",
    "ja": "日本語",
    "lt": "Lietuvių",
    "lv": "Latviešu",
    "nl": "Nederlands",
    "no": "Norsk",
    "pl": "Polski",
    "pt": "Português",
    "ro": "Română",
    "ru": "Русский",
    "sk": "Slovenčina",
    "sl": "Slovenščina",
    "sv": "Svenska",
    "tr": "Türkçe",
    "uk": "Українська",
    "ur": "اردو",
    "zh": "中文",
}
"""Languages by their own names: whoever looks for theirs reads it."""

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


def spoken(code: str) -> str:
    """The language of a code that may name a country too."""
    return code.partition("-")[0].lower()


def language(code: str) -> str:
    """A language by its own name, with its country where one is said."""
    name, _, country = code.partition("-")
    called = NAMES.get(name, code)
    return f"{called} ({country})" if country and called != code else called


def direction(code: str) -> str:
    """How it is written."""
    return "rtl" if spoken(code) in RIGHT_TO_LEFT else "ltr"


def accepted(header: str) -> list[str]:
    """The languages that a browser is set to (`Accept-Language`), in its order."""
    return [code for part in header.split(",") if (code := part.partition(";")[0].strip())]


@dataclass(frozen=True, slots=True)
class Tongue:
    """The words of a page in one language: called with the name of a sentence, and with what stands in it."""

    lang: str
    words: Mapping[str, str]

    @property
    def dir(self) -> str:
        return direction(self.lang)

    def __call__(self, key: str, **values: object) -> str:
        return self.words[key].format(**values)

    def day(self, on: date) -> str:
        """A date as it is written in this language."""
        return self("date.form", day=on.day, month=self("date.months").split()[on.month - 1], year=on.year)

    def millimeters(self, micrometers: int) -> str:
        """A depth as it is read on the handpiece."""
        return f"{micrometers / 1000:g} mm".replace(".", self("number.decimal"))


class Catalogue:
    """What the files of a folder say: `en.toml`, `nl.toml` … A test holds that all of them say the same things."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def tongues(self) -> Mapping[str, Tongue]:
        """By language, English first."""
        files = sorted(self._folder.glob("*.toml"), key=lambda file: (file.stem != ENGLISH, file.stem))
        return {file.stem: Tongue(file.stem, dict(_flat(tomllib.loads(file.read_text()), ""))) for file in files}

    def best(self, *wishes: str | None) -> Tongue:
        """The first of the wishes that there are words for; English for all others."""
        codes = (spoken(wish) for wish in wishes if wish)
        return next((self.tongues[code] for code in codes if code in self.tongues), self.tongues[ENGLISH])


def _flat(table: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
