"""Everything that must be clean, sterile or thrown away.

decides  sterilizers, cycles, indicators, releases, packs, lots and units, handpieces, rooms, recalls
hears    treatment.started, treatment.recorded_late, cartridge.added, reaction.reported, policy.published, access.granted, access.revoked
says     sterilizer.*, cycle.recorded, load.released, indicator.read, pack.quarantined, lot.*, cartridge.opened, cartridge.wasted,
         handpiece.*, room.turned_over, recall.opened, recall.decided, exposure.found, hygiene.refused
"""
