"""What consent does about bookings."""

from events.catalog.booking import BookingAnnounced, BookingConfirmed, BookingRescheduled
from events.envelope import Entry
from events.streams import Reactions
from events.transaction import Transaction
from services.consent.commands import request_consent

when = Reactions("consent")


@when(BookingConfirmed, BookingAnnounced, BookingRescheduled)
async def ask_for_signature(tx: Transaction, entry: Entry[BookingConfirmed | BookingAnnounced | BookingRescheduled]) -> None:
    """A visit with needles needs a consent that covers it: the sooner it is asked for, the better it is read."""
    await request_consent(tx, entry.event.visit)
