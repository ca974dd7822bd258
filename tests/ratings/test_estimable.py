"""Which votes have a finite estimate, against linear programs that look for a direction without a bound."""

from random import Random

import numpy
import pytest
from scipy.optimize import linprog

from rrm.ratings.estimable import estimable


def has_bounded_estimate(won, lost, *, ratings_are_free, bias_is_free):
    """Whether no change of what is free, other than of all ratings alike, leaves every vote as likely or likelier."""
    players = len(won)
    directions = []
    for first, second in zip(*numpy.nonzero(won + lost), strict=True):
        gap = numpy.zeros(players + 1)
        gap[first] += ratings_are_free
        gap[second] -= ratings_are_free
        gap[players] = bias_is_free
        directions += [gap] * bool(won[first, second]) + [-gap] * bool(lost[first, second])
    needed = (players - 1) * ratings_are_free + bias_is_free
    if not directions:
        return needed == 0
    if numpy.linalg.matrix_rank(directions) < needed:
        return False
    rows = numpy.array(directions)
    best = linprog(
        -rows.sum(0), A_ub=numpy.vstack([-rows, rows]), b_ub=[0.0] * len(rows) + [1.0] * len(rows), bounds=(None, None)
    )
    return bool(best.fun > -1e-6)


@pytest.mark.parametrize(("ratings_are_free", "bias_is_free"), [(True, False), (True, True), (False, True)])
def test_it_is_what_a_linear_program_finds(ratings_are_free, bias_is_free):
    """Few votes among one to four players, so that both answers are frequent."""
    answers = []
    for seed in range(300):
        chance = Random(f"{seed} {bias_is_free}")
        players = chance.randint(1, 4)
        won, lost = (numpy.zeros((players, players)) for _ in range(2))
        for _ in range(chance.randint(0, 4 * players)):
            chance.choice([won, lost])[chance.randrange(players), chance.randrange(players)] += chance.choice(
                [0.5, 1, 2]
            )
        answers.append(has_bounded_estimate(won, lost, ratings_are_free=ratings_are_free, bias_is_free=bias_is_free))
        found = estimable(won[None], lost[None], ratings_are_free=ratings_are_free, bias_is_free=bias_is_free)
        assert found.tolist() == answers[-1:]
    assert 30 < sum(answers) < 270


def test_a_long_way_round_is_a_way():
    """A ring of 50 players: everyone beats the next one. Without one of the votes it is a line."""
    won = numpy.zeros((2, 50, 50))
    won[:, range(50), [*range(1, 50), 0]] = 1
    won[1, 49, 0] = 0
    assert estimable(won, won * 0, ratings_are_free=True, bias_is_free=False).tolist() == [True, False]
    assert estimable(won, won * 0, ratings_are_free=True, bias_is_free=True).tolist() == [False, False]
