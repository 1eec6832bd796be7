"""Planted bugs of the record: lock, ledger, transaction, gate."""

from tests.mutants.defect import Defect, Swap

ENTER = "deploy/migrations/sql/ledger.enter.sql"
APPEND = "deploy/migrations/sql/ledger.append.sql"
KEEP = "deploy/migrations/sql/ledger.keep.sql"
TRANSACTION = "events/transaction.py"
WIRE = "events/wire.py"
ANSWER = "events/answer.py"

LOCK = "pg_advisory_xact_lock(hashtextextended(p_clinic::text, 0))"

DEFECTS = (
    Defect(
        "lock and read in one statement",
        "the statement's snapshot is older than its lock: whoever waited decides on what was before",
        (
            Swap(ENTER, f"  perform {LOCK};\n", ""),
            Swap(
                ENTER,
                "from (select x.epoch from ledger.clinics x where x.clinic_id",
                f"from (select x.epoch from (select {LOCK}) l, ledger.clinics x where l is not null and x.clinic_id",
            ),
        ),
        ("tests/events/test_order.py::test_two_processes_decide_one_after_the_other",),
    ),
    Defect(
        "no lock at all",
        "two processes decide on the same view, and one of them is told off",
        (Swap(ENTER, f"  perform {LOCK};\n", ""),),
        ("tests/events/test_order.py::test_two_processes_decide_one_after_the_other",),
    ),
    Defect(
        "no expected_size",
        "a decision on an older view is appended all the same",
        (Swap(APPEND, "if v_size <> p_expected_size then", "if false then"),),
        ("tests/events/test_transaction.py::test_append_refuses_an_older_view",),
    ),
    Defect(
        "time taken before the lock",
        "a decision that waited is made for a moment that has passed: consent withdrawn meanwhile lies in its future",
        (Swap(ENTER, "  clock := clock_timestamp();", "  clock := now();"),),
        ("tests/events/test_order.py::test_the_moment_of_a_decision_is_after_the_lock",),
    ),
    Defect(
        "TRUNCATE trigger missing",
        "one statement of the owner empties the record",
        (
            Swap(
                KEEP,
                "create or replace trigger entries_are_not_truncated before truncate on ledger.entries\n"
                "  for each statement execute function ledger.refuse_change();\n",
                "",
            ),
        ),
        ("tests/events/test_transaction.py::test_nobody_changes_the_ledger_not_even_its_owner",),
    ),
    Defect(
        "bare-number bookmark at the gate",
        "after a restore the same number stands for other entries, and the gate decides on tables of the lost line",
        (Swap(ENTER, "on_ledger := coalesce(on_ledger, false);", "on_ledger := v_mark_size <= v_size;"),),
        ("tests/events/test_order.py::test_nothing_is_decided_on_another_ledger",),
    ),
    Defect(
        "raw connection used before BEGIN",
        "the driver's own statement commits by itself: a lock taken so is none, and what it wrote survives the rollback",
        (Swap(WIRE, "if driver is None or not (driver.is_in_transaction() or driver.is_closed()):", "if driver is None:"),),
        ("tests/events/test_order.py::test_a_lock_outside_a_transaction_is_refused",),
    ),
    Defect(
        "a rollback taken for a commit",
        "somebody caught a failed statement: PostgreSQL rolls back at COMMIT, and the client is told that it was recorded",
        (Swap(WIRE, 'if said != "COMMIT":', "if said is None:"),),
        ("tests/events/test_order.py::test_a_failure_that_somebody_caught_is_no_commit",),
    ),
    Defect(
        "double append on retry",
        "the same command, sent again because its answer was lost, is decided and recorded twice",
        (Swap(ANSWER, 'return uuid5(clinic_id, f"{principal}\\x1f{command_id}")', "return __import__('uuid').uuid4()"),),
        ("tests/events/test_transaction.py::test_the_same_command_twice_is_one_event_and_the_same_answer",),
    ),
    Defect(
        "idempotency looked up only at append",
        "a repeated command is decided anew on today's state; only its last line notices that it was there before",
        (
            Swap(
                TRANSACTION,
                "        if earlier is None:\n",
                "        if earlier is None or hmac.compare_digest(earlier, self._fingerprint):\n",
            ),
            Swap(
                TRANSACTION,
                "        self._answered = True\n",
                "        self._answered = True\n"
                "        if self._entrance.fingerprint is not None:\n"
                "            self._answered = False\n"
                "            return await self.repeat(self.event_id)\n",
            ),
        ),
        ("tests/events/test_order.py::test_a_repeated_command_is_not_decided_again",),
    ),
    Defect(
        "another request under a used id is answered",
        "a client that mixes up its ids is told that something happened which never did",
        (Swap(TRANSACTION, "if not hmac.compare_digest(earlier, self._fingerprint):", "if False:"),),
        ("tests/events/test_transaction.py::test_the_same_id_with_other_content_is_refused_and_changes_nothing",),
    ),
    Defect(
        "refusal raised instead of recorded",
        "the rollback takes the evidence with it",
        (
            Swap(
                TRANSACTION,
                "        self._answered = True\n",
                "        self._answered = True\n        if event.refusal:\n            raise PermissionError(event.type)\n",
            ),
        ),
        ("tests/services/test_treatment_start.py::test_of_an_unknown_booking_everything_is_refused_and_recorded",),
    ),
    Defect(
        "stale projection in the gate",
        "a hold that another service has recorded a moment ago does not stop the start",
        (Swap(TRANSACTION, "while size < self.head.size:", "while False:"),),
        ("tests/services/test_treatment_start.py::test_what_is_learned_in_the_last_moment_stops_the_start",),
    ),
    Defect(
        "consent's rule is not asked",
        "a rule that nobody asks refuses nothing",
        (
            Swap(
                "services/treatment/rules/gate.py",
                "    consent_must_cover_areas_and_depth,\n    cooling_off_must_be_over,\n    spacing_must_have_passed,\n",
                "    cooling_off_must_be_over,\n    spacing_must_have_passed,\n",
            ),
        ),
        ("tests/services/test_treatment_start.py::test_what_is_learned_in_the_last_moment_stops_the_start",),
    ),
    Defect(
        "own projector not applied",
        "a service's tables lag behind its own decisions: the next one gives the same slot again",
        (Swap(TRANSACTION, "await projection_of(self.service).apply(self.line, [entry])", "await self.rows.flush()"),),
        ("tests/services/test_treatment_start.py::test_a_new_id_on_a_started_booking_gives_the_same_certificate",),
    ),
)
