"""Passes that can't be what was meant."""

import pytest

from rrm.engines.scorers.base import Pass, Task
from rrm.engines.scorers.passes import end_of, refuse_misfits
from rrm.errors import InputError, PromptTooLongError


@pytest.mark.parametrize(
    ("task", "asked"),
    [
        ("classify", Pass((1, 2, 3))),
        ("token_classify", Pass((1, 2, 3), (0, 2))),
        ("token_classify", Pass((1, 2, 3))),
        ("likelihood", Pass((1, 2, 3), (1, 2))),
        ("classify", Pass((9,) * 10)),
    ],
)
def test_what_fits_is_let_through(task: Task, asked: Pass) -> None:
    refuse_misfits(asked, task, context=10, vocabulary=10)
    refuse_misfits(asked, task)


@pytest.mark.parametrize(
    ("task", "asked", "named"),
    [
        ("classify", Pass(()), "at least one token"),
        ("classify", Pass((1, 2), (1,)), r"read at no position, not at \(1,\)"),
        ("likelihood", Pass((1, 2, 3), (0, 2)), r"from 1 to 2 here, not \(0, 2\)"),
        ("token_classify", Pass((1, 2, 3), (3,)), r"from 0 to 2 here, not \(3,\)"),
        ("token_classify", Pass((1, 2, 3), (-1,)), r"from 0 to 2 here, not \(-1,\)"),
        ("token_classify", Pass((1, 2, 3), (1, 1)), r"rising, not \(1, 1\)"),
        ("token_classify", Pass((1, 2, 3), (2, 1, 2)), r"rising, not \(2, 1, 2\)"),
        ("classify", Pass((1, 10)), "the token 10, and the model knows 10"),
        ("classify", Pass((1, -1)), "use the model's own tokenizer"),
    ],
)
def test_what_does_not_is_refused(task: Task, asked: Pass, named: str) -> None:
    with pytest.raises(InputError, match=named):
        refuse_misfits(asked, task, context=10, vocabulary=10)


def test_what_is_too_long_is_named_with_both_lengths() -> None:
    with pytest.raises(PromptTooLongError) as refusal:
        refuse_misfits(Pass((1,) * 11), "classify", context=10)
    assert refusal.value.args == (11, 10)


@pytest.mark.parametrize(
    ("tokens", "padding", "end"),
    [
        ((5, 6, 7), 9, 3),
        ((5, 6, 9), 9, 2),
        ((5, 9, 6, 9, 9), 9, 3),
        ((9, 9), 9, 1),
        ((5, 6), None, 2),
        ((5, 6), [6], 2),
    ],
)
def test_a_sequence_ends_before_its_padding(tokens, padding, end):
    assert end_of(tokens, padding) == end
