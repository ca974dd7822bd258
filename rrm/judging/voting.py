"""Counts votes: which are asked, in which order the answers stand, when enough are in, and what they say.

The stop "majority" is lossless: it stops only where no votes that are still to come, lost ones included,
could change the outcome of all of them. "beta" stops there, too, and where the leader is sure enough. Orientations
are said as `True` where the match's second contestant is shown first. Knows nothing of how likely each order makes
a vote: to "beta" every vote is a toss of the same coin.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal, get_args

from rrm.types import Outcome, Tally, Vote

__all__ = [
    "ORDERS",
    "STOPS",
    "WAVES",
    "Order",
    "Stop",
    "Waves",
    "add",
    "least_heard",
    "next_wave",
    "next_wave_by_share",
    "orientations",
    "outcome",
    "outcome_by_share",
    "sureness",
]

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


_SLACK = 1e-9
"""What rounding may take from a number that is compared with a bound."""


def orientations(
    order: Order, votes: int, lead: bool, coin: Callable[[int], bool], repeat: int = 0
) -> tuple[bool, ...]:
    """The orientation of each vote of a match, in the order in which they are asked.

    `lead` is the orientation that has the odd vote (or, where it is fixed, all of them), `coin(i)` that of
    vote i under the order `random`. With `repeat` meetings before this one, the votes go on where theirs would end.
    """
    if order == "fixed":
        return (lead,) * votes
    count = 2 * votes if order == "both" else votes
    numbers = range(repeat * count, (repeat + 1) * count)
    if order == "random":
        return tuple(map(coin, numbers))
    return tuple(lead if number % 2 == 0 else not lead for number in numbers)


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


def outcome_by_share(share: float, allows_ties: bool) -> Outcome:
    """What votes say that count by degrees: the side with more than half of them.

    `share` is the first's, from 0 to 1. An even split is a tie only for a judge that may call one.
    """
    if abs(share - 0.5) < _SLACK:
        return Outcome.TIE if allows_ties else Outcome.UNDECIDED
    return Outcome.FIRST if share > 0.5 else Outcome.SECOND


def least_heard(order: Order) -> int:
    """How many votes the stop "beta" wants to hear before anyone is sure, where the match has as many.

    Where the orders are balanced one vote would be one order, and who is shown first would decide.
    """
    return 2 if order in ("balanced", "both") else 1


def next_wave(
    tally: Tally,
    remaining: int,
    allows_ties: bool,
    stop: Stop = "majority",
    threshold: float = 0.9,
    *,
    least: int = 1,
) -> int:
    """How many votes to ask for next: the fewest that could settle the match, 0 where it is settled.

    With fewer votes than `least` the stop "beta" is not sure of anyone; see `least_heard`.
    """
    if stop == "none" or remaining == 0:
        return remaining
    counts = tally.first, tally.second, tally.tie
    if stop == "beta":
        return _beta_wave(counts, remaining, allows_ties, threshold, least)
    return _majority_wave(counts, remaining, allows_ties)


def next_wave_by_share(
    share: float, heard: int, remaining: int, stop: Stop, threshold: float, *, least: int = 1
) -> int:
    """The same where votes count by degrees, as graded labels and probabilities do: `heard` of them gave `share` to the first.

    How much the votes to come will count is not known, so that no majority can be counted ahead: all are asked, unless the
    stop is "beta". A vote is one toss to it, however much it counts: three times as strong is not three times as certain.
    """
    if stop != "beta":
        return remaining
    leading = max(share, 1 - share) * heard
    sure = _fewest(leading, heard - leading, remaining, threshold)
    return min(max(sure, least - heard), remaining)


def sureness(leading: float, trailing: float) -> float:
    """How probable it is that a side's true share of the votes is above 1/2, given the votes for it and against it.

    The posterior of a Beta distribution from a uniform prior, as in Adaptive-Consistency (arXiv 2305.11860,
    github.com/Pranjal2041/AdaptiveConsistency); the counts need not be whole, a tie is half a vote for each. What
    lies below 1/2 is summed as the series 8.17.8 of the Digital Library of Mathematical Functions, whose terms are positive.
    """
    if leading < trailing:
        return 1 - sureness(trailing, leading)
    a, b = leading + 1, trailing + 1
    term = math.exp(math.lgamma(a + b) - math.lgamma(a + 1) - math.lgamma(b) - (a + b) * math.log(2))
    below, number = 0.0, 0
    while term > below * 1e-17:
        below += term
        term *= (a + b + number) / (a + 1 + number) / 2
        number += 1
    return 1 - below


_Counts = tuple[int, int, int]
"""Votes for the first, for the second, and ties."""


@lru_cache(maxsize=4096)
def _majority_wave(counts: _Counts, remaining: int, allows_ties: bool) -> int:
    needed = min(_needed(counts, remaining, allows_ties))
    return 0 if needed <= 0 else min(needed, remaining)


@lru_cache(maxsize=4096)
def _beta_wave(counts: _Counts, remaining: int, allows_ties: bool, threshold: float, least: int) -> int:
    """At most the majority's wave. A side is sure only where the outcome names it: with more ties than votes for it, it does not."""
    first, second, tie = counts
    ahead, behind = max(first, second), min(first, second)
    majority = _majority_wave(counts, remaining, allows_ties)
    sure = _fewest(ahead + tie / 2, behind + tie / 2, majority, threshold)
    return min(max(sure, tie - ahead, least - sum(counts)), majority)


def _fewest(leading: float, trailing: float, most: int, threshold: float) -> int:
    """The fewest votes that make the leader sure if all are for it; `most` where no fewer do."""
    enough = (more for more in range(most) if sureness(leading + more, trailing) >= threshold - _SLACK)
    return next(enough, most)


def _needed(counts: _Counts, remaining: int, allows_ties: bool) -> tuple[int, ...]:
    """For each label, how many of the remaining votes would settle the match for it if all said so."""
    first, second, tie = counts
    ties = remaining if allows_ties else 0
    needed_first = max(_lead(first, second, remaining, 1), _lead(first, tie, ties, 0))
    needed_second = max(_lead(second, first, remaining, 1), _lead(second, tie, ties, 0))
    if not allows_ties:
        return needed_first, needed_second
    return needed_first, needed_second, _lead(tie, max(first, second), remaining, 1)


def _lead(ahead: int, behind: int, remaining: int, by: int) -> int:
    """The fewest votes x with `ahead + x >= behind + (remaining - x) + by`."""
    return -((ahead - behind - remaining - by) // 2)
