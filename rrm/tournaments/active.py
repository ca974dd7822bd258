"""Each call goes to the pair that tells most: about the whole order (`Active`), or about who is best (`ActiveBest`).

What is wanted is a set of pairs in the right order: all pairs, or those of the leader with everyone else. A pair with the
gap g and the standard error s counts by the density of its gap at zero, exp(-(g/s)^2 / 2) / s, so that pairs which are
decided count little (`caution` scales s in the exponent). A call on a pair is worth the variance that it takes off those gaps, weighed so: an A-optimal
design for the pairs that are still open, in closed form, with nothing drawn by lot.

Cost: any number of matches, 3 n by default, in batches; see `rrm.tournaments.batches`. Ratings: one Bradley-Terry fit.
"""

from typing import TYPE_CHECKING

from rrm.tournaments.batches import Batches
from rrm.tournaments.rounds import Pair

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from rrm.ratings.newton import Floats
    from rrm.tournaments.posterior import Posterior

    Flags = NDArray[numpy.bool_]

__all__ = ["Active", "ActiveBest"]

_DIGITS = 9
"""Pairs that are worth the same but for rounding are taken in the order of the draw."""


class Active(Batches):
    """For the whole order."""

    def caution(self, number: int) -> float:
        """Within how many of its standard errors a gap counts as open, at match `number` (from 1)."""
        del number
        return 1.0

    def choose(self, posterior: "Posterior", number: int) -> Pair:
        """The pair of the greatest worth."""
        import numpy

        information, variances = posterior.information, posterior.variances
        weights = self._weights(posterior, variances, self.caution(number))
        told = posterior.covariance @ (numpy.diag(weights.sum(1)) - weights) @ posterior.covariance
        diagonal = told.diagonal()
        worth = information / (1 + information * variances) * (diagonal[:, None] + diagonal - 2 * told)
        first, second = divmod(int((worth / worth.max()).round(_DIGITS).argmax()), len(worth))
        return first, second

    def _weights(self, posterior: "Posterior", variances: "Floats", caution: float) -> "Floats":
        """(n, n), symmetric: how much it matters that each pair comes in the right order; 1 / s for the most open one."""
        import numpy

        decided = posterior.gaps**2 / (2 * caution**2 * variances)
        decided[~self._wanted(posterior)] = numpy.inf
        weights: Floats = numpy.exp(decided.min() - decided) / numpy.sqrt(variances)
        return weights

    def _wanted(self, posterior: "Posterior") -> "Flags":
        """(n, n), symmetric: which pairs are to come in the right order."""
        import numpy

        return ~numpy.eye(len(posterior.ratings), dtype=bool)


class ActiveBest(Active):
    """For the best one only; the others are ordered as far as they came into question."""

    def caution(self, number: int) -> float:
        """Less and less: at first nobody is to be passed over, at last it is between the first few."""
        return 1.0 - 0.5 * number / self.most_matches

    def _wanted(self, posterior: "Posterior") -> "Flags":
        wanted = super()._wanted(posterior)
        leader = int(posterior.ratings.round(_DIGITS).argmax())
        others = wanted[leader].copy()
        wanted[:] = False
        wanted[leader] = wanted[:, leader] = others
        return wanted
