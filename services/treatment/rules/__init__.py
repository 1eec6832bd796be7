"""Pure policy of the gate: a `Case` in, findings out."""

from services.treatment.rules.asking import wanted_by
from services.treatment.rules.case import Case
from services.treatment.rules.gate import GATE, ask_the_gate, unmet_of
from services.treatment.rules.items import cartridges_must_be_sterile_and_unused
from services.treatment.rules.records import Opening

__all__ = ["GATE", "Case", "Opening", "ask_the_gate", "cartridges_must_be_sterile_and_unused", "unmet_of", "wanted_by"]
