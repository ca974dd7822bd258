"""Calibrations and how honest probabilities are, held against sums by hand and a minimiser of its own."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm.errors import InputError
from rrm.judging.calibration import Calibration
from rrm.judging.reliability import Bin, Quality, fit_calibration, quality, reliability


def drawn(count, slope, offset, seed=0):
    """Probabilities of a judge, and outcomes as they come about where its log-odds need this line."""
    generator = random.Random(seed)
    logits = [generator.gauss(0, 2) for _ in range(count)]
    worth = [float(generator.random() < 1 / (1 + math.exp(-(slope * logit + offset)))) for logit in logits]
    return [1 / (1 + math.exp(-logit)) for logit in logits], worth


def loss(line, chances, worth):
    """The penalised loss, written down again."""
    slope, offset = line
    total = ((slope - 1) ** 2 + offset**2) / 18
    for chance, outcome in zip(chances, worth, strict=True):
        logit = slope * max(-12.0, min(12.0, math.log(chance / (1 - chance)))) + offset
        total += max(logit, 0) + math.log1p(math.exp(-abs(logit))) - outcome * logit
    return total


def test_a_planted_line_is_found():
    found = fit_calibration(*drawn(20000, 0.5, -0.7))
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.offset == pytest.approx(-0.7, abs=0.05)


@pytest.mark.parametrize(("slope", "offset"), [(0.5, -0.7), (2.0, 1.0), (-1.0, 0.0)])
def test_no_other_line_fits_better(slope, offset):
    chances, worth = drawn(60, slope, offset, seed=3)
    found = fit_calibration(chances, worth)
    best = loss((found.slope, found.offset), chances, worth)
    for step in (1e-3, 1e-2, 0.3):
        for direction in range(8):
            angle = direction * math.pi / 4
            other = (found.slope + step * math.cos(angle), found.offset + step * math.sin(angle))
            assert loss(other, chances, worth) > best


@pytest.mark.parametrize(
    ("chances", "worth"),
    [
        ([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0]),
        ([0.999999] * 1000, [0] * 1000),
        ([1.0, 0.0, 1.0], [0, 1, 0]),
        ([0.999, 0.001, 0.9999, 0.5] * 50, [0, 1, 0, 1] * 50),
    ],
)
def test_separable_outcomes_stay_finite(chances, worth):
    found = fit_calibration(chances, worth)
    assert abs(found.slope) < 20
    assert abs(found.offset) < 20
    assert (
        quality([found.apply(chance) for chance in chances], worth).log_loss <= quality(chances, worth).log_loss + 1e-9
    )


def test_nothing_known_changes_nothing():
    assert fit_calibration([], []) == Calibration(1.0, 0.0)


def test_quality_by_hand():
    """(.2^2 + .4^2) / 2; -(log .8 + log .6) / 2; each in a bin of its own: (.2 + .4) / 2."""
    assert quality([0.8, 0.4], [1, 0]) == Quality(
        pytest.approx(0.1), pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2), pytest.approx(0.3)
    )
    assert quality([1.0], [1]).brier == 0.0
    assert quality([1.0], [0]).log_loss == pytest.approx(12.0, abs=1e-4)
    assert all(math.isnan(figure) for figure in (quality([], []).brier, quality([], []).calibration_error))


def test_bins_hold_equal_counts_and_equal_probabilities_together():
    found = reliability([0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5, 0.5], [0, 0, 1, 0, 1, 0, 1, 1], bins=4)
    assert found == (Bin(pytest.approx(0.15), 0.0, 2), Bin(pytest.approx(0.35), 0.5, 2), Bin(0.5, 0.75, 4))
    assert reliability([], []) == ()


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0])), max_size=60), st.integers(1, 12))
def test_bins_hold_every_case_once(cases, bins):
    chances, worth = [chance for chance, _ in cases], [outcome for _, outcome in cases]
    found = reliability(chances, worth, bins)
    assert len(found) <= bins
    assert sum(one.count for one in found) == len(cases)
    assert sum(one.count * one.share for one in found) == pytest.approx(sum(worth))
    assert [one.probability for one in found] == sorted(one.probability for one in found)


def test_calibration_makes_probabilities_more_honest():
    fitted = fit_calibration(*drawn(4000, 0.4, 0.8, seed=1))
    chances, worth = drawn(4000, 0.4, 0.8, seed=2)
    before, after = quality(chances, worth), quality([fitted.apply(chance) for chance in chances], worth)
    assert after.brier < before.brier
    assert after.log_loss < before.log_loss
    assert after.calibration_error < 0.03 < 0.1 < before.calibration_error


@settings(deadline=None)
@given(st.floats(0.01, 0.99), *[st.floats(-2, 2)] * 4)
def test_calibrations_follow_each_other(chance, slope, offset, other_slope, other_offset):
    first, then = Calibration(slope, offset), Calibration(other_slope, other_offset)
    assert then.after(first).apply(chance) == pytest.approx(then.apply(first.apply(chance)), abs=1e-6)


@pytest.mark.parametrize(
    ("chances", "worth", "what"),
    [
        ([0.5], [], "1 probabilities, 0 outcomes"),
        ([1.5], [1], "1.5"),
        ([0.5], [2], "outcome"),
        ([math.nan], [1], "nan"),
    ],
)
def test_what_is_no_probability_is_refused(chances, worth, what):
    with pytest.raises(InputError, match=what):
        fit_calibration(chances, worth)
