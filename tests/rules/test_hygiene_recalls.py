"""The window of a positive indicator against a naive reading of domain.md 2.4."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import Policy, default_policy, policy_from_toml
from schemas.sentences import sentence
from schemas.vocabulary import Role, Verdict
from services.hygiene.rules.recalls import (
    Cycle,
    in_window,
    recall_must_be_pending,
    recall_window,
    repeats_must_be_negative,
    root_cause_must_be_in_the_policy,
    second_signer_must_be_able_to_decide,
    second_signer_must_be_another,
)

START = datetime(2026, 11, 1, 8, tzinfo=UTC)
DEFAULT = default_policy()


def policy(*, first: bool, extend: bool) -> Policy:
    flags = f"include_last_negative = {str(first).lower()}\nextend_to_out_of_service = {str(extend).lower()}"
    return policy_from_toml(f"[recall]\n{flags}\n")


POLICIES = {(first, extend): policy(first=first, extend=extend) for first in (False, True) for extend in (False, True)}


def cycles(*indicators: str) -> list[Cycle]:
    return [Cycle(uuid4(), START + timedelta(hours=n), indicator) for n, indicator in enumerate(indicators)]


def doubted(rules: Policy, ran: list[Cycle], positive: Cycle) -> list[int]:
    window = recall_window(rules, ran, positive, START + timedelta(hours=len(ran)))
    return [ran.index(cycle) for cycle in in_window(window, ran, positive)]


@pytest.mark.parametrize(
    ("indicators", "positive", "flags", "expected"),
    [
        ("n--p-", 3, (False, False), [1, 2, 3, 4]),
        ("n--p-", 3, (True, False), [0, 1, 2, 3, 4]),
        ("n-p-n-", 2, (False, False), [1, 2, 3]),
        ("n-p-n-", 2, (False, True), [1, 2, 3, 4, 5]),
        ("---p", 3, (False, False), [0, 1, 2, 3]),
        ("ninp", 3, (False, False), [3]),
        ("n-ip", 3, (False, False), [1, 2, 3]),
        ("n?p", 2, (False, False), [1, 2]),
    ],
)
def test_the_window_of_a_positive_indicator(indicators: str, positive: int, flags: tuple[bool, bool], expected: list[int]) -> None:
    words = {"n": "negative", "p": "positive", "-": "none", "i": "invalid", "?": "pending"}
    ran = cycles(*(words[sign] for sign in indicators))
    assert doubted(POLICIES[flags], ran, ran[positive]) == expected


def naive(ran: list[str], at: int, *, first: bool, extend: bool) -> list[int]:
    """Walk back to the last negative, walk on to the next one."""
    start = at
    while start > 0 and ran[start - 1] != "negative":
        start -= 1
    if first and start > 0:
        start -= 1
    end = at + 1
    while end < len(ran) and (extend or ran[end] != "negative"):
        end += 1
    return list(range(start, end))


@given(
    st.lists(st.sampled_from(["negative", "positive", "invalid", "pending", "none"]), min_size=1, max_size=30),
    st.data(),
    st.booleans(),
    st.booleans(),
)
def test_the_window_is_that_of_the_naive_reading(indicators: list[str], data: st.DataObject, first: bool, extend: bool) -> None:
    at = data.draw(st.integers(0, len(indicators) - 1))
    indicators[at] = "positive"
    ran = cycles(*indicators)
    shuffled = data.draw(st.permutations(ran))
    window = recall_window(POLICIES[first, extend], shuffled, ran[at], START + timedelta(hours=len(ran)))
    found = [ran.index(cycle) for cycle in in_window(window, shuffled, ran[at])]
    assert found == naive(indicators, at, first=first, extend=extend)


def test_a_released_recall_needs_repeated_negatives_and_no_positive() -> None:
    negative = ["negative"] * 3
    assert repeats_must_be_negative(DEFAULT, "released", negative).verdict is Verdict.MET
    assert repeats_must_be_negative(DEFAULT, "released", negative[:2]).verdict is Verdict.UNMET
    assert repeats_must_be_negative(DEFAULT, "released", [*negative, "positive"]).verdict is Verdict.UNMET
    assert repeats_must_be_negative(DEFAULT, "confirmed", []).verdict is Verdict.MET


def test_a_recall_is_decided_once_by_two_persons_with_a_known_cause() -> None:
    one, two = UUID(int=1), UUID(int=2)
    assert recall_must_be_pending("pending").verdict is Verdict.MET
    assert recall_must_be_pending("confirmed").verdict is Verdict.UNMET
    assert second_signer_must_be_another(one, two).verdict is Verdict.MET
    assert second_signer_must_be_another(one, one).verdict is Verdict.UNMET
    assert root_cause_must_be_in_the_policy(DEFAULT, "overload").verdict is Verdict.MET
    assert root_cause_must_be_in_the_policy(DEFAULT, "bad_luck").verdict is Verdict.UNMET


@pytest.mark.parametrize(
    ("roles", "verdict"),
    [
        ([], Verdict.UNMET),
        ([Role.TECHNICIAN, Role.PRACTITIONER, Role.ADMIN, Role.AUDITOR], Verdict.UNMET),
        ([Role.CLINICIAN], Verdict.MET),
        ([Role.TECHNICIAN, Role.MANAGER], Verdict.MET),
    ],
)
def test_whoever_signs_second_may_decide_a_recall_too(roles: list[Role], verdict: Verdict) -> None:
    found = second_signer_must_be_able_to_decide(roles)
    assert (found.verdict, found.field) == (verdict, "second_signer_id")
    assert sentence(found) != found.rule.replace("_", " ")
