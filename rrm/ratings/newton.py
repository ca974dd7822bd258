"""The mode of a Bradley-Terry posterior by Newton's method, for a chunk of contests side by side.

The parameters of a contest are its ratings and, last, its position bias. A bout's predicted gap is the sum of up to
three of them with signs: the rating of the one shown first, less that of the other, plus the bias. Arrays are
flat over contests and bouts, so that one call of numpy.bincount adds up what all bouts of all contests say.

Where a step moves a predicted gap by m > 1 logits and ends beyond the best point on its way, log(1 + m) / m of it
is taken instead: every step is uphill then, from any start, and no line search is needed (F. Bach, Self-concordant
analysis for logistic regression, 2010, arXiv 0910.4627). A contest that has settled stays where it is, so what is
in the same chunk makes no difference to it.
"""

from dataclasses import dataclass
from typing import Self

import numpy
from numpy.typing import NDArray

from rrm.errors import InputError

__all__ = ["Floats", "Integers", "Posterior"]

Floats = NDArray[numpy.float64]
Integers = NDArray[numpy.intp]

_SIGNS = numpy.array([1.0, -1.0, 1.0])
"""Of the one shown first, the other, and the bias in a predicted gap."""
_SIGN_PAIRS = numpy.outer(_SIGNS, _SIGNS)[:, :, None]

_ANCHOR = 1.0
"""Added to all second derivatives by two ratings: it keeps ratings centred, with or without a prior, and nothing else."""


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """What B contests with G bouts each say of M parameters each. K parameters make a gap: 3, or 2 without a bias."""

    terms: Integers
    """(K, B * G), the parameters of each gap, of all B * M."""
    products: Integers
    """(K * K * B * G,), the products of two parameters of one gap, of all B * M * M."""
    won: Floats
    """(B * G,), the votes that the one shown first got; `total` those that both got."""
    total: Floats
    prior: Floats
    """(M, M), the negative second derivatives of the log prior."""
    precisions: Floats
    """(M,), 1 / spread ** 2."""
    contests: int

    @classmethod
    def of(
        cls, first: Integers, second: Integers, won: Floats, lost: Floats, precisions: Floats, *, has_bias: bool
    ) -> Self:
        """From arrays (B, G). The last of the M precisions is that of the bias, and any positive number without one."""
        contests, size = len(first), len(precisions)
        players = (first, second, numpy.full_like(first, size - 1)) if has_bias else (first, second)
        rows = numpy.arange(0, contests * size, size)[:, None]
        terms = numpy.array(players) + rows
        prior = numpy.diag(precisions)
        prior[:-1, :-1] += _ANCHOR
        return cls(
            terms=terms.reshape(len(players), -1),
            products=(terms[:, None] * size + (terms - rows)).ravel(),
            won=won.ravel(),
            total=(won + lost).ravel(),
            prior=prior,
            precisions=precisions,
            contests=contests,
        )

    def climb(self, parameters: Floats, tolerance: float, most_steps: int) -> None:
        """Move the parameters, (B, M), to the mode, in place. Their ratings must be centred."""
        moving = numpy.ones(self.contests)
        gap = self._gap(parameters)
        for _ in range(most_steps):
            expected, curvature = self._look(gap)
            slope = self._slope(parameters, expected)
            step = numpy.asarray(numpy.linalg.solve(curvature, slope[:, :, None])[:, :, 0], float)
            fraction = moving * self._fraction(parameters, step, gap)
            parameters += fraction[:, None] * step
            gap = self._gap(parameters)
            moving *= abs(step).max(1) > tolerance
            if not moving.any():
                return
        raise InputError(
            f"the ratings of {int(moving.sum())} contests did not settle in {most_steps} steps: "
            "give a smaller spread for the prior, or allow more steps"
        )

    def covariance(self, parameters: Floats) -> Floats:
        """(B, M, M), of the centred ratings and the bias, at the mode."""
        players = len(self.precisions) - 1
        inverse = numpy.linalg.inv(self._look(self._gap(parameters))[1])
        inverse[:, :-1, :-1] -= 1 / (players * (self.precisions[0] + players * _ANCHOR))
        return numpy.asarray(inverse)

    def _gap(self, parameters: Floats) -> Floats:
        gap: Floats = _SIGNS[: len(self.terms)] @ parameters.ravel()[self.terms]
        return gap

    def _look(self, gap: Floats) -> tuple[Floats, Floats]:
        """The votes expected for the ones shown first, (B * G,), and the negative second derivatives, (B, M, M)."""
        chance = 0.5 + 0.5 * numpy.tanh(0.5 * gap)
        expected = self.total * chance
        count, size = len(self.terms), len(self.precisions)
        variances = _SIGN_PAIRS[:count, :count] * (expected - expected * chance)
        curvature = numpy.bincount(self.products, variances.ravel(), self.contests * size * size)
        return expected, curvature.reshape(self.contests, size, size) + self.prior

    def _slope(self, parameters: Floats, expected: Floats) -> Floats:
        """Derivatives of the log posterior, (B, M)."""
        surplus = _SIGNS[: len(self.terms), None] * (self.won - expected)
        slope = numpy.bincount(self.terms.ravel(), surplus.ravel(), parameters.size)
        return slope.reshape(parameters.shape) - self.precisions * parameters

    def _fraction(self, parameters: Floats, step: Floats, gap: Floats) -> Floats:
        """How much of its step each contest is to take, (B,)."""
        move = self._gap(step)
        most = abs(move).reshape(self.contests, -1).max(1, initial=0)
        if most.max() <= 1:
            return numpy.ones(self.contests)
        surplus = self.won - self.total * (0.5 + 0.5 * numpy.tanh(0.5 * (gap + move)))
        ahead = (surplus * move).reshape(self.contests, -1).sum(1)
        ahead -= (self.precisions * (parameters + step) * step).sum(1)
        return numpy.where((most > 1) & (ahead < 0), numpy.log1p(most) / numpy.maximum(most, 1), 1.0)
