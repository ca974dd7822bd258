"""Budgets, chosen strategies and rematches before a judge: what it is asked, in which order, and what is remembered."""

import itertools
from collections import Counter
from pathlib import Path

import pytest

from rrm import Contest, Judge, ScriptedEngine
from rrm.engines.scripted import CHOOSERS, answering, noisy
from rrm.errors import InputError
from rrm.types import Match, Standings
from tests.ledger.working import Counting, count

RESPONSES = [letter * 3 for letter in "abcdefgh"]
TAKE_BUDGET = ("auto", "active", "active-best", "round-robin", "sequential-halving", "swiss", "top-two")


def judge(engine=None, **options):
    return Judge(engine=engine or Counting(), **options)


@pytest.mark.parametrize("strategy", TAKE_BUDGET)
@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({"budget": 30}, 30),
        ({"budget": 30, "votes": 3}, 10),
        ({"budget": 30, "votes": 3, "stop": "none"}, 10),
        ({"budget": 30, "order": "both"}, 15),
        ({"budget": 30, "votes": 3, "order": "both"}, 5),
        ({"budget": 30, "votes": "auto"}, 30),
        ({"budget": 30, "votes": "auto", "order": "both"}, 15),
    ],
    ids=str,
)
def test_a_budget_counts_calls(strategy, options, most):
    """Those of a match are all that it may ask for; no verdict is open, so none is asked again."""
    engine = Counting(accuracy=1.0)
    with judge(engine, **options) as one:
        ranking = one.rank("q", RESPONSES, strategy=strategy)
    assert 0 < len(ranking.matches) <= most
    if strategy != "swiss":
        assert len(ranking.matches) == most
    assert engine.samples <= options["budget"]
    if options.get("stop") == "none":
        assert ranking.votes.total == 3 * len(ranking.matches)


@pytest.mark.parametrize(("votes", "order", "most"), [(3, "balanced", 3), (1, "both", 2)])
def test_a_budget_below_a_match_is_refused(votes, order, most):
    """There is no ranking without one."""
    with pytest.raises(InputError, match=f"a match takes up to {most} calls, and the budget is {most - 1}"):
        judge(budget=most - 1, votes=votes, order=order)


def test_a_budget_that_votes_eat_up_is_noted():
    """Too few matches for so many responses say little."""
    with judge(budget=12, votes=3) as one:
        (note,) = one.rank("q", RESPONSES).notes
    assert note.startswith("the budget of 12 was 4 matches of up to 3 votes for 8 responses: with votes=1")
    with judge(budget=12) as one:
        assert one.rank("q", RESPONSES).notes == ()


@pytest.mark.parametrize("budget", [1, 7, 8, 12, 15, 16, 20, 40])
@pytest.mark.parametrize("strategy", ["auto", "auto-best"])
@pytest.mark.parametrize("votes", [1, "auto"])
def test_what_is_chosen_keeps_to_the_budget(strategy, votes, budget):
    """However many votes a match may have, and whichever strategy it is."""
    engine = Counting(accuracy=0.8)
    with judge(engine, votes=votes, budget=budget) as one:
        one.rank("q", RESPONSES, strategy=strategy)
    assert engine.samples <= budget


def test_the_chosen_strategy_is_named():
    """By contest."""
    with judge(budget=40) as one:
        contests = [Contest("q", RESPONSES), Contest("q", RESPONSES[:2])]
        names = [ranking.strategy for ranking in one.rank_many(contests, strategy="auto-best")]
        unasked = one.rank("q", RESPONSES)
    assert names == ["active-best", "active-best"]
    assert unasked.strategy == "active"
    with judge() as one:
        assert one.rank("q", RESPONSES).strategy == "knockout"
        assert one.rank("q", RESPONSES, strategy="auto").strategy == "active"


def test_identical_responses_count_once():
    """For what is chosen, too."""
    with judge(budget=5) as one:
        ranking = one.rank("q", ["a", "b", "a", "b", "a"], strategy="auto")
    assert ranking.strategy == "active"
    assert len(ranking.matches) == 5
    assert len(set(ranking.scores)) == 2


def test_a_budget_that_means_nothing_is_refused():
    """Before anything is asked."""
    engine = Counting()
    with judge(engine, budget=20) as one, pytest.raises(InputError, match="a budget of 20 means nothing to it"):
        one.rank("q", RESPONSES, strategy="knockout")
    assert engine.samples == 0


def test_settings_are_reported():
    """Those beyond votes and order that are not as by default."""
    with judge(budget=20, votes="auto", threshold=0.8) as one:
        ranking = one.rank("q", RESPONSES)
        assert one.settings["budget"] == 20
    assert ranking.judge.votes == "auto"
    assert ranking.judge.settings == {"budget": 20, "threshold": 0.8}
    with judge() as one:
        assert one.rank("q", RESPONSES).judge.settings == {}


def test_auto_votes_of_a_knockout():
    """Up to seven, and fewer where the winner is sure; a comparison alike."""
    engine = Counting(accuracy=1.0)
    with judge(engine, votes="auto") as one:
        ranking = one.rank("q", RESPONSES)
        assert {match.votes.total for match in ranking.matches} == {3}
        assert one.compare("q", "a", "bb").votes.total == 3
    with judge(Counting(accuracy=0.6), votes="auto") as one:
        votes = [match.votes.total for match in one.rank("q", RESPONSES).matches]
    assert max(votes) > 3
    assert max(votes) <= 7 + 2 * 2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def kept(path: Path, **options):
    """The ranking of one contest, the samples that were made for it, and how many contests the ledger has then."""
    engine = Counting()
    strategy = options.pop("strategy", "auto")
    with judge(engine, ledger=path, **options) as one:
        ranking = one.rank("q", RESPONSES, strategy=strategy)
    return ranking, engine.samples, count(path, "contests")


def test_a_ledger_tells_budgets_apart(path: Path):
    """The same budget is played from the ledger, another plays on the samples that are there."""
    first, made, contests = kept(path, budget=20)
    assert (made, contests) == (20, 1)
    assert kept(path, budget=20) == (first, 0, 1)
    assert kept(path, budget=20, strategy="active") == (first, 0, 1)
    more, made, contests = kept(path, budget=30)
    assert len(more.matches) == 30
    assert (made < 30, contests) == (True, 2)


@pytest.mark.parametrize(
    "options",
    [
        {"stop": "beta"}, {"stop": "none"}, {"stop": "beta", "threshold": 0.7}, {"waves": "load"}, {"think_more": 1},
        {"think_budget": 100}, {"votes": "auto"},
    ],
    ids=str,
)  # fmt: skip
def test_a_ledger_tells_ways_of_judging_apart(path: Path, options):
    assert kept(path, votes=5, strategy="knockout")[2] == 1
    assert kept(path, **{"votes": 5, "strategy": "knockout", **options})[2] == 2
    assert kept(path, **{"votes": 5, "strategy": "knockout", **options})[1:] == (0, 2)


def rematches(rounds):
    """A strategy that has the first two of the draw meet again and again, one meeting a round."""

    def again(players):
        for _ in range(rounds):
            yield [(0, 1)]
        return Standings(tuple(range(players)), (0.0,) * players)

    return again


@pytest.mark.parametrize(
    ("options", "ways"),
    [
        # By round: how many votes are asked with the texts in the order of the first vote, and in the other.
        ({}, [(1, 0), (0, 1), (1, 0), (0, 1)]),
        ({"votes": 3, "stop": "none"}, [(2, 1), (1, 2), (2, 1), (1, 2)]),
        ({"votes": 2, "stop": "none"}, [(1, 1)] * 4),
        ({"order": "both"}, [(1, 1)] * 4),
        ({"order": "fixed"}, [(1, 0)] * 4),
    ],
    ids=str,
)
def test_a_rematch_asks_new_samples_in_the_other_order(options, ways):
    """No sample of a prompt is asked for twice, and each meeting goes on with the order that the one before left off with."""
    engine = Counting(accuracy=1.0)
    with judge(engine, temperature=0.6, **options) as one:
        ranking = one.rank("q", ["a", "bb"], strategy=rematches(4))
    assert [match.number for match in ranking.matches] == [1, 2, 3, 4]
    assert set(engine.asked.values()) == {1}
    leader = engine.requests[0].case.responses
    asked = list(
        itertools.chain.from_iterable([request.case.responses == leader] * request.n for request in engine.requests)
    )
    votes = [sum(pair) for pair in ways]
    assert len(asked) == sum(votes)
    for (straight, turned), end in zip(ways, itertools.accumulate(votes), strict=True):
        met = asked[end - straight - turned : end]
        assert (met.count(True), met.count(False)) == (straight, turned)


class Twice:
    """All pairs at once, twice over, as a tournament of one's own."""

    def __init__(self, draw):
        self._draw = draw
        pairs = list(itertools.combinations(draw, 2))
        met = [(first, second, repeat) for repeat in range(2) for first, second in pairs]
        self._matches = [Match(number, 1, *match) for number, match in enumerate(met, 1)]
        self._left = len(self._matches)

    @property
    def most_matches(self):
        return len(self._matches)

    def start(self):
        return self._matches

    def record(self, match, verdict):
        self._left -= 1
        return ()

    @property
    def standings(self):
        return None if self._left else Standings(tuple(self._draw), (0.0,) * len(self._draw))


@pytest.mark.parametrize("strategy", ["round-robin", Twice], ids=["round-robin", "rematches"])
@pytest.mark.parametrize("options", [{}, {"votes": 3}, {"order": "fixed"}], ids=str)
def test_requests_of_a_round_come_by_the_answer_shown_first(strategy, options):
    """So that those with a common prefix are asked one after the other, rematches too, and each begins about half its games."""
    engine = Counting(accuracy=1.0)
    with judge(engine, **options) as one:
        ranking = one.rank("q", RESPONSES, strategy=strategy)
    opened = [request.case.first for request in engine.requests[: len(ranking.matches)]]
    if options.get("votes"):
        # Each match's first wave is two requests, of which the first leads.
        opened = [request.case.first for request in engine.requests[: 2 * len(ranking.matches) : 2]]
    groups = [text for text, _ in itertools.groupby(opened)]
    assert len(groups) == len(set(groups))
    if "order" not in options:
        begun = Counter(opened)
        games = len(ranking.matches) * 2 // len(RESPONSES)
        assert all(abs(begun[text] - games / 2) <= 1 for text in RESPONSES)


def test_a_pair_that_the_judge_can_not_read_does_not_eat_the_budget():
    """Its verdicts are lost, each time; the others are compared nevertheless."""
    script = answering(noisy(CHOOSERS["longest"], 1.0))

    def lost(request, index):
        hard = {len(text) for text in request.case.responses} == {7, 8}
        return "no verdict" if hard else script(request, index)

    texts = ["x" * size for size in range(1, 9)]
    with judge(ScriptedEngine(lost), budget=40, resamples=0) as one:
        ranking = one.rank("q", texts, strategy="active-best")
    met = Counter(frozenset((match.first, match.second)) for match in ranking.matches)
    assert met[frozenset((6, 7))] < 20
    assert set(ranking.order[:2]) == {6, 7}
