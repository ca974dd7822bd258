"""Top-two Thompson sampling: who may be best meets whoever is hardest to tell from it, again and again.

Ratings are drawn from the posterior of one Bradley-Terry fit; whoever is best in the draw of ratings is the leader. The
challenger is who stands closest to the leader by the posterior's means, in standard errors of their gap (T3C: Shang et
al. 2020, arXiv 1910.10945, after the top-two rules of Russo 2016, arXiv 1602.08448). A match of the two that gave no vote
counts as a standard error more between them: another challenger is worth more than one whom the judge can't compare.

Ratings are drawn with fixed numbers for each match and each place in the draw, so that chance comes from the draw alone.
Cost: any number of matches, 3 n by default, in batches; see `rrm.tournaments.batches`.
"""

from typing import TYPE_CHECKING

from rrm.tournaments.batches import Batches
from rrm.tournaments.rounds import Pair

if TYPE_CHECKING:
    from rrm.tournaments.posterior import Posterior

__all__ = ["TopTwo"]


class TopTwo(Batches):
    """For the best one only. Explores more than `ActiveBest`, and so is slower to be sure."""

    def choose(self, posterior: "Posterior", number: int) -> Pair:
        """A leader, and its closest challenger."""
        import numpy

        normals = numpy.random.default_rng(number).standard_normal(self.players)
        leader = int(posterior.drawn(normals).argmax())
        distances = posterior.gaps[leader] / numpy.sqrt(posterior.variances[leader]) + posterior.lost[leader]
        distances[leader] = numpy.inf
        return leader, int(distances.round(9).argmin())
