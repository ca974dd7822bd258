"""Passes of similar lengths in batches of bounded size."""

from hypothesis import given
from hypothesis import strategies as st

from rrm.engines.scorers.batches import batches_of


@given(st.lists(st.integers(1, 600), max_size=80), st.integers(1, 2000))
def test_all_are_in_one_batch_each_and_no_batch_is_too_large(lengths: list[int], budget: int) -> None:
    batches = batches_of(lengths, budget)
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = len(batch) * max(lengths[place] for place in batch)
        assert padded <= budget or len(batch) == 1
        assert sum(lengths[place] for place in batch) >= 0.7 * padded


@given(st.lists(st.integers(1, 600), max_size=80), st.integers(1, 2000))
def test_the_longest_come_first(lengths: list[int], budget: int) -> None:
    order = [lengths[place] for batch in batches_of(lengths, budget) for place in batch]
    assert order == sorted(lengths, reverse=True)


def test_what_is_equally_long_fills_a_batch() -> None:
    assert batches_of([10] * 7, 30) == [[0, 1, 2], [3, 4, 5], [6]]


def test_what_is_much_shorter_is_read_apart() -> None:
    assert batches_of([5, 100, 90, 6], 1000) == [[1, 2], [3, 0]]


def test_what_is_longer_than_a_batch_is_read_alone() -> None:
    assert batches_of([50, 40, 8], 30) == [[0], [1], [2]]
