"""Steps of a solution, by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.errors import InputError
from rrm.rewards.layouts.splitting import split_steps


@pytest.mark.parametrize(
    ("response", "delimiter", "steps"),
    [
        ("a\n\nb\n\nc", "\n\n", ("a", "b", "c")),
        ("a\n\nb\n\n", "\n\n", ("a", "b")),
        ("\n\na\n\n\n\n\nb\n", "\n\n", ("a", "b")),
        ("one\ntwo\n\nthree", "\n\n", ("one\ntwo", "three")),
        ("a\nb\n\nc\n", "\n", ("a", "b", "c")),
        ("  a = 1\n    b = 2", "\n", ("  a = 1", "    b = 2")),
        ("a\r\nb\r\n", "\n", ("a", "b")),
        ("a\n \t \nb", "\n", ("a", "b")),
        ("Step 1: x ки\nStep 2: y ки", "ки\n", ("Step 1: x ", "Step 2: y ки")),
        ("all in one", "\n\n", ("all in one",)),
        ("", "\n\n", ()),
        (" \n\n \n\n", "\n\n", ()),
    ],
)
def test_steps_by_hand(response, delimiter, steps):
    assert split_steps(response, delimiter) == steps


def test_an_empty_delimiter_is_refused():
    with pytest.raises(InputError, match="empty delimiter"):
        split_steps("a", "")


@given(st.lists(st.text("ab \n", max_size=6)), st.sampled_from(["\n", "\n\n", "b"]))
def test_no_text_is_lost_but_the_delimiters_and_white_space(pieces, delimiter):
    response = delimiter.join(pieces)
    steps = split_steps(response, delimiter)
    without = response.replace(delimiter, "")
    assert "".join("".join(steps).split()) == "".join(without.split())
    assert all(step.strip() and delimiter not in step for step in steps)


@pytest.mark.parametrize("delimiter", ["\n", "\n\n"])
def test_line_breaks_of_other_systems_are_line_breaks(delimiter):
    text = f"one{delimiter}  two{delimiter}three"
    assert (
        split_steps(text.replace("\n", "\r\n"), delimiter) == split_steps(text, delimiter) == ("one", "  two", "three")
    )
    assert split_steps("a\r\nb", "\r\n") == ("a", "b")
