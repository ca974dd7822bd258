"""Thompson's leader and its closest challenger, by posteriors that are written down."""

import numpy
import pytest

from rrm.tournaments import TopTwo
from rrm.tournaments.pool import pooled
from rrm.tournaments.posterior import Posterior
from rrm.tournaments.rounds import Played
from rrm.types import Outcome, Tally, Verdict


def posterior(ratings, covariance, lost=None):
    """With these ratings and covariances."""
    made = Posterior(pooled([], len(ratings)), {}, lost)
    made.ratings = numpy.array(ratings)
    made.gaps = made.ratings[:, None] - made.ratings
    made.covariance = numpy.array(covariance)
    return made


SURE = numpy.eye(4) * 1e-6


def test_who_is_surely_best_meets_the_closest():
    """By the gap in standard errors, not in logits: 2 is farther off than 1, and far less certain."""
    assert TopTwo(range(4)).choose(posterior([2.0, 1.0, 0.9, -4.0], SURE), 1) == (0, 1)
    uncertain = numpy.diag([1e-4, 1e-4, 1e-1, 1e-4])
    assert TopTwo(range(4)).choose(posterior([2.0, 1.0, 0.9, -4.0], uncertain), 1) == (0, 2)


def test_the_leader_is_drawn():
    """Of two who may both be best each is, in about half the matches; the draws are fixed by the match's number."""
    known = posterior([1.0, 1.0, -9.0, -9.0], numpy.eye(4) * 0.5)
    strategy = TopTwo(range(4))
    chosen = [strategy.choose(known, number) for number in range(1, 201)]
    assert set(chosen) == {(0, 1), (1, 0)}
    assert 70 < sum(leader == 0 for leader, _ in chosen) < 130
    assert chosen == [TopTwo(range(4)).choose(known, number) for number in range(1, 201)]


def test_a_leader_by_lot_meets_who_stands_above_it():
    """The farther above, the sooner: that one is hardest to beat."""
    known = posterior([0.0, 0.5, 0.3], numpy.eye(3))
    chosen = {TopTwo(range(3)).choose(known, number) for number in range(1, 101)}
    assert chosen == {(0, 1), (1, 2), (2, 1)}


@pytest.mark.parametrize(("lost", "challenger"), [(None, 1), ({(0, 1): 1}, 1), ({(0, 1): 2}, 2)])
def test_a_challenger_that_can_not_be_compared_gives_way(lost, challenger):
    """Each match without a vote counts as a standard error: 1 is ahead of 2 by one and a half."""
    known = posterior([30.0, 1.5, 0.0, -9.0], numpy.eye(4) / 2, lost)
    assert TopTwo(range(4)).choose(known, 1) == (0, challenger)


def test_distances_that_are_equal_go_by_the_draw():
    """All that is left to chance is the leader."""
    played = [Played(1, 0, other, Verdict(Outcome.FIRST, Tally())) for other in (1, 2, 3) for _ in range(40)]
    known = Posterior(pooled(played, 4), {})
    assert TopTwo(range(4)).choose(known, 1) == (0, 1)
