"""How a rule is asked: only where policy wants it, never without a policy, and with the overrides that were given."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from uuid import UUID

from schemas.policy import GateCode, Policy
from schemas.vocabulary import Finding, Instant, Shape, Token, Verdict, VisitType, zones
from services.treatment.rules.case import Case


class Said(Shape):
    """What the body of a rule found. The frame around it adds the rule's name, its code and the overrides.

    `final`: nobody can override this, whatever policy says of the rule. What is not known cannot be waved through.
    """

    verdict: Verdict
    parameters: Mapping[str, int | Token]
    evidence: tuple[UUID, ...] = ()
    earliest_ok: Instant | None = None
    final: bool = False


Rule = Callable[[Case], Finding]

_codes: dict[str, GateCode] = {}


def met(*evidence: UUID | None, **parameters: int | str) -> Said:
    return Said(verdict=Verdict.MET, parameters=dict(parameters), evidence=_known(evidence))


def warning(*evidence: UUID | None, **parameters: int | str) -> Said:
    return Said(verdict=Verdict.WARNING, parameters=dict(parameters), evidence=_known(evidence))


def unmet(reason: str, *evidence: UUID | None, earliest_ok: datetime | None = None, **parameters: int | str) -> Said:
    """`reason` is a code: the sentence of the rule says it in words."""
    return Said(verdict=Verdict.UNMET, parameters={"reason": reason, **parameters}, evidence=_known(evidence), earliest_ok=earliest_ok)


def unknown(reason: str, *evidence: UUID | None, **parameters: int | str) -> Said:
    """Unmet for want of a record, or beyond anybody's say."""
    return Said(verdict=Verdict.UNMET, parameters={"reason": reason, **parameters}, evidence=_known(evidence), final=True)


def _known(evidence: tuple[UUID | None, ...]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(found for found in evidence if found is not None))


def wanted_by(policy: Policy, code: GateCode, visit_type: VisitType) -> bool:
    """Whether policy asks this rule of this visit type."""
    return policy.gate.rules[code].enabled and code in policy.gate.visit_types[visit_type]


def _visit_type(case: Case) -> VisitType:
    """An unknown booking is judged as a treatment: all rules apply."""
    return VisitType.TREATMENT if case.visit is None else case.visit.visit_type


def _as_booked(case: Case) -> bool:
    """Overrides were given for what was booked: other skin, or deeper needles, pass nothing with them."""
    visit = case.visit
    return visit is not None and zones(case.areas) <= zones(visit.areas) and case.depth_um <= visit.depth_um


def _overridden(case: Case, finding: Finding) -> Finding:
    """An unmet rule becomes a warning by a valid override of a role that policy names."""
    if finding.verdict is not Verdict.UNMET or not _as_booked(case):
        return finding
    for override in case.overrides:
        if override.rule == finding.rule and override.role in finding.overridable_by and case.at < override.valid_until:
            parameters = {**finding.parameters, "overridden_by": override.role.value}
            evidence = (*finding.evidence, override.event_id)
            return finding.model_copy(update={"verdict": Verdict.WARNING, "parameters": parameters, "evidence": evidence})
    return finding


def asks(code: GateCode) -> Callable[[Callable[[Case], Said]], Rule]:
    """Make a rule of the gate from what looks at the case."""

    def frame(look: Callable[[Case], Said]) -> Rule:
        @wraps(look)
        def rule(case: Case) -> Finding:
            name = look.__name__
            if case.policy is None:
                return Finding(rule=name, code=code, verdict=Verdict.UNMET, parameters={"reason": "no_policy"})
            if not wanted_by(case.policy, code, _visit_type(case)):
                return Finding(rule=name, code=code, verdict=Verdict.MET, parameters={"reason": "not_required"})
            said = look(case)
            finding = Finding(
                rule=name,
                code=code,
                verdict=said.verdict,
                parameters=dict(said.parameters),
                evidence=said.evidence,
                overridable_by=() if said.final else case.policy.gate.rules[code].overridable_by,
                earliest_ok=said.earliest_ok,
            )
            return _overridden(case, finding)

        _codes[look.__name__] = code
        return rule

    return frame


def always(look: Callable[[Case], Said]) -> Rule:
    """A rule of the record itself, which no policy switches: it has no code and no override."""

    @wraps(look)
    def rule(case: Case) -> Finding:
        said = look(case)
        return Finding(rule=look.__name__, verdict=said.verdict, parameters=dict(said.parameters), evidence=said.evidence)

    return rule


def code_of(rule: Rule) -> str:
    """The G-number a rule serves, or nothing."""
    return _codes.get(rule.__name__, "")
