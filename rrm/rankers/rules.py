"""How the scores of several rewards become one: what an ensemble computes of one contest's numbers.

PURE: no clock, no randomness, no input or output. Knows nothing of models; members are places in a sequence.

Sums are exact before they are rounded (`math.fsum`, `statistics`), so that the same scores in another order of the
responses give the same results to the last bit.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, pstdev
from typing import Literal, get_args

__all__ = ["RULES", "Rule", "combined", "standardised"]

Rule = Literal["mean", "worst", "mean-deviation"]
"""How the members' scores of a response become one.

"mean": their weighted mean. "worst": the least of them, whatever the weights: the worst-case optimisation (WCO) of
Coste et al. 2023, "Reward Model Ensembles Help Mitigate Overoptimization" (arXiv:2310.02743). "mean-deviation": the
weighted mean less `penalty` times the weighted standard deviation among the members; their uncertainty-weighted
optimisation (UWO) takes the variance off instead, which is in squared units and so depends more on the scale.
"""

RULES: tuple[str, ...] = get_args(Rule)

_ROUNDING = 1e-6
"""A standard deviation that is no more than this share of the largest absolute score tells nothing: what a model computes
of one text alone and in a batch differs by as much."""


def standardised(scores: Sequence[float]) -> tuple[float, ...]:
    """Scores of one member as z-scores: less their mean, over their population standard deviation.

    Where all are equal (a lone one, too), or differ by no more than rounding, nothing can be told from them and all are 0.
    """
    deviation = pstdev(scores)
    if deviation <= _ROUNDING * max(map(abs, scores)):
        return (0.0,) * len(scores)
    mean = fmean(scores)
    return tuple((score - mean) / deviation for score in scores)


def combined(
    members: Sequence[Sequence[float]], weights: Sequence[float], rule: Rule, penalty: float = 1.0
) -> tuple[float, ...]:
    """One score for each response from those of each member, (members, responses). Weights are normalised to add up to 1."""
    total = math.fsum(weights)
    shares = [weight / total for weight in weights]
    return tuple(_RULES[rule](scores, shares, penalty) for scores in zip(*members, strict=True))


def _mean(scores: Sequence[float], shares: Sequence[float]) -> float:
    return math.fsum(share * score for share, score in zip(shares, scores, strict=True))


def _mean_less_deviation(scores: Sequence[float], shares: Sequence[float], penalty: float) -> float:
    mean = _mean(scores, shares)
    variance = math.fsum(share * (score - mean) ** 2 for share, score in zip(shares, scores, strict=True))
    return mean - penalty * math.sqrt(variance)


_RULES: Mapping[str, Callable[[Sequence[float], Sequence[float], float], float]] = {
    "mean": lambda scores, shares, _: _mean(scores, shares),
    "worst": lambda scores, _shares, _penalty: min(scores),
    "mean-deviation": _mean_less_deviation,
}
