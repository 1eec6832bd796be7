"""The seven checkers: what must hold whatever has died, found by reading the record again (`asepsis check`).

1 every decision equals the rules replayed on the ledger before it   `decisions`, by each service's `checks.py`
2 real-time order, as far as the record itself knows it              `answers`
3 everything acknowledged is in the ledger                           `answers`
4 dense, chained, time never decreasing                              `check`, by `events.chain`
5 tables equal the ledger, private rows match their commitments      `tables`, `private`
6 each effect exactly once, each message decided once                `decisions`, `messages`
7 bookmarks and outward streams never contradict the ledger          `standing`, `outward`

A checker reads in transactions that PostgreSQL itself keeps from writing anything but temporary tables.
"""
