"""Merge sort over the draw: at most n ceil(log2 n) - 2^ceil(log2 n) + 1 matches, about n log2 n - n.

The draw is halved until single players are left, and neighbouring parts are merged again: all merges of a level side by
side, each with one match at a time, in which the heads of its two parts meet. The last merge is up to n - 1 matches one
after another, so a contest that stands alone takes long; many contests at once fill the waits.

Who is placed above another has won against it, directly or over third ones, and nobody who lost a match stands above the
winner: there is no cycle to be seen. The other side of it is that one wrong verdict can move a player far.

A match that ends in a tie or undecided leaves the two as they stand in the draw (the sort is stable), where `first` is
ahead, and is listed in `advanced`. A score is the number of players placed below.
"""

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from itertools import pairwise

from rrm.tournaments.results import by_place
from rrm.tournaments.rounds import Pair, Play, Played, Rounds
from rrm.types import Outcome

__all__ = ["Sort"]


class Sort(Rounds):
    """The draw, sorted by matches."""

    @property
    def most_matches(self) -> int:
        return self.players * self._levels - (1 << self._levels) + 1

    @property
    def _levels(self) -> int:
        return (self.players - 1).bit_length()

    def play(self) -> Play:
        count = 1 << self._levels
        bounds = pairwise(self.players * part // count for part in range(count + 1))
        parts = [list(range(start, end)) for start, end in bounds]
        advanced: dict[int, int] = {}
        while len(parts) > 1:
            merges = [_Merge(*neighbours) for neighbours in zip(parts[::2], parts[1::2], strict=True)]
            parts = yield from _merged(merges, advanced)
        return by_place(parts[0], advanced)


class _Merge:
    """Two parts in order, that are being made one."""

    def __init__(self, upper: Iterable[int], lower: Iterable[int]) -> None:
        self.merged: list[int] = []
        self.upper, self.lower = deque(upper), deque(lower)

    @property
    def heads(self) -> Pair | None:
        """Who are to meet, where both parts have players left."""
        return (self.upper[0], self.lower[0]) if self.upper and self.lower else None

    def take(self, outcome: Outcome) -> None:
        ahead = self.lower if outcome is Outcome.SECOND else self.upper
        self.merged.append(ahead.popleft())


def _merged(
    merges: Sequence[_Merge], advanced: dict[int, int]
) -> Generator[list[Pair], Sequence[Played], list[list[int]]]:
    """Play all merges of a level, and return what they make; who goes ahead undecided is noted in `advanced`."""
    while running := [merge for merge in merges if merge.heads]:
        played = yield [merge.heads for merge in running if merge.heads]
        for merge, (number, first, _, verdict) in zip(running, played, strict=True):
            merge.take(verdict.outcome)
            if verdict.outcome not in (Outcome.FIRST, Outcome.SECOND):
                advanced[number] = first
    return [[*merge.merged, *merge.upper, *merge.lower] for merge in merges]
