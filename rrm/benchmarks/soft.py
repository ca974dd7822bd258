"""How good the probabilities are that a judge of pairs states, and what would make them honest ones.

A sample that was read as a probability is one case: the probability that the response shown first is the better one,
against what is known of it (1, 0, or 0.5 where the two are known to be equal). A calibration that is judged is never
judged by what it was fitted to: the items are dealt into two halves by the seed, those of one unit together, and each
half is calibrated by the other. The one that is given out is fitted to all.

Accuracies are of pairs of which one response is known to be better, over all orders in which they were asked together:
by the votes (the label with more weight), and by the mean probability (of the samples of an order, then of the orders). A
sample that was read without a probability counts as 1, 0 or 0.5 there; what is undecided is half right.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy

from rrm.benchmarks.base import Grade, Item
from rrm.benchmarks.bootstrap import Estimate
from rrm.benchmarks.table import Table
from rrm.judging.calibration import Calibration
from rrm.judging.reliability import Bin, Quality, fit_calibration, quality, reliability
from rrm.types import Opinion, Vote

__all__ = ["ACCURACIES", "Said", "Soft", "soft_figures"]

ACCURACIES = ("by_votes", "by_probability", "by_calibrated_probability")

_WORTH = {Vote.FIRST: 1.0, Vote.TIE: 0.5, Vote.SECOND: 0.0}


@dataclass(frozen=True, slots=True)
class Said:
    """An item, what was said of it, and the unit that it belongs to (empty: none)."""

    item: Item
    opinions: tuple[Opinion, ...]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Soft:
    """The figures of a judge's probabilities; `after` and `bins_after` are those of the calibrated ones."""

    samples: int
    calibration: Calibration
    """Fitted to all samples, as they were read."""
    before: Quality
    after: Quality
    bins: tuple[Bin, ...]
    bins_after: tuple[Bin, ...]
    accuracy: Mapping[str, Estimate]
    """By the names of `ACCURACIES`."""
    pairs: int
    """Pairs that the accuracies are of."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A sample's probability, what is known, and in which half of the items it is."""

    probability: float
    worth: float
    half: int


def soft_figures(
    said: Sequence[Said],
    seed: int,
    estimate: Callable[[Callable[[Table], Mapping[str, float]], Table], dict[str, Estimate]],
) -> Soft | None:
    """The figures, or None where there are no probabilities of two items at least. `estimate` makes the intervals."""
    half = _halves([one for one in said if any(map(_is_soft, one.opinions))], seed)
    if len(set(half.values())) < 2:
        return None
    cases = [case for one in said for case in _cases(one, half)]
    crossed = [_fit([case for case in cases if case.half != number]) for number in (0, 1)]
    worth = [case.worth for case in cases]
    before = [case.probability for case in cases]
    after = [crossed[case.half].apply(case.probability) for case in cases]
    # An item without a probability belongs to neither half: nothing of it is calibrated.
    table = Table.of([_grade(one, crossed[half.get(_unit(one), 0)]) for one in said])
    return Soft(
        samples=len(cases),
        calibration=_fit(cases),
        before=quality(before, worth),
        after=quality(after, worth),
        bins=reliability(before, worth),
        bins_after=reliability(after, worth),
        accuracy=estimate(_accuracies, table),
        pairs=int(table["pairs"].sum()),
    )


def _is_soft(opinion: Opinion) -> bool:
    return opinion.probability is not None and len(opinion.shown) == 2


def _unit(one: Said) -> tuple[str, str]:
    return one.item.subset, one.unit or one.item.id


def _halves(said: Sequence[Said], seed: int) -> dict[tuple[str, str], int]:
    """0 or 1 for each unit, dealt in turn after a shuffle."""
    units = list(dict.fromkeys(map(_unit, said)))
    units = [units[place] for place in numpy.random.default_rng(seed).permutation(len(units)).tolist()]
    return {unit: number % 2 for number, unit in enumerate(units)}


def _cases(one: Said, half: Mapping[tuple[str, str], int]) -> list[_Case]:
    return [
        _Case(opinion.probability, _WORTH[one.item.label((opinion.shown[0], opinion.shown[1]))], half[_unit(one)])
        for opinion in one.opinions
        if opinion.probability is not None and _is_soft(opinion)
    ]


def _fit(cases: Sequence[_Case]) -> Calibration:
    return fit_calibration([case.probability for case in cases], [case.worth for case in cases])


def _grade(one: Said, calibration: Calibration) -> Grade:
    """For each accuracy how many pairs are right, and how many pairs there are."""
    known = [pair for pair in one.item.pairs if one.item.label(pair) is not Vote.TIE]
    points = dict.fromkeys(ACCURACIES, 0.0)
    for pair in known:
        worth = _WORTH[one.item.label(pair)]
        shares = (
            _share_of_votes(one.opinions, pair),
            _mean_chance(one.opinions, pair, Calibration()),
            _mean_chance(one.opinions, pair, calibration),
        )
        for name, share in zip(ACCURACIES, shares, strict=True):
            points[name] += 0.5 if share == 0.5 else float((share > 0.5) == (worth > 0.5))
    return Grade(one.item.subset, {**points, "pairs": float(len(known))}, one.unit)


def _accuracies(table: Table) -> dict[str, float]:
    pairs = float(table["pairs"].sum())
    return {name: float(table[name].sum()) / pairs if pairs else float("nan") for name in ACCURACIES}


def _share_of_votes(opinions: Sequence[Opinion], pair: tuple[int, int]) -> float:
    """The part of the decided votes, by weight, that is for the pair's first; a half where there are none."""
    given = [
        (_WORTH[vote], opinion.weight) for opinion in opinions if opinion.shown == pair and (vote := _vote(opinion))
    ]
    swapped = [
        (1 - _WORTH[vote], opinion.weight)
        for opinion in opinions
        if opinion.shown == pair[::-1] and (vote := _vote(opinion))
    ]
    total = sum(weight for _, weight in given + swapped)
    return sum(worth * weight for worth, weight in given + swapped) / total if total else 0.5


def _vote(opinion: Opinion) -> Vote | None:
    return opinion.vote if opinion.vote in _WORTH else None


def _mean_chance(opinions: Sequence[Opinion], pair: tuple[int, int], calibration: Calibration) -> float:
    """The pair's first response's chance of being the better one: a mean over samples, then over orders."""
    given = [_chance(opinion, calibration) for opinion in opinions if opinion.shown == pair and _vote(opinion)]
    swapped = [
        1 - _chance(opinion, calibration) for opinion in opinions if opinion.shown == pair[::-1] and _vote(opinion)
    ]
    return fmean(fmean(chances) for chances in (given, swapped) if chances) if given or swapped else 0.5


def _chance(opinion: Opinion, calibration: Calibration) -> float:
    if opinion.probability is None:
        return _WORTH[opinion.vote or Vote.TIE]
    return calibration.apply(opinion.probability)
