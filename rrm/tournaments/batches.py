"""Calls in batches, each chosen by what all games so far say: what the strategies have in common that choose every pair anew.

The first round pairs everyone once. A batch is an eighth of the players by default: a larger one takes fewer rounds and
chooses by older news. Any number of matches; 3 n by default.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rrm.errors import InputError
from rrm.tournaments.pool import Pool, rated
from rrm.tournaments.results import balanced
from rrm.tournaments.rounds import Pair, Play, Rounds

if TYPE_CHECKING:
    from rrm.tournaments.posterior import Posterior

__all__ = ["Batches"]


class Batches(Rounds):
    """Base of those strategies: they say `choose`. `matches`: how many are played; `batch`: how many at once."""

    takes_budget = True
    auto_votes = 1
    pools = True

    def __init__(self, draw: Sequence[int], *, matches: int | None = None, batch: int | None = None) -> None:
        super().__init__(draw)
        self._matches = 3 * self.players if matches is None else matches
        self._batch = max(1, self.players // 8) if batch is None else batch
        if self._matches < 1 or self._batch < 1:
            raise InputError(f"matches and batch must be at least 1, not {self._matches} and {self._batch}")

    @abstractmethod
    def choose(self, posterior: "Posterior", number: int) -> Pair:
        """The pair that is to be asked next, as match `number` (from 1)."""

    @property
    def most_matches(self) -> int:
        return self._matches if self.players > 1 else 0

    def play(self) -> Play:
        from rrm.tournaments.posterior import Posterior

        pool, count = Pool(self.players), 0
        fit = pool.fit()
        ready = _everyone_once(self.players)[: self.most_matches]
        while ready:
            pool.add((yield balanced(ready, self.players)))
            count += len(ready)
            fit = pool.fit()
            ready = self._batch_after(Posterior(fit, pool.votes, pool.lost), count)
        return rated(fit)

    def _batch_after(self, posterior: "Posterior", count: int) -> list[Pair]:
        pairs = []
        for number in range(count, min(count + self._batch, self.most_matches)):
            pairs.append(self.choose(posterior, number + 1))
            posterior.ask(*pairs[-1])
        return pairs


def _everyone_once(players: int) -> list[Pair]:
    """Neighbours in the draw; where one is left over, it meets the first."""
    pairs = [(player, player + 1) for player in range(0, players - 1, 2)]
    return [*pairs, (players - 1, 0)] if players % 2 and players > 1 else pairs
