"""Figures of probabilities, counted by hand on a few items."""

import random
from statistics import fmean

import pytest

from rrm.benchmarks.base import Item
from rrm.benchmarks.bootstrap import estimates
from rrm.benchmarks.soft import Said, Soft, soft_figures
from rrm.judging.reliability import fit_calibration, quality
from rrm.types import Opinion, Vote


def item(number, worth=(1.0, 0.0), subset="math"):
    return Item(f"{subset}/{number}", subset, "q", tuple(f"response {at}" for at in range(len(worth))), worth)


def opinion(shown, probability, index=0, vote=None):
    likelier = Vote.FIRST if probability is not None and probability > 0.5 else Vote.SECOND
    return Opinion(shown, index, vote or likelier, probability=probability)


def figures_of(said, seed=0) -> Soft | None:
    return soft_figures(said, seed, lambda metrics, table: estimates(table, metrics, seed=seed, resamples=20))


def both(number, given, swapped, **settings):
    """An item that was asked in both orders; its first response is the better one."""
    return Said(item(number, **settings), (opinion((0, 1), given), opinion((1, 0), swapped)))


def test_without_probabilities_of_two_items_there_is_nothing():
    assert figures_of([]) is None
    assert figures_of([Said(item(0), (opinion((0, 1), None),))]) is None
    assert figures_of([both(0, 0.9, 0.2), Said(item(1), (Opinion((0, 1, 2), 0, None, (1.0, 0.0, 0.0)),))]) is None


def test_accuracies_are_over_both_orders():
    """Votes: right, split, split. Means of given and 1 - swapped: .85, .6, .3."""
    found = figures_of([both(0, 0.9, 0.2), both(1, 0.9, 0.7), both(2, 0.4, 0.8, worth=(1.0, 0.0)), both(3, 0.9, 0.9)])
    assert found is not None
    votes = (1 + 0.5 + 0 + 0.5) / 4
    assert found.accuracy["by_votes"].value == pytest.approx(votes)
    assert found.accuracy["by_probability"].value == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert (found.samples, found.pairs) == (8, 4)


def test_known_ties_count_for_honesty_and_not_for_accuracy():
    tied = Said(item(9, (1.0, 1.0)), (opinion((0, 1), 0.5),))
    found = figures_of([both(0, 0.9, 0.2), tied])
    assert found is not None
    assert (found.samples, found.pairs) == (3, 1)
    assert found.before == quality([0.9, 0.2, 0.5], [1, 0, 0.5])


def test_samples_without_a_probability_count_as_all_or_nothing():
    """(.4 + 1) / 2 given and 0 swapped: .35, though two of three votes are for the first."""
    mixed = Said(
        item(0),
        (
            opinion((0, 1), 0.4, vote=Vote.FIRST),
            opinion((0, 1), None, 1, vote=Vote.FIRST),
            opinion((1, 0), None, 0, vote=Vote.FIRST),
            opinion((1, 0), None, 1, vote=Vote.TRUNCATED),
        ),
    )
    lost = Said(item(1), (opinion((0, 1), None, vote=Vote.UNPARSED),))
    tie = Said(item(2), (opinion((0, 1), None, vote=Vote.TIE), opinion((0, 1), 0.5, 1, vote=Vote.TIE)))
    found = figures_of([mixed, lost, tie])
    assert found is not None
    assert found.accuracy["by_votes"].value == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert found.accuracy["by_probability"].value == pytest.approx((0 + 0.5 + 0.5) / 3)


def test_a_weighty_vote_counts_more():
    heavy = Opinion((0, 1), 0, Vote.SECOND, weight=3.0, probability=0.2)
    said = Said(item(0), (heavy, opinion((1, 0), 0.1), opinion((1, 0), 0.1, 1)))
    found = figures_of([said, both(1, 0.9, 0.2)])
    assert found is not None
    assert found.accuracy["by_votes"].value == 0.5


def biased(count, seed, unit=""):
    """A judge that leans to the first by 1.5 logits and is twice as sure as it may be."""
    from math import exp

    generator = random.Random(seed)
    said = []
    for number in range(count):
        worth = (1.0, 0.0) if generator.random() < 0.5 else (0.0, 1.0)
        opinions = []
        for shown in ((0, 1), (1, 0)):
            truth = (1 if worth[shown[0]] else -1) * generator.gauss(0.8, 1.2)
            opinions.append(opinion(shown, 1 / (1 + exp(-(2 * truth + 1.5)))))
        said.append(Said(item(number, worth), tuple(opinions), unit and f"{unit}{number // 2}"))
    return said


def test_what_was_held_back_is_calibrated_better():
    found = figures_of(biased(600, 1))
    assert found is not None
    assert found.after.brier < found.before.brier
    assert found.after.log_loss < found.before.log_loss
    assert found.after.calibration_error < found.before.calibration_error / 2
    assert found.calibration.offset < -0.5
    assert found.calibration.slope < 1
    accuracy = found.accuracy["by_calibrated_probability"]
    assert accuracy.low <= accuracy.value <= accuracy.high
    assert accuracy.value >= found.accuracy["by_votes"].value


def test_each_half_is_calibrated_by_the_other():
    """Two items are a half each: what is fitted to one is applied to the other."""
    found = figures_of([both(0, 0.9, 0.6), both(1, 0.8, 0.7)])
    assert found is not None
    of_first, of_second = fit_calibration([0.9, 0.6], [1, 0]), fit_calibration([0.8, 0.7], [1, 0])
    crossed = [of_second.apply(0.9), of_second.apply(0.6), of_first.apply(0.8), of_first.apply(0.7)]
    assert found.after == quality(crossed, [1, 0, 1, 0])
    assert found.calibration == fit_calibration([0.9, 0.6, 0.8, 0.7], [1, 0, 1, 0])
    assert fmean(one.count for one in found.bins) == len([1, 0, 1, 0]) / len(found.bins)


def test_items_of_one_unit_are_in_one_half():
    units = biased(2, 4, unit="u")
    assert figures_of(units) is None
    assert figures_of(biased(4, 4, unit="u")) is not None


def test_equal_seeds_give_equal_figures():
    assert figures_of(biased(30, 2), seed=5) == figures_of(biased(30, 2), seed=5)
    assert figures_of(biased(30, 2), seed=5) != figures_of(biased(30, 2), seed=6)


def test_only_known_ties_have_no_accuracy():
    found = figures_of([Said(item(at, (1.0, 1.0)), (opinion((0, 1), 0.7),)) for at in range(2)])
    assert found is not None
    assert found.accuracy == {}
