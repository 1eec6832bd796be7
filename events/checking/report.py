"""What a check found and how much it looked at. Ids, types, names of rules and tables: nothing about a person."""

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

CHECKERS = {
    1: "decisions",
    2: "order",
    3: "answers",
    4: "chain",
    5: "tables",
    6: "effects",
    7: "bookmarks and streams",
}

MOST_SENTENCES = 50
"""Of one checker in one clinic; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that must not be."""

    checker: int
    clinic_id: UUID
    sentence: str

    def __str__(self) -> str:
        return f"{self.checker} ({CHECKERS[self.checker]})  clinic {self.clinic_id}: {self.sentence}"


@dataclass
class Report:
    """What was looked at in one clinic, and what is wrong with it."""

    clinic_id: UUID
    counted: Counter[str] = field(default_factory=Counter)
    wrongs: list[Wrong] = field(default_factory=list)
    _said: Counter[int] = field(default_factory=Counter)

    def looked_at(self, what: str, times: int = 1) -> None:
        """So many more of something were checked."""
        self.counted[what] += times

    def wrong(self, checker: int, sentence: str) -> None:
        """A checker's finding, in a sentence that says where."""
        self._said[checker] += 1
        if self._said[checker] <= MOST_SENTENCES:
            self.wrongs.append(Wrong(checker, self.clinic_id, sentence))

    @property
    def found(self) -> int:
        """How many things are wrong, those that are only counted among them."""
        return self._said.total()
