"""That nothing is unaccounted for is the proof an inspector asks for (domain.md, edge case 93)."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as some

from services.compliance.rules.accounting import account_for_load, account_for_lot

CYCLE, STERILIZER, LOT = UUID(int=100), UUID(int=101), UUID(int=102)
ONE, TWO, THREE = UUID(int=1), UUID(int=2), UUID(int=3)
ANNA, BELA = UUID(int=11), UUID(int=12)


def test_an_unused_load_is_empty_with_proof() -> None:
    account = account_for_load(CYCLE, STERILIZER, 4, labeled=[ONE, TWO], uses={}, naming=(), held={TWO})
    assert account.complete
    assert (account.labeled, account.used, account.quarantined, account.in_stock) == (2, 0, 1, 1)
    assert [(pack.pack_id, pack.fate) for pack in account.packs] == [(ONE, "in_stock"), (TWO, "quarantined")]


def test_a_used_pack_that_is_held_later_counts_as_used() -> None:
    account = account_for_load(CYCLE, STERILIZER, 4, labeled=[ONE], uses={ONE: [ANNA]}, naming=[ANNA], held={ONE})
    assert (account.used, account.quarantined, account.complete) == (1, 0, True)
    assert account.packs[0].treatment_ids == (ANNA,)


def test_a_pack_used_twice_breaks_the_proof() -> None:
    account = account_for_load(CYCLE, STERILIZER, 4, labeled=[ONE, TWO], uses={ONE: [ANNA, BELA]}, naming=[], held=())
    assert not account.complete
    assert account.twice == (ONE,)
    assert (account.used, account.in_stock) == (1, 1)


def test_a_treatment_that_names_the_load_and_none_of_its_packs_breaks_the_proof() -> None:
    account = account_for_load(CYCLE, STERILIZER, 4, labeled=[ONE], uses={THREE: [ANNA]}, naming=[ANNA], held=())
    assert not account.complete
    assert account.untraced == (ANNA,)


packs = some.integers(1, 8).map(lambda n: UUID(int=n))


@given(some.sets(packs, max_size=8), some.dictionaries(packs, some.lists(some.sampled_from([ANNA, BELA]), max_size=3)), some.sets(packs))
def test_every_labeled_pack_has_exactly_one_fate(labeled: set[UUID], uses: dict[UUID, list[UUID]], held: set[UUID]) -> None:
    account = account_for_load(CYCLE, STERILIZER, 4, labeled=sorted(labeled), uses=uses, naming=(), held=held)
    assert account.used + account.quarantined + account.in_stock == account.labeled == len(labeled)
    assert {pack.pack_id for pack in account.packs} == labeled


def test_a_lot_is_received_used_wasted_or_in_stock() -> None:
    account = account_for_lot(LOT, received=20, uses={ONE: [ANNA]}, wasted=[TWO], naming=[ANNA], quarantined=False)
    assert (account.used, account.wasted, account.in_stock, account.complete) == (1, 1, 18, True)


def test_a_unit_dropped_in_a_treatment_counts_once() -> None:
    account = account_for_lot(LOT, received=20, uses={ONE: [ANNA]}, wasted=[ONE], naming=[ANNA], quarantined=True)
    assert (account.used, account.wasted, account.in_stock, account.quarantined) == (1, 0, 19, True)


def test_the_twenty_first_use_of_twenty_breaks_the_proof() -> None:
    uses = {UUID(int=n): [UUID(int=1000 + n)] for n in range(1, 22)}
    account = account_for_lot(LOT, received=20, uses=uses, wasted=(), naming=(), quarantined=False)
    assert (account.in_stock, account.complete) == (-1, False)


def test_one_cartridge_for_two_clients_breaks_the_proof() -> None:
    account = account_for_lot(LOT, received=20, uses={ONE: [ANNA, BELA]}, wasted=(), naming=[ANNA, BELA], quarantined=False)
    assert (account.twice, account.complete) == ((ONE,), False)


def test_a_treatment_that_names_the_lot_and_no_unit_breaks_the_proof() -> None:
    account = account_for_lot(LOT, received=20, uses={ONE: [ANNA]}, wasted=(), naming=[ANNA, BELA], quarantined=False)
    assert (account.untraced, account.complete) == ((BELA,), False)
