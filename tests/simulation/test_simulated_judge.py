"""The simulated judge votes as often for each as its formula says, and its votes don't depend on who asks."""

import math
from statistics import NormalDist

import numpy
import pytest

from rrm.errors import InputError
from rrm.simulation import SimulatedJudge
from rrm.simulation.judge import VOTES
from rrm.types import Vote

VOTES_EACH = 20_000


def sigmoid(logit):
    return 1 / (1 + math.exp(-logit))


def shares(sitting, first, second, count=VOTES_EACH):
    """The share of each vote among so many of one ordered pair."""
    votes = [VOTES[sitting.vote(first, second, number)] for number in range(count)]
    return {vote: votes.count(vote) / count for vote in VOTES}


def is_near(share, chance, count=VOTES_EACH):
    return abs(share - chance) <= 4 * math.sqrt(chance * (1 - chance) / count) + 1e-9


@pytest.mark.parametrize("trial", range(3))
def test_frequencies_follow_the_formula(trial):
    """lapse/2 + (1 - lapse) * sigmoid(gap + bias), for either order of a pair."""
    sitting = SimulatedJudge(spread=1.5, bias=0.6, lapse=0.05).sit(2, 7, trial)
    for first, second in ((0, 1), (1, 0)):
        chance = 0.025 + 0.95 * sigmoid(sitting.skills[first] - sitting.skills[second] + 0.6)
        said = shares(sitting, first, second)
        assert is_near(said[Vote.FIRST], chance)
        assert said[Vote.TIE] == 0
        assert said[Vote.SECOND] == pytest.approx(1 - said[Vote.FIRST])


def test_ties_take_their_share_of_all_votes():
    """What is left is divided as without ties."""
    said = shares(SimulatedJudge(spread=0, bias=1.0, lapse=0, ties=0.3).sit(2, 0, 0), 0, 1)
    assert is_near(said[Vote.TIE], 0.3)
    assert is_near(said[Vote.FIRST], 0.7 * sigmoid(1.0))


def test_a_pair_error_follows_the_pair_and_stays():
    """One error for both orders: what one gains, shown first or second, the other loses; it differs from pair to pair."""
    judge = SimulatedJudge(spread=0, bias=0, lapse=0, pair_error=1.2)
    sittings = [judge.sit(2, 3, trial) for trial in range(400)]
    straight = numpy.array([shares(sitting, 0, 1, 200)[Vote.FIRST] for sitting in sittings])
    turned = numpy.array([shares(sitting, 1, 0, 200)[Vote.SECOND] for sitting in sittings])
    assert numpy.abs(straight - turned).max() < 4.5 * math.sqrt(2 * 0.25 / 200)
    errors = numpy.log((straight + 0.005) / (1.005 - straight))
    # Four standard errors of a standard deviation, and what counting 200 votes adds.
    assert 1.2 - 0.17 < errors.std() < 1.25 + 0.17


def test_skills_are_normal():
    """With the spread as their standard deviation and a mean of 0."""
    skills = numpy.concatenate([SimulatedJudge(spread=2.0).sit(16, 1, trial).skills for trial in range(500)])
    assert abs(skills.mean()) < 4 * 2.0 / math.sqrt(8000)
    assert abs(skills.std() - 2.0) < 4 * 2.0 / math.sqrt(2 * 8000)
    assert abs((skills < 2.0).mean() - NormalDist().cdf(1)) < 4 * math.sqrt(0.84 * 0.16 / 8000)


def test_right_and_wrong_responses():
    """So many are right, and a vote between a right and a wrong one is right as often as the accuracy says."""
    judge = SimulatedJudge(bias=0, lapse=0, correct=0.4, accuracy=0.8)
    skills = numpy.concatenate([judge.sit(16, 1, trial).skills for trial in range(500)])
    assert set(skills.round(9)) == {0.0, round(math.log(4), 9)}
    assert is_near((skills > 0).mean(), 0.4, 8000)
    sitting = next(
        sitting for trial in range(50) if list((sitting := judge.sit(2, 0, trial)).skills > 0) == [True, False]
    )
    assert is_near(shares(sitting, 0, 1)[Vote.FIRST], 0.8)
    assert is_near(shares(sitting, 1, 0)[Vote.FIRST], 0.2)


def test_a_vote_is_the_same_whoever_asks():
    """Whatever was asked before, coins included."""
    judge, pairs = SimulatedJudge(ties=0.1), [(first, second) for first in range(5) for second in range(5)]
    numbers = range(6)
    asked = judge.sit(5, 11, 2)
    in_order = {(*pair, number): asked.vote(*pair, number) for number in numbers for pair in pairs}
    other = judge.sit(5, 11, 2)
    for first, second, number in sorted(in_order, reverse=True):
        other.coin(first, second, number)
        assert other.vote(first, second, number) == in_order[first, second, number]


def test_judges_that_differ_in_one_thing_share_the_rest():
    """The skills, the draw, and the lots behind the votes are the trial's own."""
    plain, biased = (SimulatedJudge(bias=bias).sit(8, 0, 5) for bias in (0.0, 5.0))
    assert plain.skills.tolist() == biased.skills.tolist()
    assert (plain.draw, plain.ring) == (biased.draw, biased.ring)
    pairs = [(first, second, number) for first in range(8) for second in range(8) for number in range(5)]
    assert all(biased.vote(*asked) <= plain.vote(*asked) for asked in pairs)


def test_coins_are_fair_and_the_pairs_own():
    """Named the other way round, the same one is shown first."""
    sitting = SimulatedJudge().sit(4, 0, 0)
    numbers = range(2000)
    heads = [sitting.coin(1, 3, number) for number in numbers]
    assert [sitting.coin(3, 1, number) for number in numbers] == [not head for head in heads]
    assert is_near(sum(heads) / 2000, 0.5, 2000)


def test_trials_and_seeds_differ():
    """Each has its own skills; both are put in every order."""
    judge = SimulatedJudge()
    sittings = [judge.sit(6, seed, trial) for seed in range(3) for trial in range(40)]
    assert len({tuple(sitting.skills) for sitting in sittings}) == 120
    assert {sitting.draw[0] for sitting in sittings} == {sitting.ring[0] for sitting in sittings} == set(range(6))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"spread": -1}, "spread is a standard deviation: 0 or more logits, not -1"),
        ({"pair_error": math.inf}, "pair_error is a standard deviation"),
        ({"lapse": 1.5}, "lapse is a share of the votes: from 0 to 1, not 1.5"),
        ({"ties": math.nan}, "ties is a share"),
        ({"bias": math.nan}, "bias must be a number of logits"),
        ({"correct": 40}, "correct is a share of the responses: from 0 to 1, not 40"),
        ({"accuracy": 0.3}, "accuracy must be from 0.5 to below 1, not 0.3"),
    ],
)
def test_what_can_not_be_is_refused(arguments, said):
    """With the name and the value."""
    with pytest.raises(InputError, match=said):
        SimulatedJudge(**arguments)


@pytest.mark.parametrize("place", [(0, 0, 0), (4, -1, 0), (4, 0, -1)])
def test_a_trial_needs_responses_and_a_number(place):
    """None of the three may be below what it counts from."""
    with pytest.raises(InputError, match="a trial needs a response"):
        SimulatedJudge().sit(*place)
