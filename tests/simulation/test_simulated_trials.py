"""Simulated tournaments: what they come to, by known answers; the same for a seed however the work is divided."""

import logging
import math
import subprocess
import sys
import threading
from functools import partial
from itertools import combinations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as values

from rrm.errors import InputError, UnknownNameError
from rrm.judging.rules import Rules
from rrm.plans import named_plan, rules_for, settle
from rrm.promptfiles import load_prompt
from rrm.simulation import Arm, Simulated, SimulatedJudge, Trials, simulate
from rrm.simulation.measures import kendall, measured
from rrm.simulation.trial import Trial, play
from rrm.tournaments import STRATEGIES, Knockout
from rrm.types import Sampling, Standings

PERFECT = SimulatedJudge(spread=1e6, bias=0, lapse=0)


class Watched(Knockout):
    """A strategy of one's own that says how sure it is."""

    takes_budget = True
    auto_votes = 3

    def __init__(self, draw, matches=None):
        super().__init__(draw)
        self.matches = matches

    @property
    def standings(self):
        found = super().standings
        return found and Standings(
            found.order, found.scores, {}, (0.5,) * len(found.order), (tuple(found.order[:2]),), 0.25
        )


def figures(result):
    return [getattr(result.trials, name).tolist() for name in Trials.__slots__]


def arrays(results):
    return numpy.array([figures(result) for result in results])


def test_workers_change_nothing():
    """Neither their number nor that there are other processes; and a seed decides all."""
    arms = [Arm("knockout", votes=3), Arm("elo"), Arm(Watched, votes="auto")]
    alone, together = (simulate(arms, trials=130, seed=5, responses=6, workers=workers) for workers in (1, 2))
    numpy.testing.assert_array_equal(arrays(alone), arrays(together))
    other = simulate(arms, trials=130, seed=6, responses=6, workers=1)
    assert (arrays(alone)[0] != arrays(other)[0]).any()


def test_workers_are_spawned_beside_threads():
    """Where a fork would not be safe; with the same results."""
    arms = [Arm("knockout")]
    done = threading.Event()
    waiting = threading.Thread(target=done.wait)
    waiting.start()
    try:
        beside = simulate(arms, trials=50, responses=4, workers=2)
    finally:
        done.set()
        waiting.join()
    numpy.testing.assert_array_equal(arrays(beside), arrays(simulate(arms, trials=50, responses=4, workers=1)))


@pytest.mark.parametrize("beside_threads", [False, True])
def test_without_a_main_module(beside_threads):
    """As in `python -c` or a notebook."""
    threads = "import threading; e = threading.Event(); threading.Thread(target=e.wait, daemon=True).start(); "
    code = (
        "from rrm.simulation import Arm, simulate; "
        + threads * beside_threads
        + "print(simulate([Arm('knockout')], trials=50, responses=4, workers=2)[0].calls.mean)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("3.0\n", "", 0)


def test_an_unguarded_script_still_gets_its_result(tmp_path):
    """Spawned processes would run it again: it is told of it, and one process does the work."""
    script = tmp_path / "script.py"
    script.write_text(
        "import threading\n"
        "from rrm.simulation import Arm, simulate\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "print(simulate([Arm('knockout')], trials=50, responses=4, workers=2)[0].calls.mean)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("3.0\n", 0)
    assert 'if __name__ == "__main__":' in done.stderr


def test_a_strategy_that_can_not_be_sent_is_played_here(caplog):
    """With a note."""
    with caplog.at_level(logging.WARNING, "rrm"):
        result = simulate([Arm(lambda draw: Knockout(draw))], trials=50, responses=4, workers=2)[0]
    assert result.calls.mean == 3
    assert "one process does all of the simulation" in caplog.text


def test_progress_is_told():
    """All trials, whoever plays them."""
    for workers in (1, 2):
        told = []
        simulate([Arm("knockout")], trials=60, responses=2, workers=workers, told=told.append)
        assert sum(told) == 60
        assert len(told) > 1


@pytest.mark.parametrize("responses", [1, 2, 5, 16])
@pytest.mark.parametrize("votes", [1, 3])
def test_a_perfect_judge_finds_the_best(responses, votes):
    """A knockout is then never wrong about the first, and costs what it states."""
    result = simulate([Arm("knockout", votes=votes)], PERFECT, responses=responses, trials=100, workers=1)[0]
    assert result.top1 == (1.0, 0.0)
    assert result.regret == (0.0, 0.0)
    assert result.matches == (responses - 1, 0.0)
    # The third vote can't change two that agree.
    assert result.calls == ((responses - 1) * min(votes, 2), 0.0)


def test_a_perfect_judge_gives_a_round_robin_the_whole_order():
    """Whoever wins more games is better."""
    result = simulate([Arm("elo")], PERFECT, responses=7, trials=50, workers=1)[0]
    assert result.tau == (1.0, 0.0)
    assert result.calls == (21.0, 0.0)


def test_the_reference_judge():
    """Sixteen responses: a knockout with one vote, and with three, finds the best as often as an independent one did."""
    one, three = simulate([Arm("knockout"), Arm("knockout", votes=3, stop="none")], trials=1200, workers=1)
    assert abs(one.top1.mean - 0.41) < 4 * math.hypot(one.top1.error, 0.025)
    # A standard deviation of one trial's tau is 0.15, and the other figure is of 400 trials.
    assert abs(one.tau.mean - 0.33) < 4 * math.hypot(one.tau.error, 0.15 / 20)
    assert three.calls == (45.0, 0.0)
    assert abs(three.top1.mean - 0.592) < 4 * math.hypot(three.top1.error, 0.011)
    assert three.gain(one, "top1").mean == pytest.approx(three.top1.mean - one.top1.mean)
    assert 0 < three.gain(one, "top1").error < math.hypot(three.top1.error, one.top1.error)


def test_right_and_wrong_responses_before_the_reference_judge():
    """Four in ten are right: a knockout picks a right one in 87 of 100 trials."""
    one = simulate([Arm("knockout")], SimulatedJudge(correct=0.4), trials=1000, workers=1)[0]
    assert abs(one.top1.mean - 0.870) < 4 * math.hypot(one.top1.error, 0.017)


def test_a_stop_that_is_lossless_changes_only_the_calls():
    """The full vote's results, for fewer calls: votes are the same whoever asks, as long as no pair meets again."""
    full, fewer = simulate(
        [Arm("knockout", votes=5, stop=stop) for stop in ("none", "majority")], trials=200, workers=1
    )
    assert full.trials.top1.tolist() == fewer.trials.top1.tolist()
    assert full.trials.tau.tolist() == fewer.trials.tau.tolist()
    assert full.calls.mean == 75
    assert fewer.calls.mean < 60


def test_a_budget_is_a_number_of_matches():
    """Of as many as its calls pay for, and at least one; of what --votes auto means where that is left open."""
    budget = {"strategy": Watched, "budget": 48}
    assert Arm(**budget).enter(8, allows_ties=False).matches == 48
    assert Arm(**budget, votes=3).enter(8, allows_ties=False).matches == 16
    assert Arm(**budget, order="both", votes=5).enter(8, allows_ties=False).matches == 4
    assert Arm(**budget, votes=48).enter(8, allows_ties=False).matches == 1
    with pytest.raises(InputError, match="up to 49 calls"):
        Arm(**budget, votes=49)
    auto = Arm(**budget, votes="auto").enter(8, allows_ties=False)
    assert (auto.matches, auto.manner.votes, auto.manner.stop) == (16, 3, "beta")
    assert Arm("knockout", votes="auto").enter(8, allows_ties=False).manner.votes == 7


def test_what_a_strategy_says_of_its_own_sureness():
    """Whether the first two can be told apart, and the bias; nothing where it does not say."""
    own, plain = simulate([Arm(Watched), Arm("knockout")], PERFECT, responses=4, trials=20, workers=1)
    assert own.level == (1.0, 0.0)
    assert own.position_bias == (0.25, 0.0)
    assert math.isnan(own.sure_and_right.mean)
    assert math.isnan(plain.level.mean)
    assert math.isnan(plain.position_bias.mean)


def test_figures_of_a_trial():
    """By hand: the order 2, 0, 1 of skills 1, 0, 0.5."""
    skills = numpy.array([1.0, 0.0, 0.5])
    assert measured(Trial(9, 3, (2, 0, 1), False, 0.5), skills) == (
        9, 3, 0.0, 0.5, pytest.approx(1 / 3), 0.0, 0.0, 0.5,
    )  # fmt: skip
    assert measured(Trial(9, 3, (0, 2, 1), True, 0.5), skills)[2:7] == (1.0, 0.0, 1.0, 1.0, 1.0)


def test_means_and_errors():
    """Of 1, 2, 3, 6 by hand: 3, and a standard deviation of sqrt(14/3) by the root of 4."""
    trials = Trials(*[numpy.array([1.0, 2.0, 3.0, 6.0])] * 5, *[numpy.full(4, math.nan)] * 3)
    result = Simulated(Arm("knockout"), trials)
    assert result.calls == pytest.approx((3.0, math.sqrt(14 / 3) / 2))
    assert math.isnan(result.level.mean)
    assert result.gain(result, "tau") == (0.0, 0.0)


def test_one_trial_has_no_error():
    """There is nothing to take it from."""
    top1 = simulate([Arm("knockout")], PERFECT, responses=2, trials=1)[0].top1
    assert top1.mean == 1
    assert math.isnan(top1.error)


@given(values.lists(values.integers(0, 4), min_size=2, max_size=7))
def test_kendall_counts_pairs(placed):
    """Pairs in order less those out of order, by those that differ and all (tau-b of a strict order)."""
    pairs = list(combinations(placed, 2))
    score = sum((one > other) - (one < other) for one, other in pairs)
    differing = sum(one != other for one, other in pairs)
    expected = score / math.sqrt(differing * len(pairs)) if differing else 0
    assert kendall(numpy.array(placed, float)) == pytest.approx(expected)


def test_a_strategy_without_standings_is_named():
    """It can't be measured."""

    class Endless(Knockout):
        standings = None

    entrant = Arm(Endless).enter(4, allows_ties=False)
    with pytest.raises(InputError, match=r"'Endless' wants no more matches but has no standings"):
        play(entrant, PERFECT.sit(4, 0, 0))


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"strategy": "knock-out"}, UnknownNameError, "Did you mean 'knockout'"),
        ({"strategy": "pointwise"}, InputError, "needs a judge that gives scores"),
        ({"strategy": "knockout", "budget": 48}, InputError, "a budget of 48 means nothing"),
        ({"strategy": "knockout", "votes": 0}, InputError, "votes must be a whole number of at least 1, not 0"),
        ({"strategy": "knockout", "stop": "late"}, UnknownNameError, "unknown stop 'late'"),
        ({"strategy": "knockout", "threshold": 0.5}, InputError, "threshold must be above 0.5"),
    ],
)
def test_an_arm_that_can_not_play_is_refused(arguments, error, said):
    """When it is made."""
    with pytest.raises(error, match=said):
        Arm(**arguments)


@pytest.mark.parametrize("wrong", [{"trials": 0}, {"responses": 0}, {"workers": -1}, {"seed": -1}])
def test_numbers_that_can_not_be_are_refused(wrong):
    """With their name."""
    with pytest.raises(InputError, match=f"{next(iter(wrong))} must be a whole number"):
        simulate([Arm("knockout")], **wrong)


def test_strategies_that_pool_do_not_ask_splits_again():
    """As `rules_for` says of an opened judge; what is chosen for a contest, too."""
    pools = {name: not Arm(name).enter(6, allows_ties=False).manner.asks_splits_again for name in POOLS}
    assert pools == POOLS
    rules = Rules(load_prompt("skywork_pairwise"), Sampling(64, 0.6))
    plans = {name: settle(named_plan(name), 6, None) for name in POOLS}
    copeland = partial(STRATEGIES["round-robin"], rating="copeland")
    assert not Arm(copeland).enter(6, allows_ties=False).manner.asks_splits_again
    assert not rules_for(rules, copeland).asks_splits_again
    assert {name: not rules_for(rules, plan).asks_splits_again for name, plan in plans.items()} == POOLS


POOLS = dict.fromkeys(
    ("active", "active-best", "top-two", "sequential-halving", "swiss", "round-robin", "auto", "auto-best"), True
) | dict.fromkeys(("knockout", "elo", "sort"), False)
