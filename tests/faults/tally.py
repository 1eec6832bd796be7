"""What a fault run counts."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What was injected, how often, and what went wrong."""

    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    wrongs: list[str] = field(default_factory=list)

    def injected(self, kind: str, times: int = 1) -> None:
        """A kind of fault really happened: say so only where it was seen to."""
        self.faults[kind] += times

    def counted(self, what: str, times: int = 1) -> None:
        """Anything else that shows how much was tried: acknowledged commands, decisions, restarts."""
        self.counts[what] += times

    def wrong(self, sentence: str) -> None:
        """A broken promise, in a sentence that names its case."""
        self.wrongs.append(sentence)
