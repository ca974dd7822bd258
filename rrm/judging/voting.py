"""Counts votes: which are asked, in which order the answers stand, when enough are in, and what they say.

The early stop is lossless: it stops only where no votes that are still to come, lost ones included,
could change the outcome of all of them. Orientations are said as `True` where the match's second
contestant is shown first.
"""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

from rrm.types import Outcome, Tally, Vote

__all__ = ["ORDERS", "STOPS", "WAVES", "Order", "Stop", "Waves", "add", "next_wave", "orientations", "outcome"]

Order = Literal["balanced", "both", "random", "fixed"]
"""How the two answers are put in order: half the votes each way (with one vote, half the matches each
way), every vote asked both ways, a seeded coin for each vote, or always as given."""

ORDERS: tuple[str, ...] = get_args(Order)

Stop = Literal["majority", "beta", "none"]
"""When votes are enough: when no other vote can change the majority (lossless), when the winner is as sure as the
threshold says (a Beta posterior), or when all are in."""

STOPS: tuple[str, ...] = get_args(Stop)

Waves = Literal["fixed", "load"]
"""How many votes are asked for at once: as few as could decide, or more where the engine has nothing else to do. The second
changes what is asked, and so what a run costs, from one run to the next."""

WAVES: tuple[str, ...] = get_args(Waves)


def orientations(order: Order, votes: int, lead: bool, coin: Callable[[int], bool]) -> tuple[bool, ...]:
    """The orientation of each vote of a match, in the order in which they are asked.

    `lead` is the orientation that has the odd vote (or, where it is fixed, all of them), `coin(i)` that of
    vote i under the order `random`.
    """
    if order == "fixed":
        return (lead,) * votes
    if order == "random":
        return tuple(coin(number) for number in range(votes))
    count = 2 * votes if order == "both" else votes
    return tuple(lead if number % 2 == 0 else not lead for number in range(count))


def add(tally: Tally, votes: Sequence[Vote], forced: int = 0) -> Tally:
    """The tally with more votes, of which `forced` were forced."""
    return Tally(
        tally.first + votes.count(Vote.FIRST),
        tally.second + votes.count(Vote.SECOND),
        tally.tie + votes.count(Vote.TIE),
        tally.unparsed + votes.count(Vote.UNPARSED),
        tally.truncated + votes.count(Vote.TRUNCATED),
        tally.forced + forced,
        tally.scored,
    )


def outcome(tally: Tally, allows_ties: bool) -> Outcome:
    """What the votes say: the label with the most votes.

    A tie needs more votes than either side, or an even split of a judge that may call ties; an even split of
    one that may not, and a match whose votes were all lost, are undecided.
    """
    if tally.tie > max(tally.first, tally.second):
        return Outcome.TIE
    if tally.first == tally.second:
        return Outcome.TIE if allows_ties and tally.decided else Outcome.UNDECIDED
    return Outcome.FIRST if tally.first > tally.second else Outcome.SECOND


def next_wave(tally: Tally, remaining: int, allows_ties: bool) -> int:
    """How many votes to ask for next: the fewest that could settle the match, 0 where it is settled."""
    if remaining == 0:
        return 0
    needed = min(_needed(tally, remaining, allows_ties))
    return 0 if needed <= 0 else min(needed, remaining)


def _needed(tally: Tally, remaining: int, allows_ties: bool) -> tuple[int, ...]:
    """For each label, how many of the remaining votes would settle the match for it if all said so."""
    first, second, tie = tally.first, tally.second, tally.tie
    ties = remaining if allows_ties else 0
    needed_first = max(_lead(first, second, remaining, 1), _lead(first, tie, ties, 0))
    needed_second = max(_lead(second, first, remaining, 1), _lead(second, tie, ties, 0))
    if not allows_ties:
        return needed_first, needed_second
    return needed_first, needed_second, _lead(tie, max(first, second), remaining, 1)


def _lead(ahead: int, behind: int, remaining: int, by: int) -> int:
    """The fewest votes x with `ahead + x >= behind + (remaining - x) + by`."""
    return -((ahead - behind - remaining - by) // 2)
