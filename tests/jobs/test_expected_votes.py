"""What a match costs on average: against all sequences of votes that a real hearing can be told."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm.errors import InputError
from rrm.jobs.expected_votes import Odds, heard
from rrm.judging.asking import Rules
from rrm.judging.hearing import hear
from rrm.promptfiles import load_prompt
from rrm.types import Case, Completion, Outcome, Sampling, Vote

CASE = Case("query", ("answer one", "answer two"))
SKYWORK = Rules(load_prompt("skywork_pairwise"), Sampling(100, 0.6), reasoning_open=True)
MT_BENCH = Rules(load_prompt("mt_bench_pair"), Sampling(100, 0.6))
SAY = {
    "skywork_pairwise": {
        Vote.FIRST: "</think>\\boxed{Assistant 1}",
        Vote.SECOND: "</think>\\boxed{Assistant 2}",
        Vote.UNPARSED: "</think>well",
    },
    "mt_bench_pair": {Vote.FIRST: "[[A]]", Vote.SECOND: "[[B]]", Vote.TIE: "[[C]]", Vote.UNPARSED: "well"},
}


def chances(odds):
    named = (1 - odds.lost) * (1 - odds.tie)
    said = {
        Vote.FIRST: named * odds.agreement,
        Vote.SECOND: named * (1 - odds.agreement),
        Vote.TIE: (1 - odds.lost) * odds.tie,
        Vote.UNPARSED: odds.lost,
    }
    return {vote: chance for vote, chance in said.items() if chance}


class OutOfVotesError(Exception):
    """The hearing wants one more than it was told."""


def replay(rules, votes, case=CASE):
    """A hearing that is told these votes, of the match, in the order asked. Returns (verdict, samples, requests, ways)."""
    say, told, fixed = SAY[rules.prompt.name], iter(votes), {}
    samples = requests = 0
    ways = set()
    hearing = hear(case, rules)

    def answer(request, index):
        swapped = request.case.is_swapped
        try:
            vote = next(told) if rules.sampling.temperature else fixed.get(swapped) or next(told)
        except StopIteration:
            raise OutOfVotesError from None
        fixed[swapped] = vote
        return Completion(request.case, index, say[vote.swapped() if swapped else vote], "stop")

    try:
        wave = next(hearing)
        while True:
            requests += len(wave)
            samples += sum(request.n for request in wave)
            ways |= {request.case.is_swapped for request in wave}
            completions = [
                answer(request, index)
                for request in wave
                for index in range(request.first_index, request.first_index + request.n)
            ]
            wave = hearing.send(completions)
    except StopIteration as decided:
        return decided.value, samples, requests, len(ways)


def by_force(rules, odds, case=CASE):
    """Expected samples, requests, ways and outcomes, and the most samples, over all sequences of votes."""
    total, most, outcomes = [0.0, 0.0, 0.0], 0, dict.fromkeys(Outcome, 0.0)
    left = [((), 1.0)]
    while left:
        votes, chance = left.pop()
        try:
            verdict, *counts = replay(rules, votes, case)
        except OutOfVotesError:
            left += [((*votes, vote), chance * share) for vote, share in chances(odds).items()]
            continue
        total = [one + chance * count for one, count in zip(total, counts, strict=True)]
        outcomes[verdict.outcome] += chance
        most = max(most, counts[0])
    return *total, most, outcomes


RULES = [
    replace(SKYWORK, votes=1),
    replace(SKYWORK, votes=3),
    replace(SKYWORK, votes=4),
    replace(SKYWORK, votes=5, stop="beta", threshold=0.8, resamples=1),
    replace(SKYWORK, votes=3, stop="none"),
    replace(SKYWORK, votes=1, order="both"),
    replace(SKYWORK, votes=4, order="fixed"),
    replace(SKYWORK, votes=2, resamples=0),
    replace(SKYWORK, votes=3, sampling=Sampling(100, 0.0)),
    replace(SKYWORK, votes=1, order="both", sampling=Sampling(100, 0.0)),
    replace(SKYWORK, votes=2, order="fixed", sampling=Sampling(100, 0.0)),
    replace(MT_BENCH, votes=1),
    replace(MT_BENCH, votes=3, resamples=1),
    replace(MT_BENCH, votes=4, stop="beta", resamples=1),
    replace(MT_BENCH, votes=1, order="both", sampling=Sampling(100, 0.0)),
]


@pytest.mark.parametrize(
    "rules", RULES, ids=lambda rules: f"{rules.prompt.name}-{rules.votes}-{rules.order}-{rules.stop}"
)
def test_all_sequences_of_votes(rules):
    """Samples, requests, orders and outcomes are those of every sequence that a hearing can be told, by its probability."""
    ties = 0.15 if rules.prompt.grammar.allows_ties else 0.0
    odds = Odds(0.7, ties, 0.1)
    samples, requests, ways, most, outcomes = by_force(rules, odds)
    found = heard(rules, odds)
    assert (found.samples, found.requests, found.ways) == pytest.approx((samples, requests, ways), abs=1e-9)
    assert found.most_samples == most
    assert {outcome: found.outcomes.get(outcome, 0.0) for outcome in Outcome} == pytest.approx(outcomes, abs=1e-9)


def test_coins_for_the_order():
    """Under the order "random" a hearing's orders follow from its texts: over many of them, the mean is the expected one."""
    rules, odds = replace(SKYWORK, votes=3, order="random", resamples=1), Odds(0.8)
    exact = [by_force(rules, odds, Case(f"query {number}", ("one", "two")))[:3] for number in range(400)]
    means = [sum(column) / len(exact) for column in zip(*exact, strict=True)]
    found = heard(rules, odds)
    assert means == pytest.approx([found.samples, found.requests, found.ways], rel=0.04)


def test_by_hand():
    """Three votes at 0.8: two are enough with probability .68, so 2.32 are asked, each its own request."""
    found = heard(replace(SKYWORK, votes=3), Odds(0.8))
    assert (found.samples, found.requests, found.ways) == pytest.approx((2.32, 2.32, 2.0))
    # All three lost, then the last one twice again.
    assert heard(replace(SKYWORK, votes=1), Odds(0.8)).most_samples == 3
    # A split of two, twice: .32 and .32 squared of the matches ask two votes more.
    assert heard(replace(SKYWORK, votes=2), Odds(0.8)).samples == pytest.approx(2 + 2 * 0.32 + 2 * 0.32**2)


@settings(max_examples=60, deadline=None)
@given(
    votes=st.integers(1, 9),
    stop=st.sampled_from(["majority", "beta", "none"]),
    order=st.sampled_from(["balanced", "both", "random", "fixed"]),
    agreement=st.floats(0.5, 1.0),
    lost=st.floats(0.0, 1.0),
)
def test_bounds(votes, stop, order, agreement, lost):
    """Never fewer samples than one, never more than the most; outcomes are a distribution."""
    found = heard(replace(SKYWORK, votes=votes, stop=stop, order=order), Odds(agreement, 0.0, lost))
    assert 1 <= found.requests <= found.samples + 1e-9
    assert found.samples <= found.most_samples + 1e-9
    assert 1 - 1e-9 <= found.ways <= 2 + 1e-9
    assert sum(found.outcomes.values()) == pytest.approx(1)


def test_refused_odds():
    """What is no probability, or no majority, is refused by name."""
    with pytest.raises(InputError, match=r"agreement is a probability from 0\.5 to 1, not 0\.4"):
        Odds(0.4)
    with pytest.raises(InputError, match="lost is a probability from 0 to 1, not 2"):
        Odds(lost=2)
