"""A match before the simulated judge goes as it does before an opened one: asked vote by vote, against `hear` itself."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as values

from rrm.judging.asking import Rules
from rrm.judging.hearing import hear
from rrm.promptfiles import load_prompt
from rrm.simulation import SimulatedJudge
from rrm.simulation.hearing import Hearings, Manner
from rrm.simulation.judge import VOTES
from rrm.types import Case, Completion, Match, Sampling, Vote

WITHOUT_TIES, WITH_TIES = load_prompt("skywork_pairwise"), load_prompt("mt_bench_pair")
TEXTS = {
    False: {Vote.FIRST: r"\boxed{Assistant 1}", Vote.SECOND: r"\boxed{Assistant 2}"},
    True: {Vote.FIRST: "[[A]]", Vote.SECOND: "[[B]]", Vote.TIE: "[[C]]"},
}


class Asked:
    """The real hearing, its samples taken from a sitting in the order in which each prompt is asked."""

    def __init__(self, sitting, rules):
        self.sitting, self.rules = sitting, rules
        self.asked = Counter()

    def hear(self, match, lead):
        case = Case("q", (f"response {match.first}", f"response {match.second}"))
        hearing = hear(case, self.rules, lead=lead, repeat=match.repeat)
        try:
            requests = next(hearing)
            while True:
                requests = hearing.send(
                    [self.sample(match, request, index) for request in requests for index in range(request.n)]
                )
        except StopIteration as decided:
            return decided.value

    def sample(self, match, request, index):
        shown = (match.second, match.first) if request.case.is_swapped else (match.first, match.second)
        vote = VOTES[self.sitting.vote(*shown, self.asked[shown])]
        self.asked[shown] += 1
        text = TEXTS[self.rules.prompt.grammar.allows_ties][vote]
        return Completion(request.case, request.first_index + index, text, "stop")


@settings(max_examples=150, deadline=None)
@given(
    values.integers(1, 8),
    values.sampled_from(["balanced", "both", "fixed"]),
    values.sampled_from(["majority", "beta", "none"]),
    values.sampled_from([0.6, 0.75, 0.9]),
    values.integers(0, 2),
    values.booleans(),
    values.booleans(),
    values.integers(0, 1000),
)
def test_as_before_an_opened_judge(votes, order, stop, threshold, resamples, allows_ties, splits_again, trial):
    """The same votes are asked for, in as many calls, with the same verdict and support, in rematches too."""
    judge = SimulatedJudge(ties=0.3 if allows_ties else 0)
    sitting = judge.sit(6, 1, trial)
    prompt = WITH_TIES if allows_ties else WITHOUT_TIES
    rules = Rules(
        prompt,
        Sampling(64, 0.6),
        votes,
        order,
        0,
        resamples,
        stop=stop,
        threshold=threshold,
        asks_splits_again=splits_again,
    )
    hearings = Hearings(sitting, Manner(votes, order, stop, threshold, resamples, allows_ties, splits_again))
    real = Asked(sitting, rules)
    pairs = ((0, 1, 0), (5, 2, 0), (1, 0, 1), (2, 5, 1), (3, 4, 0), (0, 1, 2))
    for number, (first, second, repeat) in enumerate(pairs, start=1):
        match = Match(number, 1, first, second, repeat)
        lead = first > second if order == "fixed" else stands_second(sitting.ring, first, second)
        expected = real.hear(match, lead)
        verdict = hearings.hear(match)
        assert (verdict.outcome, verdict.votes, verdict.support) == (
            expected.outcome,
            expected.votes,
            expected.support,
        )
        assert hearings.calls == sum(real.asked.values())


def stands_second(ring, first, second):
    """On a ring of six, each stands first against the two behind it, and against the opposite one if its place is even."""
    behind = (ring[second] - ring[first]) % 6
    return behind in (4, 5) or (behind == 3 and ring[first] % 2 == 1)


def shown_first(order, votes, responses, rounds=1):
    """How often each ordered pair is shown in a round robin of so many rounds, by how the votes were counted."""
    sitting = SimulatedJudge(spread=0, bias=0, lapse=0).sit(responses, 0, 0)
    hearings = Hearings(sitting, Manner(votes, order, stop="none", resamples=0))
    shown = Counter()
    for repeat in range(rounds):
        for first in range(responses):
            for second in range(first):
                straight, turned = hearings.hear(Match(1, 1, first, second, repeat)).support
                shown[first, second] += sum(straight)
                shown[second, first] += sum(turned)
    return shown


@pytest.mark.parametrize("responses", [5, 8])
def test_one_vote_puts_everyone_first_in_half_of_its_games(responses):
    """Over a round robin, or one game more or less than half."""
    shown = shown_first("balanced", 1, responses)
    for player in range(responses):
        first = sum(shown[player, other] for other in range(responses))
        assert abs(first - (responses - 1) / 2) <= 0.5


@pytest.mark.parametrize(("order", "votes", "rounds"), [("balanced", 4, 1), ("balanced", 1, 2), ("both", 3, 1)])
def test_both_orders_are_shown_equally_often(order, votes, rounds):
    """In one match with an even number of votes, or with both orders, or over a match and its rematch."""
    shown = shown_first(order, votes, 6, rounds)
    assert len(set(shown.values())) == 1


def test_fixed_shows_the_lower_number_first():
    """As it shows responses in the order in which they were given."""
    shown = shown_first("fixed", 3, 4)
    assert {pair for pair, count in shown.items() if count} == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}


def test_random_shows_each_first_in_about_half():
    """With a coin for each vote: four standard errors."""
    shown = shown_first("random", 9, 12)
    lower = sum(count for (first, second), count in shown.items() if first < second)
    assert abs(lower - 297) < 4 * (594 / 4) ** 0.5
    assert len(set(shown.values())) > 3


def test_an_even_split_is_asked_again_by_a_coin():
    """With random orders one vote at a time, up to the number of resamples."""
    sitting = SimulatedJudge(spread=0, bias=0, lapse=0).sit(2, 0, 3)
    for resamples in (0, 1):
        hearings = Hearings(sitting, Manner(2, "random", resamples=resamples))
        calls = [
            (after - before, verdict.votes)
            for repeat in range(40)
            for before in [hearings.calls]
            for verdict in [hearings.hear(Match(1, 1, 0, 1, repeat))]
            for after in [hearings.calls]
        ]
        assert all(asked == votes.total for asked, votes in calls)
        assert {asked for asked, _ in calls} == ({2} if resamples == 0 else {2, 3})
        assert any(votes.first == votes.second for _, votes in calls) == (resamples == 0)
