"""What is known of the players between two rounds, and what it would be if more pairs were asked.

The normal approximation of one Bradley-Terry fit of all games, and the votes that each pair has had. Strategies choose a
batch of pairs one after the other, each as if those before it had been asked: a pair's variance goes, its rating stays.

A pair whose matches gave no vote is likely to give none again. So it is expected to tell less, or a strategy would ask it
until the budget is gone.
"""

from collections.abc import Mapping

import numpy

from rrm.ratings.bradley_terry import Fit
from rrm.ratings.newton import Floats
from rrm.tournaments.pool import PAIR_ERROR
from rrm.tournaments.rounds import Pair

__all__ = ["Posterior"]

_LEAST_VARIANCE = 1e-12


class Posterior:
    """Of n players. `ratings` (n,), `gaps` (n, n: the row's rating less the column's) and `covariance` (n, n), in logits.

    `lost` (n, n): how many matches of each pair gave no vote.
    """

    def __init__(self, fit: Fit, votes: Mapping[Pair, float], lost: Mapping[Pair, float] | None = None) -> None:
        self.ratings: Floats = fit.ratings[0]
        self.covariance: Floats = fit.covariance[0]
        self.gaps: Floats = self.ratings[:, None] - self.ratings
        chances = 1 / (1 + numpy.exp(-self.gaps))
        self._information = chances * (1 - chances)
        self._shared = self._information * PAIR_ERROR**2
        self._votes = self._by_pair(votes)
        self.lost: Floats = self._by_pair(lost or {})
        self._heard = (self._votes + 1) / (self._votes + 1 + self.lost)
        """Share of the matches that are expected to give a vote: as so far, after one that did."""

    @property
    def variances(self) -> Floats:
        """(n, n), of the gaps."""
        diagonal = self.covariance.diagonal()
        return numpy.maximum(diagonal[:, None] + diagonal - 2 * self.covariance, _LEAST_VARIANCE)

    @property
    def information(self) -> Floats:
        """(n, n): what is expected of asking each pair once more, in 1 / logit^2 of its gap; less where it was asked before."""
        shared, votes = self._shared, self._votes
        information: Floats = self._heard * self._information / ((1 + votes * shared) * (1 + (votes + 1) * shared))
        return information

    def ask(self, first: int, second: int) -> None:
        """Be as if the pair had been asked once more."""
        told = self.covariance[:, first] - self.covariance[:, second]
        information = float(self.information[first, second])
        shrinks = information / (1 + information * float(told[first] - told[second]))
        self.covariance = self.covariance - numpy.outer(told, told) * shrinks
        self._votes[first, second] += 1
        self._votes[second, first] += 1

    def drawn(self, normals: Floats) -> Floats:
        """Ratings drawn from it, (n,), made of as many standard normal numbers."""
        # The covariance of ratings whose mean is 0 is singular. A number added to all of it changes no difference.
        root = numpy.linalg.cholesky(self.covariance + self.covariance.diagonal().max())
        drawn: Floats = self.ratings + root @ normals
        return drawn

    def _by_pair(self, counts: Mapping[Pair, float]) -> Floats:
        table = numpy.zeros_like(self.gaps)
        for (one, other), count in counts.items():
            table[one, other] = table[other, one] = count
        return table
