"""Booking decides who comes when, to whom, into which room.

Decides: clients, practitioners, rooms and devices as resources; slots, spacing, arrival.
Hears: treatment.*, rule.overridden, consent.signed, consent.declined, recall.opened, exposure.found, safety_hold.*,
handpiece.commissioned, policy.published, client.erased.
Says: what `events/catalog/booking.py` lists.
"""
