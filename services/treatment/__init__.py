"""The gate, and what is done to the skin.

decides  whether a treatment may start at this instant; pause, end, past treatments, overrides
hears    bookings, arrivals, consents, screenings, clearances, everything of hygiene, safety holds, policies
says     treatment.started, refused, stop_advised, paused, resumed, ended, recorded_late, end_missing;
         skin.cleansed, numbing.applied, numbing.removed, cartridge.added, rule.overridden
"""
