"""What is not asked twice: by a rematch without randomness, and of an even split where all votes are pooled."""

import dataclasses
from collections import Counter
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm import Judge, ScriptedEngine
from rrm.engines.scripted import CHOOSERS, answering
from rrm.judging.hearing import hear
from rrm.judging.rules import Rules
from rrm.promptfiles import load_prompt
from rrm.types import Case, Completion, Outcome, Sampling, Support, Tally, TokenLogprob, Usage, Vote

CASE = Case("query", ("answer one", "answer two"))
GREEDY = Rules(load_prompt("skywork_pairwise"), Sampling(100, 0.0))
RULES = dataclasses.replace(GREEDY, sampling=Sampling(100, 0.6))
LABELS = {Vote.FIRST: "1", Vote.SECOND: "2"}
FIRST, SECOND, LOST = Vote.FIRST, Vote.SECOND, Vote.UNPARSED
POOLING = ["active", "active-best", "top-two", "sequential-halving", "swiss", "round-robin"]


def rules(own=RULES, **changes):
    return dataclasses.replace(own, **changes)


def said(request, index, vote, probability=None):
    """A sample that says what it is told, with the probability of its first label where one is given."""
    label = LABELS.get(vote)
    text = f"\\boxed{{Assistant {label}}}" if label else "well"
    if probability is None:
        return Completion(request.case, index, text, "stop")
    top = (("1", log(probability)), ("2", log(1 - probability)))
    tokens = (
        TokenLogprob("\\boxed{Assistant ", 0.0),
        TokenLogprob(label, dict(top)[label], top),
        TokenLogprob("}", 0.0),
    )
    return Completion(request.case, index, text, "stop", logprobs=tokens)


def run(rules, answer, **options):
    """Drive a hearing whose sample says `answer(is_swapped, index)`, a vote or more. Returns the verdict and the waves."""
    hearing, waves = hear(CASE, rules, **options), []
    try:
        requests = next(hearing)
        while True:
            asked = [(request, request.first_index + number) for request in requests for number in range(request.n)]
            waves.append([(request.case.is_swapped, index) for request, index in asked])
            told = [(request, index, answer(request.case.is_swapped, index)) for request, index in asked]
            requests = hearing.send(
                [said(request, index, *(vote if isinstance(vote, tuple) else (vote,))) for request, index, vote in told]
            )
    except StopIteration as decided:
        return decided.value, waves


def by_position(_is_swapped, _index):
    return FIRST


def asked_ways(rules, *, meetings=5, lead=False):
    """The orientations that each meeting asks."""
    heard = [run(rules, by_position, repeat=repeat, lead=lead)[1] for repeat in range(meetings)]
    return [[way for wave in waves for way, _ in wave] for waves in heard]


@pytest.mark.parametrize("lead", [False, True])
def test_without_randomness_a_rematch_asks_only_the_other_order(lead):
    """Once; both orders, or the only one, leave nothing to ask."""
    assert asked_ways(rules(GREEDY), lead=lead) == [[lead], [not lead], [], [], []]
    assert asked_ways(rules(GREEDY, votes=2), lead=lead) == [[lead, not lead], [], [], [], []]
    assert asked_ways(rules(GREEDY, order="both"), lead=lead) == [[lead, not lead], [], [], [], []]
    assert asked_ways(rules(GREEDY, order="fixed"), lead=lead) == [[lead], [], [], [], []]


def test_without_randomness_coins_show_each_order_once():
    """Whatever the seed."""
    for seed in range(20):
        ways = [way for meeting in asked_ways(rules(GREEDY, order="random", seed=seed), meetings=20) for way in meeting]
        assert sorted(ways) == [False, True]


def test_a_rematch_with_nothing_to_ask_has_no_votes():
    """It is undecided, and cost nothing."""
    verdict, waves = run(rules(GREEDY, order="both"), by_position, repeat=1)
    assert waves == []
    assert (verdict.outcome, verdict.votes, verdict.usage) == (Outcome.UNDECIDED, Tally(), Usage())
    assert verdict.support == (Support(), Support())


@pytest.mark.parametrize("order", ["balanced", "both", "random", "fixed"])
@pytest.mark.parametrize("strategy", [*POOLING, "auto", "auto-best"])
def test_a_greedy_judge_is_asked_everything_once(strategy, order):
    """Of 60 calls three responses need six prompts, or three in one order; the strategies end, with the right order."""
    prompts = Counter()

    def script(request, index):
        prompts[request.messages] += 1
        return answering(CHOOSERS["longest"])(request, index)

    with Judge(engine=ScriptedEngine(script), temperature=0.0, budget=60, order=order) as judge:
        ranking = judge.rank("q", ["a", "ccc", "bb"], strategy=strategy)
    assert set(prompts.values()) == {1}
    assert ranking.votes.total == sum(prompts.values()) <= (3 if order == "fixed" else 6)
    assert ranking.order == (1, 2, 0)
    assert all(match.winner is None for match in ranking.matches if not match.votes.total)


@given(
    st.sampled_from(["balanced", "both", "random", "fixed"]),
    st.integers(1, 4),
    st.integers(0, 3),
    st.booleans(),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_no_sample_is_asked_twice_where_probabilities_even_out(
    order, votes, resamples, splits_again, is_greedy, chance
):
    """An even split of one vote asks for the order that was not planned, too: later meetings leave its samples alone."""
    judging = rules(
        GREEDY if is_greedy else RULES,
        order=order,
        votes=votes,
        resamples=resamples,
        readout="probability",
        asks_splits_again=splits_again,
    )
    kinds = [(FIRST, 0.5), (FIRST, 0.8), (SECOND, 0.2), LOST]
    asked = [
        sample
        for repeat in range(4)
        for wave in run(judging, lambda *_: chance.choice(kinds), repeat=repeat)[1]
        for sample in wave
    ]
    assert len(asked) == len(set(asked))


def test_first_meetings_begin_at_the_first_sample():
    """A split of one vote goes on one each way, from where each is."""
    _, waves = run(rules(readout="probability"), lambda *_: (FIRST, 0.5))
    assert waves == [[(False, 0)], [(False, 1), (True, 0)], [(False, 2), (True, 1)]]
    _, waves = run(rules(readout="probability"), lambda *_: (FIRST, 0.5), repeat=1)
    assert waves == [[(True, 2)], [(False, 3), (True, 3)], [(False, 4), (True, 4)]]


@pytest.mark.parametrize("temperature", [0.0, 0.6])
def test_an_even_split_can_be_left_as_it_is(temperature):
    """It is 1 to 1, and so undecided; a half is, too."""
    pooled = rules(votes=2, sampling=Sampling(100, temperature), asks_splits_again=False)
    verdict, waves = run(pooled, by_position)
    assert [len(wave) for wave in waves] == [2]
    assert (verdict.outcome, verdict.votes) == (Outcome.UNDECIDED, Tally(first=1, second=1))
    soft, waves = run(rules(pooled, votes=1, readout="probability"), lambda *_: (FIRST, 0.5))
    assert waves == [[(False, 0)]]
    assert (soft.outcome, soft.support) == (Outcome.UNDECIDED, (Support(0.5, 0.5), Support()))


def test_lost_votes_are_asked_again_all_the_same():
    """Where nothing was read there is nothing to pool; a split that comes of it stays."""
    pooled = rules(votes=2, asks_splits_again=False)
    votes = {(False, 0): LOST, (True, 0): FIRST, (False, 1): FIRST}
    verdict, waves = run(pooled, lambda *sample: votes[sample])
    assert waves == [[(False, 0), (True, 0)]]  # 1 to 0: decided
    assert verdict.outcome is Outcome.SECOND
    votes = {(False, 0): LOST, (True, 0): LOST, (False, 1): FIRST, (True, 1): FIRST}
    verdict, waves = run(pooled, lambda *sample: votes[sample])
    assert waves == [[(False, 0), (True, 0)], [(False, 1), (True, 1)]]
    assert verdict.votes == Tally(first=1, second=1, unparsed=2)


@pytest.mark.parametrize("strategy", POOLING)
def test_strategies_that_pool_keep_to_their_budget(strategy):
    """A judge that goes by position splits every match of two votes, and is asked no more than was to be spent."""
    with Judge(engine=ScriptedEngine(answering(CHOOSERS["first"])), votes=2, budget=24) as judge:
        ranking = judge.rank("q", ["a", "bb", "ccc", "dddd"], strategy=strategy)
    assert ranking.votes == Tally(first=12, second=12)
    assert ranking.position_bias > 1


def test_a_knockout_needs_a_winner_and_asks_again():
    """Two votes, and two more as often as the judge says."""
    with Judge(engine=ScriptedEngine(answering(CHOOSERS["first"])), votes=2) as judge:
        ranking = judge.rank("q", ["a", "bb"], strategy="knockout")
    assert ranking.votes.total == 6


def test_beta_is_not_sure_of_one_order():
    """One vote is .75 sure; a judge that goes by position would win it by who is shown first."""
    beta = rules(votes=7, stop="beta", threshold=0.7)
    for order in ("balanced", "both"):
        _, waves = run(rules(beta, order=order), by_position)
        assert waves[0] == [(False, 0), (True, 0)]
    assert run(rules(beta, order="fixed"), by_position)[1] == [[(False, 0)]]
