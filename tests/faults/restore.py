"""PostgreSQL is restored from a base backup taken earlier: what was said since is in the streams, and not in the ledger.

Each time it must be noticed, nothing may be published over it, and the documented way on must work.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.faults.backups import Past, Streamed, the_past
from tests.faults.row import Row
from tests.faults.tally import Tally

BACKUP, AHEAD, OLDER = "backup restored", "one service ahead", "streams older"
MOST_DEEDS = 12
QUIET_SECONDS = 1.5
"""Longer than a relay needs to publish what it should not."""


def _lost(before: Sequence[Streamed], after: Sequence[Streamed]) -> list[str]:
    """What stood on the stream and does not, or stands there otherwise."""
    there = dict(after)
    return [shown for shown, event in before if there.get(shown) != event]


async def _restore(past: Past, rng: Random, tally: Tally, case: str, *, ahead: str | None) -> None:
    """Everything up to the moment when nobody has noticed yet: deeds, a backup, more deeds, and PostgreSQL as it was."""
    async with past.program():
        for _ in range(rng.randint(1, MOST_DEEDS)):
            await past.deeds.do()
        await past.rest()
        await past.back_up()
        known = len(await past.streamed())
        for _ in range(rng.randint(3, MOST_DEEDS)):
            await past.deeds.do()
        await past.deeds.register()  # at least this one is published, and lost
        await past.rest()
        if len(await past.streamed()) == known:
            tally.wrong(f"{case}: nothing was published that could be lost")
        survivor = None if ahead is None else await past.keep_service(ahead)
    await past.restore()
    if survivor is not None:
        await past.put_service(survivor)
        tally.injected(AHEAD)
    tally.injected(BACKUP)


async def _noticed(past: Past, rng: Random, tally: Tally, case: str, *, ahead: str | None) -> None:
    """The program runs on the restored ledger: it halts, says so, and publishes nothing; some go on deciding meanwhile."""
    before = await past.streamed()
    for _ in range(rng.randint(0, 4)):
        await past.deeds.do(without=ahead)
    expected = {("relay", "published")} | ({(ahead, "projected"), (ahead, "reacted")} if ahead else set())
    halted = await past.halted(expected)
    if not expected <= halted:
        tally.wrong(f"{case}: {sorted(expected - halted)} did not notice; halted: {sorted(halted)}")
    if not any(one.startswith("relay:published@") for one in (await past.health())["halted"]):
        tally.wrong(f"{case}: /health/ready does not say that the relay stands still")
    code, said = await past.asepsis("status")
    if code != 1 or "asepsis epoch open" not in said:
        tally.wrong(f"{case}: asepsis status says ({code}): {said[-600:]}")
    if ahead is not None and not await past.deeds.is_refused(ahead):
        tally.wrong(f"{case}: {ahead} decides on tables that are not of this ledger")
    await asyncio.sleep(QUIET_SECONDS)
    await past.keep_stream()
    after = await past.streamed()
    if after != before:
        tally.wrong(f"{case}: something was published over the difference: {[one for one in after if one not in before][:5]}")
    tally.counted("noticed")


async def _goes_on(past: Past, rng: Random, tally: Tally, case: str, before: Sequence[Streamed]) -> None:
    """Behind the new epoch everything follows, and nothing was skipped."""
    await past.rest()
    for sentence in await past.deeds.say_again():
        tally.wrong(f"{case}: {sentence}")
    for _ in range(rng.randint(1, 6)):
        await past.deeds.do()
    await past.rest()
    for sentence in await past.problems():
        tally.wrong(f"{case}: {sentence}")
    await _streams_follow(past, tally, case, before)
    fed = await past.feed()
    if fed is not None:
        tally.wrong(f"{case}: the feed over HTTP {fed}")


async def _open(past: Past, tally: Tally, case: str) -> None:
    former = await past.head()
    one, other = past.deeds.clinic.managers
    words = ["epoch", "open", "--clinic", str(past.clinic_id), "--reason", "restored_from_backup"]
    code, said = await past.asepsis(*words, "--approver", str(one), "--approver", str(one))
    if code != 1 or (await past.head())[0] != former[0]:
        tally.wrong(f"{case}: one person opened an epoch alone ({code}): {said[-600:]}")
    code, said = await past.asepsis(*words, "--approver", str(one), "--approver", str(other))
    if code != 0:
        tally.wrong(f"{case}: asepsis epoch open says ({code}): {said[-1200:]}")
    epoch, size = await past.head()
    if epoch != former[0] + 1 or size <= former[1]:
        tally.wrong(f"{case}: epoch {former[0]} ended at {former[1]}, and now the ledger stands at {epoch}-{size}")
    tally.counted("epochs opened")


async def _streams_follow(past: Past, tally: Tally, case: str, before: Sequence[Streamed]) -> None:
    """What was published stays; the new epoch follows whole, beginning with the entry that opens it."""
    after = await past.streamed()
    if _lost(before, after):
        tally.wrong(f"{case}: {_lost(before, after)[:5]} of the former epoch is gone from the stream")
    epoch, _ = await past.head()
    new = [(shown, event) for shown, event in after if shown.startswith(f"{epoch}-")]
    if not new or new[0][1]["type"] != "epoch.opened":
        tally.wrong(f"{case}: the stream's new epoch begins with {new[0][1]['type'] if new else 'nothing'}")
    if new != await past.outward(epoch):
        tally.wrong(f"{case}: the stream's new epoch is not the ledger's")
    code, said = await past.asepsis("verify", "--clinic", str(past.clinic_id))
    if code != 0 or said.count("intact") != epoch:
        tally.wrong(f"{case}: asepsis verify says ({code}): {said[-600:]}")


async def _older_streams(past: Past, rng: Random, tally: Tally, case: str) -> None:
    """Valkey comes back as it was earlier, in this epoch or before it opened: the relay publishes again what is missing."""
    await past.keep_stream()
    await past.deeds.register()
    await past.rest()
    whole = await past.streamed()
    await past.put_stream(rng.choice(past.dumps))
    past.dumps.clear()
    tally.injected(OLDER)
    await past.rest()
    epoch, _ = await past.head()
    for shown in _lost([one for one in whole if one[0].startswith(f"{epoch}-")], await past.streamed()):
        tally.wrong(f"{case}: {shown} was not published again")


async def run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    """One clinic that is restored so many times: it comes to as many epochs."""
    async with the_past(directory, rng) as past:
        for number in range(times):
            ahead = rng.choice(list(past.deeds.of)) if number % 2 else None
            case = f"restore {number}" + (f", {ahead} ahead" if ahead else "")
            await _restore(past, rng, tally, case, ahead=ahead)
            before, at_work = await past.streamed(), rng.random() < 0.5
            async with past.program():
                await _noticed(past, rng, tally, case, ahead=ahead)
                if at_work:
                    await _open(past, tally, case)
            if not at_work:
                await _open(past, tally, case)
            async with past.program():
                await _goes_on(past, rng, tally, case, before)
                await _older_streams(past, rng, tally, case)
        tally.counted("deeds", past.deeds.done)


ROW = Row(
    name="restore",
    title="restore of PostgreSQL from a base backup taken earlier; one service's tables ahead of the ledger; streams older",
    kinds=(BACKUP, AHEAD, OLDER),
    share=2,
    full=100,
    run=run,
    brief=0,
)
