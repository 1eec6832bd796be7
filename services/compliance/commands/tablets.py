"""Shared tablets, and PINs that stand for a token on them."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from events.access import AccessToken, roles_of
from events.catalog.compliance import ComplianceRefused, PinLocked, PinSet, TabletEnrolled, TabletRemoved, TokenCreated
from events.transaction import Answer, Transaction
from schemas.compliance import EnrollTablet, KeptPin, LockPin, RemoveTablet, SetPin, UnlockTablet
from schemas.vocabulary import Role
from services.compliance.commands.findings import unmet
from services.compliance.models import PinRow, PinTryRow, TabletRow
from services.compliance.queries.tablets import is_in_force, is_known
from services.compliance.rules.access import (
    end_must_lie_ahead,
    identity_must_have_a_role,
    pin_must_be_hard_to_guess,
    pin_must_be_in_force,
    tablet_must_be_in_force,
    token_must_be_new,
    token_must_be_shown,
)
from services.compliance.rules.pins import MOST_TRIES, tries_left_by_a_right_one, wait_after


class Try(NamedTuple):
    """What a PIN is compared with, and which try in a row on this tablet that is."""

    kept: KeptPin
    number: int


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
            used_at=tx.now,
            removed_at=None,
        )
    )
    return await tx.answer(TabletEnrolled(tablet_id=tablet_id))


async def remove_tablet(tx: Transaction, request: RemoveTablet) -> Answer[Any]:
    """Its secret opens nothing any more, and nor does any token that was made on it."""
    findings = unmet(
        token_must_be_shown(tx.actor.device),
        tablet_must_be_in_force(known=await is_known(tx.rows, tx.clinic_id, request.tablet_id)),
    )
    if findings:
        return await tx.answer(ComplianceRefused(command="remove_tablet", subject_id=request.tablet_id, findings=findings))
    this = (TabletRow.clinic_id == tx.clinic_id, TabletRow.tablet_id == request.tablet_id)
    await tx.rows.execute(update(TabletRow).where(*this).values(removed_at=tx.now))
    await tx.rows.execute(delete(PinTryRow).where(PinTryRow.clinic_id == tx.clinic_id, PinTryRow.tablet_id == request.tablet_id))
    made_on_it = (AccessToken.clinic_id == tx.clinic_id, AccessToken.tablet_id == request.tablet_id, AccessToken.revoked_at.is_(None))
    await tx.rows.execute(update(AccessToken).where(*made_on_it).values(revoked_at=tx.now))
    return await tx.answer(TabletRemoved(tablet_id=request.tablet_id))


async def set_pin(tx: Transaction, request: SetPin) -> Answer[Any]:
    """For whoever asks. It begins with all of its tries on every tablet; what was opened with the former one stays open."""
    who = tx.actor.identity_id
    findings = unmet(token_must_be_shown(tx.actor.device), pin_must_be_hard_to_guess(guessable=request.guessable))
    if findings:
        return await tx.answer(ComplianceRefused(command="set_pin", subject_id=who, findings=findings))
    kept = {"salt": bytes.fromhex(request.kept.salt), "hash": bytes.fromhex(request.kept.hash), "set_at": tx.now}
    new = insert(PinRow).values(clinic_id=tx.clinic_id, identity_id=who, **kept)
    await tx.rows.execute(new.on_conflict_do_update(index_elements=[PinRow.clinic_id, PinRow.identity_id], set_=kept))
    await _forget_tries(tx, who)
    return await tx.answer(PinSet(identity_id=who))


async def take_a_try(rows: AsyncSession, clinic_id: UUID, tablet_id: UUID, identity_id: UUID) -> Try | timedelta | None:
    """A try at somebody's PIN on a tablet, or how long to wait for it. None if there is no PIN, or it is locked on this tablet.

    Counted and committed before anything is compared: whoever asks many times at once gets no more tries than one by one.
    """
    pin = select(PinRow.salt, PinRow.hash).where(PinRow.clinic_id == clinic_id, PinRow.identity_id == identity_id)
    if (await rows.execute(pin)).first() is None:
        return None
    this = {"clinic_id": clinic_id, "tablet_id": tablet_id, "identity_id": identity_id}
    await rows.execute(insert(PinTryRow).values(**this, tries=0, opens_at=func.now()).on_conflict_do_nothing())
    mine = [getattr(PinTryRow, name) == value for name, value in this.items()]
    counted = select(PinTryRow.tries, PinTryRow.locked_at, PinTryRow.opens_at).where(*mine).with_for_update()
    tries, locked_at, opens_at = (await rows.execute(counted)).one()
    if locked_at is not None or tries >= MOST_TRIES:
        return None
    now: datetime = (await rows.execute(select(func.clock_timestamp()))).scalar_one()
    if opens_at > now:
        return opens_at - now
    await rows.execute(update(PinTryRow).where(*mine).values(tries=tries + 1, opens_at=now + wait_after(tries + 1)))
    found = (await rows.execute(pin)).one_or_none()  # whoever set it anew meanwhile has begun with no tries
    return None if found is None else Try(KeptPin(salt=found.salt.hex(), hash=found.hash.hex()), tries + 1)


async def unlock_tablet(tx: Transaction, request: UnlockTablet) -> Answer[Any]:
    """A token for whoever typed the PIN, which goes through everything that a token goes through, and ends with the tablet."""
    who, token_hash = request.identity_id, bytes.fromhex(request.token_hash)
    mine = _tries(tx, request.tablet_id, who)
    shut = select(PinTryRow.locked_at).where(*mine, PinTryRow.locked_at.is_not(None))
    typed = await _is_still(tx, who, request.kept) and (await tx.rows.execute(shut)).first() is None
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
    await _taken_back(tx, mine)
    tablet = update(TabletRow).where(TabletRow.clinic_id == tx.clinic_id, TabletRow.tablet_id == request.tablet_id)
    await tx.rows.execute(tablet.values(used_at=tx.now))
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


async def _is_still(tx: Transaction, identity_id: UUID, kept: KeptPin) -> bool:
    """Whether what is kept of somebody's PIN is still this."""
    query = select(PinRow.salt, PinRow.hash).where(PinRow.clinic_id == tx.clinic_id, PinRow.identity_id == identity_id)
    found = (await tx.rows.execute(query)).one_or_none()
    return found is not None and (found.salt.hex(), found.hash.hex()) == (kept.salt, kept.hash)


def _tries(tx: Transaction, tablet_id: UUID, identity_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """Somebody's tries on a tablet."""
    return (PinTryRow.clinic_id == tx.clinic_id, PinTryRow.tablet_id == tablet_id, PinTryRow.identity_id == identity_id)


async def _taken_back(tx: Transaction, mine: tuple[ColumnElement[bool], ...]) -> None:
    """The right one is no wrong one, and opens the way for the next."""
    tries = (await tx.rows.execute(select(PinTryRow.tries).where(*mine).with_for_update())).scalar_one_or_none()
    if tries is not None:
        await tx.rows.execute(update(PinTryRow).where(*mine).values(tries=tries_left_by_a_right_one(tries), opens_at=tx.now))


async def lock_pin(tx: Transaction, request: LockPin) -> Answer[Any]:
    """On this tablet its count of tries has locked it already; from here on a right one that was compared just before opens nothing."""
    who = request.identity_id
    if findings := unmet(pin_must_be_in_force(known=await _is_still(tx, who, request.kept))):
        return await tx.answer(ComplianceRefused(command="lock_pin", subject_id=who, findings=findings))
    shut = {"tries": request.tries, "opens_at": tx.now, "locked_at": tx.now}
    new = insert(PinTryRow).values(clinic_id=tx.clinic_id, tablet_id=request.tablet_id, identity_id=who, **shut)
    keys = [PinTryRow.clinic_id, PinTryRow.tablet_id, PinTryRow.identity_id]
    await tx.rows.execute(new.on_conflict_do_update(index_elements=keys, set_=shut))
    return await tx.answer(PinLocked(identity_id=who, tablet_id=request.tablet_id, tries=request.tries))


async def forget_pin(tx: Transaction, identity_id: UUID) -> None:
    """Whoever has no role any more comes back, if ever, without the PIN of old."""
    await tx.rows.execute(delete(PinRow).where(PinRow.clinic_id == tx.clinic_id, PinRow.identity_id == identity_id))
    await _forget_tries(tx, identity_id)


async def _forget_tries(tx: Transaction, identity_id: UUID) -> None:
    await tx.rows.execute(delete(PinTryRow).where(PinTryRow.clinic_id == tx.clinic_id, PinTryRow.identity_id == identity_id))
