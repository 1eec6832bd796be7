"""Findings in plain words."""

import pytest

from schemas.sentences import for_front_desk, sentence, sentences
from schemas.vocabulary import Finding, Instant, Verdict


def finding(rule: str, code: str = "", *, earliest_ok: Instant | None = None, **parameters: int | str) -> Finding:
    return Finding(rule=rule, code=code, verdict=Verdict.UNMET, parameters=parameters, earliest_ok=earliest_ok)


def test_a_time_is_said_as_people_write_it() -> None:
    said = sentence(finding("practitioner_must_be_free", conflicts=1, free_from="2026-11-23T07:03"))
    assert "2026-11-23 07:03" in said
    assert "T07" not in said


def test_a_rule_without_a_sentence_says_its_own_name() -> None:
    assert sentence(finding("nobody_wrote_me_down")) == "nobody wrote me down"


def test_a_missing_parameter_does_not_keep_a_refusal_from_being_shown() -> None:
    assert "…" in sentence(finding("practitioner_must_be_free"))


@pytest.mark.parametrize("rule", sorted(sentences()))
def test_every_sentence_can_be_said(rule: str) -> None:
    for verdict in Verdict:
        assert sentence(Finding(rule=rule, verdict=verdict)).strip()


def test_the_front_desk_learns_that_not_why() -> None:
    shown = for_front_desk((finding("nothing_may_contraindicate", "G05", restrictions=1), finding("skin_must_be_cleansed", "G22")))
    assert [found.rule for found in shown] == ["skin_must_be_cleansed", "client_must_be_eligible_today"]
    assert "G05" not in str(shown)
