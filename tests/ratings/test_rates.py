"""Ratings by counting, by hand and against evalica."""

import evalica
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.ratings.elo import Game
from rrm.ratings.rates import copeland, margins, win_rates

GAMES = [Game(0, 1, 1.0), Game(1, 0, 1.0), Game(0, 1, 0.5), Game(2, 0, 0.0), Game(2, 1, 0.75), Game(1, 2, 1.0)]
OF_FIVE = st.lists(
    st.builds(Game, st.integers(0, 4), st.integers(0, 4), st.sampled_from([0.0, 0.25, 0.5, 1.0])).filter(
        lambda game: game.first != game.second
    )
)


def test_win_rates_by_hand():
    """Mean scores; who did not play stands in the middle."""
    assert win_rates(GAMES, 4) == [2.5 / 4, 2.75 / 5, 0.75 / 3, 0.5]


def test_copeland_by_hand():
    """0 and 1 are level over three meetings; 0 beats 2, and 1 beats 2 by a quarter of a game."""
    assert margins(GAMES) == {(0, 1): 0.0, (0, 2): 0.5, (1, 2): 0.25}
    assert copeland(GAMES, 4) == [1, 1, -2, 0]


def test_counted_wins_are_those_of_evalica():
    """Its counting gives a point for a win and half of one for a tie."""
    outcomes = {1.0: evalica.Winner.X, 0.5: evalica.Winner.Draw, 0.0: evalica.Winner.Y}
    games = [Game(a, b, [0.0, 0.5, 1.0][(a * 5 + b * 3) % 3]) for a in range(6) for b in range(6) if a != b]
    first, second, scores = zip(*games, strict=True)
    points = evalica.counting(first, second, [outcomes[score] for score in scores]).scores.sort_index()
    assert [rate * 10 for rate in win_rates(games, 6)] == pytest.approx(points.to_list())


@given(OF_FIVE, st.permutations(range(5)))
def test_order_and_names_make_no_difference(games, names):
    """Unlike Elo. What one gains in Copeland the other loses."""
    turned = [Game(names[second], names[first], 1 - score) for first, second, score in games[::-1]]
    rates, ratings = win_rates(games, 5), copeland(games, 5)
    assert [win_rates(turned, 5)[name] for name in names] == pytest.approx(rates)
    assert [copeland(turned, 5)[name] for name in names] == ratings
    assert sum(ratings) == 0


@given(OF_FIVE)
def test_copeland_is_a_count_of_pairs(games):
    """Added up pair by pair."""
    for player, rating in enumerate(copeland(games, 5)):
        expected = 0
        for other in {*range(5)} - {player}:
            margin = sum(score - 0.5 for first, second, score in games if (first, second) == (player, other))
            margin -= sum(score - 0.5 for first, second, score in games if (first, second) == (other, player))
            expected += (margin > 0) - (margin < 0)
        assert rating == expected
