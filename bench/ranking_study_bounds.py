"""How much is left: what nobody can do better before the simulated judge, and what nobody can read better.

genie     somebody reveals which two responses are the best, not which is which, all skills, and how the judge errs. All
          calls then go to these two, in whichever order tells more after what was heard, and the likelier one is
          picked. A call on one of the two and a third response would tell less of them: their chances of winning it
          differ by the gap in logits, and by twice the gap in a call on both (`is_dominated` checks that the one is the
          other with noise added). So no method finds the best more often with as many calls.
reading   a method's own votes, read by one who knows the distribution of skills, the bias and the share of lapses: the
          response with the greatest posterior probability of being best is picked. No ratings can be made of the same
          votes that find the best more often.

Neither is for a judge with persistent errors.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from rrm.simulation import Arm, SimulatedJudge
from rrm.simulation.judge import Sitting
from rrm.simulation.trial import play

__all__ = ["Recorded", "genie", "is_dominated", "readings"]

Floats = NDArray[numpy.float64]

_GAPS = 48
"""Points at which the gap between the two best is taken; it changes the bound by less than .0005."""

_DRAWN = 200_000
_SAMPLES = 4_000
_FREEDOM = 6.0
"""Degrees of freedom of the t distribution from which skills are drawn; its tails are wider than the posterior's."""


def genie(judge: SimulatedJudge, responses: int, calls: int) -> float:
    """The probability of naming the better of the two best with so many calls on them; in expectation over skills."""
    return float(numpy.mean([_told_apart(judge, gap, calls) for gap in _gaps(judge.spread, responses)]))


def _gaps(spread: float, responses: int) -> Floats:
    """Gaps between the two best, in logits, each as likely: the middles of so many equal parts of the distribution."""
    generator = numpy.random.default_rng(0)
    rows = max(2, _DRAWN // responses)
    two = numpy.partition(generator.standard_normal((rows, responses)), -2)[:, -2:]
    return numpy.asarray(spread * numpy.quantile(two[:, 1] - two[:, 0], (numpy.arange(_GAPS) + 0.5) / _GAPS))


def _told_apart(judge: SimulatedJudge, gap: float, calls: int) -> float:
    """The same for one gap, by backward induction over (calls in the first order, votes won there, and in the other)."""
    better, worse = judge.chance(numpy.array(gap)), judge.chance(numpy.array(-gap))
    # In the first order `better` wins if the one shown first is; in the other the one shown second is it.
    value = numpy.maximum(
        _weights(float(better), 1 - float(worse), calls), _weights(float(worse), 1 - float(better), calls)
    )
    for left in range(calls, 0, -1):
        first = value[1:, 1:, :left] + value[1:, :left, :left]
        second = value[:left, :left, 1:] + value[:left, :left, :left]
        value = numpy.maximum(first, second)
    return float(value[0, 0, 0]) / 2


def _weights(first: float, second: float, calls: int) -> Floats:
    """Probabilities of sequences, (calls in the first order, won there, won in the other), where a win has these two."""
    asked, won, other = numpy.ogrid[: calls + 1, : calls + 1, : calls + 1]
    is_possible = (won <= asked) & (other <= calls - asked)
    logs = won * math.log(first) + (asked - won) * math.log(1 - first)
    logs = logs + other * math.log(second) + (calls - asked - other) * math.log(1 - second)
    return numpy.where(is_possible, numpy.exp(numpy.where(is_possible, logs, 0.0)), 0.0)


def is_dominated(judge: SimulatedJudge, gap: float, middle: float, slack: float = 1e-9) -> bool:
    """Whether a call on one of two and a third response tells no more of which is better than calls on both do.

    `gap` is that between the two, `middle` that between their mean and the third. Two chances of a vote, one for each of
    the two being better, are a point; calls on both, votes turned round or replaced by a coin are a convex set of such
    points, and what is in it can be made of them.
    """
    corners = [(judge.chance(numpy.array(gap)), judge.chance(numpy.array(-gap)))]
    corners += [(worse, better) for better, worse in corners]
    corners += [(1 - one, 1 - other) for one, other in corners]
    corners += [(0.0, 0.0), (1.0, 1.0)]
    point = judge.chance(numpy.array(middle + gap / 2)), judge.chance(numpy.array(middle - gap / 2))
    angles = numpy.linspace(0, 2 * math.pi, 721)
    reach = [max(one * math.cos(angle) + other * math.sin(angle) for one, other in corners) for angle in angles]
    own = point[0] * numpy.cos(angles) + point[1] * numpy.sin(angles)
    return bool((own <= numpy.array(reach) + slack).all())


class Recorded:
    """A sitting that remembers what was asked: votes by who was shown first and second, those for the first and in all."""

    def __init__(self, sitting: Sitting) -> None:
        self.skills, self.draw, self.ring, self.coin = sitting.skills, sitting.draw, sitting.ring, sitting.coin
        self.asked: dict[tuple[int, int], list[int]] = {}
        self._sitting = sitting

    def vote(self, first: int, second: int, number: int) -> int:
        """As of the sitting."""
        vote = self._sitting.vote(first, second, number)
        counts = self.asked.setdefault((first, second), [0, 0])
        counts[0] += vote == 0
        counts[1] += 1
        return vote


def readings(
    arms: Mapping[str, Arm], judge: SimulatedJudge, responses: int, trials: int, seed: int
) -> dict[str, dict[str, Any]]:
    """For each arm: how often it found the best, and how often the best reading of its votes finds it."""
    found = {}
    for name, arm in arms.items():
        entrant = arm.enter(responses, allows_ties=False)
        rows = []
        for number in range(trials):
            sitting = Recorded(judge.sit(responses, seed, number))
            order = play(entrant, sitting).order  # type: ignore[arg-type]
            best = _Reader.of(sitting, judge).chances(numpy.random.default_rng((seed, number, 1)))
            rows.append((sitting.skills[order[0]] == sitting.skills.max(), best.max(), best[order[0]]))
        found[name] = _read(numpy.array(rows, float))
    return found


def _read(rows: Floats) -> dict[str, Any]:
    means, errors = rows.mean(0), rows.std(0, ddof=1) / math.sqrt(len(rows))
    names = ("found", "best_reading", "own_reading")
    return {name: [round(float(m), 4), round(float(e), 4)] for name, m, e in zip(names, means, errors, strict=True)}


@dataclass(frozen=True, slots=True)
class _Reader:
    """The votes of a trial as arrays, (G,), one for each ordered pair that was asked."""

    judge: SimulatedJudge
    players: int
    first: NDArray[numpy.intp]
    second: NDArray[numpy.intp]
    won: Floats
    lost: Floats

    @classmethod
    def of(cls, sitting: Recorded, judge: SimulatedJudge) -> "_Reader":
        shown = numpy.array(list(sitting.asked))
        won, asked = numpy.array(list(sitting.asked.values()), float).T
        return cls(judge, len(sitting.draw), shown[:, 0], shown[:, 1], won, asked - won)

    def chances(self, generator: numpy.random.Generator) -> Floats:
        """(N,), the probability that each is best, by importance sampling around the posterior's mode."""
        mode, covariance = self._mode()
        root = numpy.linalg.cholesky(covariance)
        normals = generator.standard_normal((_SAMPLES, self.players))
        scales = numpy.sqrt(_FREEDOM / generator.chisquare(_FREEDOM, _SAMPLES))
        skills = mode + (normals * scales[:, None]) @ root.T
        distances = (normals**2).sum(1) * scales**2
        logs = self._density(skills) + (_FREEDOM + self.players) / 2 * numpy.log1p(distances / _FREEDOM)
        weights = numpy.exp(logs - logs.max())
        return numpy.bincount(skills.argmax(1), weights, self.players) / weights.sum()

    def _density(self, skills: Floats) -> Floats:
        """(samples,), the logarithm of the posterior density of skills (samples, N), less a constant."""
        chances = self.judge.chance(skills[:, self.first] - skills[:, self.second])
        prior: Floats = -(skills**2).sum(1) / (2 * self.judge.spread**2)
        return prior + numpy.log(chances) @ self.won + numpy.log1p(-chances) @ self.lost

    def _mode(self) -> tuple[Floats, Floats]:
        """The mode, nearly, and the inverse of the information there."""
        skills = numpy.zeros(self.players)
        for _ in range(12):
            information, slope = self._derivatives(skills)
            skills = skills + numpy.linalg.solve(information, slope).clip(-2, 2)
        return skills, numpy.linalg.inv(self._derivatives(skills)[0])

    def _derivatives(self, skills: Floats) -> tuple[Floats, Floats]:
        """Expected information (N, N) and slope (N,) of the log-posterior."""
        chances = self.judge.chance(skills[self.first] - skills[self.second])
        inner = (chances - self.judge.lapse / 2) / (1 - self.judge.lapse)
        steepness = (1 - self.judge.lapse) * inner * (1 - inner)
        pulls = steepness * (self.won / chances - self.lost / (1 - chances))
        told = (self.won + self.lost) * steepness**2 / (chances * (1 - chances))
        design = numpy.zeros((len(pulls), self.players))
        rows = numpy.arange(len(pulls))
        design[rows, self.first], design[rows, self.second] = 1.0, -1.0
        precision = numpy.eye(self.players) / self.judge.spread**2
        return (design.T * told) @ design + precision, design.T @ pulls - skills / self.judge.spread**2


def bounds(
    judges: Mapping[str, SimulatedJudge], costs: Mapping[int, Sequence[int]]
) -> Iterator[tuple[str, str, float]]:
    """The genie's share by judge and "responses calls", for those judges that have no persistent errors."""
    for name, judge in judges.items():
        if judge.pair_error == 0:
            for responses, calls in costs.items():
                for count in calls:
                    yield name, f"{responses} {count}", round(genie(judge, responses, count), 4)
