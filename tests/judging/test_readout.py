"""Probabilities of verdicts, read from the tokens that say them; expected values by hand."""

import math
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm.judging.readout import can_read_out, chosen_probability, first_token_probability, label_probability
from rrm.judging.verdicts import read
from rrm.promptfiles import load_prompt
from rrm.types import TokenLogprob, Vote
from tests.judging.made import made

FIRST, SECOND, TIE = Vote.FIRST, Vote.SECOND, Vote.TIE


def token(likely):
    """A token that was sampled, with what was reported: itself first, each with its probability."""
    if isinstance(likely, str):
        return TokenLogprob(likely, 0.0)
    logprobs = {text: math.log(chance) if chance else -math.inf for text, chance in likely.items()}
    return TokenLogprob(next(iter(logprobs)), next(iter(logprobs.values())), tuple(logprobs.items()))


@cache
def grammar_of(prompt):
    return load_prompt(prompt).grammar


def soft(prompt, *said, text=None):
    """The vote and its probability."""
    logprobs = tuple(map(token, said))
    told = "".join(one.token for one in logprobs) if text is None else text
    reading = read(told, grammar_of(prompt), logprobs=logprobs)
    return reading.vote, reading.probability if reading.probability is None else round(reading.probability, 9)


@pytest.mark.parametrize(
    ("prompt", "said", "vote", "probability"),
    [
        # .6 + .1 against .3; `As` and `10` are no labels, and `Assistant` may become both.
        (
            "skywork_pairwise",
            ("Hm.</think>\n\n", "\\boxed{", "Assistant", {" 1": 0.6, " 2": 0.2, "1": 0.1, "2}": 0.1}, "}"),
            FIRST,
            0.7,
        ),
        (
            "skywork_pairwise",
            ("</think>", "\\boxed{", {"2": 0.4, "1": 0.1, "As": 0.2, "10": 0.1, "Assistant": 0.1, "B": 0.1}, "}"),
            SECOND,
            1 / 6,
        ),
        # A token that covers more than the label, on either side.
        ("skywork_pairwise", ("</think>\\boxed", {"{1}": 0.75, "{2}": 0.2, "{": 0.05}), FIRST, 0.75 / 0.95),
        ("skywork_pairwise", ("</think>\\boxed{Assistant", {" 1}": 0.5, " 2}.": 0.5}), FIRST, 0.5),
        # In the reasoning other verdicts may stand; the last one binds.
        (
            "skywork_pairwise",
            ("\\boxed{", {"2": 0.9, "1": 0.1}, "}</think>\\boxed{", {"1": 0.9, "2": 0.1}, "}"),
            FIRST,
            0.9,
        ),
        ("mt_bench_pair", ("[[", {"A": 0.6, "B": 0.3, "C": 0.1}, "]]"), FIRST, 0.65),
        ("mt_bench_pair", ("[[", {"C": 0.5, "A": 0.5, "B": 0.0}, "]]"), TIE, 0.75),
        # Labels of several tokens: .6 * .9 for the first, .6 * .1 for a tie, .3 for the second.
        ("arena_hard", ("[[", {"A": 0.6, "B": 0.3}, {">": 0.9, "=": 0.1}, "B]]"), FIRST, 0.57 / 0.9),
        ("arena_hard", ("[[", {"A": 0.6, "B": 0.4}, {"=": 0.5, ">>": 0.5}, "B]]"), TIE, 0.45),
        ("arena_hard", ("[[", {"B": 0.6, "A": 0.4}, {">>": 0.9, ">": 0.1}, "A]]"), SECOND, 0.4),
        # The label is the number: what would have been said in place of the noun does not count.
        ("auto_j", ("final decision is ", {"Response": 0.8, "Tie": 0.2}, {" 1": 0.75, " 2": 0.25}), FIRST, 0.75),
        ("llmbar", ({"Output": 1.0}, " (", {"a": 0.7, "b": 0.2, "A": 0.1}, ")"), FIRST, 0.8),
        ("think_rm_multiclass", ("</think><answer>", {"-": 0.8, "2": 0.2}, {"3": 1.0}, "</answer>"), FIRST, 0.8),
        ("con_j", ('{"原因": "1 und 2", "更好的回答": ', {"2": 0.9, "1": 0.1}, "}"), SECOND, 0.1),
        # The only label reported: the other one is at most as likely as what is left.
        ("mt_bench_pair", ("[[", {"B": 0.999, "x": 0.0005}, "]]"), SECOND, 0.0),
    ],
)
def test_a_label_is_read_with_its_probability(prompt, said, vote, probability):
    assert soft(prompt, *said) == (vote, pytest.approx(probability))


@pytest.mark.parametrize(
    ("prompt", "said", "text"),
    [
        ("mt_bench_pair", ("[[", {"B": 0.6}, "]]"), None),  # too much is not reported
        ("mt_bench_pair", ("[[", {"B": 0.6, "x": 0.3}, "]]"), None),
        ("mt_bench_pair", ("[[", {"A": 0.6, "B": 0.4}, "]]"), "[[B]]"),  # tokens of another text
        ("arena_hard", ("[[", {"A": 0.6, "B": 0.4}), "[[A>B]]"),  # the end of the label is not known
        ("con_j", ('{"更好的回答": "', {"２": 0.9, "1": 0.1}, '"}'), None),  # not as its file spells it
        ("judgelm", ("8", " 6"), None),  # numbers
        ("mt_bench_pair", ("I don't know",), None),  # no verdict
    ],
)
def test_where_tokens_do_not_tell_there_is_no_probability(prompt, said, text):
    assert soft(prompt, *said, text=text)[1] is None


def test_every_example_of_a_label_is_found():
    """In the examples of all shipped prompts with labels: each character a token, of which other labels' are known."""
    told = 0
    for name in ("openjudge", "prometheus2_relative", "rm_r1", "selene", "compass_judger1", "offsetbias", "pandalm"):
        prompt = load_prompt(name)
        for example in prompt.front.examples:
            reading = read(example.text, prompt.grammar, logprobs=[TokenLogprob(one, 0.0) for one in example.text])
            if reading.vote in prompt.grammar.labels:
                told += 1
                assert reading.probability == {FIRST: 1.0, TIE: 0.5, SECOND: 0.0}[reading.vote]
    assert told > 15


def test_a_label_that_stands_in_other_places_too():
    """The one counts that makes the verdict: not that of the opening, nor those of what follows."""
    verdict = {
        "kind": "labels",
        "open": "A or B: ",
        "close": "\n",
        "match": "begins",
        "labels": {"first": ["A"], "second": ["B"]},
    }
    grammar = made("pairwise", verdict).grammar
    said = ("A", " or B: ", {"A": 0.8, "B": 0.2}, ": ", {"A": 0.5, "B": 0.5}, " says more\n")
    logprobs = tuple(map(token, said))
    reading = read("".join(one.token for one in logprobs), grammar, logprobs=logprobs)
    assert (reading.vote, reading.probability) == (FIRST, pytest.approx(0.8))


def test_of_two_verdicts_that_agree_the_last_is_read():
    verdict = {
        "kind": "labels",
        "open": "[[",
        "close": "]]",
        "pick": "unique",
        "labels": {"first": ["A"], "second": ["B"]},
    }
    logprobs = tuple(map(token, ("[[", {"A": 0.6, "B": 0.4}, "]] [[", {"A": 0.9, "B": 0.1}, "]]")))
    reading = read("[[A]] [[A]]", made("pairwise", verdict).grammar, logprobs=logprobs)
    assert (reading.vote, reading.probability) == (FIRST, pytest.approx(0.9))


@pytest.mark.parametrize(
    ("choices", "said", "text", "probability"),
    [
        ({"1": FIRST, "2": SECOND}, ({"1": 0.02, "2": 0.06},), "1", 0.25),
        ({"1": FIRST, "2": SECOND}, ({"1": 0.02, "2": 0.06}, "<|im_end|>"), "1", 0.25),
        # An engine that samples only where the choices part.
        ({"A>B": FIRST, "B>A": SECOND, "A=B": TIE}, ({"B": 0.3, "A": 0.1},), "B>A", 0.25),
        ({"A>B": FIRST, "B>A": SECOND, "A=B": TIE}, ({"A": 0.2, "B": 0.2}, {">B": 0.5, "=B": 0.5}), "A>B", 0.375),
        ({"Response 1": FIRST, "Response 2": SECOND}, ({" 1": 0.3, " 2": 0.1},), "Response 1", 0.75),
        # `Response` may become either: the number decides, and `Tie` takes its part before it.
        (
            {"Response 1": FIRST, "Response 2": SECOND, "Tie": TIE},
            ({"Response": 0.8, "Tie": 0.2}, {" 1": 0.75, " 2": 0.25}),
            "Response 1",
            0.7,
        ),
        ({"a": FIRST, "b": SECOND}, (), "a", None),
        ({"a": FIRST, "b": SECOND}, ({"c": 0.3, "b": 0.1},), "c", None),
        ({}, ({"1": 0.5},), "1", None),
    ],
)
def test_a_forced_choice_has_a_probability(choices, said, text, probability):
    found = chosen_probability(text, choices, tuple(map(token, said)))
    assert found == (None if probability is None else pytest.approx(probability))


def test_the_case_of_a_label_counts_where_votes_differ_by_it():
    said = (token({"m": 0.8, "M": 0.2}),)
    assert label_probability("m", 0, "m", {FIRST: ("m",), SECOND: ("M",)}, said) == pytest.approx(0.8)
    assert label_probability(
        "m", 0, "m", {FIRST: ("M",), SECOND: ("N",)}, (token({"m": 0.6, "M": 0.2, "n": 0.2}),)
    ) == (pytest.approx(0.8))


def test_a_token_in_another_case_than_its_label_is_not_its_own():
    """The sampled token must be a label's beginning itself."""
    assert label_probability("m", 0, "m", {FIRST: ("n",), SECOND: ("N",)}, (token({"m": 0.6, "n": 0.4}),)) is None


@pytest.mark.parametrize(
    ("likely", "probability"),
    [({"m": 0.6, " m": 0.2, "M": 0.2}, 0.8), ({"x": 0.9, "M": 0.1}, 0.0), ({"x": 1.0}, None), ({"m": 0.0}, None)],
)
def test_the_first_token_may_stand_for_the_votes(likely, probability):
    found = first_token_probability(token(likely), {"m": FIRST, "M": SECOND})
    assert found == (None if probability is None else pytest.approx(probability))


def test_labels_of_two_responses_can_be_read_out():
    can = [can_read_out(load_prompt(name).grammar) for name in ("skywork_pairwise", "alpaca_eval", "arena_hard")]
    cant = [can_read_out(load_prompt(name).grammar) for name in ("judgelm", "arenarl", "genselect", "mt_bench_single")]
    assert (can, cant) == ([True] * 3, [False] * 4)


CHANCES = st.floats(0.001, 0.999)


@settings(deadline=None)
@given(CHANCES, CHANCES, st.sampled_from(["", "\n", "<|im_end|>"]), st.text(max_size=20))
def test_swapped_labels_swap_the_probability(first, second, end, reasoning):
    """Whatever stands before and behind it; and it is P(first) / (P(first) + P(second))."""
    total = first + second
    likely = {"1": first / total, "2": second / total}
    said = (f"{reasoning.replace('<', '').replace(chr(92), '')}</think>\\boxed{{", likely, "}", end)
    swapped = (*said[:1], {"1": likely["2"], "2": likely["1"]}, *said[2:])
    text = f"{said[0]}1}}"
    one, other = soft("skywork_pairwise", *said, text=text)[1], soft("skywork_pairwise", *swapped, text=text)[1]
    assert one == pytest.approx(first / total)
    assert one + other == pytest.approx(1)
