"""All games in one fit: which votes it counts, who can't be told apart, and how repeated pairs weigh."""

from itertools import combinations

import numpy
import pytest

from rrm.ratings.bradley_terry import Bout, fit_bouts
from rrm.tournaments.pool import BIAS_SPREAD, PAIR_ERROR, SPREAD, Pool, pooled, rated
from rrm.tournaments.rounds import Played
from rrm.types import Outcome, Support, Tally, Verdict

NONE = Support()


def game(first, second, outcome, straight=NONE, turned=NONE):
    return Played(1, first, second, Verdict(outcome, Tally(), support=(straight, turned)))


def fitted(votes, players):
    """The fit of these bouts as they are, with the priors of the pool."""
    return fit_bouts(votes, players, spread=SPREAD, bias_spread=BIAS_SPREAD)


def same(one, other):
    """To the tolerance of the pool."""
    return numpy.allclose(one.ratings, other.ratings, atol=1e-5) and numpy.allclose(one.bias, other.bias, atol=1e-5)


def test_votes_count_by_who_was_shown_first():
    """One vote as in the match, and one the other way round, where the second was shown first, on different pairs."""
    played = [game(2, 1, Outcome.FIRST, Support(1.0, 0.0)), game(0, 2, Outcome.FIRST, turned=Support(0.25, 0.75))]
    assert same(pooled(played, 3), fitted([Bout(2, 1, 1.0, 0.0), Bout(2, 0, 0.75, 0.25)], 3))


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        (Outcome.FIRST, [Bout(0, 1, 1.0, 0.0)]),
        (Outcome.SECOND, [Bout(0, 1, 0.0, 1.0)]),
        (Outcome.TIE, [Bout(0, 1, 0.5, 0.5)]),
        (Outcome.UNDECIDED, []),
    ],
)
def test_a_verdict_without_counts_is_one_vote_and_an_undecided_one_is_none(outcome, counted):
    """Shown as in the match."""
    pool = Pool(2)
    pool.add([game(0, 1, outcome)])
    assert same(pool.fit(), fitted(counted, 2))
    assert pool.votes == ({(0, 1): 1.0} if counted else {})


def test_games_add_up_over_rounds():
    """In the order of the numbers of the two, whoever was shown first; the fit goes on from the one before."""
    pool = Pool(3)
    pool.add([game(1, 0, Outcome.FIRST, Support(2.0, 1.0), Support(0.0, 1.0))])
    pool.fit()
    pool.add([game(0, 1, Outcome.TIE), game(1, 2, Outcome.SECOND)])
    assert pool.votes == {(0, 1): 5.0, (1, 2): 1.0}
    whole = [game(1, 0, Outcome.FIRST, Support(2.0, 1.0), Support(0.0, 1.0)), game(0, 1, Outcome.TIE)]
    assert same(pool.fit(), pooled([*whole, game(1, 2, Outcome.SECOND)], 3))


def test_without_a_game_everyone_is_in_the_middle_and_stands_as_in_the_draw():
    """And no neighbours can be told apart."""
    standings = rated(pooled([], 3))
    assert standings.order == (0, 1, 2)
    assert standings.scores == (0.0, 0.0, 0.0)
    assert standings.level == ((0, 1), (1, 2))
    assert standings.position_bias == 0.0


def test_one_player_needs_no_game():
    """He is rated in the middle of himself."""
    standings = rated(pooled([], 1))
    assert (standings.order, standings.scores, standings.level) == ((0,), (0.0,), ())


def test_many_votes_tell_two_apart_and_few_do_not():
    """The neighbours of the order are level by the standard error of their difference."""
    few = [game(one, other, Outcome.FIRST) for one, other in combinations(range(4), 2)]
    even, clear = (Support(5.0, 5.0),) * 2, (Support(10.0, 0.0),) * 2
    many = [
        game(one, other, Outcome.FIRST, *(even if (one, other) in ((0, 1), (2, 3)) else clear))
        for one, other in combinations(range(4), 2)
    ]
    assert rated(pooled(few, 4)).order == rated(pooled(many, 4)).order == (0, 1, 2, 3)
    assert rated(pooled(few, 4)).level == ((0, 1), (1, 2), (2, 3))
    assert rated(pooled(many, 4)).level == ((0, 1), (2, 3))


def test_a_judge_who_takes_the_first_shown_is_seen_through():
    """Both orders, and the first shown wins each time: a bias, and no difference between the two."""
    played = [game(0, 1, Outcome.TIE, Support(3.0, 0.0), Support(0.0, 3.0))]
    standings = rated(pooled(played, 2))
    assert standings.scores == (0.0, 0.0)
    assert standings.position_bias > 1


@pytest.mark.parametrize("votes", [1.0, 2.0, 5.0, 100.0])
def test_votes_on_one_pair_share_an_error(votes):
    """n of them count as n (1 + c) / (1 + c n), where c is the error's variance by what a vote tells: never more than 1 / c + 1."""
    share = (votes + 1) / (votes + 2)
    shared = share * (1 - share) * PAIR_ERROR**2
    counted = votes * (1 + shared) / (1 + shared * votes)
    assert counted <= 1 / shared + 1
    played = [game(0, 1, Outcome.FIRST, Support(votes / 2, 0.0), Support(votes / 2, 0.0))]
    assert same(pooled(played, 2), fitted([Bout(0, 1, counted / 2, 0.0), Bout(1, 0, 0.0, counted / 2)], 2))
