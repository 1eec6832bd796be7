"""What health answers restrict (domain.md 1.4), and what a clinician may open."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from schemas.consent import Answer, ClearedRestriction
from schemas.policy import Ask, Contraindication, Policy
from schemas.vocabulary import Area, Finding, LocalDate, Restriction, RestrictionClass, Shape
from services.consent.rules.requests import finding


class Verdicted(Shape):
    """What one answer restricts. `needs` is what opens it; no day: until it is answered otherwise."""

    code: str
    answer: str
    on: LocalDate | None
    restriction_class: RestrictionClass
    areas: tuple[Area, ...] = ()
    until: LocalDate | None = None
    needs: str | None = None
    confidential: bool = False
    numbing_only: bool = False


class Sheet(Shape):
    """An answer sheet that was kept. A clinician's sheet settles what contradicts it."""

    answered_at: datetime
    by_clinician: bool
    answers: tuple[Answer, ...]


def questions(policy: Policy, extent: str) -> tuple[str, ...]:
    """The codes a sheet of this extent must answer: all, or those of every visit."""
    asked = policy.contraindications.items()
    return tuple(code for code, rule in asked if extent == "full" or rule.ask is Ask.EVERY_VISIT)


def questions_must_be_answered(asked: Collection[str], answers: Sequence[Answer]) -> list[Finding]:
    """One finding for each question without an answer."""
    given = {answer.code for answer in answers}
    return [finding("questions_must_be_answered", False, field=code, question=code) for code in asked if code not in given]


def answers_must_be_to_these_questions(asked: Collection[str], answers: Sequence[Answer]) -> Finding:
    strange = sum(answer.code not in asked for answer in answers)
    return finding("answers_must_be_to_these_questions", strange == 0, field="answers", count=strange)


def questions_must_be_answered_once(answers: Sequence[Answer]) -> Finding:
    twice = len(answers) - len({answer.code for answer in answers})
    return finding("questions_must_be_answered_once", twice == 0, field="answers", count=twice)


def days_must_not_lie_ahead(policy: Policy, answers: Sequence[Answer], today: LocalDate) -> Finding:
    """Only what policy also restricts beforehand may be planned. How many, never which: the refusal is public."""
    rules = policy.contraindications
    ahead = sum(
        answer.on is not None and answer.on > today and answer.code in rules and rules[answer.code].before_days == 0 for answer in answers
    )
    return finding("days_must_not_lie_ahead", ahead == 0, field="answers", count=ahead)


def intake_must_have_been_answered(policy: Policy, kept: Iterable[Sheet]) -> Finding:
    """Questions of every visit stand on a questionnaire that asked the others, under any earlier policy."""
    answered = {answer.code for sheet in kept for answer in sheet.answers}
    missing = sum(code not in answered for code in questions(policy, "full"))
    return finding("intake_must_have_been_answered", missing == 0, field="extent", count=missing)


def standing_answers(policy: Policy, sheets: Iterable[Sheet]) -> list[Answer]:
    """The answers that count, the most conservative of those that conflict.

    For each question the newest answer, and with it every other one given within the time a volatile answer holds: two
    sheets of one visit that disagree both restrict, until a clinician hands in a sheet. Sorted by time.
    """
    window = timedelta(hours=policy.screening.volatile_valid_hours)
    standing: dict[str, list[tuple[datetime, Answer]]] = {}
    for sheet in sorted(sheets, key=lambda kept: kept.answered_at):
        for answer in sheet.answers:
            earlier = [] if sheet.by_clinician else standing.get(answer.code, [])
            recent = [(at, given) for at, given in earlier if sheet.answered_at - at < window and given != answer]
            standing[answer.code] = [*recent, (sheet.answered_at, answer)]
    return [given for answers in standing.values() for _, given in answers]


def _opened(verdict: Verdicted) -> Verdicted:
    """What somebody may clear is a matter of clearance from the start: a gate need not know who may open which block."""
    opens = verdict.needs is not None and verdict.restriction_class in {RestrictionClass.BLOCK, RestrictionClass.TIMED}
    return verdict.model_copy(update={"restriction_class": RestrictionClass.CLEARANCE}) if opens else verdict


def judge(policy: Policy, answer: Answer, today: LocalDate) -> tuple[Verdicted, ...]:
    """What one answer restricts from today on (domain.md 1.4). Days are local; a wait of 14 days is over on the 14th day after.

    Where the client does not know (no day, no areas) the longest and the whole body is taken. A plan (`before_days`)
    restricts at once: an opaque restriction has no beginning, and the question comes back at the next visit.
    """
    rule = policy.contraindications.get(answer.code)
    if rule is None or answer.answer == "no":
        return ()
    seen = Verdicted(
        code=answer.code,
        answer=answer.answer,
        on=answer.on,
        restriction_class=RestrictionClass.BLOCK,
        confidential=rule.confidential,
        numbing_only=rule.numbing_only,
    )
    if answer.answer == "prefer_not_to_say":
        silent = RestrictionClass.BLOCK if policy.screening.unanswered_restricts else RestrictionClass.WARNING
        return (seen.model_copy(update={"restriction_class": silent}),)
    seen = seen.model_copy(update={"areas": answer.areas if rule.scope == "area" else ()})
    return tuple(verdict for verdict in _of_a_yes(rule, seen) if verdict.until is None or today < verdict.until)


def _of_a_yes(rule: Contraindication, seen: Verdicted) -> tuple[Verdicted, ...]:
    """What a yes restricts, over or not. `seen` is a block without an end."""
    waited = seen.on + timedelta(days=rule.wait_days) if seen.on is not None and rule.wait_days > 0 else None
    tail = seen.on + timedelta(days=rule.clearance_until_days) if seen.on is not None and rule.clearance_until_days > 0 else None
    cleared = {"restriction_class": RestrictionClass.CLEARANCE, "until": tail, "needs": rule.clearance_needs}
    match rule.restriction:
        case RestrictionClass.WARNING:
            return (seen.model_copy(update={"restriction_class": RestrictionClass.WARNING, "until": waited}),)
        case RestrictionClass.CLEARANCE:
            return (seen.model_copy(update=cleared),)
        case RestrictionClass.BLOCK | RestrictionClass.TIMED:
            waiting = seen if waited is None else seen.model_copy(update={"restriction_class": RestrictionClass.TIMED, "until": waited})
            if rule.clearance_until_days == 0:
                return (_opened(waiting.model_copy(update={"needs": rule.clearance_needs})),)
            return (waiting,) if tail is None else (waiting, seen.model_copy(update=cleared))
        case unforeseen:
            assert_never(unforeseen)


def judged(policy: Policy, answers: Iterable[Answer], today: LocalDate) -> list[Verdicted]:
    """What all standing answers restrict, each thing once."""
    found: list[Verdicted] = []
    for answer in answers:
        found.extend(verdict for verdict in judge(policy, answer, today) if verdict not in found)
    return found


def restriction_must_stand(restriction_id: UUID, stands: bool) -> Finding:  # noqa: FBT001 - the fact
    """It is one of the client's newest screening: an answer that changed took the old one with it."""
    found = finding("restriction_must_stand", stands, field="restrictions")
    return found.model_copy(update={"evidence": (restriction_id,)})


def restriction_must_be_open_to_clearance(restriction: Restriction) -> Finding:
    """Blocks and waits are not cleared by anybody."""
    opens = restriction.restriction_class is RestrictionClass.CLEARANCE
    found = finding("restriction_must_be_open_to_clearance", opens, field="restrictions")
    return found.model_copy(update={"evidence": (restriction.restriction_id,)})


def clearance_must_rest_on_what_is_needed(cleared: ClearedRestriction, needs: str | None) -> Finding:
    """The prescriber's word is not the clinician's. What is needed stays unsaid here: it would tell the reason."""
    found = finding("clearance_must_rest_on_what_is_needed", needs is None or cleared.basis == needs, field="restrictions")
    return found.model_copy(update={"evidence": (cleared.restriction_id,)})


def clearance_must_not_outlast_policy(policy: Policy, valid_until: datetime, now: datetime) -> Finding:
    days = policy.screening.clearance_valid_days
    fits = now < valid_until <= now + timedelta(days=days)
    return finding("clearance_must_not_outlast_policy", fits, field="valid_until", days=days)


def screening_must_be_of_the_policy_in_force(judged_under: str | None, in_force: str) -> Finding:
    return finding("screening_must_be_of_the_policy_in_force", judged_under == in_force, field="client_id")
