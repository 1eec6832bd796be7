"""What a sterilization cycle shows (domain.md 2.2). Nothing is rounded: a tenth of a degree below is below."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from schemas.hygiene import CycleReport, PlateauSample
from schemas.policy import Policy, SterilizationProgram, local_date
from schemas.vocabulary import Finding, Verdict
from services.hygiene.rules.finding import any_unmet, finding


@dataclass(frozen=True, slots=True)
class Plateau:
    """The exposure phase in three numbers."""

    seconds: int
    lowest_mc: int
    highest_mc: int


def plateau_of(samples: Sequence[PlateauSample]) -> Plateau:
    """Length and extremes of the exposure phase. Total cycle time never stands in for it."""
    temperatures = [sample.temperature_mc for sample in samples]
    return Plateau(samples[-1].second - samples[0].second, min(temperatures), max(temperatures))


def program_must_suit_the_sterilizer(policy: Policy, report: CycleReport, air_removal: str, programs: Sequence[str]) -> Finding:
    """The program is validated for this machine, its air removal and this load."""
    program = policy.sterilization.programs.get(report.program)
    reason = "suits"
    if program is None:
        reason = "not_in_policy"
    elif report.program not in programs:
        reason = "not_validated"
    elif program.air_removal != air_removal or report.needs_air_removal not in {None, program.air_removal}:
        reason = "air_removal"
    elif report.load not in {None, program.load}:
        reason = "load"
    return finding("program_must_suit_the_sterilizer", reason == "suits", field="program", program=report.program, reason=reason)


def plateau_must_stay_in_band(samples: Sequence[PlateauSample], program: SterilizationProgram, band_mdeg: int) -> Finding:
    """Every sample within [setpoint, setpoint + band]: ten seconds below are a failed cycle."""
    low, high = program.setpoint_mdeg, program.setpoint_mdeg + band_mdeg
    outside = [sample for sample in samples if not low <= sample.temperature_mc <= high]
    plateau = plateau_of(samples)
    return finding(
        "plateau_must_stay_in_band",
        not outside,
        field="samples",
        samples_outside=len(outside),
        first_at_second=outside[0].second if outside else 0,
        lowest_mc=plateau.lowest_mc,
        highest_mc=plateau.highest_mc,
        from_mc=low,
        to_mc=high,
    )


def plateau_must_last(samples: Sequence[PlateauSample], program: SterilizationProgram) -> Finding:
    """The exposure phase is at least as long as the program's minimum."""
    seconds = plateau_of(samples).seconds
    met = seconds >= program.exposure_seconds
    return finding("plateau_must_last", met, field="samples", seconds=seconds, minimum_seconds=program.exposure_seconds)


def chemical_indicators_must_have_changed(external: str, internal: str) -> Finding:
    """Outside and inside; one that did not change says that steam did not reach it."""
    unchanged = [name for name, seen in (("external", external), ("internal", internal)) if seen != "changed"]
    return finding("chemical_indicators_must_have_changed", not unchanged, unchanged="/".join(unchanged) or "none")


def sterilizer_clock_should_be_right(ahead_seconds: int) -> Finding:
    """The sterilizer's times were set right by its known error; somebody should set its clock."""
    verdict = Verdict.WARNING if ahead_seconds else Verdict.MET
    return finding("sterilizer_clock_should_be_right", verdict, ahead_seconds=ahead_seconds)


def cycle_number_must_be_new(cycle_number: int, *, known: bool) -> Finding:
    """A sterilizer counts each cycle once; after new firmware it is commissioned anew."""
    return finding("cycle_number_must_be_new", not known, field="cycle_number", cycle_number=cycle_number)


def pack_ids_must_be_new(known: int) -> Finding:
    """A pack that is sterilized again gets a new label."""
    return finding("pack_ids_must_be_new", known == 0, field="packs", known=known)


def mechanical_findings(policy: Policy, report: CycleReport, air_removal: str, programs: Sequence[str]) -> tuple[Finding, ...]:
    """What the chamber did, against its program. A program the policy does not know has no numbers to compare."""
    found = [program_must_suit_the_sterilizer(policy, report, air_removal, programs)]
    program = policy.sterilization.programs.get(report.program)
    if program is not None:
        found.append(plateau_must_stay_in_band(report.samples, program, policy.sterilization.band_mdeg))
        found.append(plateau_must_last(report.samples, program))
    return tuple(found)


def mechanical_result(findings: Iterable[Finding]) -> Literal["passed", "failed"]:
    """One finding against it fails the cycle."""
    return "failed" if any_unmet(findings) else "passed"


def set_right(at: datetime, ahead_seconds: int) -> datetime:
    """A time from a clock that runs ahead by so much."""
    return at - timedelta(seconds=ahead_seconds)


def sterile_until(policy: Policy, program_name: str, ended_at: datetime) -> date:
    """The last day a pack may be used: the clinic's date of the cycle plus shelf life; the same day if it may not be stored."""
    day = local_date(policy, ended_at)
    program = policy.sterilization.programs.get(program_name)
    storable = program is not None and program.storable
    return day + timedelta(days=policy.sterilization.shelf_life_days) if storable else day
