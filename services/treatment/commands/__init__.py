"""Decisions of the gate, one file per verb."""

from services.treatment.commands.advise_stop import advise_stop, stop_reasons
from services.treatment.commands.end_treatment import end_treatment, report_missing_end
from services.treatment.commands.override_rule import override_rule
from services.treatment.commands.prepare import apply_numbing, cleanse_skin, remove_numbing
from services.treatment.commands.preview_start import preview_start
from services.treatment.commands.record_past_treatment import record_past_treatment
from services.treatment.commands.run_treatment import add_cartridge, pause_treatment, resume_treatment
from services.treatment.commands.start_treatment import start_treatment

__all__ = [
    "add_cartridge",
    "advise_stop",
    "apply_numbing",
    "cleanse_skin",
    "end_treatment",
    "override_rule",
    "pause_treatment",
    "preview_start",
    "record_past_treatment",
    "remove_numbing",
    "report_missing_end",
    "resume_treatment",
    "start_treatment",
    "stop_reasons",
]
