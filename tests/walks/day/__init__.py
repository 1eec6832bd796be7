"""A clinic's day, played from outside: plain Redis commands and HTTP, nothing of ours imported.

`python -m tests.walks.day example.json checkpoint.txt` reads the addresses and ids of an example clinic that is up,
tells the story as it unfolds, writes down what the auditor keeps, and ends 0 only if every answer was the expected one.
"""
