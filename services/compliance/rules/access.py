"""Who may be given a role, a token or a skip, and what may be taken away."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from schemas.vocabulary import TABLET, Finding, Role, Verdict

NO_GRANT = frozenset({Role.CLIENT, Role.SERVICE})
"""Clients act through one-purpose links, services through their own program: neither is an identity with a token."""

APPROVERS = (Role.CLINICIAN,)
"""A clinic's policy is approved by a clinician of its own (domain.md, first page)."""

SKIPPERS = (Role.ADMIN, Role.MANAGER, Role.CLINICIAN)
"""Who may stand for passing an entry that a service could not work."""


def _verdict(*, met: bool) -> Verdict:
    return Verdict.MET if met else Verdict.UNMET


def clinic_must_be_new(size: int) -> Finding:
    return Finding(rule="clinic_must_be_new", verdict=_verdict(met=size == 0), parameters={"size": size})


def role_must_be_a_persons_or_a_systems(role: Role) -> Finding:
    return Finding(rule="role_must_be_a_persons_or_a_systems", verdict=_verdict(met=role not in NO_GRANT), parameters={"role": role.value})


def end_must_lie_ahead(until: datetime | None, now: datetime) -> Finding:
    return Finding(rule="end_must_lie_ahead", verdict=_verdict(met=until is None or until > now))


def grant_must_exist(role: Role, roles: Collection[Role]) -> Finding:
    return Finding(rule="grant_must_exist", verdict=_verdict(met=role in roles), parameters={"role": role.value})


def an_admin_must_remain(role: Role, identity_id: UUID, admins: Collection[UUID]) -> Finding:
    met = role is not Role.ADMIN or bool(set(admins) - {identity_id})
    return Finding(rule="an_admin_must_remain", verdict=_verdict(met=met), evidence=(identity_id,))


def identity_must_have_a_role(roles: Collection[Role]) -> Finding:
    """A token without a role opens nothing and only looks as if it did."""
    return Finding(rule="identity_must_have_a_role", verdict=_verdict(met=bool(roles)))


def token_must_be_new(*, known: bool) -> Finding:
    return Finding(rule="token_must_be_new", verdict=_verdict(met=not known))


def token_must_be_in_force(*, known: bool, revoked: bool) -> Finding:
    return Finding(rule="token_must_be_in_force", verdict=_verdict(met=known and not revoked))


def token_must_be_shown(device: str | None) -> Finding:
    """A PIN is six digits: it leads to no lasting key."""
    return Finding(rule="token_must_be_shown", verdict=_verdict(met=device is None or not device.startswith(TABLET)))


def tablet_must_be_in_force(*, known: bool) -> Finding:
    return Finding(rule="tablet_must_be_in_force", verdict=_verdict(met=known))


def pin_must_be_hard_to_guess(*, guessable: bool) -> Finding:
    return Finding(rule="pin_must_be_hard_to_guess", verdict=_verdict(met=not guessable))


def pin_must_be_in_force(*, known: bool) -> Finding:
    """It is the one that was typed, was not set anew meanwhile, and is not locked."""
    return Finding(rule="pin_must_be_in_force", verdict=_verdict(met=known))


def approver_must_be_a_clinician(approver_id: UUID, roles: Collection[Role]) -> Finding:
    met = any(role in APPROVERS for role in roles)
    return Finding(rule="approver_must_be_a_clinician", verdict=_verdict(met=met), evidence=(approver_id,))


def approvers_must_be_two_persons(approvers: tuple[UUID, UUID]) -> Finding:
    return Finding(rule="approvers_must_be_two_persons", verdict=_verdict(met=len(set(approvers)) == len(approvers)), evidence=approvers)


def approver_must_answer_for_the_clinic(approver_id: UUID, roles: Collection[Role]) -> Finding:
    met = any(role in SKIPPERS for role in roles)
    return Finding(rule="approver_must_answer_for_the_clinic", verdict=_verdict(met=met), evidence=(approver_id,))


def skipped_entry_must_exist(index: int, size: int, *, same_epoch: bool) -> Finding:
    met = same_epoch and index < size
    return Finding(rule="skipped_entry_must_exist", verdict=_verdict(met=met), parameters={"index": index, "size": size})


def system_must_be_connected(*, connected: bool) -> Finding:
    return Finding(rule="system_must_be_connected", verdict=_verdict(met=connected))
