"""Who may do what: the whole table, and what must never be in it."""

import pytest

from schemas.access import COMMANDS, LEAST_POWER_FIRST, may, may_any
from schemas.policy import default_policy
from schemas.vocabulary import Role

EXPECTED = """
open_clinic: admin
register_client: clinician front_desk manager practitioner system
merge_client: clinician manager
credential_practitioner: manager
add_resource: manager
request_booking: clinician front_desk manager practitioner system
announce_booking: front_desk manager system
reschedule_booking: clinician front_desk manager practitioner system
cancel_booking: clinician front_desk manager practitioner system
resolve_booking: clinician front_desk manager practitioner
record_arrival: clinician front_desk manager practitioner system
withdraw_arrival: clinician front_desk manager practitioner system
record_no_show: clinician front_desk manager practitioner
view_day_sheet: clinician front_desk manager practitioner technician
open_slots: clinician front_desk manager practitioner system
view_resources: clinician front_desk manager practitioner system technician
view_client: clinician front_desk manager practitioner
publish_form: clinician manager
sign_consent: client clinician practitioner
withdraw_consent: client clinician front_desk manager practitioner
answer_screening: client clinician practitioner
grant_clearance: clinician
view_screening: clinician practitioner
view_consent: auditor clinician manager practitioner
commission_sterilizer: manager
record_cycle: clinician manager practitioner technician
read_indicator: clinician manager practitioner technician
release_load: clinician manager practitioner technician
remove_sterilizer: clinician manager practitioner technician
return_sterilizer: manager
receive_lot: clinician manager practitioner technician
label_units: clinician manager practitioner technician
waste_cartridge: clinician practitioner technician
commission_handpiece: manager
reprocess_handpiece: clinician practitioner technician
turn_over_room: clinician practitioner technician
quarantine_lot: clinician manager practitioner technician
reject_pack: clinician manager practitioner technician
decide_recall: clinician manager
view_hygiene: auditor clinician manager practitioner technician
cleanse_skin: clinician practitioner
apply_numbing: clinician practitioner
remove_numbing: clinician practitioner
start_treatment: clinician practitioner
pause_treatment: clinician practitioner
resume_treatment: clinician practitioner
add_cartridge: clinician practitioner
end_treatment: clinician practitioner
record_past_treatment: clinician practitioner
override_rule: clinician manager
preview_start: clinician front_desk manager practitioner
view_treatment: auditor clinician manager practitioner
answer_checkin: client
report_reaction: clinician front_desk manager practitioner
follow_up_checkin: clinician front_desk manager practitioner
lift_safety_hold: clinician
place_safety_hold: clinician manager practitioner technician
view_recovery: clinician practitioner
grant_access: admin
revoke_access: admin manager
create_token: admin
enroll_tablet: admin manager
remove_tablet: admin manager
set_pin: clinician front_desk manager practitioner technician
publish_policy: admin clinician
view_policy: admin auditor clinician front_desk manager practitioner technician
ask_record: auditor manager
view_ledger: auditor manager
verify_ledger: admin auditor manager
erase_client: manager
skip_entry: admin manager
view_dead_letters: manager
read_events: auditor system
"""
CLINICAL = frozenset({Role.PRACTITIONER, Role.CLINICIAN})


def test_the_table_is_exactly_what_was_decided() -> None:
    expected = dict(line.split(": ") for line in EXPECTED.strip().splitlines())
    assert {command: " ".join(sorted(roles)) for command, roles in COMMANDS.items()} == expected


@pytest.mark.parametrize("command", ["start_treatment", "end_treatment", "apply_numbing", "record_past_treatment", "view_screening"])
def test_only_who_treats_may_treat_and_read_health_answers(command: str) -> None:
    assert COMMANDS[command] == CLINICAL


def test_nobody_may_give_a_command_the_table_does_not_know() -> None:
    assert not any(may(role, "start_treatments") for role in Role)
    assert may_any(Role, "start_treatments") is None


def test_reactions_and_jobs_come_through_no_door() -> None:
    assert not any(may(Role.SERVICE, command) for command in COMMANDS)


def test_who_grants_access_neither_treats_nor_reads_about_clients() -> None:
    granted = {command for command in COMMANDS if may(Role.ADMIN, command)}
    assert granted == {
        "open_clinic",
        "grant_access",
        "revoke_access",
        "create_token",
        "enroll_tablet",
        "remove_tablet",
        "publish_policy",
        "view_policy",
        "verify_ledger",
        "skip_entry",
    }


def test_an_auditor_only_reads() -> None:
    granted = {command for command in COMMANDS if may(Role.AUDITOR, command)}
    assert {command.split("_", maxsplit=1)[0] for command in granted} == {"view", "ask", "verify", "read"}
    assert not granted & {"view_screening", "view_recovery", "view_client", "view_dead_letters"}


def test_a_front_desks_machine_books_and_reads_events_and_nothing_else() -> None:
    granted = {command for command in COMMANDS if may(Role.SYSTEM, command)}
    booking = {"request_booking", "announce_booking", "reschedule_booking", "cancel_booking", "register_client"}
    assert granted == booking | {"record_arrival", "withdraw_arrival"} | {"open_slots", "view_resources", "read_events"}


def test_a_person_acts_in_the_least_powerful_role_that_suffices() -> None:
    roles = {Role.ADMIN, Role.MANAGER, Role.CLINICIAN, Role.PRACTITIONER}
    assert may_any(roles, "start_treatment") is Role.PRACTITIONER
    assert may_any(roles, "grant_clearance") is Role.CLINICIAN
    assert may_any(roles, "skip_entry") is Role.MANAGER
    assert may_any({Role.FRONT_DESK}, "start_treatment") is None
    assert may_any([], "view_policy") is None


def test_every_role_has_its_place_in_the_order() -> None:
    assert sorted(LEAST_POWER_FIRST) == sorted(Role)


def test_whoever_the_policy_lets_override_a_rule_may_give_the_command_in_that_role() -> None:
    for rule in default_policy().gate.rules.values():
        for role in rule.overridable_by:
            assert may(role, "override_rule")
        if rule.overridable_by:
            # Acting in the least powerful role must not lose the power that the rule asks for.
            assert may_any(COMMANDS["override_rule"], "override_rule") in rule.overridable_by
