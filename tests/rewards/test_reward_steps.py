"""Steps of a solution, by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.errors import InputError
from rrm.rewards.layouts.splitting import at_tags, split_steps, with_blanks, without_tags


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


@pytest.mark.parametrize(
    ("response", "delimiter", "pieces"),
    [
        ("a\n\nb\n", "\n", ("a", "", "b", "")),
        ("\n a\n \t\nb", "\n", ("", " a", " \t", "b")),
        ("a\r\n\r\nb", "\n", ("a", "", "b")),
        ("a\r\nb", "\r\n", ("a", "b")),
        ("", "\n", ("",)),
    ],
)
def test_blank_pieces_are_kept_where_they_count(response, delimiter, pieces):
    assert with_blanks(response, delimiter) == pieces


@pytest.mark.parametrize(
    ("response", "steps"),
    [
        ("Step 1: x ки\nStep 2: y ки", ("Step 1: x", "Step 2: y")),
        ("  x = 1 ки  \ny", ("  x = 1", "y")),
        ("one ки ки\nки\n ки\ntwo", ("one", "two")),
        ("русские книжки\nа ки б", ("русские книжки", "а ки б")),
    ],
)
def test_tags_that_end_steps_are_taken_away(response, steps):
    assert without_tags("ки")(response, "\n") == steps


@pytest.mark.parametrize(
    ("response", "delimiter", "steps"),
    [
        # as "ки\n" splits it, the last tag staying
        ("Step 1: x ки\nStep 2: y ки", "\n", ("Step 1: x ", "Step 2: y ки")),
        ("a\nb ки\nc\nd", "\n", ("a\nb ", "c\nd")),
        ("a ки\r\nb ки\r\n", "\n", ("a ", "b ")),
        ("a\nb ки", "\n", ("a\nb ки",)),
        # no tags
        ("a\n\nb", "\n", ("a", "b")),
        ("русские книжки\nкниги", "\n", ("русские книжки", "книги")),
        # the caller's own delimiter
        ("a ки\nb;c", ";", ("a ки\nb", "c")),
    ],
)
def test_tags_end_steps_where_there_are_any(response, delimiter, steps):
    assert at_tags("ки")(response, delimiter) == steps


@pytest.mark.parametrize("split", [split_steps, with_blanks, without_tags("ки"), at_tags("ки")])
def test_an_empty_delimiter_is_refused(split):
    with pytest.raises(InputError, match="empty delimiter"):
        split("a", "")


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
