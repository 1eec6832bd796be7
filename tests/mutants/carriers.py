"""Planted bugs of the carriers: streams, inbox, relay, outbox, clock."""

from tests.mutants.defect import Defect, Swap

STREAMS = "events/streams.py"
ATTEMPTS = "events/attempts.py"
PROJECTION = "events/projection.py"
INBOX = "events/inbox_keeper.py"
RELAY = "events/relay.py"
OUTBOX = "events/outbox.py"
CLOCK = "events/clock.py"
BEHIND = "deploy/migrations/sql/ledger.left_behind.sql"
ROUNDS = "events/rounds.py"

DEFECTS = (
    Defect(
        "acknowledged before the commit",
        "a command in hand when the process dies is gone, and nobody is answered",
        (
            Swap(
                INBOX,
                "                    await work_entry(self._database",
                "                    await self._acknowledge(entry_id)\n                    await work_entry(self._database",
            ),
        ),
        ("tests/events/test_order.py::test_a_command_is_in_the_inbox_until_it_is_in_the_ledger",),
    ),
    Defect(
        "no sweep",
        "what was recorded while Redis was away is never heard",
        (Swap(STREAMS, "        await self.wake(behind)", "        behind.clear()"),),
        ("tests/events/test_streams.py::test_the_sweep_finds_what_nobody_announced",),
    ),
    Defect(
        "bare-number bookmark",
        "after a restore the same number stands for other entries: they are skipped and nobody is told",
        (
            Swap(
                PROJECTION,
                "await ledger.chain_at(rows, clinic_id, place.epoch, place.size) != place.chain",
                "await ledger.chain_at(rows, clinic_id, place.epoch, place.size) is None",
            ),
        ),
        ("tests/events/test_halting.py::test_a_bookmark_with_another_chain_halts_at_once",),
    ),
    Defect(
        "lag clamped at zero",
        "a bookmark ahead of a restored ledger looks level, and the next entries are skipped",
        (
            Swap(BEHIND, "where b.size is distinct from e.size", "where greatest(e.size - coalesce(b.size, 0), 0) > 0"),
            Swap(ROUNDS, "(place != size or stage.service in always)", "(max(size - place, 0) or stage.service in always)"),
        ),
        ("tests/events/test_order.py::test_a_bookmark_ahead_of_the_ledger_halts",),
    ),
    Defect(
        "handler effect outside the transaction",
        "a message is sent for something that was never recorded",
        (
            Swap(
                OUTBOX,
                "    await tx.rows.execute(\n        insert(OutboxMessage)",
                "    async with aside(tx._database, tx.clinic_id, tx.service) as rows: await rows.execute(\n        insert(OutboxMessage)",
            ),
        ),
        ("tests/events/test_outbox.py::test_what_a_commit_does_not_decide_is_never_sent",),
    ),
    Defect(
        "bookmark moved before the reaction",
        "a process that dies between the two leaves out what it had to do",
        (
            Swap(
                STREAMS,
                "            size = await _react_to(",
                "            await _pass(database, clinic_id, service, entry)\n            size = await _react_to(",
            ),
            Swap(STREAMS, "if place.size <= entry.index:", "if True:"),
        ),
        ("tests/events/test_streams.py::test_a_reaction_that_runs_again_after_a_crash_records_once",),
    ),
    Defect(
        "attempt counted after the handler",
        "an entry that kills its process is tried for ever",
        (Swap(ATTEMPTS, "when a.halted_at is not null then a.count else a.count + 1 end,", "else a.count end,"),),
        ("tests/events/test_attempts.py::test_an_entry_that_kills_its_process_five_times_halts_the_pair",),
    ),
    Defect(
        "projector and reactor share a bookmark",
        "what the gate has projected is never reacted to: no check-in, no recall",
        (Swap(STREAMS, '"reacted"', '"projected"', everywhere=True),),
        ("tests/events/test_streams.py::test_a_backlog_is_worked_in_order_across_pages",),
    ),
    Defect(
        "a failing entry is skipped",
        "one service goes on without knowing something",
        (
            Swap(
                STREAMS,
                "                return await halt_if_spent(self.database, pair, attempt, failure)",
                "                return False",
            ),
        ),
        ("tests/events/test_halting.py::test_a_poison_projector_halts_one_pair_and_other_clinics_go_on",),
    ),
    Defect(
        "relay bookmark before publish",
        "a front desk never hears an answer that the bookmark calls published",
        (
            Swap(
                RELAY,
                "        end = await self._publish_page(clinic_id, at, start, limit)\n",
                "        async with aside(database, clinic_id, service) as rows:\n"
                "            await bookmark_for_update(rows, clinic_id, service, STAGE, at)\n"
                "            await move_bookmark(rows, clinic_id, service, STAGE, Place.at(at))\n"
                "        end = await self._publish_page(clinic_id, at, start, limit)\n",
            ),
        ),
        ("tests/events/test_order.py::test_the_relays_bookmark_waits_until_the_stream_has_it",),
    ),
    Defect(
        "a refused XADD counts as a duplicate",
        "somebody else's entry under our id is taken for ours",
        (Swap(RELAY, "if not there or _content(there[0][1]) != orjson.loads(form):", "if not there:"),),
        ("tests/events/test_relay.py::test_a_difference_halts_the_relay_visibly",),
    ),
    Defect(
        "jobs claim rows before the clinic lock",
        "a job holds a row and waits for the clinic, a decision holds the clinic and waits for the row",
        (
            Swap(
                CLOCK,
                "    async with transaction(database, found.clinic_id,",
                "    async with aside(database, found.clinic_id, job.service) as held, _claimed(held, found, job), "
                "transaction(database, found.clinic_id,",
            ),
            Swap(
                CLOCK,
                "async def _act(",
                "@__import__('contextlib').asynccontextmanager\n"
                "async def _claimed(rows, found, job):\n"
                "    claim = text('select 1 from ledger.bookmarks where clinic_id = :clinic and service = :service for update')\n"
                "    await rows.execute(claim, {'clinic': found.clinic_id, 'service': job.service})\n"
                "    yield\n\n\n"
                "async def _act(",
            ),
        ),
        ("tests/events/test_clock.py::test_one_failure_stops_neither_its_clinic_nor_another",),
    ),
    Defect(
        "jobs do not look again",
        "two replicas ask the same client twice",
        (
            Swap(CLOCK, "if await ledger.entry_by_id(tx.rows, found.clinic_id, first) is None:", "if True:"),
            Swap(CLOCK, "event_id=event_id) as tx", "event_id=None) as tx"),
        ),
        ("tests/events/test_clock.py::test_two_replicas_do_nothing_twice",),
    ),
    Defect(
        "message sent under a new id after a restart",
        "the provider cannot tell that it is the same: the client is told twice",
        (
            Swap(
                OUTBOX,
                "Message(row.message_id, _recipient(row)",
                "Message(row.message_id if row.attempts == 1 else __import__('uuid').uuid4(), _recipient(row)",
            ),
        ),
        ("tests/events/test_outbox.py::test_an_unknown_outcome_is_sent_again_under_the_same_id_after_the_lease",),
    ),
    Defect(
        "no lease on messages",
        "two senders send the same message",
        (
            Swap(
                OUTBOX,
                "OutboxMessage.leased_until.is_(None) | (OutboxMessage.leased_until <= now) | (OutboxMessage.leased_until > too_late),",
                "",
            ),
        ),
        ("tests/events/test_outbox.py::test_many_senders_send_each_message_once",),
    ),
)
