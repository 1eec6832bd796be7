"""Shared tablets, and PINs that stand for a token on them."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from events.access import AccessToken, roles_of
from events.catalog.compliance import ComplianceRefused, PinLocked, PinSet, TabletEnrolled, TabletRemoved, TokenCreated
from events.transaction import Answer, Transaction
from schemas.compliance import EnrollTablet, KeptPin, LockPin, RemoveTablet, SetPin, UnlockTablet
from schemas.vocabulary import Role
from services.compliance.commands.findings import unmet
from services.compliance.models import PinRow, TabletRow
from services.compliance.queries.tablets import is_in_force
from services.compliance.rules.access import (
    end_must_lie_ahead,
    identity_must_have_a_role,
    pin_must_be_hard_to_guess,
    pin_must_be_in_force,
    tablet_must_be_in_force,
    token_must_be_new,
    token_must_be_shown,
)

MOST_TRIES = 5
"""Wrong PINs in a row until it is locked. NIST SP 800-63B (5.2.2) allows a hundred on an account; of six digits that is too many."""

NO_HASH = bytes(32)
"""Of no PIN."""


async def enroll_tablet(tx: Transaction, request: EnrollTablet) -> Answer[Any]:
    """From now on people sign in by PIN in the browser that keeps the secret."""
    tablet_id = tx.new_id("tablet")
    if findings := unmet(token_must_be_shown(tx.actor.device)):
        return await tx.answer(ComplianceRefused(command="enroll_tablet", subject_id=tablet_id, findings=findings))
    tx.rows.add(
        TabletRow(
            clinic_id=tx.clinic_id,
            tablet_id=tablet_id,
            name=request.name,
            secret_hash=bytes.fromhex(request.secret_hash),
            enrolled_at=tx.now,
            removed_at=None,
        )
    )
    return await tx.answer(TabletEnrolled(tablet_id=tablet_id))


async def remove_tablet(tx: Transaction, request: RemoveTablet) -> Answer[Any]:
    """Its secret opens nothing any more, and nor does any token that was made on it."""
    findings = unmet(
        token_must_be_shown(tx.actor.device),
        tablet_must_be_in_force(known=await is_in_force(tx.rows, tx.clinic_id, request.tablet_id)),
    )
    if findings:
        return await tx.answer(ComplianceRefused(command="remove_tablet", subject_id=request.tablet_id, findings=findings))
    this = (TabletRow.clinic_id == tx.clinic_id, TabletRow.tablet_id == request.tablet_id)
    await tx.rows.execute(update(TabletRow).where(*this).values(removed_at=tx.now))
    made_on_it = (AccessToken.clinic_id == tx.clinic_id, AccessToken.tablet_id == request.tablet_id, AccessToken.revoked_at.is_(None))
    await tx.rows.execute(update(AccessToken).where(*made_on_it).values(revoked_at=tx.now))
    return await tx.answer(TabletRemoved(tablet_id=request.tablet_id))


async def set_pin(tx: Transaction, request: SetPin) -> Answer[Any]:
    """For whoever asks. It begins with all of its tries; what was opened with the former one stays open."""
    who = tx.actor.identity_id
    findings = unmet(token_must_be_shown(tx.actor.device), pin_must_be_hard_to_guess(guessable=request.guessable))
    if findings:
        return await tx.answer(ComplianceRefused(command="set_pin", subject_id=who, findings=findings))
    kept = {"salt": bytes.fromhex(request.kept.salt), "hash": bytes.fromhex(request.kept.hash), "tries": 0, "set_at": tx.now}
    new = insert(PinRow).values(clinic_id=tx.clinic_id, identity_id=who, **kept)
    await tx.rows.execute(new.on_conflict_do_update(index_elements=[PinRow.clinic_id, PinRow.identity_id], set_=kept))
    return await tx.answer(PinSet(identity_id=who))


async def take_a_try(rows: AsyncSession, clinic_id: UUID, identity_id: UUID) -> tuple[KeptPin, int] | None:
    """What is kept of somebody's PIN, and which try in a row this is. None if there is none, or no try is left.

    Counted and committed before anything is compared: whoever asks many times at once gets no more tries than one by one.
    """
    this = (PinRow.clinic_id == clinic_id, PinRow.identity_id == identity_id, PinRow.tries < MOST_TRIES)
    taken = update(PinRow).where(*this).values(tries=PinRow.tries + 1).returning(PinRow.salt, PinRow.hash, PinRow.tries)
    found = (await rows.execute(taken)).one_or_none()
    return None if found is None else (KeptPin(salt=found.salt.hex(), hash=found.hash.hex()), found.tries)


async def unlock_tablet(tx: Transaction, request: UnlockTablet) -> Answer[Any]:
    """A token for whoever typed the PIN, which goes through everything that a token goes through, and ends with the tablet."""
    who, token_hash = request.identity_id, bytes.fromhex(request.token_hash)
    pin = _still(tx, who, request.kept)
    typed = (await tx.rows.execute(select(PinRow.identity_id).where(*pin))).first() is not None
    known = select(AccessToken.token_id).where(AccessToken.clinic_id == tx.clinic_id, AccessToken.token_hash == token_hash)
    findings = unmet(
        tablet_must_be_in_force(known=await is_in_force(tx.rows, tx.clinic_id, request.tablet_id)),
        pin_must_be_in_force(known=typed),
        identity_must_have_a_role(await roles_of(tx.rows, tx.clinic_id, who, tx.now) - {Role.ADMIN}),
        end_must_lie_ahead(request.expires_at, tx.now),
        token_must_be_new(known=(await tx.rows.execute(known)).first() is not None),
    )
    if findings:
        return await tx.answer(ComplianceRefused(command="unlock_tablet", subject_id=who, findings=findings))
    await tx.rows.execute(update(PinRow).where(*pin).values(tries=0))
    token_id = tx.new_id("token")
    tx.rows.add(
        AccessToken(
            clinic_id=tx.clinic_id,
            token_hash=token_hash,
            token_id=token_id,
            identity_id=who,
            label="PIN",
            created_at=tx.now,
            expires_at=request.expires_at,
            revoked_at=None,
            tablet_id=request.tablet_id,
        )
    )
    return await tx.answer(TokenCreated(token_id=token_id, identity_id=who, expires_at=request.expires_at))


def _still(tx: Transaction, identity_id: UUID, kept: KeptPin) -> tuple[ColumnElement[bool], ...]:
    """Somebody's PIN, if what is kept of it is still this."""
    return (
        PinRow.clinic_id == tx.clinic_id,
        PinRow.identity_id == identity_id,
        PinRow.salt == bytes.fromhex(kept.salt),
        PinRow.hash == bytes.fromhex(kept.hash),
    )


async def lock_pin(tx: Transaction, request: LockPin) -> Answer[Any]:
    """Its count of tries has locked it already; what is kept of it goes too, so that a right one compared just before opens nothing."""
    pin = _still(tx, request.identity_id, request.kept)
    shut = update(PinRow).where(*pin).values(hash=NO_HASH, tries=MOST_TRIES).returning(PinRow.identity_id)
    if findings := unmet(pin_must_be_in_force(known=(await tx.rows.execute(shut)).first() is not None)):
        return await tx.answer(ComplianceRefused(command="lock_pin", subject_id=request.identity_id, findings=findings))
    return await tx.answer(PinLocked(identity_id=request.identity_id, tablet_id=request.tablet_id, tries=request.tries))


async def forget_pin(tx: Transaction, identity_id: UUID) -> None:
    """Whoever has no role any more comes back, if ever, without the PIN of old."""
    await tx.rows.execute(delete(PinRow).where(PinRow.clinic_id == tx.clinic_id, PinRow.identity_id == identity_id))
