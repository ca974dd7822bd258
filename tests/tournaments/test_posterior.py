"""What is known of the players, and what it would be if more pairs were asked: the update against the refitted normal."""

from itertools import combinations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm.tournaments.pool import PAIR_ERROR, pooled
from rrm.tournaments.posterior import Posterior
from rrm.tournaments.rounds import Played
from rrm.types import Outcome, Support, Tally, Verdict

DECIDED = (Outcome.FIRST, Outcome.SECOND, Outcome.TIE)


@st.composite
def played(draw, most=7):
    """Games of 2 to `most` players, as many of them as there may be."""
    players = draw(st.integers(2, most))
    pair = st.permutations(range(players)).map(lambda order: (order[0], order[1]))
    outcomes = st.sampled_from(Outcome)
    found = draw(st.lists(st.tuples(pair, outcomes), max_size=30))
    return players, [Played(1, *two, Verdict(outcome, Tally())) for two, outcome in found]


def posterior_of(players, games):
    """As a strategy makes it, counted anew."""
    votes, lost = {}, {}
    for _, first, second, verdict in games:
        counts = votes if verdict.outcome in DECIDED else lost
        pair = (min(first, second), max(first, second))
        counts[pair] = counts.get(pair, 0) + 1
    return Posterior(pooled(games, players), votes, lost)


def difference(players, first, second):
    vector = numpy.zeros(players)
    vector[first], vector[second] = 1.0, -1.0
    return vector


@settings(deadline=None)
@given(played(), st.data())
def test_asking_a_pair_is_fitting_the_normal_again(case, data):
    """The variances of all gaps equal those of the precision with the pair's information added, and inverted."""
    players, games = case
    posterior = posterior_of(players, games)
    ratings = posterior.ratings.copy()
    # The covariance is of ratings whose mean is 0: along the mean it gets a variance, which changes no gap.
    precision = numpy.linalg.inv(posterior.covariance + 1.0)
    for _ in range(data.draw(st.integers(1, 4))):
        first, second = data.draw(st.permutations(range(players)))[:2]
        vector = difference(players, first, second)
        precision += posterior.information[first, second] * numpy.outer(vector, vector)
        posterior.ask(first, second)
        refitted = numpy.linalg.inv(precision)
        for one, other in combinations(range(players), 2):
            gap = difference(players, one, other)
            assert posterior.variances[one, other] == pytest.approx(gap @ refitted @ gap, rel=1e-6, abs=1e-9)
    assert (posterior.ratings == ratings).all()


@settings(deadline=None)
@given(played())
def test_gaps_and_variances_are_those_of_the_fit(case):
    """Between each two; no variance is 0, not even of a player's gap to itself."""
    players, games = case
    posterior, fit = posterior_of(players, games), pooled(games, players)
    assert (posterior.variances > 0).all()
    for one, other in combinations(range(players), 2):
        assert posterior.gaps[one, other] == pytest.approx(fit.ratings[0, one] - fit.ratings[0, other])
        assert posterior.gaps[other, one] == -posterior.gaps[one, other]
        error = fit.gap_errors[0, one, other]
        assert posterior.variances[one, other] == pytest.approx(error**2)
        assert posterior.variances[other, one] == pytest.approx(error**2)


def test_information_of_votes_on_one_pair():
    """p (1 - p) for the first; each pair has an error of its own, so that n votes on it tell I / (1 / n + I e^2) in all."""
    posterior = posterior_of(3, [])
    told = [0.25 / (1 / count + 0.25 * PAIR_ERROR**2) for count in range(1, 5)]
    for before, after in zip([0.0, *told], told, strict=False):
        assert posterior.information[0, 1] == pytest.approx(after - before)
        assert posterior.information[1, 0] == posterior.information[0, 1]
        posterior.ask(0, 1)
    assert posterior.information[0, 2] == pytest.approx(told[0])


def test_votes_of_before_count():
    """As those that are asked."""
    games = [Played(1, 1, 0, Verdict(Outcome.TIE, Tally()))] * 2
    posterior = posterior_of(3, games)
    told = [0.25 / (1 / count + 0.25 * PAIR_ERROR**2) for count in (2, 3)]
    assert posterior.information[0, 1] == pytest.approx(told[1] - told[0], rel=1e-6)


def test_pairs_that_gave_no_vote_are_expected_to_give_few():
    """One of two: half; one of four: a quarter. Asking makes no vote out of it."""
    lost = Played(1, 0, 1, Verdict(Outcome.UNDECIDED, Tally(truncated=1)))
    fresh = posterior_of(3, []).information[0, 1]
    assert posterior_of(3, [lost]).information[0, 1] == pytest.approx(fresh / 2)
    posterior = posterior_of(3, [lost] * 3)
    assert posterior.information[1, 0] == pytest.approx(fresh / 4)
    assert posterior.information[0, 2] == pytest.approx(fresh)
    assert posterior.lost[0, 1] == posterior.lost[1, 0] == 3
    assert posterior.lost.sum() == 6


def test_a_lost_vote_beside_others_is_no_lost_match():
    """The pool counts a match as lost where it gave no vote at all."""
    from rrm.tournaments.pool import Pool

    pool = Pool(3)
    some = Verdict(Outcome.FIRST, Tally(first=1, truncated=2), support=(Support(1.0, 0.0), Support()))
    none = Verdict(Outcome.UNDECIDED, Tally(truncated=3))
    pool.add([Played(1, 0, 1, some), Played(2, 2, 1, none), Played(3, 1, 2, none)])
    assert pool.lost == {(1, 2): 2}
    assert pool.votes == {(0, 1): 1.0}


@settings(deadline=None)
@given(played(5))
def test_drawn_ratings_differ_as_the_posterior_says(case):
    """What a draw makes of each normal number, squared and added up, is the covariance of the differences."""
    players, games = case
    posterior = posterior_of(players, games)
    middle = posterior.drawn(numpy.zeros(players))
    assert middle == pytest.approx(posterior.ratings)
    root = numpy.array([posterior.drawn(row) - middle for row in numpy.eye(players)]).T
    gaps = [difference(players, one, other) for one, other in combinations(range(players), 2)]
    for gap in gaps:
        for other in gaps:
            wanted = gap @ posterior.covariance @ other
            assert (gap @ root) @ (other @ root) == pytest.approx(wanted, rel=1e-6, abs=1e-6)
