"""How honest probabilities are, by outcomes that are known, and the calibration that makes them more so.

All probabilities are of the response shown first, and outcomes say how far that one was the better: 1, 0, or 0.5 for a
tie. What a calibration's offset takes back is then what the judge gives to a position. Deterministic.

Sources: J. Platt, Probabilistic Outputs for Support Vector Machines, 1999 (the line); M. P. Naeini et al., Obtaining Well
Calibrated Probabilities Using Bayesian Binning, AAAI 2015 (the calibration error; here with bins of equal counts).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy

from rrm.errors import InputError
from rrm.judging.calibration import Calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[numpy.float64]

__all__ = ["Bin", "Quality", "fit_calibration", "quality", "reliability"]

_PRIOR_DEVIATION = 3.0
"""Of slope and offset, around a line that changes nothing: so weak that only separable outcomes notice it."""

_MOST_LOGIT = 12.0
"""What stands for a probability of 1 (6e-6 less), which has no log-odds."""

_STEPS = 50
"""Far more than Newton's method needs."""

_NOISE = 1e-9
"""What a loss may grow by, as a part of it, for want of digits."""

_BINS = 10


@dataclass(frozen=True, slots=True)
class Quality:
    """How honest probabilities are; of all three less is better."""

    brier: float
    """The mean square of what they are off the outcomes."""
    log_loss: float
    """The mean of -log of what was given to the outcome (nats); a probability is taken to be at most 1 - 6e-6."""
    calibration_error: float
    """The mean distance between probability and outcome over bins of equal counts (ECE)."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Probabilities that lie side by side: their mean, how often the first was better, and how many they are."""

    probability: float
    share: float
    count: int


def fit_calibration(probabilities: Sequence[float], first_is_better: Sequence[float]) -> Calibration:
    """The line that makes probabilities fit outcomes best: a logistic regression, by Newton's method.

    A weak prior (slope 1, offset 0) keeps it finite where the outcomes are separable. Raises InputError for sequences of
    unequal lengths, and for numbers that are not within 0 and 1.
    """
    chances, outcomes = _checked(probabilities, first_is_better)
    features = numpy.stack([_logits(chances), numpy.ones_like(chances)], axis=1)
    line: Array = numpy.array([1.0, 0.0])
    for _ in range(_STEPS):
        gradient, curvature = _derivatives(features, outcomes, line)
        step = numpy.asarray(numpy.linalg.solve(curvature, gradient), dtype=float)
        line = line - _part(features, outcomes, line, step) * step
    return Calibration(float(line[0]), float(line[1]))


def quality(probabilities: Sequence[float], first_is_better: Sequence[float]) -> Quality:
    """How honest the probabilities are; NaN without any. Raises InputError as `fit_calibration` does."""
    chances, outcomes = _checked(probabilities, first_is_better)
    if not len(chances):
        return Quality(math.nan, math.nan, math.nan)
    logits = _logits(chances)
    log_loss = numpy.logaddexp(0.0, logits) - outcomes * logits
    bins = reliability(probabilities, first_is_better)
    off = sum(own.count * abs(own.probability - own.share) for own in bins) / len(chances)
    return Quality(float(((chances - outcomes) ** 2).mean()), float(log_loss.mean()), off)


def reliability(probabilities: Sequence[float], first_is_better: Sequence[float], bins: int = _BINS) -> tuple[Bin, ...]:
    """At most so many bins with about equal counts, by rising probability; equal probabilities are in one.

    Raises InputError as `fit_calibration` does.
    """
    chances, outcomes = _checked(probabilities, first_is_better)
    _, group, counts = numpy.unique(chances, return_inverse=True, return_counts=True)
    middle_rank = numpy.cumsum(counts) - counts / 2
    number = (middle_rank * bins / max(len(chances), 1)).astype(int)[group]
    members = (number == own for own in numpy.unique(number))
    return tuple(Bin(float(chances[own].mean()), float(outcomes[own].mean()), int(own.sum())) for own in members)


def _checked(probabilities: Sequence[float], outcomes: Sequence[float]) -> "tuple[Array, Array]":
    found = numpy.array(probabilities, dtype=float), numpy.array(outcomes, dtype=float)
    if len(found[0]) != len(found[1]):
        raise InputError(f"each probability needs an outcome: {len(found[0])} probabilities, {len(found[1])} outcomes")
    for name, numbers in zip(("probability", "outcome"), found, strict=True):
        if (wrong := numbers[~((numbers >= 0) & (numbers <= 1))]).size:
            raise InputError(f"a {name} must be within 0 and 1, not {wrong[0]}")
    return found


def _logits(chances: "Array") -> "Array":
    with numpy.errstate(divide="ignore"):
        logits: Array = numpy.log(chances) - numpy.log1p(-chances)
    return logits.clip(-_MOST_LOGIT, _MOST_LOGIT)


def _derivatives(features: "Array", outcomes: "Array", line: "Array") -> "tuple[Array, Array]":
    """Gradient (2) and Hessian (2, 2) of the loss."""
    chances = 0.5 + 0.5 * numpy.tanh(features @ line / 2)
    prior = numpy.eye(2) / _PRIOR_DEVIATION**2
    gradient = features.T @ (chances - outcomes) + prior @ (line - (1.0, 0.0))
    return gradient, (features * (chances * (1 - chances))[:, None]).T @ features + prior


def _part(features: "Array", outcomes: "Array", line: "Array", step: "Array") -> float:
    """The part of a step to take: half as much as long as it leads uphill."""
    part, most = 1.0, _loss(features, outcomes, line) * (1 + _NOISE)
    while _loss(features, outcomes, line - part * step) > most:
        part /= 2
    return part


def _loss(features: "Array", outcomes: "Array", line: "Array") -> float:
    logits = features @ line
    prior = ((line - (1.0, 0.0)) ** 2).sum() / (2 * _PRIOR_DEVIATION**2)
    return float((numpy.logaddexp(0.0, logits) - outcomes * logits).sum() + prior)
