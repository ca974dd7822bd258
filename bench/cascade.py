"""A cascade against the judge's tournament alone: how good a filter must be for as good a best response at fewer calls.

    python bench/cascade.py [--trials N] [--output FILE] [--quick]

Responses have skills before a judge whose mind is known (`rrm.simulation`); a filter gives each a score whose correlation
with the skills is chosen. In every trial the tournament of all responses and that of the kept ones meet the same votes:
vote number i on two responses in one order is the same for both, so that differences have small errors.

table    strategies, kept counts and correlations: top-1 of the full tournament and of the cascade, the difference with its
         standard error, and the calls of each. Tournaments and hearings are those of `rrm simulate`.
claim    the same for the lines of CLAIMS, through `rrm.rankers.Cascade`, `RewardRanker` and `Judge` themselves on an
         engine that answers with the simulated votes: top-1 no more than one standard error of the difference below the
         full tournament's, for at most half of its calls. Exit code 1 where one is missed.

No model. Two idle cores: some minutes.
"""

import argparse
import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

# Before numpy is loaded: the matrices are small, and the processes are as many as the cores.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import numpy  # noqa: E402
from report import Figure, show  # noqa: E402

from rrm import Contest, Judge, Ranking, ScriptedEngine  # noqa: E402
from rrm.engines.scripted import answering  # noqa: E402
from rrm.ranker import Ranker  # noqa: E402
from rrm.rankers import Cascade  # noqa: E402
from rrm.simulation import Arm, SimulatedJudge  # noqa: E402
from rrm.simulation.judge import VOTES, Sitting  # noqa: E402
from rrm.simulation.trial import play  # noqa: E402
from rrm.types import SampleRequest, Vote  # noqa: E402

JUDGES = {
    "position bias": SimulatedJudge(),
    "persistent errors": SimulatedJudge(pair_error=1.2),
}
CORRELATIONS = (0.5, 0.6, 0.7, 0.8, 0.9)
KEEPS = (4, 8)


@dataclass(frozen=True)
class Plan:
    """The tournament of all responses, and that of the kept ones."""

    name: str
    full: Arm
    kept: Arm


PLANS = (
    Plan("knockout, 1 vote", Arm("knockout"), Arm("knockout")),
    Plan("knockout, 3 votes", Arm("knockout", votes=3, stop="none"), Arm("knockout", votes=3, stop="none")),
    Plan("auto-best, 48 / 24 calls", Arm("auto-best", budget=48), Arm("auto-best", budget=24)),
)


@dataclass(frozen=True)
class Claim:
    """What the page says: from this correlation on, a cascade is as good for half the calls."""

    judge: str
    plan: Plan
    responses: int
    keep: int
    correlation: float


CLAIMS = tuple(Claim("position bias", plan, 16, 4, 0.8) for plan in PLANS)


class Filter:
    """Scores whose correlation with the skills is `correlation`: a share of the skill, and noise for the rest."""

    def __init__(self, correlation: float, spread: float, seed: int) -> None:
        self._share = correlation / spread
        self._noise = math.sqrt(1 - correlation**2)
        self._seed = seed

    def scores(self, sitting: Sitting, trial: int) -> Any:
        noise = numpy.random.default_rng((self._seed, trial, 1_000_003)).standard_normal(len(sitting.skills))
        return self._share * sitting.skills + self._noise * noise


class Kept:
    """A sitting with some of its responses, numbered anew: what `rrm.simulation` hears the cascade's judge in."""

    def __init__(self, sitting: Sitting, kept: Sequence[int]) -> None:
        self._sitting = sitting
        self._kept = kept
        place = {index: number for number, index in enumerate(kept)}
        self.draw = tuple(place[index] for index in sitting.draw if index in place)
        around = sorted(kept, key=lambda index: sitting.ring[index])
        self.ring = tuple(around.index(index) for index in kept)

    def vote(self, first: int, second: int, number: int) -> int:
        return self._sitting.vote(self._kept[first], self._kept[second], number)

    def coin(self, first: int, second: int, number: int) -> bool:
        return self._sitting.coin(self._kept[first], self._kept[second], number)


def kept_of(scores: Any, keep: int) -> tuple[int, ...]:
    """The responses with the highest scores, by index."""
    return tuple(sorted(sorted(range(len(scores)), key=lambda index: -scores[index])[:keep]))


@dataclass(frozen=True)
class Piece:
    """Some trials of a table: what a process is given."""

    judge: str
    responses: int
    keeps: tuple[int, ...]
    seed: int
    trials: range


def played(piece: Piece) -> list[list[tuple[float, float]]]:
    """For each trial, (top-1, calls) of each full tournament, and of each cascade."""
    judge = JUDGES[piece.judge]
    full = [plan.full.enter(piece.responses, allows_ties=False) for plan in PLANS]
    kept = {keep: [plan.kept.enter(keep, allows_ties=False) for plan in PLANS] for keep in piece.keeps}
    filters = [Filter(correlation, judge.spread, piece.seed) for correlation in CORRELATIONS]
    rows = []
    for number in piece.trials:
        sitting = judge.sit(piece.responses, piece.seed, number)
        best = int(sitting.skills.argmax())
        row = [(float(trial.order[0] == best), float(trial.calls)) for trial in (play(one, sitting) for one in full)]
        for made in filters:
            scores = made.scores(sitting, number)
            for keep in piece.keeps:
                finalists = kept_of(scores, keep)
                for entrant in kept[keep]:
                    trial = play(entrant, Kept(sitting, finalists))  # type: ignore[arg-type]
                    row.append((float(finalists[trial.order[0]] == best), float(trial.calls)))
        rows.append(row)
    return rows


def table(judge: str, responses: int, keeps: tuple[int, ...], trials: int, seed: int) -> list[dict[str, Any]]:
    """A cell for each plan, kept count and correlation."""
    pieces = [
        Piece(judge, responses, keeps, seed, range(begin, min(begin + 50, trials))) for begin in range(0, trials, 50)
    ]
    with ProcessPoolExecutor(min(len(pieces), os.cpu_count() or 1)) as pool:
        rows = numpy.array([row for part in pool.map(played, pieces) for row in part])
    cells = []
    column = len(PLANS)
    for correlation in CORRELATIONS:
        for keep in keeps:
            for place, plan in enumerate(PLANS):
                found = compared(rows[:, place], rows[:, column])
                cells.append({"plan": plan.name, "keep": keep, "correlation": correlation, **found})
                column += 1
    return cells


def alone(judge: str, responses: int, trials: int, seed: int) -> list[float]:
    """How often the filter's best is the best, by correlation."""
    sittings = [JUDGES[judge].sit(responses, seed, number) for number in range(trials)]
    return [
        float(
            numpy.mean(
                [
                    Filter(correlation, JUDGES[judge].spread, seed).scores(sitting, number).argmax()
                    == sitting.skills.argmax()
                    for number, sitting in enumerate(sittings)
                ]
            )
        )
        for correlation in CORRELATIONS
    ]


def compared(full: Any, cascade: Any) -> dict[str, float]:
    """Both top-1 shares and calls; and how much more the cascade has, with the standard error of that. (T, 2) each."""
    gain = cascade[:, 0] - full[:, 0]
    return {
        "top1_full": round(float(full[:, 0].mean()), 4),
        "top1": round(float(cascade[:, 0].mean()), 4),
        "gain": round(float(gain.mean()), 4),
        "error": round(float(gain.std(ddof=1)) / math.sqrt(len(gain)), 4),
        "calls_full": round(float(full[:, 1].mean()), 2),
        "calls": round(float(cascade[:, 1].mean()), 2),
    }


class Simulated:
    """The simulated judge as an engine, and the filter as a reward: a response's text says which it is."""

    def __init__(self, claim: Claim, seed: int) -> None:
        self._claim = claim
        self._seed = seed
        self._filter = Filter(claim.correlation, JUDGES[claim.judge].spread, seed)
        self.sitting = lru_cache(maxsize=1024)(self._sitting)

    def engine(self) -> ScriptedEngine:
        return ScriptedEngine(answering(self._vote), slots=64)

    def score(self, conversations: Sequence[Any]) -> list[float]:
        named = [named_by(conversation[-1]["content"]) for conversation in conversations]
        return [float(self._filter.scores(self.sitting(trial), trial)[index]) for trial, index in named]

    def contests(self, trials: int) -> Iterator[Contest]:
        for trial in range(trials):
            texts = [f"Response {index} of trial {trial}." for index in range(self._claim.responses)]
            yield Contest(f"Trial {trial}: which response is best?", texts, id=trial)

    def _sitting(self, trial: int) -> Sitting:
        return JUDGES[self._claim.judge].sit(self._claim.responses, self._seed, trial)

    def _vote(self, request: SampleRequest, index: int) -> Vote:
        (trial, first), (_, second) = named_by(request.case.first), named_by(request.case.second)
        return VOTES[self.sitting(trial).vote(first, second, index)]


def named_by(text: str) -> tuple[int, int]:
    """The trial and the index that a response's text names."""
    _, index, _, _, trial = text.rstrip(".").split()
    return int(trial), int(index)


def checked(claim: Claim, trials: int, seed: int) -> dict[str, float]:
    """The full tournament and the cascade, through the package's own rankers."""
    simulated = Simulated(claim, seed)

    def row(ranking: Ranking) -> tuple[float, float]:
        assert isinstance(ranking.id, int), ranking.error
        best = int(simulated.sitting(ranking.id).skills.argmax())
        calls = sum(match.votes.total for match in ranking.matches)
        return float(ranking.best == best), float(calls)

    def rows(ranker: Ranker, arm: Arm) -> Any:
        found = ranker.rank_many(simulated.contests(trials), strategy=arm.strategy)
        return numpy.array([row(ranking) for ranking in found])

    with judge_of(claim.plan.full, simulated) as judge:
        full = rows(judge, claim.plan.full)
    with judge_of(claim.plan.kept, simulated) as judge, Cascade(simulated, keep=claim.keep, judge=judge) as cascade:
        return compared(full, rows(cascade, claim.plan.kept))


def judge_of(arm: Arm, simulated: Simulated) -> Judge:
    """A judge that hears its matches as an arm says."""
    return Judge(engine=simulated.engine(), votes=arm.votes, budget=arm.budget, order=arm.order, stop=arm.stop)


def figures(
    claims: Sequence[Claim], trials: int, seed: int, found: list[tuple[Claim, dict[str, float]]]
) -> Iterator[Figure]:
    """Top-1 as how many standard errors above the full tournament's it is, and calls as a share of its calls.

    What there is of each claim is put into `found`.
    """
    for claim in claims:
        cell = checked(claim, trials, seed)
        found.append((claim, cell))
        name = f"{claim.plan.name}, {claim.keep} of {claim.responses}, r = {claim.correlation:g}"
        yield Figure(
            name,
            f"top-1 {cell['top1']:.3f}",
            f"{cell['top1_full']:.3f}, SE of the difference {cell['error']:.4f}",
            cell["gain"] / cell["error"] if cell["error"] else 0.0,
            floor=-1.0,
        )
        ratio = cell["calls"] / cell["calls_full"]
        yield Figure("  calls", f"{cell['calls']:.1f}", f"{cell['calls_full']:.1f}", ratio, ceiling=0.5)


def print_table(judge: str, cells: Sequence[dict[str, Any]], filtered: Sequence[float]) -> None:
    """A line for each tournament and number of kept responses."""
    print(f"\n{judge}, 16 responses: top-1 of the cascade (difference from the full tournament, SE)")
    print(
        f"{'tournament':<26}{'keep':>5}{'calls':>7}{'full':>7}  {'all':>6}  "
        + "".join(f"{f'r = {r:g}':>22}" for r in CORRELATIONS)
    )
    for plan, keep in dict.fromkeys((cell["plan"], cell["keep"]) for cell in cells):
        line = [cell for cell in cells if (cell["plan"], cell["keep"]) == (plan, keep)]
        head = (
            f"{plan:<26}{keep:>5}{line[0]['calls']:>7.1f}{line[0]['calls_full']:>7.1f}  {line[0]['top1_full']:>6.3f}  "
        )
        print(head + "".join(f"{c['top1']:>8.3f} ({c['gain']:+.3f}, {c['error']:.3f})" for c in line))
    print(
        f"{'the filter alone':<26}{1:>5}{0:>7.1f}{'':>7}  {'':>6}  "
        + "".join(f"{top1:>8.3f}{'':>14}" for top1 in filtered)
    )


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="40 trials, to see that everything runs")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the figures as JSON")
    parser.add_argument("--only", choices=("table", "claim"), nargs="+", default=("table", "claim"))
    arguments = parser.parse_args()
    trials = 40 if arguments.quick else arguments.trials
    data: dict[str, Any] = {"trials": trials, "seed": arguments.seed, "tables": {}, "filter_alone": {}, "claims": []}
    if "table" in arguments.only:
        for judge in JUDGES:
            cells = table(judge, 16, KEEPS, trials, arguments.seed)
            data["tables"][judge] = cells
            data["filter_alone"][judge] = alone(judge, 16, trials, arguments.seed)
            print_table(judge, cells, data["filter_alone"][judge])
    claims = CLAIMS if "claim" in arguments.only else ()
    found: list[tuple[Claim, dict[str, float]]] = []
    print()
    code = show(figures(claims, trials, arguments.seed, found))
    data["claims"] = [
        {
            "judge": c.judge,
            "plan": c.plan.name,
            "responses": c.responses,
            "keep": c.keep,
            "correlation": c.correlation,
            **cell,
        }
        for c, cell in found
    ]
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
