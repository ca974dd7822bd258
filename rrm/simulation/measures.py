"""How right a tournament's result is, by the skills that it could not see, and means of that over trials."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy
from numpy.typing import NDArray

from rrm.simulation.trial import Arm, Trial

__all__ = ["Estimate", "Simulated", "Trials", "kendall", "measured"]

Floats = NDArray[numpy.float64]


class Estimate(NamedTuple):
    """A mean over trials and its standard error; both are NaN where there is nothing to take a mean of."""

    mean: float
    error: float


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Figures of each trial, (T,) each. The trials of two arms before one judge can be compared one by one."""

    calls: Floats
    """Votes that were asked for."""
    matches: Floats
    top1: Floats
    """1 where the first of the order is the best (with a skill that is shared: one of the best), else 0."""
    regret: Floats
    """Skill of the best less that of the first in the order, in logits."""
    tau: Floats
    """Kendall's tau-b of the order and the skills; 0 where all skills are equal."""
    is_level: Floats
    """1 where the first two of the order are said not to be told apart, else 0; NaN where the strategy does not say."""
    is_pair_right: Floats
    """1 where the first of the order is at least as good as the second, else 0."""
    position_bias: Floats
    """As estimated, in logits; NaN where the strategy estimates none."""

    @classmethod
    def of(cls, rows: Sequence[tuple[float, ...]]) -> Self:
        """From what `measured` says of each trial."""
        return cls(*numpy.array(rows, float).T.copy())

    @classmethod
    def joined(cls, parts: Sequence["Trials"]) -> Self:
        return cls(*(numpy.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """What an arm came to."""

    arm: Arm
    trials: Trials

    @property
    def calls(self) -> Estimate:
        return _mean(self.trials.calls)

    @property
    def matches(self) -> Estimate:
        return _mean(self.trials.matches)

    @property
    def top1(self) -> Estimate:
        return _mean(self.trials.top1)

    @property
    def regret(self) -> Estimate:
        return _mean(self.trials.regret)

    @property
    def tau(self) -> Estimate:
        return _mean(self.trials.tau)

    @property
    def level(self) -> Estimate:
        """Share of the trials in which the first two are said not to be told apart."""
        return _mean(self.trials.is_level)

    @property
    def sure_and_right(self) -> Estimate:
        """Where they are told apart: the share in which the first is indeed no worse than the second."""
        return _mean(self.trials.is_pair_right[self.trials.is_level == 0])

    @property
    def position_bias(self) -> Estimate:
        return _mean(self.trials.position_bias)

    def gain(self, other: "Simulated", measure: str) -> Estimate:
        """How much more than another arm this one has of a measure (a field of `Trials`), trial by trial.

        Both must be of one call of `simulate`, or of calls with one judge and seed and as many responses and trials.
        """
        return _mean(getattr(self.trials, measure) - getattr(other.trials, measure))


def measured(trial: Trial, skills: Floats) -> tuple[float, ...]:
    """The figures of a trial, in the order of the fields of `Trials`."""
    placed = skills[list(trial.order)]
    best = float(skills.max())
    return (
        trial.calls,
        trial.matches,
        float(placed[0] == best),
        best - float(placed[0]),
        kendall(placed),
        math.nan if trial.is_level is None else trial.is_level,
        float(placed[0] >= placed[min(1, len(placed) - 1)]),
        math.nan if trial.position_bias is None else trial.position_bias,
    )


def kendall(placed: Floats) -> float:
    """Kendall's tau-b of an order and the skills of those who stand in it, best first; 0 where it is not defined."""
    gaps = numpy.concatenate([placed[place] - placed[place + 1 :] for place in range(len(placed))])
    agreeing, opposed = numpy.count_nonzero(gaps > 0), numpy.count_nonzero(gaps < 0)
    differing = agreeing + opposed
    return (agreeing - opposed) / math.sqrt(differing * len(gaps)) if differing else 0.0


def _mean(values: Floats) -> Estimate:
    known = values[~numpy.isnan(values)]
    if not len(known):
        return Estimate(math.nan, math.nan)
    error = float(known.std(ddof=1)) / math.sqrt(len(known)) if len(known) > 1 else math.nan
    return Estimate(float(known.mean()), error)
