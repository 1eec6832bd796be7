"""The policy document: its values, their sources, its digests and what it refuses."""

from collections.abc import Iterator

import pytest
from pydantic import JsonValue, ValidationError

from schemas.policy import (
    NEVER_OVERRIDABLE,
    Policy,
    default_policy,
    digest_of,
    policy_from_toml,
    screening_digest,
    source_of,
    sources,
)
from schemas.vocabulary import RestrictionClass, Role, VisitType

POLICY = default_policy()


def leaves(node: JsonValue, path: str = "") -> Iterator[tuple[str, JsonValue]]:
    if isinstance(node, dict):
        for key, below in node.items():
            yield from leaves(below, f"{path}.{key}" if path else key)
    else:
        yield path, node


def test_the_document_fits_into_an_event_with_room_to_grow() -> None:
    assert len(POLICY.model_dump_json()) < 20 * 1024


def test_the_document_survives_its_way_through_the_ledger() -> None:
    assert Policy.model_validate_json(POLICY.model_dump_json()) == POLICY


def test_no_float_stands_in_the_document() -> None:
    assert [path for path, value in leaves(POLICY.model_dump(mode="json")) if isinstance(value, float)] == []


def test_every_value_has_a_source_and_the_source_has_the_value() -> None:
    for path, value in leaves(POLICY.model_dump(mode="json")):
        source = source_of(path)
        assert source.value == value, path
        assert source.unit, path
        assert source.source, path


def test_a_value_without_evidence_is_marked_as_our_choice() -> None:
    unsourced = [path for path, source in sources() if source.source == "handbook" and source.evidence != "BK"]
    assert unsourced == []


@pytest.mark.parametrize(
    ("path", "value", "evidence", "own_choice"),
    [
        ("spacing.bands.medium.floor_days", 28, "P", False),
        ("spacing.bands.deep.floor_days", 42, "BK", True),
        ("depth.areas.cheeks.clinician_cap_um", 2000, "BK", True),
        ("contraindications.cold_sore.wait_days", 14, "BK", True),
        ("contraindications.cold_sore.restriction", "block", "P", False),
        ("contraindications.plastic_surgery.wait_days", 365, "P", False),
        ("sterilization.programs.prevac_wrapped_132.exposure_seconds", 240, "P", False),
        ("reference.numbing.toxic_above_ng_per_ml", 5000, "S", False),
    ],
)
def test_a_numbers_origin_can_be_looked_up(path: str, value: int, evidence: str, own_choice: bool) -> None:
    source = source_of(path)
    assert (source.value, source.evidence, source.own_choice) == (value, evidence, own_choice)


@pytest.mark.parametrize("path", ["spacing.bands.medium.floor", "spacing", "spacing.bands.medium.floor_days.x", ""])
def test_what_is_no_number_has_no_origin(path: str) -> None:
    with pytest.raises(KeyError):
        source_of(path)


def test_the_same_document_has_the_same_digest_and_another_has_another() -> None:
    again = Policy.model_validate_json(POLICY.model_dump_json())
    longer = policy_from_toml("[spacing.bands.medium]\nfloor_days = 35")
    assert digest_of(again) == digest_of(POLICY)
    assert digest_of(longer) != digest_of(POLICY)
    assert screening_digest(longer) == screening_digest(POLICY)


def test_the_screening_digest_follows_what_verdicts_are_judged_by_and_not_their_freshness() -> None:
    stricter = policy_from_toml("[contraindications.neurotoxin]\nwait_days = 28")
    fresher = policy_from_toml("[screening]\nvolatile_valid_hours = 12")
    lenient = policy_from_toml("[screening]\nunanswered_restricts = false")
    assert screening_digest(fresher) == screening_digest(POLICY)
    assert len({screening_digest(policy) for policy in (POLICY, stricter, lenient)}) == 3


def test_a_clinic_changes_single_values_and_keeps_the_rest() -> None:
    policy = policy_from_toml('[recall]\nmode = { value = "cdc_steam", unit = "mode", source = "S21", evidence = "P", own_choice = false }')
    assert policy.recall.mode == "cdc_steam"
    assert policy.model_copy(update={"recall": POLICY.recall}) == POLICY
    assert policy_from_toml("") == POLICY


@pytest.mark.parametrize(
    "text",
    [
        "[spacing.bands.medium]\nfloor = 35",
        "[spacing.bands.medium]\nfloor_days = 28.5",
        "[spacing.bands.medium]\nfloor_days = -1",
        "[spacing.bands.medium]\nfloor_days = true",
        '[clinic]\ntimezone = "Europe/Atlantis"',
        '[clinic]\ntimezone = "../etc/passwd"',
        '[gate.visit_types]\ntreatment = ["G23"]',
        "[check_ins]\nquiet_from_minutes = 0\nquiet_until_minutes = 1440",
        "[reference]\nanything = 1",
        "not toml",
    ],
)
def test_a_document_with_a_mistake_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the parser, the shape and the check each raise their own kind of it
        policy_from_toml(text)


@pytest.mark.parametrize("code", sorted(NEVER_OVERRIDABLE))
def test_no_policy_opens_sterility_consent_recall_or_a_safety_hold(code: str) -> None:
    with pytest.raises(ValidationError, match=f"{code} can never be overridden"):
        policy_from_toml(f'[gate.rules.{code}]\noverridable_by = ["clinician"]')


def test_a_document_with_a_gap_is_refused() -> None:
    whole = POLICY.model_dump(mode="json")
    del whole["depth"]["areas"]["scalp"], whole["gate"]["rules"]["G05"]
    with pytest.raises(ValidationError, match=r"depth\.areas lacks scalp"):
        Policy.model_validate(whole)


def test_nothing_in_the_document_can_be_set() -> None:
    with pytest.raises(ValidationError):
        POLICY.age.label_from_years = 21  # type: ignore[misc]


def test_the_gate_asks_everything_of_a_treatment_and_less_of_a_talk() -> None:
    asked = POLICY.gate.visit_types
    assert len(asked[VisitType.TREATMENT]) == 22
    assert not {"G09", "G13", "G14", "G15"} & (set(asked[VisitType.CONSULTATION]) | set(asked[VisitType.FOLLOW_UP]))
    assert {code for code, rule in POLICY.gate.rules.items() if not rule.enabled} == {"G08", "G18", "G19"}


def test_only_a_clinician_overrides_spacing() -> None:
    assert POLICY.gate.rules["G09"].overridable_by == (Role.CLINICIAN,)


def test_a_timed_contraindication_says_how_long_from_what() -> None:
    for code, rule in POLICY.contraindications.items():
        assert bool(rule.wait_days) == bool(rule.wait_from), code
        if rule.restriction is RestrictionClass.TIMED:
            assert rule.wait_days > 0, code
        if rule.restriction is RestrictionClass.CLEARANCE:
            assert rule.clearance_needs, code
