"""The chain finds every changed byte, every swap, every gap and every cut, and says where."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from events.chain import RAW_TIME_BEGINS, Break, Checkpoint, Raw, Reason, Row, Walk, first_break, genesis, header, leaf, link, linked

CLINIC = UUID("0199b0c4-7c00-7000-8000-00000000c11c")
EPOCH = 1
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TYPES = ("clinic.opened.v1", "booking.confirmed.v1", "load.released.v2", "treatment.started.v1")


def chained(rows: Sequence[Row], before: bytes | None = None) -> list[Row]:
    """The rows with the chain each must have: an honest ledger, or a forger who makes every chain anew."""
    chain = genesis(CLINIC, EPOCH) if before is None else before
    done = []
    for row in rows:
        chain = linked(chain, CLINIC, row)
        done.append(replace(row, chain=chain))
    return done


def ledger_of(bodies: Sequence[bytes]) -> list[Row]:
    return chained(
        [
            Row(
                index=at,
                recorded_at=NOON + timedelta(microseconds=at * 7),
                event_id=uuid.uuid5(CLINIC, str(at)),
                type=TYPES[at % len(TYPES)],
                body=body,
                chain=b"",
            )
            for at, body in enumerate(bodies)
        ]
    )


ledgers = some.lists(some.binary(min_size=1, max_size=40), min_size=2, max_size=9).map(ledger_of)
five = ledger_of([f'{{"data":{at}}}'.encode() for at in range(5)])


def flipped(value: bytes, bit: int) -> bytes:
    at, within = divmod(bit % (len(value) * 8), 8)
    return value[:at] + bytes([value[at] ^ (1 << within)]) + value[at + 1 :]


def found(rows: Sequence[Row], expect: Checkpoint | None = None) -> Break | None:
    return first_break(rows, CLINIC, EPOCH, expect=expect)


def test_the_header_is_seven_lines_an_auditor_can_type() -> None:
    text = header(
        clinic_id=CLINIC,
        index=3,
        recorded_at=datetime(2026, 11, 23, 10, 0, 0, 120000, tzinfo=timezone(timedelta(hours=1))),
        event_id=UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF"),
        type="load.released.v1",
        body=b"{}",
    )
    assert text == (
        b"clinic-ledger/v1\n"
        b"0199b0c4-7c00-7000-8000-00000000c11c\n"
        b"3\n"
        b"2026-11-23T09:00:00.120000Z\n"
        b"6f9619ff-8b86-d011-b42d-00c04fc964ff\n"
        b"load.released.v1\n"
        b"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n"
    )


def test_the_instant_keeps_six_digits_on_a_whole_second() -> None:
    text = header(clinic_id=CLINIC, index=0, recorded_at=NOON, event_id=CLINIC, type="a.b.v1", body=b"")
    assert text.splitlines()[3] == b"2026-11-23T12:00:00.000000Z"


def test_leaf_link_and_genesis_are_plain_sha_256() -> None:
    assert leaf(b"h\n") == sha256(b"\x00h\n").digest()
    assert link(b"p" * 32, b"l" * 32) == sha256(b"\x02" + b"p" * 32 + b"l" * 32).digest()
    assert genesis(CLINIC, 12) == sha256(b"clinic-ledger/v1 genesis\n0199b0c4-7c00-7000-8000-00000000c11c\n12").digest()


@pytest.mark.parametrize("type_", ["", "a b", "load.released.v1\n", "Load.released.v1", "a\n0" * 2, "lö.v1"])
def test_a_type_that_could_forge_a_line_has_no_header(type_: str) -> None:
    with pytest.raises(ValueError, match="no header"):
        header(clinic_id=CLINIC, index=0, recorded_at=NOON, event_id=CLINIC, type=type_, body=b"")


def test_an_instant_without_a_zone_has_no_header() -> None:
    with pytest.raises(ValueError, match="time zone"):
        header(clinic_id=CLINIC, index=0, recorded_at=NOON.replace(tzinfo=None), event_id=CLINIC, type="a.v1", body=b"")


@given(ledgers)
def test_an_honest_ledger_is_sound(rows: list[Row]) -> None:
    assert found(rows) is None
    assert found(rows, Checkpoint(EPOCH, len(rows), rows[-1].chain)) is None
    assert found(rows, Checkpoint(EPOCH, 0, genesis(CLINIC, EPOCH))) is None


@given(ledgers, some.data())
def test_every_flipped_bit_is_found_where_it_is(rows: list[Row], data: some.DataObject) -> None:
    at = data.draw(some.integers(0, len(rows) - 1))
    bit = data.draw(some.integers(0, 40 * 8))
    row = rows[at]
    changed = {
        "body": replace(row, body=flipped(row.body, bit)),
        "chain": replace(row, chain=flipped(row.chain, bit)),
        "event_id": replace(row, event_id=UUID(bytes=flipped(row.event_id.bytes, bit))),
        "type": replace(row, type=flipped(row.type.encode(), bit).decode("latin-1")),
        "recorded_at": replace(row, recorded_at=row.recorded_at + timedelta(microseconds=1 << (bit % 40))),
    }
    for part, forged in changed.items():
        broken = found([*rows[:at], forged, *rows[at + 1 :]])
        assert broken is not None, part
        assert broken.index == broken.sound == at, part
        assert broken.reason in {Reason.CHAIN, Reason.HEADER}, part


def test_every_single_bit_of_every_body_and_chain_of_a_small_ledger_counts() -> None:
    for at, row in enumerate(five):
        for bit in range(len(row.body) * 8):
            assert found([*five[:at], replace(row, body=flipped(row.body, bit)), *five[at + 1 :]]) == Break(at, Reason.CHAIN, at)
        for bit in range(256):
            assert found([*five[:at], replace(row, chain=flipped(row.chain, bit)), *five[at + 1 :]]) == Break(at, Reason.CHAIN, at)


@given(ledgers, some.data())
def test_a_swapped_pair_is_found_at_the_first_of_them(rows: list[Row], data: some.DataObject) -> None:
    one, other = sorted(data.draw(some.lists(some.integers(0, len(rows) - 1), min_size=2, max_size=2, unique=True)))
    forged = list(rows)
    forged[one] = replace(rows[other], index=one)
    forged[other] = replace(rows[one], index=other)
    assert found(forged) == Break(one, Reason.CHAIN, one)


@given(ledgers, some.data())
def test_a_missing_entry_is_found_where_it_stood(rows: list[Row], data: some.DataObject) -> None:
    at = data.draw(some.integers(0, len(rows) - 2))
    assert found([*rows[:at], *rows[at + 1 :]]) == Break(at, Reason.MISSING, at)


@given(ledgers, some.data())
def test_an_entry_that_comes_twice_is_found(rows: list[Row], data: some.DataObject) -> None:
    at = data.draw(some.integers(0, len(rows) - 1))
    assert found([*rows[: at + 1], *rows[at:]]) == Break(at, Reason.DUPLICATE, at)


def test_time_that_goes_backwards_is_found_even_in_a_chain_that_holds() -> None:
    forged = chained([*five[:3], replace(five[3], recorded_at=five[2].recorded_at - timedelta(microseconds=1)), five[4]])
    assert found(forged) == Break(3, Reason.CLOCK, 3)


def test_two_entries_of_one_instant_are_sound() -> None:
    assert found(chained([*five[:3], replace(five[3], recorded_at=five[2].recorded_at), five[4]])) is None


@given(ledgers, some.data())
def test_a_cut_tail_is_found_against_a_kept_checkpoint(rows: list[Row], data: some.DataObject) -> None:
    kept = Checkpoint(EPOCH, len(rows), rows[-1].chain)
    left = data.draw(some.integers(0, len(rows) - 1))
    assert found(rows[:left]) is None, "a shorter ledger alone is sound: that is what checkpoints are for"
    assert found(rows[:left], kept) == Break(left, Reason.TRUNCATED, 0)


@given(ledgers, some.data())
def test_a_history_made_anew_is_found_against_a_kept_checkpoint(rows: list[Row], data: some.DataObject) -> None:
    at = data.draw(some.integers(0, len(rows) - 1))
    forged = chained([*rows[:at], replace(rows[at], body=rows[at].body + b"!"), *rows[at + 1 :]])
    assert found(forged) is None
    assert found(forged, Checkpoint(EPOCH, len(rows), rows[-1].chain)) == Break(len(rows) - 1, Reason.REWRITTEN, 0)


def test_a_checkpoint_before_the_change_does_not_complain() -> None:
    forged = chained([*five[:3], replace(five[3], body=b"other"), five[4]])
    assert found(forged, Checkpoint(EPOCH, 3, five[2].chain)) is None
    assert found(forged, Checkpoint(EPOCH, 4, five[3].chain)) == Break(3, Reason.REWRITTEN, 0)


def test_a_checkpoint_of_another_epoch_does_not_vouch() -> None:
    assert found(five, Checkpoint(EPOCH + 1, 5, five[-1].chain)) == Break(0, Reason.EPOCH, 0)


def test_another_clinics_ledger_breaks_at_its_first_entry() -> None:
    assert first_break(five, UUID(int=7), EPOCH) == Break(0, Reason.CHAIN, 0)
    assert first_break(five, CLINIC, EPOCH + 1) == Break(0, Reason.CHAIN, 0)


@given(ledgers, some.data())
def test_a_walk_goes_on_from_a_trusted_checkpoint(rows: list[Row], data: some.DataObject) -> None:
    size = data.draw(some.integers(1, len(rows)))
    start = Checkpoint(EPOCH, size, rows[size - 1].chain)
    assert first_break(rows[size:], CLINIC, EPOCH, start=start) is None
    assert first_break(rows[size:], CLINIC, EPOCH, start=start, expect=Checkpoint(EPOCH, len(rows), rows[-1].chain)) is None
    wrong = replace(start, chain=flipped(start.chain, 3))
    if size < len(rows):
        assert first_break(rows[size:], CLINIC, EPOCH, start=wrong) == Break(size, Reason.CHAIN, size)


def test_a_walk_says_how_far_it_came() -> None:
    walk = Walk(CLINIC, EPOCH)
    assert [walk.see(row) for row in five] == [None] * 5
    assert walk.head == Checkpoint(EPOCH, 5, five[-1].chain)


def test_a_walk_refuses_checkpoints_it_will_never_pass() -> None:
    with pytest.raises(ValueError, match="passes no checkpoint"):
        Walk(CLINIC, EPOCH, start=Checkpoint(EPOCH, 3, five[2].chain), expect=Checkpoint(EPOCH, 2, five[1].chain))
    with pytest.raises(ValueError, match="cannot begin"):
        Walk(CLINIC, EPOCH, start=Checkpoint(EPOCH + 1, 3, five[2].chain))


def raw(row: Row) -> Raw:
    """As PostgreSQL's binary form has it."""
    micros = (row.recorded_at - RAW_TIME_BEGINS) // timedelta(microseconds=1)
    return row.index, micros, row.event_id.bytes, row.type, row.body, row.chain


rows_of_any_kind = some.lists(
    some.builds(
        Row,
        index=some.just(0),
        recorded_at=some.datetimes(timezones=some.just(UTC)),
        event_id=some.uuids(),
        type=some.from_regex(r"[a-z0-9._-]{1,30}", fullmatch=True),
        body=some.binary(max_size=200),
        chain=some.just(b""),
    ),
    min_size=1,
    max_size=12,
)


@given(rows_of_any_kind, some.data())
def test_a_stride_computes_what_the_plain_form_computes(rows: list[Row], data: some.DataObject) -> None:
    ordered = sorted(rows, key=lambda row: row.recorded_at)
    sound = chained([replace(row, index=at) for at, row in enumerate(ordered)])
    walk = Walk(CLINIC, EPOCH)
    cut = data.draw(some.integers(0, len(sound)))
    walk.stride(map(raw, sound[:cut]))
    walk.stride(map(raw, sound[cut:]))
    assert walk.head == Checkpoint(EPOCH, len(sound), sound[-1].chain)
    step_by_step = Walk(CLINIC, EPOCH)
    assert [step_by_step.see(row) for row in sound] == [None] * len(sound)
    assert step_by_step.head == walk.head


@given(ledgers, some.data())
def test_a_stride_stops_before_whatever_the_plain_form_refuses(rows: list[Row], data: some.DataObject) -> None:
    at = data.draw(some.integers(0, len(rows) - 1))
    bit = data.draw(some.integers(0, 40 * 8))
    row = rows[at]
    one_less = chained([*rows[:at], replace(row, recorded_at=NOON - timedelta(days=1))])
    forgeries = {
        "body": [*rows[:at], replace(row, body=flipped(row.body, bit)), *rows[at + 1 :]],
        "chain": [*rows[:at], replace(row, chain=flipped(row.chain, bit)), *rows[at + 1 :]],
        "event_id": [*rows[:at], replace(row, event_id=UUID(bytes=flipped(row.event_id.bytes, bit))), *rows[at + 1 :]],
        "type": [*rows[:at], replace(row, type=row.type + " "), *rows[at + 1 :]],
        "recorded_at": [*rows[:at], replace(row, recorded_at=row.recorded_at + timedelta(microseconds=1 << (bit % 40))), *rows[at + 1 :]],
        "missing": [*rows[:at], *rows[at + 1 :], replace(row, index=len(rows))],
        "twice": [*rows[:at], *rows[max(at - 1, 0) : at], *rows[at:]] if at else [replace(row, index=7)],
        "clock": one_less if at else [replace(row, chain=b"")],
    }
    for part, forged in forgeries.items():
        walk = Walk(CLINIC, EPOCH)
        walk.stride(map(raw, forged))
        assert walk.head == Checkpoint(EPOCH, at, rows[at - 1].chain if at else genesis(CLINIC, EPOCH)), part
        assert walk.see(forged[at]) is not None, part


@given(ledgers, some.data())
def test_a_stride_leaves_the_kept_checkpoint_to_be_compared(rows: list[Row], data: some.DataObject) -> None:
    kept = data.draw(some.integers(1, len(rows)))
    forged = chained([replace(rows[0], body=b"other"), *rows[1:]])
    walk = Walk(CLINIC, EPOCH, expect=Checkpoint(EPOCH, kept, rows[kept - 1].chain))
    walk.stride(map(raw, forged))
    assert walk.size == kept - 1
    assert walk.see(forged[kept - 1]) == Break(kept - 1, Reason.REWRITTEN, 0)


@pytest.mark.parametrize("micros", [2**63 - 1, -(2**63), 400_000_000 * 10**12])
def test_a_stride_stops_at_a_time_outside_the_calendar(micros: int) -> None:
    walk = Walk(CLINIC, EPOCH)
    walk.stride([(0, micros, CLINIC.bytes, "a.v1", b"", b"\0" * 32)])
    assert walk.size == 0
