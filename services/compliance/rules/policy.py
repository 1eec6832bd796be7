"""Whether the numbers of a policy hold together. Each rule says every place that breaks it; none means met.

Bounds of single values stand in `schemas/policy`; here are the sentences about two values at once.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from schemas.policy import Policy, SpacingBand
from schemas.vocabulary import Finding, Modality, Verdict

ENTRY_BYTES = 32 * 1024
SURROUNDING_BYTES = 1024


def _unmet(rule: str, field: str, **parameters: int | str) -> Finding:
    return Finding(rule=rule, verdict=Verdict.UNMET, field=field, parameters=dict(parameters))


def _rising(rule: str, at: str, **steps: int) -> Iterator[Finding]:
    """A finding for each neighboring pair of named values that falls."""
    for (lower, low), (upper, high) in pairwise(steps.items()):
        if low > high:
            yield _unmet(rule, f"{at}.{upper}", lower=f"{at}.{lower}", low=low, high=high)


def floor_must_not_exceed_recommendation(policy: Policy) -> Iterator[Finding]:
    rule = "floor_must_not_exceed_recommendation"
    for name, band in policy.spacing.bands.items():
        at = f"spacing.bands.{name}"
        yield from _rising(rule, at, floor_days=band.floor_days, recommended_days=band.recommended_days)
        if band.recommended_until_days:
            steps = {"recommended_days": band.recommended_days, "recommended_until_days": band.recommended_until_days}
            yield from _rising(rule, at, **steps)


def deeper_needles_must_not_wait_less(policy: Policy) -> Iterator[Finding]:
    by_modality: defaultdict[Modality, list[tuple[str, SpacingBand]]] = defaultdict(list)
    for name, band in policy.spacing.bands.items():
        by_modality[band.modality].append((name, band))
    for bands in by_modality.values():
        for (_, shallow), (name, deep) in pairwise(sorted(bands, key=lambda named: named[1].up_to_um)):
            if deep.floor_days < shallow.floor_days:
                yield _unmet(
                    "deeper_needles_must_not_wait_less",
                    f"spacing.bands.{name}.floor_days",
                    low=deep.floor_days,
                    high=shallow.floor_days,
                    up_to_um=deep.up_to_um,
                )


def depth_cap_must_not_exceed_the_clinicians(policy: Policy) -> Iterator[Finding]:
    for area, cap in policy.depth.areas.items():
        steps = {"cap_um": cap.cap_um, "clinician_cap_um": cap.clinician_cap_um}
        yield from _rising("depth_cap_must_not_exceed_the_clinicians", f"depth.areas.{area.value}", **steps)


def age_limits_must_rise(policy: Policy) -> Iterator[Finding]:
    steps = {"block_below_years": policy.age.block_below_years, "label_from_years": policy.age.label_from_years}
    yield from _rising("age_limits_must_rise", "age", **steps)


def numbing_times_must_rise(policy: Policy) -> Iterator[Finding]:
    times = policy.numbing
    yield from _rising(
        "numbing_times_must_rise",
        "numbing",
        contact_from_minutes=times.contact_from_minutes,
        contact_to_minutes=times.contact_to_minutes,
        contact_limit_minutes=times.contact_limit_minutes,
    )


def indicator_must_warn_before_it_blocks(policy: Policy) -> Iterator[Finding]:
    days = policy.sterilization
    yield from _rising(
        "indicator_must_warn_before_it_blocks",
        "sterilization",
        bi_warn_from_day=days.bi_warn_from_day,
        bi_block_from_day=days.bi_block_from_day,
    )


def drying_times_must_rise(policy: Policy) -> Iterator[Finding]:
    for name, program in policy.sterilization.programs.items():
        steps = {"dry_from_seconds": program.dry_from_seconds, "dry_to_seconds": program.dry_to_seconds}
        yield from _rising("drying_times_must_rise", f"sterilization.programs.{name}", **steps)


def contact_time_must_reach_its_floor(policy: Policy) -> Iterator[Finding]:
    steps = {"contact_floor_seconds": policy.hygiene.contact_floor_seconds, "contact_seconds": policy.hygiene.contact_seconds}
    yield from _rising("contact_time_must_reach_its_floor", "hygiene", **steps)


def records_must_be_kept_as_long_as_the_law_says(policy: Policy) -> Iterator[Finding]:
    for name, kept in policy.retention.items():
        steps = {"floor_years": kept.floor_years, "years": kept.years}
        yield from _rising("records_must_be_kept_as_long_as_the_law_says", f"retention.{name}", **steps)


def late_must_come_before_no_show(policy: Policy) -> Iterator[Finding]:
    steps = {"late_after_minutes": policy.booking.late_after_minutes, "no_show_after_minutes": policy.booking.no_show_after_minutes}
    yield from _rising("late_must_come_before_no_show", "booking", **steps)


def reminder_must_come_before_giving_up(policy: Policy) -> Iterator[Finding]:
    for name, asked in policy.check_ins.plan.items():
        if asked.remind_after_seconds:
            steps = {"remind_after_seconds": asked.remind_after_seconds, "missed_after_seconds": asked.missed_after_seconds}
            yield from _rising("reminder_must_come_before_giving_up", f"check_ins.plan.{name}", **steps)


CONSISTENCY = (
    floor_must_not_exceed_recommendation,
    deeper_needles_must_not_wait_less,
    depth_cap_must_not_exceed_the_clinicians,
    age_limits_must_rise,
    numbing_times_must_rise,
    indicator_must_warn_before_it_blocks,
    drying_times_must_rise,
    contact_time_must_reach_its_floor,
    records_must_be_kept_as_long_as_the_law_says,
    late_must_come_before_no_show,
    reminder_must_come_before_giving_up,
)


def inconsistencies(policy: Policy) -> tuple[Finding, ...]:
    """Every place where two numbers of the document contradict each other."""
    return tuple(finding for rule in CONSISTENCY for finding in rule(policy))


def policy_must_fit_the_record(policy: Policy) -> Finding:
    """An entry of the ledger has 32 KiB; a few hundred bytes of them say who, why and when."""
    size = len(policy.model_dump_json().encode())
    met = size <= ENTRY_BYTES - SURROUNDING_BYTES
    return Finding(
        rule="policy_must_fit_the_record",
        verdict=Verdict.MET if met else Verdict.UNMET,
        parameters={"bytes": size, "limit": ENTRY_BYTES - SURROUNDING_BYTES},
    )


def policy_must_not_begin_in_the_past(effective_at: datetime, now: datetime, *, first: bool) -> Finding:
    """What was decided yesterday was decided under yesterday's policy. Before the first one nothing was decided here: it says
    since when the clinic has worked by it, so that what was done on paper then can be judged.
    """
    met = first or effective_at >= now
    return Finding(rule="policy_must_not_begin_in_the_past", verdict=Verdict.MET if met else Verdict.UNMET, field="effective_at")
