"""Labels, lots and disinfection: edge cases 59, 62, 64, 66 and the GS1 vectors."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.hygiene import LotReport, ManualLabel, TurnoverStep, lot_key
from schemas.hygiene.supplies import unit_of_serial
from schemas.policy import default_policy, policy_from_toml
from schemas.vocabulary import Verdict
from services.hygiene.rules.labels import LabelUnreadableError, is_near, read_label, read_scan
from services.hygiene.rules.lots import (
    Count,
    lot_may_not_be_quarantined,
    typed_label_must_be_checked_by_another,
    unit_state,
    units_must_fit_the_lot,
)
from services.hygiene.rules.surfaces import (
    contact_time_must_reach_the_label,
    every_step_must_be_done,
    handpiece_must_be_dry_inside,
    label_seconds,
    serves_a_start,
    what_was_found_inside_stands,
)

POLICY = default_policy()
GS = "\x1d"
GTIN = "09501101530003"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("scan", "lot", "expires_on", "serial"),
    [
        (f"01{GTIN}1729123110SP4471", "SP4471", date(2029, 12, 31), None),
        (f"]d201{GTIN}17291231" + "10SP4471", "SP4471", date(2029, 12, 31), None),
        (f"]C1{GS}01{GTIN}17291231" + f"10SP4471{GS}21A-7", "SP4471", date(2029, 12, 31), "A-7"),
        (f"10SP4471{GS}21A-7{GS}17291231" + f"01{GTIN}", "SP4471", date(2029, 12, 31), "A-7"),
        (f"01{GTIN}1129010117291231" + "10SP4471", "SP4471", date(2029, 12, 31), None),
        (f"01{GTIN}17290200" + "10SP4471", "SP4471", date(2029, 2, 28), None),
        (f"01{GTIN}17280200" + "10SP4471", "SP4471", date(2028, 2, 29), None),
    ],
)
def test_what_a_gs1_code_says(scan: str, lot: str, expires_on: date, serial: str | None) -> None:
    label = read_scan(scan)
    assert (label.gtin, label.lot, label.expires_on, label.serial) == (GTIN, lot, expires_on, serial)


@pytest.mark.parametrize(
    ("scan", "field"),
    [
        (f"01{GTIN}10SP4471", "expires_on"),
        (f"01{GTIN}17291231", "lot"),
        ("1729123110SP4471", "gtin"),
        ("0109501101530004172912311" + "0SP4471", "gtin"),
        (f"01{GTIN}17291331" + "10SP4471", "scan"),
        (f"01{GTIN}17290230" + "10SP4471", "scan"),
        (f"]d101{GTIN}17291231" + "10SP4471", "scan"),
        (f"01{GTIN}1729123110SP447121A-700", "scan"),
        (f"10SP4471{GS}10SP4472{GS}17291231" + f"01{GTIN}", "lot"),
        (f"01{GTIN}1729123110" + "X" * 25, "scan"),
        ("hello", "scan"),
        ("", "gtin"),
    ],
)
def test_a_code_that_does_not_say_everything_is_refused_by_field(scan: str, field: str) -> None:
    with pytest.raises(LabelUnreadableError) as refused:
        read_scan(scan)
    assert refused.value.field == field
    assert refused.value.reason


def test_the_printed_lot_settles_a_scan_whose_separators_may_be_lost() -> None:
    scan = f"01{GTIN}17291231" + "10SP4471210007"
    with pytest.raises(LabelUnreadableError):
        read_scan(scan)
    assert read_scan(scan, printed_lot="SP4471210007").lot == "SP4471210007"
    with pytest.raises(LabelUnreadableError) as other:
        read_scan(scan, printed_lot="SP4471")
    assert other.value.field == "printed_lot"


@given(st.text(max_size=60))
def test_no_scan_does_more_than_be_read_or_be_refused(scan: str) -> None:
    try:
        label = read_scan(scan)
    except LabelUnreadableError:
        return
    assert label.lot


def typed(**more: Any) -> ManualLabel:
    values: dict[str, Any] = {"gtin": "9501101530003", "lot": "SP4471", "expires_on": date(2029, 12, 31)}
    return ManualLabel(**values | more)


def test_a_typed_label_is_checked_like_a_scanned_one() -> None:
    assert read_label(LotReport(manual=typed(), quantity=20, occurred_at=NOW)).gtin == GTIN
    with pytest.raises(LabelUnreadableError) as wrong:
        read_label(LotReport(manual=typed(gtin="9501101530004"), quantity=20, occurred_at=NOW))
    assert wrong.value.field == "gtin"
    with pytest.raises(LabelUnreadableError) as many:
        read_label(LotReport(manual=typed(serial="7"), quantity=2, occurred_at=NOW))
    assert many.value.field == "quantity"


def test_a_typed_label_needs_a_second_person_where_the_policy_asks() -> None:
    sender, second = uuid4(), uuid4()
    lenient = policy_from_toml("[hygiene]\nmanual_scan_second_check = false\n")
    for policy, manual, met in (
        (POLICY, None, True),
        (POLICY, typed(), False),
        (POLICY, typed(checked_by=sender), False),
        (POLICY, typed(checked_by=second), True),
        (lenient, typed(), True),
    ):
        assert (typed_label_must_be_checked_by_another(policy, manual, sender).verdict is Verdict.MET) is met


@pytest.mark.parametrize(("one", "other"), [("abc12", "ABC12"), ("00123", "123"), ("0", "000")])
def test_the_same_lot_in_any_case_and_with_leading_zeros(one: str, other: str) -> None:
    assert lot_key(one) == lot_key(other)


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("SP4471", "SP4472", True),
        ("SP4471", "SP-4471", True),
        ("SPO1", "SP01", True),
        ("SP4471", "SP447", True),
        ("SP4471", "SP4522", False),
    ],
)
def test_lots_that_a_person_should_compare(one: str, other: str, near: bool) -> None:
    assert is_near(one, other) is near
    assert is_near(other, one) is near


def test_one_unit_more_than_came_is_noticed() -> None:
    assert not Count(received=20, labeled=20, used=15, wasted=5).exceeds
    assert Count(received=20, labeled=20, used=16, wasted=5).exceeds
    assert Count(received=20, labeled=5, used=3, wasted=2).on_hand == 15


def test_no_more_labels_than_units() -> None:
    count = Count(received=20, labeled=15, used=0, wasted=0)
    assert units_must_fit_the_lot(count, 5).verdict is Verdict.MET
    assert units_must_fit_the_lot(count, 6).verdict is Verdict.UNMET
    assert lot_may_not_be_quarantined(uuid4(), "manufacturer_recall").verdict is Verdict.UNMET


def test_a_unit_with_a_serial_has_the_same_id_from_every_scan() -> None:
    clinic = UUID(int=1)
    assert unit_of_serial(clinic, GTIN, "A-7") == unit_of_serial(clinic, GTIN, "A-7")
    assert len({unit_of_serial(clinic, GTIN, "A-7"), unit_of_serial(clinic, GTIN, "A-8"), unit_of_serial(UUID(int=2), GTIN, "A-7")}) == 3


def test_a_unit_that_was_used_and_dropped_counts_as_used() -> None:
    assert unit_state(uses=1, wasted=True) == "used"
    assert unit_state(uses=0, wasted=True) == "wasted"
    assert unit_state(uses=0, wasted=False) == "unused"


@pytest.mark.parametrize(
    ("wet", "label", "met"),
    [(40, 120, False), (119, 120, False), (120, 120, True), (29, 10, False), (30, 10, True), (599, None, False), (600, None, True)],
)
def test_a_surface_stays_wet_as_long_as_its_label_asks(wet: int, label: int | None, met: bool) -> None:
    found = contact_time_must_reach_the_label(POLICY, wet, label_seconds(POLICY, label))
    assert (found.verdict is Verdict.MET) is met


def test_half_a_turnover_is_none() -> None:
    assert every_step_must_be_done(tuple(TurnoverStep)).verdict is Verdict.MET
    for missing in TurnoverStep:
        found = every_step_must_be_done([step for step in TurnoverStep if step is not missing])
        assert found.verdict is Verdict.UNMET
        assert found.parameters["first"] == missing.value


def test_a_handpiece_with_fluid_inside_is_not_reprocessed() -> None:
    recall_id = uuid4()
    wet = handpiece_must_be_dry_inside(ingress_seen=True, recall_id=recall_id)
    assert (wet.verdict, wet.evidence) == (Verdict.UNMET, (recall_id,))
    assert handpiece_must_be_dry_inside(ingress_seen=False, recall_id=None).verdict is Verdict.MET


def test_fluid_that_was_seen_is_not_unseen_by_a_correction() -> None:
    seen = uuid4()
    assert what_was_found_inside_stands(ingress_seen=False, recall_id=seen).verdict is Verdict.UNMET
    assert what_was_found_inside_stands(ingress_seen=True, recall_id=seen).verdict is Verdict.MET
    assert what_was_found_inside_stands(ingress_seen=False, recall_id=None).verdict is Verdict.MET


def test_one_reprocessing_serves_one_start() -> None:
    earlier = datetime(2026, 11, 23, 11, tzinfo=UTC)
    assert serves_a_start(NOW, earlier)
    assert serves_a_start(NOW, None)
    assert not serves_a_start(earlier, NOW)
    assert not serves_a_start(None, None)
