"""The recorded part of the ranking study: strategies on real verdicts, as votes on pairs, at equal calls.

The verdicts are those of recorded_verdicts.py: four on each solution. As in recorded_votes.py a round's vote on a pair is
for the solution with the better verdict of that round, and a tie where they are equal; the judge may call a tie. Which
rounds a pair's first, second, third and fourth vote are is drawn for each pair, or all first votes would tell of one
round only. There are no more than four: from the fifth vote on a pair hears what it has heard. How often that happened
is counted, and no strategy asks for more than 4 (N - 1) calls.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray
from ranking_study_grid import AUTOS, label
from recorded_verdicts import ROUNDS, SIZE, Set, load
from recorded_votes import by_majority, by_votes, draw

from rrm.plans import named_plan, settle, strategy_name
from rrm.simulation import Arm
from rrm.simulation.trial import play, takes_budget

__all__ = ["COSTS", "MIXES", "recorded"]

MIXES = ("2 right", "4 right", "as in the file")
COSTS = (1, 2, 3, 4)
"""Calls, as multiples of N - 1."""

STRATEGIES = ("active", "active-best", "sequential-halving", "swiss", "top-two")
RESAMPLES = 2_000
_PIECE = 12
"""Questions that a process is given at once."""

Floats = NDArray[numpy.float64]


class Verdicts:
    """A set of solutions before their recorded verdicts; what `rrm.simulation.judge.Sitting` is to a simulated judge."""

    def __init__(self, solutions: Set, seed: str) -> None:
        chance = random.Random(seed)
        players = range(len(solutions))
        self.draw = tuple(chance.sample(players, len(solutions)))
        self.ring = tuple(chance.sample(players, len(solutions)))
        self.repeated = 0
        """Votes that were told for another time."""
        self._marks = [solution.marks for solution in solutions]
        self._rounds = {pair: chance.sample(ROUNDS, len(ROUNDS)) for pair in combinations(players, 2)}

    def vote(self, first: int, second: int, number: int) -> int:
        """Vote `number` of those with these shown first and second: 0 for the first, 1 for the second, 2 for a tie."""
        place = 2 * number + (first > second)
        self.repeated += place >= len(ROUNDS)
        told = self._rounds[min(first, second), max(first, second)][place % len(ROUNDS)]
        one, other = self._marks[first][told], self._marks[second][told]
        return 2 if one == other else int(one < other)


def recorded(folder: Path, sets: int, seed: int, said: Callable[[str], object]) -> dict[str, Any]:
    """Share of right picks by mix and label, with bootstrap errors over the questions. Raises OSError, ValueError."""
    questions = [question for question in load(folder) if question.is_eligible]
    if not questions:
        raise ValueError(f"no question has {SIZE} right and {SIZE} wrong solutions")
    found = {}
    for mix in MIXES:
        drawn = draw(questions, mix, sets, seed).sets
        found[mix] = _summary(_in_processes(drawn, seed) | _pointwise(drawn))
        said(f"recorded verdicts, {mix}: {sets} sets for each of {len(questions)} questions")
    return found


def arms() -> dict[str, Arm]:
    """Everything that is played, by label."""
    made = {label("knockout", votes=votes): Arm("knockout", votes=votes, stop="none") for votes in COSTS}
    for name in STRATEGIES:
        for cost in COSTS:
            made[label(name, budget=cost * (SIZE - 1))] = Arm(name, budget=cost * (SIZE - 1))
    return made


def settled(cells: Mapping[str, Any]) -> dict[str, Any]:
    """The cells of "auto" and "auto-best", those of what they settle on."""
    found = {}
    for name in AUTOS:
        for cost in COSTS:
            budget = cost * (SIZE - 1)
            plan = settle(named_plan(name), SIZE, budget)
            chosen = strategy_name(plan)
            cell = label(chosen, budget=budget) if takes_budget(plan) else label(chosen)  # type: ignore[arg-type]
            found[label(name, budget=budget)] = cells[cell]
    return found


def _in_processes(drawn: Sequence[Sequence[Set]], seed: int) -> dict[str, Floats]:
    """By label: (questions, sets, 3): calls, whether the pick is right, and calls that told what was known."""
    pieces = [(drawn[begin : begin + _PIECE], begin, seed) for begin in range(0, len(drawn), _PIECE)]
    with ProcessPoolExecutor(2, get_context("fork")) as pool:
        done = list(pool.map(_played, pieces))
    return {name: numpy.concatenate([part[name] for part in done]) for name in arms()}


def _played(piece: tuple[Sequence[Sequence[Set]], int, int]) -> dict[str, Floats]:
    drawn, begin, seed = piece
    found = {}
    for name, arm in arms().items():
        entrant = arm.enter(SIZE, allows_ties=True)
        rows = [[list(_row(entrant, some, f"{seed} {begin + q} {s}")) for s, some in enumerate(sets)]
                for q, sets in enumerate(drawn)]  # fmt: skip
        found[name] = numpy.array(rows, float)
    return found


def _row(entrant: Any, solutions: Set, seed: str) -> Iterator[float]:
    sitting = Verdicts(solutions, seed)
    trial = play(entrant, sitting)  # type: ignore[arg-type]
    yield from (trial.calls, solutions[trial.order[0]].is_right, sitting.repeated)


def _pointwise(drawn: Sequence[Sequence[Set]]) -> dict[str, Floats]:
    """The pick by the mean of k verdicts on each, which is N k calls; and the answer that most solutions give."""
    found = {
        f"mean of {votes}": _counted(drawn, SIZE * votes, lambda some, k=votes: by_votes(some, k)) for votes in COSTS
    }
    return found | {"majority answer": _counted(drawn, 0, by_majority)}


def _counted(drawn: Sequence[Sequence[Set]], calls: int, way: Callable[[Set], float]) -> Floats:
    return numpy.array([[[calls, way(some), 0] for some in sets] for sets in drawn], float)


def _summary(rows: Mapping[str, Floats]) -> dict[str, Any]:
    generator = numpy.random.default_rng(0)
    count = len(next(iter(rows.values())))
    resampled = generator.integers(0, count, (RESAMPLES, count))
    knockouts = {votes * (SIZE - 1): rows[label("knockout", votes=votes)] for votes in COSTS}
    found = {}
    for name, row in rows.items():
        calls, right, repeated = row.mean(1).T
        found[name] = {"calls": round(float(calls.mean()), 1), "right": _boot(right, resampled)}
        found[name]["repeated"] = round(float(repeated.sum() / max(1.0, calls.sum())), 4)
        if (budget := round(float(calls.mean()))) in knockouts:
            found[name]["gain"] = _boot(right - knockouts[budget].mean(1)[:, 1], resampled)
    return found


def _boot(values: Floats, resampled: NDArray[numpy.intp]) -> list[float]:
    """The mean over questions and its bootstrap error."""
    return [round(float(values.mean()), 4), round(float(values[resampled].mean(1).std()), 4)]
