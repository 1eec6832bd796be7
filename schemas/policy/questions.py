"""Pure questions about time, symptoms and age; local means the clinic's own wall clock."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from schemas.policy.care import Tier
from schemas.policy.document import Policy
from schemas.policy.visits import Weekday
from schemas.vocabulary import AgeBand, Code, Instant, LocalDate, Micrometers, Modality, Shape, Visit

WEEK = tuple(Weekday)
TIERS: tuple[Tier, ...] = ("none", "review", "urgent", "emergency")


class Window(Shape):
    """Half-open: `until` is outside."""

    begins_at: Instant
    until: Instant


class PlannedCheckIn(Shape):
    """One question to the client: when it is sent, reminded of (if at all) and given up on."""

    step: Code
    due_at: Instant
    remind_at: Instant | None
    missed_at: Instant
    staff_task: bool


def local_date(policy: Policy, instant: datetime) -> LocalDate:
    """The date on the clinic's wall. Spacing, expiry and age count in these, so DST cannot matter."""
    return instant.astimezone(ZoneInfo(policy.clinic.timezone)).date()


def local_minute(policy: Policy, instant: datetime) -> int:
    """Minutes after midnight on the clinic's wall."""
    local = instant.astimezone(ZoneInfo(policy.clinic.timezone))
    return local.hour * 60 + local.minute


def local_instants(policy: Policy, wall: datetime) -> tuple[datetime, ...]:
    """Every instant at which the clinic's clock shows this time: none when it is skipped, two when it is repeated.

    `wall` carries no offset. A door takes a time only if there is exactly one; it never shifts one silently.
    """
    zone = ZoneInfo(policy.clinic.timezone)
    candidates = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(sorted(c for c in candidates if c.astimezone(zone).replace(tzinfo=None, fold=0) == wall.replace(fold=0)))


def _instants_of_minute(policy: Policy, day: date, minutes: int) -> tuple[datetime, datetime]:
    """The earliest and the latest instant that a wall-clock minute of a day may mean; 1440 is the next midnight."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    zone = ZoneInfo(policy.clinic.timezone)
    first, second = sorted(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second


def open_at(policy: Policy, starts_at: datetime, ends_at: datetime) -> bool:
    """Whether the clinic is open from start to end, over midnight too where both days allow it."""
    reached = starts_at.astimezone(UTC)
    while True:
        day = local_date(policy, reached)
        hours = policy.clinic.opening[WEEK[day.weekday()]]
        opens, _ = _instants_of_minute(policy, day, hours.opens_minutes)
        _, closes = _instants_of_minute(policy, day, hours.closes_minutes)
        closed = hours.opens_minutes >= hours.closes_minutes or day in policy.clinic.closed_on
        if closed or not opens <= reached < closes:
            return False
        if ends_at <= closes:
            return True
        reached = closes


def start_window(policy: Policy, visit: Visit) -> Window:
    """When the visit's treatment may be started: from some minutes before its slot until the slot ends."""
    return Window(begins_at=visit.starts_at - timedelta(minutes=policy.gate.start_before_minutes), until=visit.ends_at)


def turnover_of(policy: Policy, kind: str) -> timedelta:
    """How long a resource (`room`, `device`, `practitioner`) stays taken after a visit ends.

    Kept on the resource and not on the appointment. Raises `KeyError` for a kind the policy does not know.
    """
    return timedelta(minutes=policy.booking.turnover_minutes[kind])


def _is_quiet(policy: Policy, minute: int) -> bool:
    quiet_from, quiet_until = policy.check_ins.quiet_from_minutes, policy.check_ins.quiet_until_minutes
    if quiet_from <= quiet_until:
        return quiet_from <= minute < quiet_until
    return minute >= quiet_from or minute < quiet_until


def _after_quiet_hours(policy: Policy, instant: datetime) -> datetime:
    """The instant itself, or the end of the quiet hours it falls in: messages move forward, never back."""
    quiet_from, quiet_until = policy.check_ins.quiet_from_minutes, policy.check_ins.quiet_until_minutes
    minute = local_minute(policy, instant)
    if not _is_quiet(policy, minute):
        return instant
    evening = quiet_from > quiet_until and minute >= quiet_from
    ends_on = local_date(policy, instant) + timedelta(days=1 if evening else 0)
    ends = _instants_of_minute(policy, ends_on, quiet_until)
    # Where the clocks skip the end itself, only the later reading of it is past the quiet hours.
    return next(end for end in ends if end >= instant and not _is_quiet(policy, local_minute(policy, end)))


def planned_check_ins(policy: Policy, ended_at: datetime, depth_um: Micrometers, modality: Modality) -> tuple[PlannedCheckIn, ...]:
    """The check-ins after a treatment, in order of time; deep or radio-frequency treatments get those marked `deep_only` too.

    Sending waits for the end of quiet hours; giving up counts from the sending and is staff's affair at any hour.
    """
    deep = modality is Modality.RF_MICRONEEDLING or depth_um > policy.check_ins.deep_above_um
    planned = []
    for step, plan in policy.check_ins.plan.items():
        if plan.deep_only and not deep:
            continue
        due_at = _after_quiet_hours(policy, ended_at + timedelta(seconds=plan.after_seconds))
        remind_at = _after_quiet_hours(policy, due_at + timedelta(seconds=plan.remind_after_seconds))
        planned.append(
            PlannedCheckIn(
                step=step,
                due_at=due_at,
                remind_at=remind_at if plan.remind_after_seconds else None,
                missed_at=due_at + timedelta(seconds=plan.missed_after_seconds),
                staff_task=plan.staff_task,
            )
        )
    return tuple(sorted(planned, key=lambda check_in: (check_in.due_at, check_in.step)))


def triage(policy: Policy, symptoms: Collection[str]) -> Tier:
    """The most urgent tier of what was reported. A symptom this policy does not know is reviewed by a person."""
    known = policy.recovery.symptoms
    tiers = [known[symptom].tier if symptom in known else TIERS[1] for symptom in symptoms]
    return max(tiers, key=TIERS.index, default="none")


def years_later(day: LocalDate, years: int) -> LocalDate:
    """The same day of a later year; 29 February becomes 28 February where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def age_band(policy: Policy, born_on: LocalDate, on: LocalDate) -> AgeBand:
    """The client's age on the day of treatment, never of booking. Born on 29 February: a year older on 1 March."""
    age = on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))
    if age < policy.age.block_below_years:
        return AgeBand.UNDER_18
    return AgeBand.FROM_18_TO_21 if age < policy.age.label_from_years else AgeBand.FROM_22


def keep_until(policy: Policy, record: str, since: LocalDate, born_on: LocalDate | None = None) -> LocalDate:
    """Until when a record is kept. For who was a minor: the later of that and the birthday the policy names.

    Raises `KeyError` for a kind of record the policy does not know.
    """
    rule = policy.retention[record]
    kept = years_later(since, max(rule.years, rule.floor_years))
    if born_on is None or since >= years_later(born_on, policy.age.block_below_years):
        return kept
    return max(kept, years_later(born_on, rule.minor_until_years))
