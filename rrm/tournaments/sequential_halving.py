"""Sequential halving: the calls are shared out over ceil(log2 n) rounds, and after each the better half goes on.

All games of all rounds are pooled in one Bradley-Terry fit, so that nothing is forgotten and a win counts by who was
beaten (Karnin, Koren and Somekh 2013 for the halving; the pooling is ours, measured in docs/ranking-study.md). In a round
everyone who is left plays as often, by the circle method (an odd one rests now and then). So it has few rounds, which suits a single contest that
somebody waits for.

Cost: any number of matches, 3 n by default; those who went out first are ordered least well.
"""

from collections.abc import Iterator, Sequence
from itertools import cycle, islice

from rrm.errors import InputError
from rrm.tournaments.pool import Pool, rated
from rrm.tournaments.results import balanced
from rrm.tournaments.round_robin import circle
from rrm.tournaments.rounds import Pair, Play, Rounds

__all__ = ["SequentialHalving"]


class SequentialHalving(Rounds):
    """`matches` is how many are played in all, over all rounds; at least one for every two players that are left."""

    takes_budget = True
    auto_votes = 1
    pools = True

    def __init__(self, draw: Sequence[int], *, matches: int | None = None) -> None:
        super().__init__(draw)
        if matches is not None and matches < 1:
            raise InputError(f"matches must be at least 1, not {matches}")
        self._matches = 3 * self.players if matches is None else matches

    @property
    def most_matches(self) -> int:
        return self._matches if self.players > 1 else 0

    def play(self) -> Play:
        pool = Pool(self.players)
        fit = pool.fit()
        left = list(range(self.players))
        for calls in _shares(self.players, self.most_matches):
            pool.add((yield list(islice(_meetings(left, self.players), calls))))
            fit = pool.fit()
            left = [player for player in rated(fit).order if player in left][: -(-len(left) // 2)]
        return rated(fit)


def _meetings(left: Sequence[int], players: int) -> Iterator[Pair]:
    """Everyone who is left with everyone, over and over again."""
    return cycle(balanced([(left[one], left[other]) for one, other in circle(len(left))], players))


def _shares(players: int, matches: int) -> list[int]:
    """The matches of each round: as equal as can be, but one for every two players while there are enough."""
    sizes = []
    while players > 1:
        sizes.append(players)
        players = -(-players // 2)
    shares = []
    for place, size in enumerate(sizes):
        rest = sizes[place + 1 :]
        equal = matches // (len(rest) + 1)
        shares.append(min(matches, max(equal, -(-size // 2))))
        matches -= shares[-1]
    return shares
