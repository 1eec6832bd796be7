"""Verify an exported ledger without a server, a database or a network: this file, `events/chain.py`, the standard library.

`python -m services.compliance.offline ledger.ndjson [epoch:size:chain]` with a checkpoint that was kept earlier.
"""

import base64
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from events.chain import FORMAT, Break, Checkpoint, EarlyCheckpointError, Reason, Row, Walk, genesis

_SENTENCES = {
    Reason.MISSING: "Entry {index} is missing: a later one follows entry {before}.",
    Reason.DUPLICATE: "Entry {index} comes twice.",
    Reason.HEADER: "Entry {index} has a type or a time that the ledger's format has no place for: it was changed.",
    Reason.CHAIN: "Entry {index} is not as it was recorded: something in it, or its place, was changed.",
    Reason.CLOCK: "Entry {index} was recorded before entry {before}.",
    Reason.TRUNCATED: "The ledger ends before entry {index}, and it had more when the checkpoint was kept.",
    Reason.REWRITTEN: "Something between entry {sound} and entry {index} was rewritten since the checkpoint was kept.",
    Reason.EPOCH: "The checkpoint belongs to another epoch: the ledger was restored since, or it is another one.",
}


class UnreadableExportError(Exception):
    """A line of the export is not what an export consists of."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far the export is sound. `head` is the checkpoint to keep; `broken` is None when all is well."""

    clinic_id: UUID
    head: Checkpoint
    broken: Break | None


def sentence_of(found: Break) -> str:
    """A break in words."""
    return _SENTENCES[found.reason].format(index=found.index, before=found.index - 1, sound=found.sound)


def _object(number: int, line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as unreadable:
        message = f"line {number} is not JSON"
        raise UnreadableExportError(message) from unreadable
    if not isinstance(value, dict):
        message = f"line {number} is not an object"
        raise UnreadableExportError(message)
    return value


def _rows(lines: Iterator[bytes]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=2):
        value = _object(number, line)
        try:
            row = Row(
                index=int(value["index"]),
                recorded_at=datetime.fromisoformat(value["recorded_at"]),
                event_id=UUID(value["event_id"]),
                type=str(value["type"]),
                body=base64.b64decode(value["body"], validate=True),
                chain=bytes.fromhex(value["chain"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as unreadable:
            message = f"line {number} is not an entry"
            raise UnreadableExportError(message) from unreadable
        yield row


def verify_export(lines: Iterable[bytes], kept: Checkpoint | None = None) -> Verdict:
    """Compute every hash of an export anew. Raises `UnreadableExportError`, and `EarlyCheckpointError` for a `kept` that is no head.

    The export's own first line says how many entries follow, so that a file cut short is found without a checkpoint.
    """
    reading = iter(lines)
    about = _object(1, next(reading, b""))
    if about.get("format") != FORMAT:
        raise UnreadableExportError("line 1 does not say that this is an exported ledger")
    try:
        clinic_id = UUID(about["clinic_id"])
        said = Checkpoint(int(about["epoch"]), int(about["size"]), bytes.fromhex(about["chain"]))
        # A later epoch's entries go on where the former ended; the file says where, and its first entry why.
        start = Checkpoint(said.epoch, int(about["first"]), genesis(clinic_id, said.epoch)) if said.epoch > 1 else None
    except (KeyError, TypeError, ValueError, AttributeError) as unreadable:
        raise UnreadableExportError("line 1 does not say which ledger this is") from unreadable
    if kept is not None and start is not None and kept.epoch == said.epoch and kept.size < start.size:
        raise EarlyCheckpointError(kept, start.size)
    walk = Walk(clinic_id, said.epoch, start=start, expect=kept)
    broken = walk.begin()
    if broken is None:
        for row in _rows(reading):
            broken = walk.see(row)
            if broken is not None:
                break
    broken = broken or walk.end() or _unlike(said, walk.head)
    return Verdict(clinic_id, walk.head, broken)


def _unlike(said: Checkpoint, head: Checkpoint) -> Break | None:
    """How the entries differ from what the first line says of them."""
    if head.size < said.size:
        return Break(head.size, Reason.TRUNCATED, 0)
    if head != said:
        return Break(max(head.size - 1, 0), Reason.REWRITTEN, 0)
    return None


def checkpoint_of(text: str) -> Checkpoint:
    """`epoch:size:chain`, as `verify` prints it; commas do as well. Raises ValueError."""
    epoch, size, chain = text.replace(",", ":").split(":")
    return Checkpoint(int(epoch), int(size), bytes.fromhex(chain))


def main(arguments: list[str]) -> int:
    """Print the verdict on a file; 0 sound, 1 broken, 2 unreadable."""
    if len(arguments) not in {1, 2}:
        sys.stderr.write("usage: offline.py LEDGER.ndjson [EPOCH:SIZE:CHAIN]\n")
        return 2
    kept = checkpoint_of(arguments[1]) if len(arguments) == 2 else None  # noqa: PLR2004 - the second argument
    try:
        with Path(arguments[0]).open("rb") as lines:
            verdict = verify_export(lines, kept)
    except (UnreadableExportError, EarlyCheckpointError) as unreadable:
        sys.stderr.write(f"{unreadable}\n")
        return 2
    except OSError as missing:
        sys.stderr.write(f"{arguments[0]} cannot be read: {missing.strerror}\n")
        return 2
    head = verdict.head
    if verdict.broken is not None:
        sys.stdout.write(f"BROKEN at entry {verdict.broken.index}. {sentence_of(verdict.broken)}\n")
        return 1
    sys.stdout.write(f"Sound: {head.size} entries of clinic {verdict.clinic_id}. Keep: {head.epoch}:{head.size}:{head.chain.hex()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
