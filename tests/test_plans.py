"""Names of strategies, those that are chosen for a contest, and which of them take a budget."""

import re
from dataclasses import replace
from functools import partial

import pytest

from rrm.errors import InputError, UnknownNameError
from rrm.judging.rules import Rules
from rrm.plans import (
    AUTO,
    AUTO_BEST,
    STRATEGY_NAMES,
    begin,
    default_strategy,
    matches_for,
    named_plan,
    plan_for,
    rules_for,
    settle,
    strategy_name,
    takes_budget,
    votes_of,
)
from rrm.promptfiles import load_prompt, prompt_names
from rrm.tournaments import STRATEGIES, ActiveBest, Knockout, Rounds, SequentialHalving, Swiss
from rrm.types import Sampling, Standings

PAIRWISE = load_prompt("skywork_pairwise")
TAKE_BUDGET = ("auto", "auto-best", "active", "active-best", "round-robin", "sequential-halving", "swiss", "top-two")
TAKE_NONE = ("anchor", "arena-elo", "double-elimination", "elo", "knockout", "sort", "top-k")


def neighbours(players):
    """A strategy as a generator: one round of neighbours in the draw, whose verdicts it does not heed."""
    yield [(player, player + 1) for player in range(players - 1)]
    return Standings(tuple(range(players)), (0.0,) * players)


class Own(Rounds):
    """A strategy as a class, that plays as many as it is told."""

    takes_budget = True
    auto_votes = 3
    name = "my own"

    def __init__(self, draw, matches=2):
        super().__init__(draw)
        self.most = matches

    @property
    def most_matches(self):
        return self.most

    def play(self):
        yield [(0, 1)] * self.most
        return Standings(tuple(range(self.players)), (0.0,) * self.players)


def test_the_names():
    """Every strategy of pairs, the two that are chosen later, and the two kinds of judges that give scores."""
    assert set(STRATEGY_NAMES) == {*STRATEGIES, "auto", "auto-best", "pointwise", "listwise"}
    assert len(set(STRATEGY_NAMES)) == len(STRATEGY_NAMES)
    assert {*TAKE_BUDGET, *TAKE_NONE} == set(STRATEGY_NAMES) - {"pointwise", "listwise"}


@pytest.mark.parametrize("name", STRATEGY_NAMES)
def test_a_name_stands_for_a_plan_and_back(name):
    plan = named_plan(name)
    assert plan == STRATEGIES.get(name, name)
    assert strategy_name(plan) == name


@pytest.mark.parametrize(("name", "nearest"), [("knokout", "knockout"), ("auto_best", "auto-best"), ("topk", "top-k")])
def test_unknown_names(name, nearest):
    """Named with the nearest one."""
    with pytest.raises(UnknownNameError, match=f"unknown strategy '{name}'. Did you mean '{nearest}'?"):
        named_plan(name)


def test_the_default_is_the_kind_of_the_judge():
    assert [default_strategy(kind) for kind in ("pairwise", "pointwise", "listwise")] == [
        "knockout",
        "pointwise",
        "listwise",
    ]
    assert plan_for(None, PAIRWISE) is Knockout


@pytest.mark.parametrize("name", TAKE_BUDGET)
def test_those_that_take_a_budget(name):
    """With every number of players they begin a tournament of no more matches than that."""
    plan = plan_for(name, PAIRWISE, 20)
    assert takes_budget(plan)
    strategy = settle(plan, 6, 20)
    assert begin(strategy, range(6), 20).most_matches <= 20


@pytest.mark.parametrize("name", TAKE_NONE)
def test_those_that_take_none(name):
    """Refused with the value, and with the names of those that do; without a budget they are themselves."""
    said = (
        f"the strategy '{name}' asks as many calls as it needs, so that a budget of 20 means nothing to it: "
        f"leave the budget out, or use one of {', '.join(TAKE_BUDGET)}"
    )
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        plan_for(name, PAIRWISE, 20)
    plan = plan_for(name, PAIRWISE)
    assert not takes_budget(plan)
    assert settle(plan, 6, None) is plan
    assert begin(plan, range(6), 1).most_matches == begin(plan, range(6), None).most_matches


def test_a_budget_without_a_strategy():
    """Is spent on what suits it."""
    assert default_strategy("pairwise", 20) == plan_for(None, PAIRWISE, 20) == AUTO
    assert default_strategy("pointwise", 20) == "pointwise"


def test_the_best_of_as_many_as_are_named():
    """top-k with a number in place of k; one strategy for each number, under that name."""
    plan = plan_for("top-8", PAIRWISE)
    assert plan is named_plan("top-8")
    assert strategy_name(plan) == "top-8"
    assert begin(plan, range(30), None).most_matches > begin(named_plan("top-2"), range(30), None).most_matches
    with pytest.raises(UnknownNameError, match="Did you mean 'top-k'?"):
        named_plan("top-0")
    with pytest.raises(InputError, match="the strategy 'top-8' asks as many calls as it needs"):
        plan_for("top-8", PAIRWISE, 20)


@pytest.mark.parametrize("kind", ["pointwise", "listwise"])
def test_judges_of_scores(kind):
    """Rank by their own kind, and by no tournament, chosen or named; a budget means nothing to them."""
    prompt = next(prompt for prompt in map(load_prompt, prompt_names()) if prompt.kind == kind)
    assert plan_for(None, prompt) == plan_for(kind, prompt) == kind
    for name in ("auto", "auto-best", "knockout", "active"):
        with pytest.raises(
            InputError, match=f"the strategy '{name}' needs a pairwise judge, .* use the strategy '{kind}'"
        ):
            plan_for(name, prompt)
    with pytest.raises(InputError, match=f"^the strategy '{kind}' asks .* a budget of 5 .*: leave the budget out$"):
        plan_for(kind, prompt, 5)
    with pytest.raises(InputError, match=f"the strategy '{kind}' needs a {kind} judge"):
        plan_for(kind, PAIRWISE)


@pytest.mark.parametrize("name", [AUTO, AUTO_BEST])
@pytest.mark.parametrize("matches", [None, 1, 5, 16, 48, 1000])
@pytest.mark.parametrize("players", range(1, 40))
def test_what_is_chosen_can_play(name, matches, players):
    """Any contest, within its budget wherever that pays for a match a player; and the same each time."""
    strategy = settle(name, players, matches)
    assert strategy is settle(name, players, matches)
    assert strategy in STRATEGIES.values()
    most = begin(strategy, range(players), matches).most_matches
    assert most >= players - 1 or most == matches
    if matches is not None:
        assert most <= matches


@pytest.mark.parametrize("name", [AUTO, AUTO_BEST])
def test_two_meet_as_often_as_the_budget_says(name):
    """There is but one pair to ask: as often as is paid for, or three times for each. One alone meets nobody."""
    assert begin(settle(name, 2, None), range(2), None).most_matches == 6
    assert begin(settle(name, 2, 9), range(2), 9).most_matches == 9
    assert begin(settle(name, 1, 9), range(1), 9).most_matches == 0


def test_a_budget_for_one_vote_a_match_is_not_spent_on_seven():
    """Where a strategy without a budget is chosen for a contest, and the votes are left to it, it has one a match."""
    rules = Rules(PAIRWISE, Sampling(100, 0.6), auto_votes=True, budget=20)
    assert matches_for(rules, AUTO_BEST) == 20
    assert rules_for(rules, Knockout).votes == 1
    assert rules_for(replace(rules, budget=None), Knockout).votes == 7
    assert rules_for(rules, None).votes == 7
    assert rules_for(replace(rules, auto_votes=False, votes=5), Knockout).votes == 5
    assert matches_for(replace(rules, auto_votes=False, votes=5, order="both"), AUTO) == 2
    assert matches_for(replace(rules, auto_votes=False, votes=50), AUTO) == 1
    assert matches_for(replace(rules, budget=None), AUTO) is None


def test_votes_where_they_are_left_to_the_strategy():
    """One where calls are better spent on other opponents, else up to seven."""
    assert {votes_of(STRATEGIES[name]) for name in TAKE_BUDGET if name in STRATEGIES} == {1}
    assert votes_of(AUTO) == votes_of(AUTO_BEST) == 1
    assert votes_of(Knockout) == votes_of(None) == 7
    assert votes_of(Own) == 3


def test_a_generator_is_a_strategy():
    """Under its own name; without a budget, since it does not say that it takes one."""
    plan = plan_for(neighbours, PAIRWISE)
    assert strategy_name(plan) == "neighbours"
    tournament = begin(plan, "cab", None)
    assert [(match.first, match.second) for match in tournament.start()] == [("c", "a"), ("a", "b")]
    with pytest.raises(InputError, match="the strategy 'neighbours' asks as many calls as it needs"):
        plan_for(neighbours, PAIRWISE, 5)


def test_a_generator_may_say_how_many_matches_it_plays():
    """By an attribute of the function: a number, or a function of the number of players."""

    def own(players):
        yield from ()
        return Standings(tuple(range(players)), (0.0,) * players)

    assert begin(named_plan(own), range(4), None).most_matches == 6
    own.most_matches = 3
    assert begin(named_plan(own), range(4), None).most_matches == 3
    own.most_matches = lambda players: players**2
    assert begin(named_plan(own), range(4), None).most_matches == 16


def test_a_class_of_ones_own():
    """May take a budget and say how many votes it wants; its name is its own, or that of the class."""
    plan = plan_for(Own, PAIRWISE, 5)
    assert plan is Own
    assert strategy_name(plan) == "my own"
    assert settle(plan, 2, 5) is Own
    assert begin(plan, range(3), 5).most_matches == 5
    assert begin(plan, range(3), None).most_matches == 2
    assert strategy_name(type("Mine", (Own,), {"name": None})) == "Mine"


@pytest.mark.parametrize("matches", range(1, 40))
def test_the_best_for_few_calls(matches):
    """A bracket where the calls are about its own, halving where they are fewer or some more, the adaptive one beyond."""
    chosen = settle(AUTO_BEST, 8, matches)
    expected = Knockout if matches in (7, 8, 9) else SequentialHalving if matches < 16 else ActiveBest
    assert chosen is expected
    assert begin(chosen, range(8), matches).most_matches <= matches
    assert settle(AUTO, 8, matches) is STRATEGIES["active"]


def test_arguments_that_are_given_already():
    """Change nothing of what a strategy says of itself."""
    points = partial(Swiss, rating="points")
    assert (takes_budget(points), votes_of(points), strategy_name(points)) == (True, 1, "swiss")
    assert begin(points, range(8), 8).most_matches == 8
    assert plan_for(points, PAIRWISE, 20) is points


@pytest.mark.parametrize("strategy", [5, Knockout([0, 1]), object()])
def test_what_is_no_strategy(strategy):
    with pytest.raises(InputError, match="a strategy is a name, what makes a tournament from a draw"):
        named_plan(strategy)


def test_what_makes_no_tournament():
    """A function that returns something else."""
    with pytest.raises(
        InputError, match="the strategy 'five' makes 'int', which is no tournament: it has no start and no"
    ):
        begin(five, [0, 1], None)


def five(draw):
    return len(draw) + 3
