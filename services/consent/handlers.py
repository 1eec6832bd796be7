"""What consent does about bookings and erasures."""

from events.catalog.booking import BookingAnnounced, BookingConfirmed, BookingRescheduled
from events.catalog.compliance import ClientErased
from events.envelope import Entry
from events.streams import Reactions
from events.transaction import Transaction
from services.consent.commands import forget_client, request_consent

when = Reactions("consent")


@when(BookingConfirmed, BookingAnnounced, BookingRescheduled)
async def ask_for_signature(tx: Transaction, entry: Entry[BookingConfirmed | BookingAnnounced | BookingRescheduled]) -> None:
    """A visit with needles needs a consent that covers it: the sooner it is asked for, the better it is read."""
    await request_consent(tx, entry.event.visit)


@when(ClientErased)
async def forget_erased_client(tx: Transaction, entry: Entry[ClientErased]) -> None:
    """Each record of a merged person is erased by an entry of its own. Where a law keeps the records, they stay."""
    if not entry.event.kept:
        await forget_client(tx, entry.event.client_id)
