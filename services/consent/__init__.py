"""Consent: what the client agreed to, and what their health allows.

Decides forms and versions, signatures, screening and clearances.
Hears booking.confirmed, booking.announced, booking.rescheduled, client.merged, client.erased, practitioner.credentialed, policy.published.
Says form.published, consent.requested, consent.signed, consent.declined, consent.withdrawn, screening.answered,
clearance.granted, consent.refused.
Signatures, answers and the reasons of restrictions are its private rows; the ledger has their commitments.
"""
