"""Tokens put beside the text that they spell."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm.judging.alignment import placed
from rrm.types import TokenLogprob


def tokens(*texts):
    return tuple(TokenLogprob(text, -0.1) for text in texts)


def found(text, at, *texts):
    """The texts of what is found from character `at` on, and where the first begins."""
    places = placed(text, tokens(*texts), at)
    return [place.token.token for place in places], places[0].start if places else None


@pytest.mark.parametrize(
    ("text", "at", "texts", "expected", "start"),
    [
        ("so [[A]]", 5, ("so", " [[", "A", "]]"), ["A", "]]"], 5),
        ("so [[A]]", 4, ("so", " [[", "A", "]]"), [" [[", "A", "]]"], 2),
        # What ends the turn is not in the text, nor are blanks that were stripped there.
        ("[[A]]", 2, ("[[", "A", "]]", "<|im_end|>"), ["A", "]]"], 2),
        ("[[A]]", 2, ("[[", "A", "]]\n\n", ""), ["A", "]]\n\n"], 2),
        ("[[A]]", 2, ("[[", "A", "]]", "\n", "</s>"), ["A", "]]"], 2),
        ("<b>A</b>", 3, ("<b>", "A", "</b>"), ["A", "</b>"], 3),
        # Reasoning that is returned apart: its tokens may be there, or its text.
        ("[[A]]", 2, ("hm", "</think>", "\n\n", "[[", "A", "]]"), ["A", "]]"], 2),
        ("<think>\nhm\n</think>\n\n[[A]]", 23, ("[[", "A", "]]"), ["A", "]]"], 23),
        # Blanks that a tokenizer leaves out of its pieces.
        ("Assistant 1 wins", 10, ("Assistant", "1", "wins"), ["1", "wins"], 10),
        # What was left out in the middle, and pieces of characters.
        ("A long story. The end [[B]]", 24, ("A", " long", "[[", "B", "]]"), ["B", "]]"], 24),
        ("[[A]] \u2764 ok", 2, ("[[", "A", "]]", " \ufffd", "\ufffd", " ok"), ["A", "]]"], 2),
        ("\n[[A]] \u2764", 3, ("[[", "A", "]]", "\ufffd"), ["A", "]]"], 3),
        # What does not spell the text.
        ("[[A]]", 2, ("[[", "B", "]]"), [], None),
        ("[[A]] ok", 2, ("or", "\ufffd", "ok"), [], None),
        ("[[A]]", 2, (), [], None),
        ("[[A]]", 0, ("A", "]]"), [], None),
        ("A  B", 1, ("A", "B"), [], None),
    ],
)
def test_tokens_stand_where_they_spell_the_text(text, at, texts, expected, start):
    assert found(text, at, *texts) == (expected, start)


@settings(deadline=None)
@given(st.lists(st.text(alphabet="ab \u00e9<>", min_size=1, max_size=4), min_size=1, max_size=12), st.data())
def test_pieces_of_a_text_are_found_where_they_were_cut(texts, data):
    """Whatever it was cut into, and with any of the first pieces left out; a text that ends visibly."""
    texts = [*texts, "."]
    text = "".join(texts)
    kept = data.draw(st.integers(0, len(texts) - 1))
    start = sum(map(len, texts[:kept]))
    at = data.draw(st.integers(start, len(text) - 1).filter(lambda place: not text[place].isspace()))
    places = placed(text, tokens(*texts[kept:]), at)
    assert places[0].start <= at < places[0].end
    assert all(text[place.start : place.end] == place.token.token for place in places)
    assert "".join(place.token.token for place in places) == text[places[0].start :]
