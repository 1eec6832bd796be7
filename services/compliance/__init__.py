"""compliance

decides  who may act (identities, grants, tokens, shared tablets, PINs), which policy version holds, what may be skipped
hears    everything: it keeps, for every id in every event, where in the ledger it is spoken of
says     clinic.opened, client.erased, access.granted/revoked, token.created/revoked, tablet.enrolled/removed, pin.set/locked,
         policy.published, record.viewed, entry.skipped, epoch.opened, compliance.refused
answers  what stands behind a treatment, what a thing touched, whether the ledger is sound (`routes.py`, `offline.py`)
"""
