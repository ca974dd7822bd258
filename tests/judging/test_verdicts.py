"""Verdicts: what real judges write, what an adversary writes, and any text at all."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.judging.verdicts import Grammar, read
from rrm.promptfiles import load_prompt, prompt_names
from rrm.types import Vote

SKYWORK = load_prompt("skywork_pairwise").grammar
MT_BENCH = load_prompt("mt_bench_pair").grammar


@pytest.mark.parametrize(
    ("text", "vote"),
    [
        (r"\boxed{Assistant 1}", Vote.FIRST),
        (r"\boxed{Assistant 2}", Vote.SECOND),
        (r"\boxed{\text{Assistant 1}}", Vote.FIRST),
        (r"\boxed{ \textbf{ Assistant 2 } }", Vote.SECOND),
        (r"$\boxed{\mathrm{Assistant\;2}}$", Vote.SECOND),
        (r"\boxed{\text{Assistant } 1}", Vote.FIRST),
        (r"\boxed{1}", Vote.FIRST),
        (r"\boxed{2.}", Vote.SECOND),
        (r"\boxed{Assistant  2.}", Vote.SECOND),
        (r"\boxed{<Assistant 1>}", Vote.FIRST),
        (r"\boxed{**Assistant 1**}", Vote.FIRST),
        (r'\boxed{"Assistant 2"}', Vote.SECOND),
        (r"\boxed{Assistant_1}", Vote.FIRST),
        (r"\boxed{Assistant-1}", Vote.FIRST),
        (r"\boxed{Assistant~1}", Vote.FIRST),
        (r"\boxed{Assistant1}", Vote.FIRST),
        (r"\boxed{assistant 2}", Vote.SECOND),
        (r"\boxed{Assistant １}", Vote.FIRST),
        (r"\boxed{Solution 2}", Vote.SECOND),
        (r"\boxed{Response 1}", Vote.FIRST),
        (r"\boxed{Answer 2}", Vote.SECOND),
        (r"\boxed{Output 1}", Vote.FIRST),
        (r"\boxed{A}", Vote.FIRST),
        (r"\boxed{B}", Vote.SECOND),
        (r"\boxed{Assistant B}", Vote.SECOND),
        (r"\boxed{(A)}", Vote.FIRST),
        (r"\fbox{Assistant 1}", Vote.FIRST),
        (r"\boxed{Assistant 2 is better}", Vote.SECOND),
        ("\\boxed{Assistant\n1}", Vote.FIRST),
        (r"First \boxed{Assistant 1}, no: \boxed{Assistant 2}", Vote.SECOND),
        (r"\boxed{Assistant 1 or Assistant 2}", Vote.UNPARSED),
        (r"\boxed{Assistant 1 is better than Assistant 2}", Vote.UNPARSED),
        (r"\boxed{1/2}", Vote.UNPARSED),
        (r"\boxed {Assistant 1}", Vote.FIRST),
        (r"\boxed{not Assistant 1}", Vote.UNPARSED),
        (r"\boxed{Neither Assistant 1}", Vote.UNPARSED),
        (r"\boxed{Assistant 1/2}", Vote.UNPARSED),
        (r"\boxed{Assistant 12}", Vote.UNPARSED),
        (r"\boxed{-1}", Vote.UNPARSED),
        (r"\boxed{3}", Vote.UNPARSED),
        (r"\boxed{}", Vote.UNPARSED),
        (r"\boxed{A good answer}", Vote.UNPARSED),
        (r"\boxed{Assistant 1} but then \boxed{42}", Vote.UNPARSED),
        (r"\boxed{Assistant 1", Vote.UNPARSED),
        (r"\boxed{" + "Assistant 1 " * 40 + "}", Vote.UNPARSED),
        ("Assistant 1", Vote.UNPARSED),
        ("", Vote.UNPARSED),
    ],
)
def test_boxed_verdicts(text, vote):
    """Every variant that models really produce, and what must not be guessed at."""
    assert read(text, SKYWORK).vote is vote
    assert read("I think Assistant 2 ... \\boxed{Assistant 2}\n</think>\n\n" + text, SKYWORK).vote is vote


@pytest.mark.parametrize(
    ("text", "vote"),
    [
        ("[[A]]", Vote.FIRST),
        ("My verdict: [[B]]", Vote.SECOND),
        ("[[C]]", Vote.TIE),
        ("[[ a ]]", Vote.FIRST),
        ("[[Assistant B]]", Vote.SECOND),
        ("\\[\\[A]]: [[A]]", Vote.FIRST),
        ("[[A]] ... on reflection [[B]]", Vote.SECOND),
        ("[[A]] [[A]] [[C]]", Vote.TIE),
        ("[[D]]", Vote.UNPARSED),
        ("[[A/B]]", Vote.UNPARSED),
        ("[A]", Vote.UNPARSED),
        ("[[A", Vote.UNPARSED),
    ],
)
def test_double_bracket_verdicts(text, vote):
    """MT-Bench's format: the last one binds, and a tie is a vote."""
    assert read(text, MT_BENCH).vote is vote


@pytest.mark.parametrize(
    ("text", "finish_reason", "reasoning_open", "vote"),
    [
        (r"<think>\boxed{Assistant 1}", "stop", False, Vote.TRUNCATED),
        (r"<think>\boxed{Assistant 1}</think>", "stop", False, Vote.UNPARSED),
        (r"<think>x</think>\boxed{Assistant 1}", "stop", False, Vote.FIRST),
        (r"x</think>\boxed{Assistant 1}<think>hm", "stop", True, Vote.TRUNCATED),
        (r"so \boxed{Assistant 1}", "length", True, Vote.TRUNCATED),
        (r"so \boxed{Assistant 1}", "stop", True, Vote.FIRST),
        (r"so \boxed{Assistant 1}", "length", False, Vote.FIRST),
        (r"so \boxed{Assis", "length", False, Vote.TRUNCATED),
        ("so I would", "length", False, Vote.TRUNCATED),
        (r"a</think>b</think>\boxed{Assistant 2}", "length", True, Vote.SECOND),
        (r"\boxed{Assistant 1}</think>", "length", True, Vote.TRUNCATED),
    ],
)
def test_reasoning_is_not_the_verdict(text, finish_reason, reasoning_open, vote):
    """What stands in the reasoning never counts; reasoning that was never closed is a truncation."""
    assert read(text, SKYWORK, finish_reason, reasoning_open=reasoning_open).vote is vote


def test_the_span_is_where_the_verdict_stands():
    """In characters of the whole text, reasoning included."""
    text = "thought \\boxed{Assistant 1}</think>\nso \\boxed{Assistant 2}."
    found = read(text, SKYWORK)
    assert text[slice(*found.span)] == r"\boxed{Assistant 2}"
    assert "Assistant 2" in found.reason


def grammar(pick):
    return Grammar(("<w>",), "</w>", {Vote.FIRST: ("one",), Vote.SECOND: ("two",)}, pick=pick)


@pytest.mark.parametrize(
    ("pick", "text", "vote"),
    [
        ("first", "<w>one</w> <w>two</w>", Vote.FIRST),
        ("last", "<w>one</w> <w>two</w>", Vote.SECOND),
        ("unique", "<w>one</w> <w>two</w>", Vote.UNPARSED),
        ("unique", "<w>one</w> <w>ONE</w>", Vote.FIRST),
        ("unique", "nothing", Vote.UNPARSED),
        ("first", "<w>one two</w>", Vote.UNPARSED),
    ],
)
def test_the_grammar_says_which_of_several_binds(pick, text, vote):
    """`first`, `last`, or `unique`: several that agree are one, several that differ are none."""
    assert read(text, grammar(pick)).vote is vote


ADVERSARIAL = [
    "\\boxed{" * 150_000,
    "\\boxed{" + "{" * 1_000_000,
    "\\boxed{" + "}" * 1_000_000,
    "<think>" * 150_000,
    "</think>" * 130_000,
    "\\boxed{Assistant " + "1" * 1_000_000 + "}",
    "[" * 1_000_000,
    "[[" + "A" * 1_000_000,
    "[[A]]" * 200_000,
    "\\boxed{1}" * 110_000,
    "\\boxed{" + "\\text{" * 170_000,
    "Assistant 1 " * 85_000,
    "\u202e\x00\ufffd" * 300_000,
]


@pytest.mark.parametrize("name", prompt_names())
@pytest.mark.parametrize("number", range(len(ADVERSARIAL)))
def test_a_megabyte_of_adversarial_text_is_read_in_well_under_a_second(name, number):
    """Whatever it repeats, in each shipped format; the time is processor time."""
    started = time.process_time()
    read(ADVERSARIAL[number], load_prompt(name).grammar)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("pick", ["first", "last", "unique"])
def test_every_way_to_pick_is_linear(pick):
    """A megabyte of openings that are never closed, and of verdicts that are."""
    started = time.process_time()
    read("<w>" * 350_000, grammar(pick))
    read("<w>one</w>" * 100_000, grammar(pick))
    assert time.process_time() - started < 2.5


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            ["\\boxed{", "}", "{", "<think>", "</think>", "[[", "]]", "Assistant 1", "Assistant 2", "A", "B", "\\text{"]
        ),
        st.text(max_size=5),
    )
).map("".join)


@given(text=PIECES, finish_reason=st.sampled_from(["stop", "length"]), reasoning_open=st.booleans())
def test_any_text_gives_some_vote(text, finish_reason, reasoning_open):
    """Parsing is total: never an exception, always a vote, and the span is inside the text."""
    for name in prompt_names():
        vote, span, reason = read(text, load_prompt(name).grammar, finish_reason, reasoning_open=reasoning_open)
        assert isinstance(vote, Vote)
        assert reason
        assert span is None or 0 <= span[0] < span[1] <= len(text)


@given(text=PIECES)
def test_nothing_in_front_of_the_reasoning_s_end_matters(text):
    """The vote is that of the text behind the last closing tag."""
    assert read(text + "</think>\\boxed{Assistant 2}", SKYWORK).vote is Vote.SECOND


NUMBERED = st.lists(
    st.one_of(
        st.sampled_from(["\\boxed{", "}", "{", "</think>", "Assistant 1", "Solution 2", "1", "2", " ", "\\text{"]),
        st.text(alphabet="xy12 .{}", max_size=5),
    )
).map("".join)


@given(text=NUMBERED)
def test_swapping_the_labels_swaps_the_vote(text):
    """The parser has no position bias: a text with 1 and 2 exchanged has the swapped vote."""
    swapped = text.translate(str.maketrans("12", "21"))
    assert read(swapped, SKYWORK).vote is read(text, SKYWORK).vote.swapped()
