"""What stands in a refusal."""

from schemas.vocabulary import Finding, Verdict


def unmet(*findings: Finding) -> tuple[Finding, ...]:
    """Every rule that stands against it; none means granted."""
    return tuple(finding for finding in findings if finding.verdict is Verdict.UNMET)
