"""Which strategy ranks with which kind of judge, by which name, and on how many calls.

Tournaments need a judge of pairs. A judge that gives scores needs none: it ranks by its own kind, "pointwise" (each
response by itself) or "listwise" (several at once, in windows); see `rrm.grading`. "auto" and "auto-best" stand for a
tournament that is chosen for each contest, by its size and the budget; docs/ranking-study.md says why.
"""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import entry_points
from typing import Any, cast

from rrm.errors import InputError, UnknownNameError
from rrm.judging.prompts import Prompt
from rrm.judging.rules import Rules
from rrm.tournaments import STRATEGIES, Strategy, Tournament
from rrm.tournaments.rounds import FromGenerator, Play

__all__ = [
    "AUTO",
    "AUTO_BEST",
    "LISTWISE",
    "POINTWISE",
    "STRATEGY_NAMES",
    "Plan",
    "StrategyLike",
    "begin",
    "default_strategy",
    "known_name",
    "matches_for",
    "named_plan",
    "plan_for",
    "rules_for",
    "settle",
    "strategy_name",
    "takes_budget",
    "votes_of",
]

StrategyLike = str | Strategy | Callable[[int], Play]
"""What users say: a name, what makes a tournament from a draw, or a generator function of the number of players."""

Plan = Strategy | str
"""What makes a tournament from a draw, or the name of a strategy that needs no pairs, or is chosen later."""

PAIRWISE, POINTWISE, LISTWISE = "pairwise", "pointwise", "listwise"
AUTO, AUTO_BEST = "auto", "auto-best"
"""Chosen for each contest: for the whole order, or for the best one only."""

STRATEGY_NAMES: tuple[str, ...] = (AUTO, AUTO_BEST, *sorted(STRATEGIES), POINTWISE, LISTWISE)
"""All that `strategy="..."` and `--strategy` know, besides those of installed packages (see `named_plan`)."""

_ENTRY_POINTS = "rrm.strategies"

_TOP = re.compile("top-([1-9][0-9]{0,3})")
"""The strategy top-k with a number in place of k."""

_BRACKET = 1.25
"""Matches for each response up to which a knockout is not beaten by what could use the rest of them."""

_AUTO_VOTES = 7
"""Votes a match at most with `votes="auto"`, where a strategy does not say otherwise."""


def default_strategy(kind: str, budget: int | None = None) -> str:
    """What contests are ranked by where nobody says.

    A knockout, or with a budget what suits it; the judge's own kind where it gives scores.
    """
    if kind != PAIRWISE:
        return kind
    return "knockout" if budget is None else AUTO


def plan_for(strategy: StrategyLike | None, prompt: Prompt, budget: int | None = None) -> Plan:
    """What a strategy (None: the default one) stands for with the judge of this prompt.

    Raises UnknownNameError, or InputError where it does not fit the judge's kind, or has no use for a budget.
    """
    plan = named_plan(default_strategy(prompt.kind, budget) if strategy is None else strategy)
    needs = plan if isinstance(plan, str) and plan not in (AUTO, AUTO_BEST) else PAIRWISE
    if needs != prompt.kind:
        raise InputError(
            f"the strategy {strategy_name(plan)!r} needs a {needs} judge, and the prompt {prompt.name!r} is "
            f"{prompt.kind}: use the strategy {default_strategy(prompt.kind)!r}, or a {needs} prompt"
        )
    if budget is not None and not takes_budget(plan):
        fitting = ", ".join(name for name in STRATEGY_NAMES if takes_budget(named_plan(name)))
        instead = f", or use one of {fitting}" if needs == PAIRWISE else ""
        raise InputError(
            f"the strategy {strategy_name(plan)!r} asks as many calls as it needs, so that a budget of {budget} means "
            f"nothing to it: leave the budget out{instead}"
        )
    return plan


def named_plan(strategy: StrategyLike) -> Plan:
    """What a strategy stands for, whatever the judge.

    A generator function of the number of players is made a tournament; see `rrm.tournaments.rounds`. A name that is none of
    rrm's own ("top-8" is top-k with 8 for k) is looked for among the entry points `rrm.strategies` of installed packages. Raises UnknownNameError with the
    nearest valid name.
    """
    if not isinstance(strategy, str):
        if not callable(strategy):
            raise InputError(
                "a strategy is a name, what makes a tournament from a draw (a class), or a generator function, "
                f"not {strategy!r}"
            )
        is_generator = inspect.isgeneratorfunction(strategy)
        return _from_generator(strategy) if is_generator else cast("Strategy", strategy)
    if strategy in STRATEGY_NAMES:
        return STRATEGIES.get(strategy, strategy)
    if best := _TOP.fullmatch(strategy):
        return _top(int(best[1]))
    return _installed(strategy)


@cache
def _top(k: int) -> Strategy:
    return _with_name(partial(STRATEGIES["top-k"], k=k), f"top-{k}")  # type: ignore[call-arg]


@cache
def _installed(name: str) -> Plan:
    found = entry_points(group=_ENTRY_POINTS)
    if name not in found.names:
        raise UnknownNameError("strategy", name, {*STRATEGY_NAMES, *found.names})
    try:
        loaded = found[name].load()
    except Exception as error:
        raise InputError(f"the strategy {name!r} ({found[name].value}) can't be loaded: {error}") from error
    if isinstance(loaded, str):
        raise InputError(f"the strategy {name!r} ({found[name].value}) is a text, and no strategy")
    return _with_name(partial(cast("Strategy", named_plan(loaded))), name)


def _from_generator(function: Any) -> Strategy:
    made = partial(FromGenerator, play=function, most_matches=getattr(function, "most_matches", None))
    return _with_name(made, getattr(function, "__name__", None) or function.func.__name__)


def _with_name(made: Any, name: str) -> Strategy:
    """What makes a tournament, with the name under which results report it."""
    made.name = name
    strategy: Strategy = made
    return strategy


def _trait(plan: object, name: str, *, default: object) -> Any:
    """What a strategy says of itself, also where some of its arguments are given already."""
    while isinstance(plan, partial) and not hasattr(plan, name):
        plan = plan.func
    return getattr(plan, name, default)


def takes_budget(plan: Plan) -> bool:
    """Whether a strategy can use any number of calls."""
    return plan in (AUTO, AUTO_BEST) or bool(_trait(plan, "takes_budget", default=False))


def settle(plan: Plan, players: int, matches: int | None) -> Plan:
    """The plan for a contest of so many distinct responses, where it is to be chosen; else the plan itself.

    `matches` is how many the budget pays for, or None. See docs/ranking-study.md for the reasons.
    """
    if plan not in (AUTO, AUTO_BEST):
        return plan
    if plan == AUTO or matches is None or matches >= 2 * players:
        return STRATEGIES["active" if plan == AUTO else "active-best"]
    # For so few calls a bracket is hard to beat; one that can't be held to its budget is no choice.
    is_a_brackets_worth = players - 1 <= matches < _BRACKET * players
    return STRATEGIES["knockout" if is_a_brackets_worth else "sequential-halving"]


def begin(strategy: Strategy, draw: Sequence[int], matches: int | None) -> Tournament:
    """The tournament of a draw, of at most so many matches where it can use any number.

    Raises InputError where what was made is no tournament.
    """
    budget = {"matches": matches} if matches is not None and takes_budget(strategy) else {}
    made = strategy(draw, **budget)
    if missing := [name for name in ("start", "record", "most_matches") if not hasattr(made, name)]:
        raise InputError(
            f"the strategy {strategy_name(strategy)!r} makes {type(made).__name__!r}, which is no tournament: it has no "
            f"{' and no '.join(missing)}"
        )
    return made


def rules_for(rules: Rules, plan: Plan | None) -> Rules:
    """The rules with as many votes as pay with the strategy, where that is left to it; with the stop "beta", if none is set.

    To a strategy that says `pools` an even split is news like any other, and so not asked again.
    """
    if _trait(plan, "pools", default=False):
        rules = replace(rules, asks_splits_again=False)
    if not rules.auto_votes:
        return rules
    # A budget buys as many matches of one vote: what was chosen for it and can't be held to it has no more.
    is_scant = rules.budget is not None and plan is not None and not takes_budget(plan)
    stop = "beta" if rules.stop == "majority" else rules.stop
    return replace(rules, votes=1 if is_scant else votes_of(plan), stop=stop)


def matches_for(rules: Rules, plan: Plan) -> int | None:
    """How many matches the budget pays for; None where there is none."""
    return None if rules.budget is None else max(1, rules.budget // rules_for(rules, plan).most_votes)


def votes_of(plan: Plan | None) -> int:
    """How many votes a match has at most with `votes="auto"`: one where a strategy asks many opponents instead."""
    return 1 if plan in (AUTO, AUTO_BEST) else int(_trait(plan, "auto_votes", default=_AUTO_VOTES))


def known_name(strategy: Strategy) -> str | None:
    """The name of one of rrm's own strategies; None for any other, whatever it calls itself."""
    name = next((name for name, known in STRATEGIES.items() if known is strategy), None)
    own = getattr(strategy, "name", None) if name is None else None
    best = _TOP.fullmatch(own) if isinstance(own, str) else None
    return own if best and _top(int(best[1])) is strategy else name


def strategy_name(plan: Plan) -> str:
    """The name under which results report a strategy."""
    if isinstance(plan, str):
        return plan
    if name := known_name(plan):
        return name
    inner = plan
    while isinstance(inner, partial) and not hasattr(inner, "name"):
        inner = inner.func
    return known_name(inner) or str(getattr(inner, "name", None) or getattr(inner, "__name__", type(inner).__name__))
