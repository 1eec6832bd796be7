"""Which role may give which command or ask which query: one table, least privilege.

It is the outer bound. The policy narrows `override_rule` further (`gate.rules.G09.overridable_by`), and the gate asks for
credentials and depth on its own.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from schemas.vocabulary import Role

_DESK = frozenset({Role.FRONT_DESK, Role.MANAGER})
_CARE = frozenset({Role.PRACTITIONER, Role.CLINICIAN})
_CARE_MANAGED = _CARE | {Role.MANAGER}
_HOUSE = _DESK | _CARE
_BOOKING = _HOUSE | {Role.SYSTEM}
_BENCH = _CARE | {Role.TECHNICIAN}
_HYGIENE = _BENCH | {Role.MANAGER}
_MANAGER = frozenset({Role.MANAGER})
_ADMIN = frozenset({Role.ADMIN})
_CLINICIAN = frozenset({Role.CLINICIAN})
_AUDIT = frozenset({Role.AUDITOR, Role.MANAGER})
_STAFF = _HYGIENE | _DESK | _ADMIN | {Role.AUDITOR}

_VISITS: dict[str, frozenset[Role]] = {
    "open_clinic": _ADMIN,
    "register_client": _BOOKING,
    "merge_client": _CLINICIAN | _MANAGER,
    "credential_practitioner": _MANAGER,
    "add_resource": _MANAGER,
    "request_booking": _BOOKING,
    "announce_booking": _DESK | {Role.SYSTEM},
    "reschedule_booking": _BOOKING,
    "cancel_booking": _BOOKING,
    # A machine may promise and withdraw; a conflict is resolved by a person.
    "resolve_booking": _HOUSE,
    "record_arrival": _BOOKING,
    "withdraw_arrival": _BOOKING,
    "record_no_show": _HOUSE,
    "view_day_sheet": _HOUSE | {Role.TECHNICIAN},
    "open_slots": _BOOKING,
    # Whoever turns a room over or treats in it needs its id.
    "view_resources": _BOOKING | {Role.TECHNICIAN},
    "view_client": _HOUSE,
}

_CONSENT: dict[str, frozenset[Role]] = {
    "publish_form": _CLINICIAN | _MANAGER,
    "sign_consent": _CARE | {Role.CLIENT},
    # Whoever hears a client withdraw records it at once.
    "withdraw_consent": _HOUSE | {Role.CLIENT},
    "answer_screening": _CARE | {Role.CLIENT},
    "grant_clearance": _CLINICIAN,
    "view_screening": _CARE,
    "view_consent": _CARE_MANAGED | {Role.AUDITOR},
}

_ITEMS: dict[str, frozenset[Role]] = {
    "commission_sterilizer": _MANAGER,
    "record_cycle": _HYGIENE,
    "read_indicator": _HYGIENE,
    "release_load": _HYGIENE,
    # Anybody near the sterilizer may stop it; one person answers for its return.
    "remove_sterilizer": _HYGIENE,
    "return_sterilizer": _MANAGER,
    "receive_lot": _HYGIENE,
    "label_units": _HYGIENE,
    "waste_cartridge": _BENCH,
    "commission_handpiece": _MANAGER,
    "reprocess_handpiece": _BENCH,
    "turn_over_room": _BENCH,
    "quarantine_lot": _HYGIENE,
    "reject_pack": _HYGIENE,
    # With a second signer, whom the command asks for.
    "decide_recall": _CLINICIAN | _MANAGER,
    "view_hygiene": _HYGIENE | {Role.AUDITOR},
}

_TREATMENT: dict[str, frozenset[Role]] = {
    "cleanse_skin": _CARE,
    "apply_numbing": _CARE,
    "remove_numbing": _CARE,
    "start_treatment": _CARE,
    "pause_treatment": _CARE,
    "resume_treatment": _CARE,
    "add_cartridge": _CARE,
    "end_treatment": _CARE,
    "record_past_treatment": _CARE,
    "override_rule": _CLINICIAN | _MANAGER,
    "preview_start": _HOUSE,
    "view_treatment": _CARE_MANAGED | {Role.AUDITOR},
}

_RECOVERY: dict[str, frozenset[Role]] = {
    "answer_checkin": frozenset({Role.CLIENT}),
    "report_reaction": _HOUSE,
    # Whom to call, and whether somebody has; never what was answered.
    "follow_up_checkin": _HOUSE,
    "lift_safety_hold": _CLINICIAN,
    "place_safety_hold": _HYGIENE,
    # Answers to check-ins are health answers.
    "view_recovery": _CARE,
}

_RECORD: dict[str, frozenset[Role]] = {
    "grant_access": _ADMIN,
    "revoke_access": _ADMIN | _MANAGER,
    "create_token": _ADMIN,
    # Whoever may take access away may also say where it is given by PIN.
    "enroll_tablet": _ADMIN | _MANAGER,
    "remove_tablet": _ADMIN | _MANAGER,
    # Everybody who works at a shared tablet, for themselves.
    "set_pin": _HYGIENE | _DESK,
    # The admin keeps the document; the named clinician approves it.
    "publish_policy": _ADMIN | _CLINICIAN,
    "view_policy": _STAFF,
    "ask_record": _AUDIT,
    "view_ledger": _AUDIT,
    "verify_ledger": _AUDIT | _ADMIN,
    "erase_client": _MANAGER,
    "skip_entry": _ADMIN | _MANAGER,
    "view_dead_letters": _MANAGER,
    "read_events": frozenset({Role.SYSTEM, Role.AUDITOR}),
}

COMMANDS: Mapping[str, frozenset[Role]] = MappingProxyType(_VISITS | _CONSENT | _ITEMS | _TREATMENT | _RECOVERY | _RECORD)

LEAST_POWER_FIRST = (
    Role.CLIENT,
    Role.SYSTEM,
    Role.SERVICE,
    Role.AUDITOR,
    Role.FRONT_DESK,
    Role.TECHNICIAN,
    Role.PRACTITIONER,
    Role.CLINICIAN,
    Role.MANAGER,
    Role.ADMIN,
)


def in_words(roles: Iterable[Role]) -> str:
    """Roles for people to read, the least powerful first."""
    held = frozenset(roles)
    return ", ".join(role.value for role in LEAST_POWER_FIRST if role in held) or "nobody"


def may(role: Role, command: str) -> bool:
    """Whether the role may give the command. Nobody may give one that the table does not know."""
    return role in COMMANDS.get(command, frozenset())


def may_any(roles: Iterable[Role], command: str) -> Role | None:
    """The least powerful of an identity's roles that may give the command: the one it then acts in."""
    held = frozenset(roles)
    return next((role for role in LEAST_POWER_FIRST if role in held and may(role, command)), None)
