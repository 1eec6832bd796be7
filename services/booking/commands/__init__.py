"""What booking decides. Every command reads: load, ask, record."""

from services.booking.commands.arrivals import record_arrival, record_no_show, walk_in, withdraw_arrival
from services.booking.commands.clients import forget_client, merge_clients, register_client
from services.booking.commands.flags import flag_credential, flag_exposed, flag_held, flag_late, flag_spacing, flag_two_places
from services.booking.commands.making import announce_booking, request_booking
from services.booking.commands.moving import cancel_booking, reschedule_booking, resolve_booking
from services.booking.commands.resources import add_resource, credential_practitioner

__all__ = [
    "add_resource",
    "announce_booking",
    "cancel_booking",
    "credential_practitioner",
    "flag_credential",
    "flag_exposed",
    "flag_held",
    "flag_late",
    "flag_spacing",
    "flag_two_places",
    "forget_client",
    "merge_clients",
    "record_arrival",
    "record_no_show",
    "register_client",
    "request_booking",
    "reschedule_booking",
    "resolve_booking",
    "walk_in",
    "withdraw_arrival",
]
