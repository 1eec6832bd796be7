"""When a client's personal data may go (domain.md 2.10; edge cases 80, 81)."""

from collections.abc import Collection

from schemas.vocabulary import Finding, LocalDate, Verdict


def client_must_be_known(said: Collection[str]) -> Finding:
    """`said`: the types of events that speak of the client."""
    met = "client.registered" in said and "client.erased" not in said
    return Finding(rule="client_must_be_known", verdict=Verdict.MET if met else Verdict.UNMET)


def record_must_have_outlived_its_retention(kind: str, kept_until: LocalDate, today: LocalDate) -> Finding:
    """Kept through its last day."""
    return Finding(
        rule="record_must_have_outlived_its_retention",
        verdict=Verdict.MET if today > kept_until else Verdict.UNMET,
        parameters={"kind": kind, "kept_until": kept_until.isoformat()},
    )
