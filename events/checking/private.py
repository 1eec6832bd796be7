"""Private rows beside the ledger: each is bound by the commitment of its event, and nothing stands there that no event speaks of."""

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncSession

from events.checking.replays import Private
from events.checking.report import Report
from events.checking.shadows import real_of, shadow_of
from events.checking.tables import Compared, Keys, compare, missing
from events.database import Base
from events.envelope import Entry


class PrivateRows:
    """Copies each private row into the shadows when its event comes by, and looks whether it is the one that was committed to."""

    def __init__(self, registered: list[Private], report: Report) -> None:
        self._of: dict[str, list[Private]] = {}
        for private in registered:
            self._of.setdefault(f"{private.event.type}.v{private.event.version}", []).append(private)
        self.report = report
        self.gone: list[tuple[str, UUID | None]] = []

    @property
    def types(self) -> frozenset[str]:
        """The types of events that stand for a private row."""
        return frozenset(self._of)

    async def copy(self, rows: AsyncSession, entry: Entry[Any]) -> None:
        """Every private row of an entry."""
        for private in self._of.get(entry.type, ()):
            if private.when(entry):
                await self._copy(rows, entry, private)

    async def _copy(self, rows: AsyncSession, entry: Entry[Any], private: Private) -> None:
        table = Base.metadata.tables[private.table]
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        where = " and ".join(f'"{name}" = :{name}' for name in private.key)
        values = {name: entry.event_id if said == "event_id" else getattr(entry.event, said) for name, said in private.key.items()}
        returned = "salt, " + private.content if private.content and private.salted else private.content or "clinic_id"
        copied = text(
            f"insert into {shadow_of(table)} ({columns}) select {columns} from {real_of(table)}"  # noqa: S608 - names from our own models
            f" where clinic_id = :clinic and {where} on conflict do nothing returning {returned}"
        )
        found = (await rows.execute(copied, {"clinic": entry.clinic_id, **values})).all()
        self.report.looked_at("private rows", len(found))
        if not found and private.always:
            client_id = getattr(entry.event, private.client) if private.client else None
            self.gone.append((f"the row of entry {entry.index} ({entry.type}) in {private.table} is gone", client_id))
        for row in found if private.digest else ():
            salt, content = row if private.salted else (None, row[0])
            if digest_of(salt, content) != getattr(entry.event, str(private.digest)):
                self.report.wrong(5, f"the row of entry {entry.index} ({entry.type}) in {private.table} is not what was committed to")

    async def compare(self, rows: AsyncSession, clinic_id: UUID, erased: set[UUID], found: Report) -> None:
        """The tables as a whole: nothing that no event speaks of, and nothing changed. A row may be gone with its client."""
        tables = {private.table: private for several in self._of.values() for private in several}
        for name, private in sorted(tables.items()):
            table, compared, named = Base.metadata.tables[name], Compared(name), private.named
            lacking = await compare(rows, table, clinic_id, compared, private.besides, named)
            lacking -= await self._erased(rows, table, erased, named) if lacking else set()
            for sentence in [*compared.differences, *missing(table, clinic_id, lacking, named)]:
                found.wrong(5, f"{name}: {sentence.replace(f' of clinic {clinic_id}', '')}")

    @staticmethod
    async def _erased(rows: AsyncSession, table: Table, erased: set[UUID], named: Sequence[str]) -> Keys:
        """Rows of clients who were erased since."""
        if "client_id" not in table.columns:
            return set()
        names = ", ".join(named or [column.name for column in table.primary_key.columns])
        query = text(f"select {names} from {shadow_of(table)} where client_id = any(:erased)")  # noqa: S608 - names from our own models
        return {tuple(row) for row in await rows.execute(query, {"erased": list(erased)})}

    def settle(self, erased: set[UUID]) -> None:
        """A row that is gone must have gone with an erased client."""
        for sentence, client_id in self.gone:
            if client_id is None or client_id not in erased:
                self.report.wrong(5, sentence)
        self.gone.clear()


def digest_of(salt: bytes | None, content: bytes | str) -> str:
    """SHA-256 of a text; or SHA-256(0x10 ‖ salt ‖ content), the commitment."""
    raw = content.encode() if isinstance(content, str) else bytes(content)
    return hashlib.sha256(raw if salt is None else b"\x10" + bytes(salt) + raw).hexdigest()
