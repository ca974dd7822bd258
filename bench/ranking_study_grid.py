"""The simulated part of the ranking study: every strategy of pairs, at several costs, before three judges.

A cell is one strategy at one cost before one judge and one number of responses: means over trials with their standard
errors. What "auto" and "auto-best" come to is looked up among the cells of the strategies they settle on: trials follow
from their seed and number alone, so playing them again would give the same figures to the last digit.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from rrm.plans import AUTO, AUTO_BEST, named_plan, settle, strategy_name
from rrm.simulation import Arm, Estimate, Simulated, SimulatedJudge, simulate
from rrm.simulation.trial import takes_budget
from rrm.tournaments import STRATEGIES

__all__ = [
    "AUTOS",
    "BUDGETED",
    "FIXED",
    "JUDGES",
    "SIZES",
    "VOTES",
    "Cell",
    "Grid",
    "arms",
    "block",
    "blocks",
    "budgets",
    "equal_costs",
    "label",
    "lookup",
    "played",
    "trials_of",
]

SIZES = (4, 8, 16, 32)
"""Numbers of responses."""

JUDGES: Mapping[str, SimulatedJudge] = {
    "unbiased": SimulatedJudge(bias=0.0),
    "position bias": SimulatedJudge(),
    "persistent errors": SimulatedJudge(pair_error=1.2),
}
"""Skills N(0, 1.5) logits and 5 % lapses; the last two favour whoever is shown first by 0.6 logits."""

AUTOS = (AUTO, AUTO_BEST)
BUDGETED = tuple(sorted(name for name in STRATEGIES if takes_budget(name)))
FIXED = tuple(sorted(name for name in STRATEGIES if not takes_budget(name)))

HEARD: Sequence[tuple[int, str]] = ((1, "none"), (3, "none"), (5, "none"), (7, "majority"), (7, "beta"))
"""Votes a match and stop for the strategies whose matches are given by the number of responses."""

ALSO_HEARD: Mapping[str, Sequence[tuple[int, str]]] = {"knockout": ((3, "majority"), (5, "majority"))}

VOTES = (1, 3, 5)
"""Votes of the knockouts that others are compared with at equal calls."""

_SHARES: Mapping[str, Mapping[int, float]] = {
    "unbiased": {4: 0.15, 8: 0.15, 16: 0.25, 32: 0.075},
    "position bias": {4: 0.3, 8: 0.3, 16: 1.0, 32: 0.15},
    "persistent errors": {4: 0.3, 8: 0.3, 16: 0.5, 32: 0.15},
}
"""How many of the trials a block has: those that take long, or matter less, have fewer."""

_DIGITS = 4

Pair = list[float]
"""A mean and its standard error."""


class Cell(TypedDict):
    """What a strategy came to. `gain` is its top-1 and tau less those of a knockout at as many calls, by votes of that one."""

    calls: Pair
    top1: Pair
    regret: Pair
    tau: Pair
    gain: dict[str, dict[str, Pair]]


Grid = dict[str, dict[str, dict[str, Cell]]]
"""Cells by judge, number of responses and label."""


def budgets(responses: int) -> dict[str, int]:
    """In calls, by what they are called: three are those of a knockout with 1, 3 and 5 votes a match."""
    matches = responses - 1
    return {
        "N-1": matches,
        "2N": 2 * responses,
        "3(N-1)": 3 * matches,
        "3N": 3 * responses,
        "5(N-1)": 5 * matches,
        "5N": 5 * responses,
    }


def equal_costs(responses: int) -> dict[int, int]:
    """The budget that is as many calls as a knockout with so many votes a match."""
    return {votes: votes * (responses - 1) for votes in VOTES}


def label(strategy: str, *, budget: int | None = None, votes: int = 1, stop: str = "none") -> str:
    """The name of a cell: "active 48", "knockout x3", "knockout x7 beta"."""
    if budget is not None:
        return f"{strategy} {budget}"
    return f"{strategy} x{votes}" + (f" {stop}" if stop != "none" else "")


def trials_of(judge: str, responses: int, trials: int) -> int:
    """How many trials a block has where the largest has `trials`."""
    return max(2, round(trials * _SHARES[judge][responses]))


def arms(responses: int) -> dict[str, Arm]:
    """Everything that is played, by label."""
    made = {}
    for name in FIXED:
        for votes, stop in (*HEARD, *ALSO_HEARD.get(name, ())):
            made[label(name, votes=votes, stop=stop)] = Arm(name, votes=votes, stop=stop)  # type: ignore[arg-type]
    for name in BUDGETED:
        for budget in dict.fromkeys(budgets(responses).values()):
            made[label(name, budget=budget)] = Arm(name, budget=budget)
    return made


def block(judge: str, responses: int, trials: int, seed: int, said: Callable[[str], object]) -> dict[str, Cell]:
    """All cells of a judge and a number of responses, played before the same trials."""
    start, played = time.monotonic(), arms(responses)
    found = simulate(tuple(played.values()), JUDGES[judge], responses=responses, trials=trials, seed=seed)
    results = dict(zip(played, found, strict=True))
    said(f"{judge}, N = {responses}: {trials} trials, {time.monotonic() - start:.0f} s")
    knockouts = {votes: results[label("knockout", votes=votes)] for votes in VOTES}
    return {name: _cell(result, knockouts) for name, result in results.items()}


def _cell(result: Simulated, knockouts: Mapping[int, Simulated]) -> Cell:
    gains = {
        str(votes): {measure: _pair(result.gain(knockout, measure)) for measure in ("top1", "tau")}
        for votes, knockout in knockouts.items()
        if 0.9 < result.calls.mean / knockout.calls.mean < 1.01
    }
    return {
        "calls": _pair(result.calls),
        "top1": _pair(result.top1),
        "regret": _pair(result.regret),
        "tau": _pair(result.tau),
        "gain": gains,
    }


def _pair(estimate: Estimate) -> Pair:
    return [round(estimate.mean, _DIGITS), round(estimate.error, _DIGITS)]


def lookup(cells: Mapping[str, Cell], strategy: str, responses: int, budget: int) -> tuple[str, Cell]:
    """What a strategy that takes a budget, or is chosen by it, came to with so many calls, and the label of that cell.

    Raises KeyError where the study has not played what is chosen.
    """
    settled = settle(named_plan(strategy), responses, budget)
    name = strategy_name(settled)
    found = label(name, budget=budget) if name in BUDGETED else label(name)
    if found not in cells:
        raise KeyError(f"{strategy!r} settles on {found!r} for {responses} responses, which the study has not played")
    return found, cells[found]


def blocks() -> Iterator[tuple[str, int]]:
    """Judges and numbers of responses, those first that say most."""
    for responses in (16, 8, 4, 32):
        for judge in ("position bias", "persistent errors", "unbiased"):
            yield judge, responses


def played(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What there is by judge, in our own order."""
    return ((judge, found[judge]) for judge in JUDGES if judge in found)
