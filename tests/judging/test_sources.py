"""The front matter of a prompt file: what YAML and types refuse in it, in the words of the file."""

import pytest

from rrm.errors import PromptError
from rrm.judging.prompts import parse_prompt
from rrm.judging.verdicts import read
from rrm.types import Case, Vote
from tests.judging.test_prompts import BODY, FRONT, NO_TOKENS

LABELS = "labels: {first: [A], second: [B]}"
SAMPLING = "sampling: {max_tokens: 10, temperature: 0.0}"


def said(old, new):
    """What is said of a file in which something is replaced, behind its name."""
    assert old in FRONT
    with pytest.raises(PromptError) as raised:
        parse_prompt("own.jinja", (FRONT.replace(old, new) + BODY).encode())
    return str(raised.value).removeprefix("prompt file own.jinja, ")


TRUTH = "a truth value (yes, no, on, off, true, false), not a text; a text like this needs quotes:"
VERDICT_KINDS = "Valid: criteria, grades, index, labels, order, scores."


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (LABELS, "labels: {first: [yes], second: [no]}", f"line 13: verdict.labels.first[0]: yes is {TRUTH} 'yes'"),
        (LABELS, "labels: {first: [A], second: [B, off]}", f"line 13: verdict.labels.second[1]: off is {TRUTH} 'off'"),
        (
            LABELS,
            "labels:\n    first: [A]\n    second: [2]",
            "line 15: verdict.labels.second[0]: 2 is a whole number, not a text; a text like this needs quotes: '2'",
        ),
        (
            LABELS,
            "labels: {first: [2020-01-02], second: [B]}",
            (
                "line 13: verdict.labels.first[0]: 2020-01-02 is a date, not a text; "
                "a text like this needs quotes: '2020-01-02'"
            ),
        ),
        (LABELS, "labels: {first: A, second: [B]}", "line 13: verdict.labels.first: A is a text, not a list"),
        (
            LABELS,
            "labels: {frist: [A], second: [B]}",
            "line 13: a key of verdict.labels: unknown value 'frist'. Did you mean 'first'? Valid: first, second, tie.",
        ),
        (
            LABELS,
            LABELS + "\n  weights: {A: 2, 3: 4}",
            "line 14: a key of verdict.weights: 3 is a whole number, not a text; a text like this needs quotes: '3'",
        ),
        (LABELS, LABELS + "\n  weights: {A: 2, B: 0}", "line 14: verdict.weights.B: 0 is not a whole number >= 1"),
        (
            LABELS,
            LABELS + "\n  backup: [{line: first}, {line: middle}]",
            "line 14: verdict.backup[1].line: unknown value 'middle'. Valid: first, last.",
        ),
        (
            "open: '<winner>'",
            "open: [[",
            "front matter: while parsing a flow sequence",
        ),
        (
            "open: '<winner>'",
            "open: {winner}",
            (
                "line 11: verdict.open: {'winner': None} is a group of fields, not a text or a list; "
                "a text that begins with [ or { needs quotes"
            ),
        ),
        (
            "open: '<winner>'",
            "open: [[winner]]",
            "line 11: verdict.open[0]: ['winner'] is a list, not a text; a text that begins with [ or { needs quotes",
        ),
        ("name: own", "name:", "line 2: name: nothing is not a text"),
        ("name: own", "name: ~", "line 2: name: ~ is not a text"),
        (
            "kind: labels",
            "kind: label",
            f"line 10: verdict.kind: unknown value 'label'. Did you mean 'labels'? {VERDICT_KINDS}",
        ),
        ("  kind: labels\n", "", "line 10: verdict: the field 'kind' is missing"),
        (SAMPLING, "sampling: {temperature: 0.0}", "line 8: sampling: the field 'max_tokens' is missing"),
        (
            SAMPLING,
            "sampling: {max_tokens: 10, temprature: 0.0}",
            (
                "line 8: sampling: unknown field 'temprature'. Did you mean 'temperature'? "
                "Valid: max_tokens, temperature, top_p."
            ),
        ),
        (
            SAMPLING,
            "sampling: {max_tokens: 10, temperature: '0'}",
            "line 8: sampling.temperature: '0' is a text, not a number",
        ),
        (
            SAMPLING,
            "sampling: {max_tokens: 10, temperature: .inf}",
            "line 8: sampling.temperature: .inf is no finite number",
        ),
        (
            SAMPLING,
            "sampling: {max_tokens: 1.5, temperature: 1}",
            "line 8: sampling.max_tokens: 1.5 is a number, not a whole number",
        ),
        (SAMPLING, f"sampling: {{max_tokens: 10, temperature: 1{'0' * 400}}}", "line 8: sampling.temperature: 1000"),
        ("name: own", "3: own", "line 2: a key of the file: 3 is not a text"),
        ("roles: [user]", "roles: user", "line 7: roles: user is a text, not a list"),
        ("kind: pairwise", "kind: pairwise\nties: 1", "line 7: ties: 1 is a whole number, not true or false"),
        (
            "vote: unparsed",
            "vote: Unparsed",
            (
                "line 17: examples[2].vote: unknown value 'Unparsed'. Did you mean 'unparsed'? "
                "Valid: first, second, tie, truncated, unparsed."
            ),
        ),
        (
            "kind: pairwise",
            "kind: 3",
            "line 6: kind: 3 is a whole number, not a text; a text like this needs quotes: '3'",
        ),
    ],
)
def test_what_a_value_should_be(old, new, message):
    """The line, the keys that lead to it, how it is spelled there, what it should be, and what to do."""
    assert said(old, new).startswith(message)


@pytest.mark.parametrize(
    ("verdict", "message"),
    [
        ("loose: first", "line 12: verdict.loose: unknown value 'first'. Valid: false, last, true."),
        ("range: [1]", "line 12: verdict.range: [1] is not a list of length 2"),
        ("range: [1, .inf]", "line 12: verdict.range[1]: .inf is no finite number"),
        ("range: [.NaN, 3]", "line 12: verdict.range[0]: .NaN is no finite number"),
        ("base: 2", "line 12: verdict.base: unknown value '2'. Valid: 0, 1, A."),
        (
            "interger: true",
            "line 10: verdict: unknown field 'interger'. Did you mean 'integers'? Valid: at_end, backup, ",
        ),
    ],
)
def test_what_scores_should_be(verdict, message):
    """The fields and choices of this kind of verdict, and no other's."""
    begin, end = FRONT.index("verdict:"), FRONT.index("examples:")
    assert said(FRONT[begin:end], f"verdict:\n  kind: scores\n  line: last\n  {verdict}\n").startswith(message)


def test_grades_that_are_no_numbers():
    """A grade must be one that can be compared."""
    begin, end = FRONT.index("kind: labels"), FRONT.index("examples:")
    new = "kind: grades\n  line: last\n  grades: {'Yes': .nan, 'No': 0}\n"
    assert said(FRONT[begin:end], new) == "line 12: verdict.grades.Yes: .nan is no finite number"
    assert said(FRONT[begin:end], new.replace("'Yes': .nan", "yes: 1")).startswith(
        f"line 12: a key of verdict.grades: yes is {TRUTH}"
    )


@pytest.mark.parametrize(
    ("old", "new", "key", "first", "line"),
    [
        ("kind: pairwise", "kind: pairwise\nname: other", "name", 2, 7),
        (LABELS, "labels: {first: [A], first: [C], second: [B]}", "first", 13, 13),
        ("examples:", "verdict: {kind: labels}\nexamples:", "verdict", 9, 14),
    ],
)
def test_keys_that_stand_twice(old, new, key, first, line):
    """Are refused: YAML would take the last."""
    message = said(old, new)
    assert f"the key '{key}' stands on line {first} already: each may stand once" in message
    assert f'in "own.jinja", line {line}, column' in message


def test_merged_keys_are_no_second_ones():
    """What YAML merges into a mapping may be overridden there; a key need not be a text."""
    merged = "{<<: {max_tokens: 5, temperature: 1.0}, max_tokens: 10}"
    prompt = parse_prompt("own.jinja", (FRONT.replace(SAMPLING, f"sampling: {merged}") + BODY).encode())
    assert (prompt.front.sampling.max_tokens, prompt.front.sampling.temperature) == (10, 1.0)
    assert said(SAMPLING, "sampling: {<<: {max_tokens: 0}, temperature: 1.0}") == (
        "line 8: sampling.max_tokens: 0 is not a whole number >= 1"
    )
    assert said(SAMPLING, "sampling: {[1]: 2}").startswith("front matter: while constructing a mapping")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "it must be a group of fields, such as name: my_judge"),
        ("", "it must be a group of fields"),
        ("name: 2020-13-45", "month must be in 1..12"),
        ("name: !!bool maybe", "'maybe'"),
        ("name: \x07", "special characters are not allowed"),
        ("name: " + "[" * 3000 + "]" * 3000, "it is nested too deeply"),
        ("name: &a [*a]", "name: "),
    ],
)
def test_front_matter_that_is_none(text, message):
    """Another YAML value, a scalar that its form denies, too much of it."""
    with pytest.raises(PromptError, match=r"prompt file own\.jinja, (front matter|line 2): ") as raised:
        parse_prompt("own.jinja", f"---\n{text}\n---\n{BODY}".encode())
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("---\n", "--- \t\n"),
    ],
)
def test_what_editors_do_to_a_file(changed):
    """Line breaks of Windows, a byte order mark, blanks behind the lines of ---: what is rendered and read is the same."""
    prompt = parse_prompt("own.jinja", changed(FRONT + BODY.replace("?", "?\n")).encode())
    case = Case("q", ("a", "b"))
    assert [message.content for message in prompt.render(case, NO_TOKENS)] == ["q: a or b?\n"]
    assert read("<winner>B</winner>", prompt.grammar).vote is Vote.SECOND
