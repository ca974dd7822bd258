"""Weighted criteria: how they are written down, how their numbers are read, and what they come to."""

import math
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.errors import PromptError, UnknownNameError
from rrm.judging.checking import problems
from rrm.judging.cleaning import Cleaner
from rrm.judging.criteria import Criterion, Scale, criteria_of, weighted_mean
from rrm.judging.verdicts import read
from rrm.promptfiles import load_prompt
from rrm.types import Case, Vote
from tests.judging.made import made

TWO = {"criteria": "Tone: 3; Use: 1"}
BODY = "{% block user %}{{ query }} {{ response }} {{ scale.least }} {{ scale.most }}: {{ criteria | length }}{% endblock %}"
JSON = {"kind": "criteria", "json": "scores.{}", "range": [1, 5]}
TAGS = {"kind": "criteria", "open": "<{}>", "close": "</{}>", "range": [1, 5]}
LINES = {"kind": "criteria", "open": ["{}:", "{}**:"], "close": "\n", "range": [1, 5], "ignore_case": True}
LIST = {"kind": "criteria", "open": "[[", "close": "]]", "range": [1, 5]}


def rubric(verdict, **front):
    return made("pointwise", verdict, BODY, **({"parameters": TWO} | front))


def heard(text, verdict, *, cut=False, **front):
    return read(text, rubric(verdict, **front).grammar, "length" if cut else "stop", count=1)


def written(text):
    return [(one.name, one.weight, one.description) for one in criteria_of(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tone", [("Tone", 1, "")]),
        ("Tone; Use", [("Tone", 1, ""), ("Use", 1, "")]),
        ("Tone: 0.5; Use: .25;", [("Tone", 0.5, ""), ("Use", 0.25, "")]),
        ("Tone: 50%; Use: 50 %", [("Tone", 0.5, ""), ("Use", 0.5, "")]),
        ("Tone (2); Use (weight: 1)", [("Tone", 2, ""), ("Use", 1, "")]),
        ("Tone (WEIGHT=2) ; Use(weight 1): Does it help?", [("Tone", 2, ""), ("Use", 1, "Does it help?")]),
        ("- Tone (2): Is it kind? Not: cold; never rude.\n\n* Use (1)\n", [
            ("Tone", 2, "Is it kind? Not: cold; never rude."), ("Use", 1, ""),
        ]),
        ("\n  1. Tone: Is it kind?\n  2) Length of it: Is it\tshort?\n", [
            ("Tone", 1, "Is it kind?"), ("Length of it", 1, "Is it\tshort?"),
        ]),
        ("Ton & Stil: Höflich?\r\n正确性: 对吗?\r\n", [("Ton & Stil", 1, "Höflich?"), ("正确性", 1, "对吗?")]),
        ("Tone (1): 5 if kind, 1 if rude", [("Tone", 1, "5 if kind, 1 if rude")]),
    ],
)  # fmt: skip
def test_criteria_as_they_are_written(text, expected):
    """One a line or between semicolons; weights behind a colon or in brackets, as numbers or percentages, or none."""
    assert written(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there are no criteria: write one a line, such as"),
        (" \n; ", "can't be its name"),
        (" ;; ", "there are no criteria"),
        ("Tone; tone", "criterion 'tone' stands twice|criterion 'Tone' stands twice"),
        ("Tone: 0", "criterion 'Tone: 0': its weight is '0', and must be a number above 0"),
        ("Tone: -1; Use: 1", "its weight is '-1', and must be a number above 0"),
        ("Tone (0.0)", "its weight is '0.0'"),
        ("Tone (heavy)", "its weight is 'heavy'"),
        ("Tone ()", "its weight is ''"),
        ("Tone (" + "9" * 400 + ")", "and must be a number above 0"),
        ("Tone: 0.5; Use", "criterion 'Use' has no weight, and others have: give each one, or none"),
        ("Tone, Use", "'Tone, Use' can't be its name.* between criteria stand line breaks or semicolons"),
        ("Tone: 0.5, Use: 0.5", "it looks like more than one: write one a line, or a semicolon between them"),
        ("Score 1-5 based on: Tone (weight: 0.5) and Use", "it looks like more than one"),
        ("Score by:\n- Tone\n- Use", "criterion 'Score by:': there is nothing behind its colon"),
        ("Tone (1), Use (1)", "write it as 'Name .weight.: what it asks'"),
        ("5: all of it", "'5' can't be its name"),
        ("1.5", "'1.5' can't be its name"),
        ("a.b", "'a.b' can't be its name"),
        ("{}", "can't be its name"),
        ("x" * 65, "at most 64"),
    ],
)
def test_what_is_no_criterion(text, message):
    """A heading, a weight that is none, a name that would break its place, several in one; nothing is guessed."""
    with pytest.raises(PromptError, match=message):
        criteria_of(text)


def test_shares():
    """A weight's part of all of them, also in hundredths."""
    tone, use, length = criteria_of("Tone: 3; Use: 2; Length: 1")
    assert (tone.share, use.percent, length.percent) == (0.5, "33.3", "16.7")
    assert Criterion("Tone", 1.0).percent == "100"
    assert Scale.of((1.0, 5.0)) == (1, 5)
    assert str(Scale.of((0.0, 0.5)).most) == "0.5"


@given(
    st.lists(st.tuples(st.integers(1, 1000), st.integers(10, 50)), min_size=1, max_size=8),
)
def test_the_mean_is_that_of_the_written_numbers(pairs):
    """By integers: weights in thousandths and scores in tenths; rounded once, so equal means are equal floats."""
    weights, scores = [weight / 1000 for weight, _ in pairs], [score / 10 for _, score in pairs]
    exact = Fraction(sum(weight * score for weight, score in pairs), 10 * sum(weight for weight, _ in pairs))
    assert weighted_mean(weights, scores) == float(exact)
    assert min(scores) <= weighted_mean(weights, scores) <= max(scores)


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (JSON, 'So: {"scores": {"Use": 2, "Tone": 4, "Other": 9}}'),
        (JSON, "```json\n{'scores': {'Tone': '4/5', 'Use': 2.0,}}\n```"),
        (JSON | {"json": ["scores.{}", "{}.score", "{}"]}, '{"Tone": {"score": 4}, "Use": 2}'),
        (JSON | {"json": "scores"}, '{"scores": [4, 2]}'),
        (TAGS, "<Tone>1</Tone> or rather <Use>2</Use> <Tone>4</Tone>"),
        (TAGS | {"pick": "first"}, "<Tone>4</Tone> <Use>2</Use> <Tone>1</Tone>"),
        (LINES, "Tone: it is kind\n**tone**: 4/5\nUSE: **2**"),
        (LIST, "[[4, 2]]"),
        (JSON | {"backup": [{"open": "<{}>", "close": "</{}>"}]}, "<Use>2</Use><Tone>4</Tone>"),
        ({"kind": "criteria", "line": "last", "range": [1, 5]}, "Kind.\n4 2"),
        ({"kind": "criteria", "line": "last", "range": [1, 5], "loose": "last"}, "Kind.\nI give it 4 2"),
        (LIST | {"loose": True}, "[[tone 4 and use 2]]"),
    ],
)
def test_a_number_for_each_and_their_weighted_mean(verdict, text):
    """Three quarters of 4 and one of 2 are 3.5; fields, tags, lines, or numbers in the order of the criteria."""
    found = heard(text, verdict)
    assert (found.vote, found.scores, found.criteria) == (None, (3.5,), (("Tone", 4.0), ("Use", 2.0)))
    assert heard(text, verdict, parameters={"criteria": "Tone; Use"}).scores == (3.0,)


@pytest.mark.parametrize(
    ("verdict", "text", "reason"),
    [
        (JSON, '{"scores": {"Tone": 4}}', "the JSON object has 1 of the fields, not 2"),
        (JSON, '{"scores": {"Tone": 4, "Use": null}}', "the JSON object has 1 of the fields, not 2"),
        (JSON, '{"scores": {"Tone": 4, "Use": 6}}', "a number out of the range from 1 to 5"),
        (JSON, '{"scores": {"Tone": 4, "Use": "2/10"}}', "not 2 numbers"),
        (JSON, '{"scores": {"Tone": 4, "Use": "good"}}', "not 2 numbers"),
        (JSON, '{"scores": {"Tone": 4, "Use": NaN}}', "not 2 numbers"),
        (JSON, '{"scores": {"Tone": true, "Use": 2}}', "not 2 numbers"),
        (JSON, '{"scores": {"tone": 4, "use": 2}}', "no JSON fields 'scores.Tone, scores.Use' in the answer"),
        (JSON, '{"scores": {"Tone": 4, "Use": 2', "no JSON fields"),
        (JSON, "kind", "no JSON fields"),
        (JSON | {"integers": True}, '{"scores": {"Tone": 4.5, "Use": 2}}', "not 2 numbers"),
        (TAGS, "<Tone>4</Tone>", "1 of them, not 2"),
        (TAGS, "<Tone>4</Tone><Use>2", "a verdict was opened and not closed"),
        (LIST, "[[4, 2, 1]]", "not 2 numbers"),
        (LINES, "Tone: 4\nUse: I can't say", "not 2 numbers"),
    ],
)
def test_a_failure_is_never_a_number(verdict, text, reason):
    """A criterion without a number, or with one off the scale, loses the sample; one that a limit cut is truncated."""
    found = heard(text, verdict)
    assert (found.vote, found.scores, found.criteria) == (Vote.UNPARSED, (), ())
    assert reason in found.reason
    assert heard("<think>" + text, verdict).vote is Vote.TRUNCATED


def test_what_a_limit_cut_is_truncated():
    """Without its verdict, and with a number that may have gone on."""
    assert heard('{"scores": {"Tone": 4, "U', JSON, cut=True).vote is Vote.TRUNCATED
    assert heard("Tone: 4\nUse: 2", LINES, cut=True).vote is Vote.TRUNCATED
    assert heard('{"scores": {"Tone": 4, "Use": 2}}', JSON, cut=True).scores == (3.5,)


@given(st.text(alphabet='{}"<>/:,.0123456789 \nToneUsescr[]', max_size=200))
@pytest.mark.parametrize("verdict", [JSON, TAGS, LINES, LIST], ids=["json", "tags", "lines", "list"])
def test_any_text_is_read(verdict, text):
    """As lost, or as a score on the scale that is the mean of what was read."""
    found = read(text, _PROMPTS[str(verdict)].grammar, count=1)
    if found.vote is None:
        said = dict(found.criteria)
        assert all(1 <= number <= 5 for number in said.values())
        assert math.isclose(found.scores[0], (3 * said["Tone"] + said["Use"]) / 4)
    else:
        assert (found.vote.is_lost, found.scores, found.criteria) == (True, (), ())


_PROMPTS = {str(verdict): rubric(verdict) for verdict in (JSON, TAGS, LINES, LIST)}


@pytest.mark.parametrize(
    ("verdict", "front", "message"),
    [
        (JSON | {"range": [5, 1]}, {}, "verdict: range: 5 is not below 1"),
        ({"kind": "criteria", "json": "{}"}, {}, "verdict: the field 'range' is missing"),
        (JSON | {"json": ["scores.{}", "scores"]}, {}, "{} stands for a criterion's name in all of the alternatives"),
        (TAGS | {"open": ["<{}>", "<score>"]}, {}, "{} stands for a criterion's name in all of the alternatives"),
        (TAGS | {"others": "skip"}, {}, "others: skip and at_end are not for places with {}"),
        (TAGS | {"at_end": True}, {}, "others: skip and at_end are not for places with {}"),
        (LIST | {"backup": [{"line": "last", "match": "begins"}]}, {}, "match is for labels, .*, not for criteria"),
        (LIST | {"pick": "listed"}, {}, "pick: listed is for labels"),
        (JSON, {"parameters": {"rubric": "Tone"}}, "verdict.kind criteria reads them from the parameter 'criteria'"),
        (JSON, {"parameters": {"criteria": None}}, "the parameter 'criteria', which needs a text"),
        (JSON, {"parameters": {"criteria": "Tone: 0"}}, "verdict: criterion 'Tone: 0': its weight is '0'"),
        (JSON, {"parameters": TWO | {"scale": "x"}}, "parameters: 'scale' is a variable of every rubric"),
        (LINES, {"parameters": {"criteria": "Code tone; Tone"}}, "what opens it stands in what opens 'Code tone'"),
    ],
)
def test_what_makes_no_sense_in_a_rubric_is_said(verdict, front, message):
    """Before anything is asked."""
    with pytest.raises(PromptError, match=message):
        rubric(verdict, **front)


def test_only_a_rubric_has_criteria_in_its_examples():
    """And only a pointwise judge is one."""
    scores = {"kind": "scores", "line": "last"}
    with pytest.raises(PromptError, match="example 1: only a verdict of the kind criteria"):
        made("pointwise", scores, examples=[{"text": "4", "scores": [4], "criteria": {"Tone": 4}}])
    with pytest.raises(PromptError, match="a pairwise judge says labels or scores, not criteria"):
        made("pairwise", JSON, parameters=TWO)


def test_examples_are_tried_by_their_criteria():
    """The numbers behind a score, too."""
    text = '{"scores": {"Tone": 4, "Use": 2}}'
    examples = [
        {"text": text, "scores": [3.5], "criteria": {"Tone": 2, "Use": 4}},
        {"text": '{"scores": {"Tone": 1, "Use": 1}}', "scores": [1], "criteria": {"Tone": 1, "Use": 1}},
        {"text": "", "vote": "unparsed"},
    ]
    (problem,) = problems(rubric(JSON, examples=examples))
    assert problem.startswith("example 1 is read as scores 3.5, Tone 4, Use 2 (JSON fields ")
    assert problem.endswith("not as scores 3.5, Tone 2, Use 4")


def test_criteria_of_ones_own():
    """The parameter's text takes the place of the file's: in what is asked, in what is read, and in the weights."""
    prompt = load_prompt("rubric")
    own = prompt.with_parameters({"criteria": "Safety: 2; Tone of voice: 1"})
    (system, user) = own.render(Case("q", ("a",)), Cleaner(()))
    assert system.role == "system"
    assert user.content.endswith('{"scores": {"Safety": N, "Tone of voice": N}}')
    assert "\n- Safety\n- Tone of voice\n" in user.content
    found = read('{"scores": {"Safety": 5, "Tone of voice": 2}}', own.grammar, count=1)
    assert (found.scores, dict(found.criteria)) == ((4.0,), {"Safety": 5, "Tone of voice": 2})
    assert read(prompt.front.examples[0].text, own.grammar, count=1).vote is Vote.UNPARSED
    assert read(prompt.front.examples[0].text, prompt.grammar, count=1).scores == (4.2,)
    assert own.parameters["criteria"] == "Safety: 2; Tone of voice: 1"


def test_weights_change_nothing_that_is_asked():
    """So that other weights read the same samples."""
    prompt = load_prompt("rubric")
    text = prompt.parameters["criteria"] or ""
    other = prompt.with_parameters({"criteria": text.replace("0.5", "7")})
    case = Case("q", ("a",), "r")
    assert other.render(case, Cleaner(())) == prompt.render(case, Cleaner(()))
    said = '{"Correctness": 1, "Completeness": 5, "Clarity": 5}'
    assert [read(said, one.grammar, count=1).scores for one in (prompt, other)] == [(3.0,), (float(Fraction(95, 75)),)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Tone: 0", "prompt 'rubric': the parameter 'criteria': criterion 'Tone: 0': its weight is '0'"),
        ("", "the parameter 'criteria': there are no criteria"),
        ("Tone; Tone", "the parameter 'criteria': criterion 'Tone' stands twice"),
    ],
)
def test_criteria_that_are_none(text, message):
    """They are refused where they are given."""
    with pytest.raises(PromptError, match=re.escape(message)):
        load_prompt("rubric").with_parameters({"criteria": text})


def test_criteria_that_a_form_cannot_tell_apart():
    """Of one's own, too; fields of an object can."""
    with pytest.raises(PromptError, match="criterion 'Tone': what opens it stands in what opens 'Code tone'"):
        rubric(LINES).with_parameters({"criteria": "Code tone; Tone"})
    grammar = rubric(JSON).with_parameters({"criteria": "Code tone; Tone"}).grammar
    assert (grammar.count, grammar.allows_ties, grammar.forced) == (2, False, None)


def test_only_what_the_file_has_can_be_set():
    """As of every prompt."""
    with pytest.raises(UnknownNameError, match="criteria"):
        load_prompt("rubric").with_parameters({"criterion": "Tone"})


def test_the_template_sees_shares_and_the_scale():
    """The names, what is asked, the weights as shares and in hundredths; the ends of the scale."""
    body = (
        "{% block user %}{{ query }} {{ response }} {{ scale.least }}-{{ scale.most }}"
        "{% for one in criteria %} [{{ one.name }} {{ one.weight }} {{ one.share }} {{ one.percent }} {{ one.description }}]"
        "{% endfor %}{% endblock %}"
    )
    prompt = made("pointwise", JSON | {"range": [0, 2.5]}, body, parameters={"criteria": "A (3): good?\nB (1)"})
    (message,) = prompt.render(Case("q", ("r",)), Cleaner(()))
    assert message.content == "q r 0-2.5 [A 3.0 0.75 75 good?] [B 1.0 0.25 25 ]"
