"""How often a PIN may be tried on a shared tablet, and how long to wait before the next try.

Six digits that are no pattern are one of 996,400. Each person has a count of wrong tries on each tablet. Three cost nothing but
the try; then the wait doubles from half a minute, so that the tenth comes after an hour at the earliest, and locks: the PIN of
this person, on this tablet. So whoever guesses finds one person's PIN on one tablet with a chance of 1 : 99,640. Ten people and
five tablets give 500 guesses, 1 : 2,000 of finding any, and fifty locks that the manager sees; one person's ten tablets give a
hundred in a row, which is what NIST SP 800-63B (5.2.2) allows on an account.

The right PIN takes one wrong try back, and no more: whoever waits for the owner to sign in has one guess for each time they do.
Of 2,500 times a year that is 1 : 400 a year, with the same lock at the first guess too many. Nobody can lock a colleague out:
the other tablets stand open, and so does the way in by token; for a wrong PIN or two it is not even a wait.
"""

from datetime import timedelta

FREE_TRIES = 3
"""People mistype, and most of them find the right one by then."""

FIRST_WAIT = timedelta(seconds=30)
MOST_TRIES = 10
"""As in the arithmetic above. Technical bounds, no policy of a clinic's: a weaker one would open every clinic's tablets."""


def wait_after(tries: int) -> timedelta:
    """How long nobody may try after so many wrong ones."""
    return timedelta() if tries < FREE_TRIES else FIRST_WAIT * 2 ** (tries - FREE_TRIES)


def tries_left_by_a_right_one(tries: int) -> int:
    """What is still counted when the last of them, counted before it was compared, was the right one."""
    return max(tries - 2, 0)
