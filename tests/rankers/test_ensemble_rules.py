"""How members' scores become one, against sums by hand; and ensembles of real rewards."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm import Contest
from rrm.errors import ContestError, EngineError, InputError, UnknownNameError
from rrm.rankers import Ensemble
from rrm.rankers.rules import combined, standardised
from rrm.ranking import RewardInfo

finite = st.floats(-1e6, 1e6)


def by(numbers):
    """A reward that looks a response's score up."""

    def score(conversations):
        return [numbers[conversation[-1]["content"]] for conversation in conversations]

    return score


ONE = by({"a": 1.0, "b": 2.0, "c": 3.0})
OTHER = by({"a": 30.0, "b": 0.0, "c": 0.0})
FLAT = by({"a": 7.0, "b": 7.0, "c": 7.0})
# 1, 2, 3: mean 2, population variance 2/3. 30, 0, 0: mean 10, population variance 200.
Z = math.sqrt(1.5)
HIGH, LOW = math.sqrt(2), -math.sqrt(0.5)


def test_scores_become_z_scores():
    """Less the mean, over the population standard deviation; where all are equal, 0."""
    assert standardised([1, 2, 3]) == pytest.approx((-Z, 0, Z))
    assert standardised([30, 0, 0]) == pytest.approx((HIGH, LOW, LOW))
    assert standardised([0.1, 0.1, 0.1]) == (0.0, 0.0, 0.0)
    assert standardised([-4.2]) == (0.0,)


@pytest.mark.parametrize("scale", [1e-9, 1.0, -8.0, 1e300])
def test_a_spread_within_rounding_is_none(scale):
    """A millionth of the largest score, in whatever units: of two scores the deviation is half of their difference."""
    assert standardised([scale, scale * (1 + 1e-7)]) == (0.0, 0.0)
    assert standardised([scale, scale * (1 + 1.9e-6)]) == (0.0, 0.0)
    sign = math.copysign(1, scale)
    assert standardised([scale, scale * (1 + 2.1e-6)]) == pytest.approx((-sign, sign))
    assert standardised([0.0, 1e-12]) == pytest.approx((-1, 1))
    assert standardised([0.0, 0.0]) == (0.0, 0.0)


@given(st.lists(finite, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_z_scores_keep_the_order_and_know_no_units(scores, chance):
    """Mean 0 and deviation 1, or all 0; scores in another order are the same numbers, to the last bit."""
    found = standardised(scores)
    assert sum(found) == pytest.approx(0, abs=1e-6)
    if any(found):
        assert sum(score**2 for score in found) == pytest.approx(len(found), rel=1e-6)
    shuffled = list(range(len(scores)))
    chance.shuffle(shuffled)
    assert standardised([scores[place] for place in shuffled]) == tuple(found[place] for place in shuffled)
    for one, score in zip(scores, found, strict=True):
        assert all((one < other) >= (score < its) for other, its in zip(scores, found, strict=True))


@pytest.mark.parametrize(
    ("rule", "penalty", "expected"),
    [
        # Weights 3 and 1 are shares of 3/4 and 1/4.
        ("mean", 1.0, (0.75 * 1 + 0.25 * 5, 0.75 * 2 + 0.25 * -2)),
        ("worst", 1.0, (1.0, -2.0)),
        # Squares about the means 2 and 1: 0.75 * 1 + 0.25 * 9 = 3; 0.75 * 1 + 0.25 * 9 = 3.
        ("mean-deviation", 1.0, (2 - math.sqrt(3), 1 - math.sqrt(3))),
        ("mean-deviation", 0.5, (2 - math.sqrt(3) / 2, 1 - math.sqrt(3) / 2)),
        ("mean-deviation", 0.0, (2.0, 1.0)),
    ],
)
def test_rules_by_hand(rule, penalty, expected):
    """Two members, two responses."""
    assert combined([(1.0, 2.0), (5.0, -2.0)], (3.0, 1.0), rule, penalty) == pytest.approx(expected)


@given(
    st.lists(st.tuples(finite, finite, finite), min_size=1, max_size=5), st.floats(0.1, 10), st.floats(0, 5), st.data()
)
def test_rules_among_each_other(rows, scale, penalty, data):
    """A common factor of all weights changes nothing; the worst is below the mean; a deviation is never a bonus."""
    weights = data.draw(st.lists(st.floats(0.1, 10), min_size=len(rows), max_size=len(rows)))
    mean, worst = combined(rows, weights, "mean"), combined(rows, weights, "worst")
    careful = combined(rows, weights, "mean-deviation", penalty)
    scaled = combined(rows, [scale * weight for weight in weights], "mean")
    for one, same, least, careful_one, scores in zip(
        mean, scaled, worst, careful, zip(*rows, strict=True), strict=True
    ):
        assert same == pytest.approx(one, rel=1e-9, abs=1e-6)
        assert least == min(scores) <= one + 1e-6
        assert careful_one <= one


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ((-3 * Z + HIGH) / 4, LOW / 4, (3 * Z + LOW) / 4)),
        ({"rule": "worst"}, (-Z, LOW, LOW)),
        ({"standardise": False}, ((3 * 1 + 30) / 4, 6 / 4, 9 / 4)),
        ({"standardise": False, "rule": "worst"}, (1.0, 0.0, 0.0)),
    ],
)
def test_an_ensemble_of_two(options, expected):
    """Weights 3 and 1, which need not add up to 1; scorings and infos say what it was made of."""
    with Ensemble([(ONE, 3), (OTHER, 1)], **options) as ensemble:
        ranking = ensemble.rank("q", ["a", "b", "c"])
        assert ensemble.is_relative == options.get("standardise", True)
    assert ranking.scores == pytest.approx(expected)
    placed = [expected[index] for index in ranking.order]
    assert placed == sorted(expected, reverse=True)
    assert [scoring.votes.scored for scoring in ranking.scorings] == [2, 2, 2]
    assert [info.settings["weight"] for info in ranking.rewards] == [3.0, 1.0]
    assert ranking.rewards[0].settings["rule"] == options.get("rule", "mean")
    assert isinstance(ranking.rewards[1], RewardInfo)


def test_responses_count_once_however_often_they_were_written():
    """Z-scores are among the distinct ones."""
    with Ensemble([(ONE, 1)]) as ensemble:
        ranking = ensemble.rank("q", ["a", "c", "c", "c", "b"])
    assert ranking.scores == pytest.approx((-Z, Z, Z, Z, 0))


def test_a_member_that_can_not_tell_them_apart_contributes_nothing():
    """Nor does its weight turn anyone's order round; a lone response has 0, whatever the rewards say."""
    with Ensemble([(ONE, 1), (FLAT, 9)]) as ensemble:
        assert ensemble.rank("q", ["a", "b", "c"]).scores == pytest.approx((-Z / 10, 0, Z / 10))
        assert ensemble.rank("q", ["b"]).scores == (0.0,)
    with Ensemble([(ONE, 1), (OTHER, 1)], rule="mean-deviation") as careful:
        assert careful.rank("q", ["c", "c"]).scores == (0.0, 0.0)


def test_a_member_that_differs_by_rounding_alone_contributes_nothing():
    """As one that does not differ; its z-scores would be those of noise."""
    noise = by({"a": 7.0, "b": 7.000001, "c": 6.999999})
    with Ensemble([(ONE, 1), (noise, 9)]) as ensemble:
        assert ensemble.rank("q", ["a", "b", "c"]).scores == pytest.approx((-Z / 10, 0, Z / 10))


def test_a_member_that_raises_fails_its_contest_alone():
    """With its name; a number that can't be combined, too."""
    picky = by({"a": 1e200, "b": -1e200, "c": 0.0})
    with Ensemble([(ONE, 1), (picky, 1)], rule="mean-deviation", standardise=False) as ensemble:
        found = list(ensemble.rank_many([Contest("q", ["c"]), Contest("q", ["d"]), Contest("q", ["a", "b"])]))
        with pytest.raises(ContestError, match="KeyError: 'd'"):
            ensemble.rank("q", ["d"])
        with pytest.raises(EngineError, match="too large to be combined"):
            ensemble.rank("q", ["a", "b"])
    assert [ranking.error_type for ranking in found] == [None, "ContestError", "EngineError"]
    assert found[1].error.startswith("the reward 'by.<locals>.score' failed: KeyError: 'd'")


def test_settings_and_what_it_cost():
    """Everything that scores follow from; two members score each response."""
    with Ensemble([(ONE, 3), (OTHER, 1)], rule="mean-deviation", penalty=2, seed=5) as ensemble:
        ensemble.rank("q", ["a", "b", "b"])
        found = ensemble.settings
        assert (ensemble.votes.scored, ensemble.spent.samples) == (4, 4)
    assert [member["weight"] for member in found["members"]] == [3.0, 1.0]
    assert (found["rule"], found["penalty"], found["standardise"], found["seed"]) == ("mean-deviation", 2, True, 5)


def test_what_is_no_ensemble():
    """Said at once, and which value it was."""
    with pytest.raises(InputError, match="at least one"):
        Ensemble([])
    for members in (None, 7, "rewards_of_mine:length"):
        with pytest.raises(InputError, match=f"is made of pairs .*, not of {type(members).__name__}"):
            Ensemble(members)
    with pytest.raises(InputError, match="too large to be added up"):
        Ensemble([(ONE, 1e308), (OTHER, 1e308)])
    for weight in (0, -1, math.nan, math.inf, "1", True):
        with pytest.raises(InputError, match="must be a number above 0"):
            Ensemble([(ONE, weight)])
    with pytest.raises(InputError, match=r"is a pair \(reward, weight\), not function"):
        Ensemble([ONE])
    with pytest.raises(UnknownNameError, match="Did you mean 'worst'"):
        Ensemble([(ONE, 1)], rule="wost")
    for penalty in (-1, math.nan, "2"):
        with pytest.raises(InputError, match="penalty must be a number of 0 or more"):
            Ensemble([(ONE, 1)], penalty=penalty)
    with pytest.raises(InputError):
        Ensemble([(object(), 1)])
