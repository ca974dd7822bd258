"""Bradley-Terry against other implementations, against its own definition, and on hard inputs."""

import math
from itertools import combinations

import choix
import evalica
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.errors import InputError
from rrm.ratings.bradley_terry import Bout, Fit, fit, fit_bouts

INFINITE = math.inf


def played(seed, players, games, *, contests=1, spread=1.5, bias=0.0):
    """Skills, (B, N), and the arrays (first, second, won, lost) of games that were judged by the model."""
    chance = numpy.random.default_rng(seed)
    skills = chance.normal(0, spread, (contests, players))
    first = chance.integers(0, players, (contests, games))
    second = (first + chance.integers(1, players, (contests, games))) % players
    gap = numpy.take_along_axis(skills, first, 1) - numpy.take_along_axis(skills, second, 1)
    won = (chance.random(first.shape) < 1 / (1 + numpy.exp(-gap - numpy.reshape(bias, (-1, 1))))).astype(float)
    return skills, (first, second, won, 1 - won)


def as_bouts(first, second, won, lost, contest=0):
    return [
        Bout(*bout) for bout in zip(*(array[contest].tolist() for array in (first, second, won, lost)), strict=True)
    ]


def log_posterior(parameters, bouts, spread, bias_spread):
    """Its definition, of ratings and then the bias, by Python's own arithmetic."""
    *ratings, bias = parameters
    value = -sum(rating**2 for rating in ratings) / (2 * spread**2) - bias**2 / (2 * bias_spread**2)
    for first, second, won, lost in bouts:
        gap = ratings[first] - ratings[second] + bias
        value -= won * math.log1p(math.exp(-gap)) + lost * math.log1p(math.exp(gap))
    return value


def curvature(function, at, step=1e-3):
    """Second derivatives by central differences."""
    size = len(at)
    moves = numpy.eye(size) * step
    return numpy.array(
        [
            [
                sum(a * b * function(at + a * moves[i] + b * moves[j]) for a in (1, -1) for b in (1, -1))
                / (4 * step**2)
                for j in range(size)
            ]
            for i in range(size)
        ]
    )


BOUTS = st.integers(1, 6).flatmap(
    lambda players: st.tuples(
        st.just(players),
        st.lists(
            st.builds(
                Bout,
                st.integers(0, players - 1),
                st.integers(0, players - 1),
                st.floats(0, 20, allow_subnormal=False),
                st.floats(0, 20, allow_subnormal=False),
            ),
            max_size=12,
        ),
        st.permutations(range(players)),
    )
)


@pytest.mark.parametrize("alpha", [0.02, 0.125, 2.0])
def test_with_a_ridge_it_is_choix(alpha):
    """choix adds alpha times the squared ratings to the loss: a prior whose precision is twice alpha."""
    _, games = played(1, 8, 40)
    pairs = [(first, second) if won else (second, first) for first, second, won, _ in as_bouts(*games)]
    expected = choix.opt_pairwise(8, pairs, alpha=alpha, method="Newton-CG", tol=1e-12)
    found = fit(*games, 8, spread=(2 * alpha) ** -0.5, bias_spread=0)
    assert found.ratings[0] == pytest.approx(expected, abs=1e-6)
    assert found.bias.tolist() == found.bias_errors.tolist() == [0]


def test_without_a_prior_it_is_choix_and_evalica():
    """Maximum likelihood; without ties Newman's model is the same one. Their strengths are logits after a logarithm."""
    _, games = played(2, 8, 150, spread=0.5)
    xs, ys, won, _ = (array[0].tolist() for array in games)
    pairs = [(x, y) if first_won else (y, x) for x, y, first_won in zip(xs, ys, won, strict=True)]
    found = fit(*games, 8, spread=INFINITE, bias_spread=0).ratings[0]
    assert found == pytest.approx(choix.ilsr_pairwise(8, pairs, max_iter=1000, tol=1e-12), abs=1e-6)
    winners = [evalica.Winner.X if first_won else evalica.Winner.Y for first_won in won]
    for theirs in (evalica.bradley_terry, evalica.newman):
        assert found == pytest.approx(logits(theirs(xs, ys, winners, tolerance=1e-13, limit=100_000)), abs=1e-6)


def logits(result):
    """Centred logarithms of evalica's scores, by player."""
    found = numpy.log(result.scores.sort_index().to_numpy())
    return found - found.mean()


@pytest.mark.parametrize("tie_weight", [0.5, 0.25])
def test_with_ties_it_is_evalica(tie_weight):
    """A tie counts for both with the weight that evalica gives it."""
    chance = numpy.random.default_rng(3)
    pairs = [pair for pair in combinations(range(6), 2) for _ in range(10)]
    outcomes = chance.choice([evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw], len(pairs)).tolist()
    shares = {evalica.Winner.X: (1, 0), evalica.Winner.Y: (0, 1), evalica.Winner.Draw: (tie_weight, tie_weight)}
    bouts = [Bout(*pair, *shares[outcome]) for pair, outcome in zip(pairs, outcomes, strict=True)]
    xs, ys = zip(*pairs, strict=True)
    theirs = evalica.bradley_terry(xs, ys, outcomes, tie_weight=tie_weight, tolerance=1e-13, limit=100_000)
    found = fit_bouts(bouts, 6, spread=INFINITE, bias_spread=0)
    assert found.ratings[0] == pytest.approx(logits(theirs), abs=1e-6)


def test_two_players_by_hand():
    """Three votes of four: the logarithm of 3 apart. As many in both orders: the bias is the logarithm of the orders' odds."""
    found = fit_bouts([Bout(0, 1, 3, 1)], 2, spread=INFINITE, bias_spread=0)
    assert found.ratings[0] == pytest.approx([math.log(3) / 2, -math.log(3) / 2])
    # The likelihood of the gap has the information 4 * 3/4 * 1/4.
    assert found.gap_errors[0] == pytest.approx(numpy.array([[0, (4 / 3) ** 0.5], [(4 / 3) ** 0.5, 0]]))
    assert found.errors[0] == pytest.approx([(1 / 3) ** 0.5] * 2)
    found = fit_bouts([Bout(0, 1, 6, 2), Bout(1, 0, 4, 4)], 2, spread=INFINITE, bias_spread=INFINITE)
    assert found.bias[0] == pytest.approx(math.log(3) / 2)
    assert found.gaps[0, 0, 1] == pytest.approx(math.log(3) / 2)


@pytest.mark.parametrize("bias_spread", [1.0, INFINITE])
def test_a_planted_position_bias_is_found(bias_spread):
    """2,000 games each: within 0.1 logit in nearly all of 40 contests (the standard error is .06), right on average."""
    skills, games = played(4, 16, 2000, contests=40, bias=0.6)
    found = fit(*games, 16, bias_spread=bias_spread)
    misses = abs(found.bias - 0.6)
    assert misses[0] < 0.1
    assert (misses < 0.1).mean() > 0.85
    assert abs(found.bias.mean() - 0.6) < 0.02
    assert (misses / found.bias_errors).max() < 3.5
    assert 0.8 < (found.bias - 0.6).std() / found.bias_errors.mean() < 1.25


def test_what_a_bias_term_is_good_for():
    """Players are always shown in the order of their numbers: without the term the first is overrated, the last underrated."""
    skills, (first, second, won, lost) = played(5, 8, 400, contests=200, bias=1.0)
    counts = first < second
    true = skills - skills.mean(1, keepdims=True)
    without, with_bias = (
        fit(first, second, won * counts, lost * counts, 8, bias_spread=bias_spread).ratings - true
        for bias_spread in (0, 1.0)
    )
    assert without[:, 0].mean() > 0.3
    assert without[:, 7].mean() < -0.3
    assert abs(with_bias.mean(0)).max() < 0.15
    assert (with_bias**2).mean() < (without**2).mean()


def test_the_mode_is_where_nothing_near_is_likelier():
    """Slopes by central differences of the definition are 0, and the curvature gives the errors."""
    _, games = played(6, 5, 30)
    bouts = [*as_bouts(*games), Bout(0, 1, 0.5, 0.5), Bout(3, 2, 0.83, 0.17), Bout(1, 4, 2.5, 4.5)]
    found = fit_bouts(bouts, 5, spread=1.5, bias_spread=0.7)
    at = numpy.append(found.ratings[0], found.bias[0])

    def posterior(parameters):
        return log_posterior(parameters, bouts, 1.5, 0.7)

    for move in numpy.eye(6) * 1e-4:
        assert (posterior(at + move) - posterior(at - move)) / 2e-4 == pytest.approx(0, abs=1e-6)
    covariance = numpy.linalg.inv(-curvature(posterior, at))
    centre = numpy.eye(5) - 1 / 5
    assert found.covariance[0] == pytest.approx(centre @ covariance[:5, :5] @ centre, abs=1e-5)
    assert found.errors[0] == pytest.approx(found.covariance[0].diagonal() ** 0.5)
    assert found.bias_errors[0] == pytest.approx(covariance[5, 5] ** 0.5, abs=1e-5)


@pytest.mark.parametrize(("games", "contests", "held", "room"), [(48, 1500, 0.935, 0.01), (960, 300, 0.95, 0.01)])
def test_errors_hold_what_they_promise(games, contests, held, room):
    """Skills and bias from the prior: how many gaps are within 1.96 errors, and how often the likelier order is right.

    It is 95 % with many games; with few, the posterior is not quite normal, and the errors are some 5 % too small.
    """
    chance = numpy.random.default_rng(7)
    bias = chance.normal(0, 1, contests)
    skills, table = played(8, 16, games, contests=contests, spread=1.5, bias=bias)
    found = fit(*table, 16, spread=1.5, bias_spread=1.0)
    one, other = numpy.triu_indices(16, 1)
    gaps, promised = skills[:, one] - skills[:, other], found.chances[:, one, other]
    within = abs(found.gaps[:, one, other] - gaps) < 1.96 * found.gap_errors[:, one, other]
    assert within.mean() == pytest.approx(held, abs=room)
    assert (abs(found.bias - bias) < 1.96 * found.bias_errors).mean() > 0.91
    for low in numpy.arange(0, 1, 0.1):
        some = (promised >= low) & (promised < low + 0.1)
        assert (gaps[some] > 0).mean() == pytest.approx(promised[some].mean(), abs=0.04)


def test_draws_have_the_distribution_that_the_errors_state():
    """Of the gaps; a contest of one player is drawn too."""
    _, games = played(9, 4, 20, contests=2)
    found = fit(*games, 4)
    draws = found.draws(numpy.random.default_rng(10).normal(size=(40_000, 2, 4)))
    gaps = draws[..., :, None] - draws[..., None, :]
    assert gaps.mean(0) == pytest.approx(found.gaps, abs=0.03)
    assert gaps.std(0) == pytest.approx(found.gap_errors, abs=0.03)
    assert (gaps > 0).mean(0)[0][numpy.triu_indices(4, 1)] == pytest.approx(
        found.chances[0][numpy.triu_indices(4, 1)], abs=0.01
    )
    assert fit_bouts([], 1).draws(numpy.ones((3, 1, 1))).shape == (3, 1, 1)


@pytest.mark.parametrize(("spread", "bias_spread"), [(2.0, 1.0), (2.0, 0.0), (INFINITE, 1.0), (1.0, INFINITE)])
def test_a_batch_gives_what_its_contests_give_one_by_one(spread, bias_spread):
    """More of them than are fitted at once; bouts without votes change nothing."""
    _, games = played(11, 5, 100, contests=300, spread=0.3)
    found = fit(*games, 5, spread=spread, bias_spread=bias_spread)
    for contest in range(0, 300, 7):
        bouts = [*as_bouts(*games, contest=contest), Bout(0, 0, 0, 0)]
        alone = fit_bouts(bouts, 5, spread=spread, bias_spread=bias_spread)
        assert alone.ratings[0] == pytest.approx(found.ratings[contest], abs=1e-10)
        assert alone.bias[0] == pytest.approx(found.bias[contest], abs=1e-10)
        assert alone.covariance[0] == pytest.approx(found.covariance[contest], abs=1e-8)
        assert alone.bias_errors[0] == pytest.approx(found.bias_errors[contest], abs=1e-8)


def test_where_it_starts_makes_no_difference():
    """From an earlier fit, from ratings that are not centred, and from far away in the wrong direction."""
    _, games = played(12, 8, 60, contests=5, bias=0.6)
    cold = fit(*games, 8)
    earlier = fit(*(array[:, :50] for array in games), 8)
    for start in (earlier, earlier.ratings + 3, -20 * cold.ratings, [[1e3 * player for player in range(8)]] * 5):
        warm = fit(*games, 8, start=start)
        assert warm.ratings == pytest.approx(cold.ratings, abs=1e-9)
        assert warm.bias == pytest.approx(cold.bias, abs=1e-9)
        assert warm.covariance == pytest.approx(cold.covariance, abs=1e-9)
    assert fit(*games, 8, start=earlier, bias_spread=0).bias.tolist() == [0] * 5


def test_a_coarse_fit_is_near_the_fine_one():
    """What is left is about the square of the tolerance."""
    _, games = played(13, 16, 48, contests=50)
    assert fit(*games, 16, tolerance=1e-3).ratings == pytest.approx(fit(*games, 16).ratings, abs=1e-5)


def test_one_who_won_everything_is_rated_as_the_prior_allows():
    """The more votes and the wider the prior, the higher; in the middle is who did not play."""
    few, more, wide = (
        fit_bouts([Bout(0, 1, won, 0), Bout(1, 0, 0, won)], 3, spread=spread, bias_spread=0)
        for won, spread in ((1, 1.0), (50, 1.0), (50, 10.0))
    )
    assert 0 < few.gaps[0, 0, 1] < more.gaps[0, 0, 1] < wide.gaps[0, 0, 1]
    assert [found.ratings[0, 2] for found in (few, more, wide)] == pytest.approx([0, 0, 0], abs=1e-9)
    # At the mode the two slopes are level: gap / (2 spread ** 2) = votes * (1 - sigmoid(gap)).
    gap = more.gaps[0, 0, 1]
    assert gap / 2 == pytest.approx(100 / (1 + math.exp(gap)))


@pytest.mark.parametrize("players", [1, 2, 5])
def test_without_games_there_is_the_prior(players):
    """All are level, with the prior's errors (centring takes one part in N of them), and nothing is known of the bias."""
    for found in (
        fit_bouts([], players, spread=1.5, bias_spread=0.7),
        fit_bouts([Bout(0, 0, 0, 0)], players, spread=1.5, bias_spread=0.7),
    ):
        assert found.ratings.tolist() == [[0] * players]
        assert found.errors[0] == pytest.approx([1.5 * (1 - 1 / players) ** 0.5] * players, abs=1e-6)
        assert found.bias_errors[0] == pytest.approx(0.7)
        assert found.chances.tolist() == [[[0.5] * players] * players]


def test_no_contests_give_an_empty_fit():
    """Shapes are kept."""
    found = fit(*(numpy.zeros((0, 3), int),) * 2, *(numpy.zeros((0, 3)),) * 2, 4)
    assert found.ratings.shape == (0, 4)
    assert found.chances.shape == (0, 4, 4)


def test_islands_are_level_on_average():
    """Two groups that never met: the prior sees no difference between them."""
    found = fit_bouts([Bout(0, 1, 3, 1), Bout(2, 3, 1, 3)], 4)
    assert found.ratings[0, 0] + found.ratings[0, 1] == pytest.approx(0)
    assert found.gap_errors[0, 0, 2] > found.gap_errors[0, 0, 1]
    assert found.chances[0, 0, 3] == pytest.approx(0.5)


def test_the_same_response_against_itself_tells_of_the_bias_alone():
    """Its rating cancels out."""
    found = fit_bouts([Bout(1, 1, 3, 1)], 2, bias_spread=INFINITE)
    assert found.bias[0] == pytest.approx(math.log(3))
    assert found.ratings.tolist() == [[0, 0]]


@given(BOUTS)
def test_names_and_order_make_no_difference(drawn):
    """Players renamed, bouts reordered, split in two, or told from the other side with the other bias."""
    players, bouts, names = drawn
    found = fit_bouts(bouts, players)
    assert numpy.isfinite(found.ratings).all()
    assert numpy.isfinite(found.errors).all()
    assert found.ratings.mean() == pytest.approx(0, abs=1e-9)
    renamed = fit_bouts([Bout(names[a], names[b], won, lost) for a, b, won, lost in bouts[::-1]], players)
    assert renamed.ratings[0, list(names)] == pytest.approx(found.ratings[0], abs=1e-8)
    assert renamed.errors[0, list(names)] == pytest.approx(found.errors[0], abs=1e-6)
    assert renamed.bias == pytest.approx(found.bias, abs=1e-8)
    halves = fit_bouts([Bout(a, b, won / 2, lost / 2) for a, b, won, lost in bouts * 2], players)
    assert halves.ratings == pytest.approx(found.ratings, abs=1e-8)
    turned = fit_bouts([Bout(b, a, lost, won) for a, b, won, lost in bouts], players)
    assert turned.ratings == pytest.approx(found.ratings, abs=1e-8)
    assert turned.bias == pytest.approx(-found.bias, abs=1e-8)


def test_without_a_finite_estimate_it_says_so():
    """Which contest, and what to do."""
    one = numpy.array([[0], [0]]), numpy.array([[1], [1]]), numpy.array([[2.0], [3.0]]), numpy.array([[1.0], [0.0]])
    with pytest.raises(InputError, match="contest 1 has no finite estimate.*finite spreads"):
        fit(*one, 2, spread=INFINITE, bias_spread=0)
    with pytest.raises(InputError, match="contest 0 has no finite estimate"):
        fit_bouts([Bout(0, 1, 3, 0), Bout(1, 2, 1, 0)], 3, bias_spread=INFINITE)


def test_a_fit_that_has_no_time_to_settle_says_so():
    """It never returns half a fit."""
    with pytest.raises(InputError, match="the ratings of 1 contests did not settle in 1 steps"):
        fit_bouts([Bout(0, 1, 3, 1)], 2, most_steps=1)


def test_votes_beyond_the_precision_of_numbers_are_refused():
    """1e20 of them leave nothing of the rest; a million leave enough, with any prior of a sensible width."""
    with pytest.raises(InputError, match="too many or too few for the arithmetic"):
        fit_bouts([Bout(0, 1, 1e20, 1e20)], 2, spread=INFINITE, bias_spread=0)
    for spread in (0.01, 1.0, 30.0):
        gap = fit_bouts([Bout(0, 1, 1e6, 0)], 2, spread=spread, bias_spread=0).gaps[0, 0, 1]
        assert gap / (2 * spread**2) == pytest.approx(1e6 / (1 + math.exp(gap)), rel=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": [[0, 2]]}, "2 players are numbered 0 to 1"),
        ({"second": [[-1, 0]]}, "2 players are numbered 0 to 1"),
        ({"first": [[0.0, 1.0]]}, "whole numbers, not float64"),
        ({"won": [[1.0]]}, "one shape"),
        ({"first": [0], "second": [1], "won": [1.0], "lost": [0.0]}, "one shape"),
        ({"won": [[1.0, -1.0]]}, "finite and not negative"),
        ({"lost": [[math.nan, 1.0]]}, "finite and not negative"),
        ({"lost": [[math.inf, 1.0]]}, "finite and not negative"),
        ({"players": 0}, "at least one player, not 0"),
        ({"spread": 0.0}, "spread must be positive"),
        ({"spread": math.nan}, "spread must be positive"),
        ({"bias_spread": -1.0}, "that of the bias not negative"),
        ({"start": [[0.0, 0.0, 0.0]]}, r"\(contests, players\) = \(1, 2\), not \(1, 3\)"),
    ],
)
def test_what_makes_no_sense_is_refused(change, message):
    """With what was wrong."""
    arguments = {"first": [[0, 1]], "second": [[1, 0]], "won": [[1.0, 0.5]], "lost": [[0.0, 0.5]], "players": 2}
    assert isinstance(fit(**arguments), Fit)
    with pytest.raises(InputError, match=message):
        fit(**(arguments | change))
