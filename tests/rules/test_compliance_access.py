from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from schemas.vocabulary import Role, Verdict
from services.compliance.rules.access import (
    an_admin_must_remain,
    approver_must_answer_for_the_clinic,
    approver_must_be_a_clinician,
    approvers_must_be_two_persons,
    clinic_must_be_new,
    end_must_lie_ahead,
    grant_must_exist,
    identity_must_have_a_role,
    role_must_be_a_persons_or_a_systems,
    skipped_entry_must_exist,
    token_must_be_in_force,
)

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
ANN, BEN = UUID(int=1), UUID(int=2)
MET, UNMET = Verdict.MET, Verdict.UNMET


@pytest.mark.parametrize("role", Role)
def test_clients_and_services_are_given_no_role(role: Role) -> None:
    wanted = UNMET if role in {Role.CLIENT, Role.SERVICE} else MET
    assert role_must_be_a_persons_or_a_systems(role).verdict is wanted


@pytest.mark.parametrize(("until", "verdict"), [(None, MET), (NOW + timedelta(microseconds=1), MET), (NOW, UNMET)])
def test_an_end_lies_ahead(until: datetime | None, verdict: Verdict) -> None:
    assert end_must_lie_ahead(until, NOW).verdict is verdict


def test_the_last_admin_stays() -> None:
    assert an_admin_must_remain(Role.ADMIN, ANN, {ANN}).verdict is UNMET
    assert an_admin_must_remain(Role.ADMIN, ANN, {ANN, BEN}).verdict is MET
    assert an_admin_must_remain(Role.MANAGER, ANN, {ANN}).verdict is MET


def test_only_what_was_given_is_taken_away() -> None:
    assert grant_must_exist(Role.MANAGER, {Role.AUDITOR}).verdict is UNMET
    assert grant_must_exist(Role.MANAGER, {Role.MANAGER}).verdict is MET


def test_a_token_needs_a_role_behind_it() -> None:
    assert identity_must_have_a_role(()).verdict is UNMET
    assert identity_must_have_a_role({Role.SYSTEM}).verdict is MET


@pytest.mark.parametrize(("known", "revoked", "verdict"), [(True, False, MET), (True, True, UNMET), (False, False, UNMET)])
def test_only_a_token_in_force_is_revoked(*, known: bool, revoked: bool, verdict: Verdict) -> None:
    assert token_must_be_in_force(known=known, revoked=revoked).verdict is verdict


def test_a_policy_is_approved_by_a_clinician() -> None:
    assert approver_must_be_a_clinician(ANN, {Role.CLINICIAN, Role.MANAGER}).verdict is MET
    assert approver_must_be_a_clinician(ANN, {Role.ADMIN, Role.MANAGER}).verdict is UNMET
    assert approver_must_be_a_clinician(ANN, ()).evidence == (ANN,)


def test_one_person_twice_is_not_two_persons() -> None:
    assert approvers_must_be_two_persons((ANN, ANN)).verdict is UNMET
    assert approvers_must_be_two_persons((ANN, BEN)).verdict is MET


def test_the_front_desk_does_not_answer_for_a_skipped_entry() -> None:
    assert approver_must_answer_for_the_clinic(ANN, {Role.FRONT_DESK, Role.PRACTITIONER}).verdict is UNMET
    assert approver_must_answer_for_the_clinic(ANN, {Role.MANAGER}).verdict is MET


@pytest.mark.parametrize(("index", "same_epoch", "verdict"), [(4, True, MET), (5, True, UNMET), (4, False, UNMET)])
def test_only_an_entry_of_this_epoch_is_skipped(*, index: int, same_epoch: bool, verdict: Verdict) -> None:
    assert skipped_entry_must_exist(index, 5, same_epoch=same_epoch).verdict is verdict


def test_a_clinic_is_opened_once() -> None:
    assert clinic_must_be_new(0).verdict is MET
    assert clinic_must_be_new(1).verdict is UNMET
