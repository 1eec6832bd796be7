"""Recovery: what happens to the skin after the needles, and what is done about it.

Decides check-in plans, triage, escalation, incidents and safety holds.
Hears treatment.started/ended/recorded_late/end_missing, recall.opened, exposure.found, client.merged, client.erased, policy.published.
Says checkin.due/reminded/answered/missed/followed_up, reaction.reported, safety_hold.placed/lifted, incident.opened, recovery.refused.
What clients answer is its private rows; the ledger has the tier and a commitment.
"""
