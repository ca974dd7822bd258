"""Where a verdict stands: delimiters, lines, fields of a JSON object, and other places where there is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.judging.objects import Found, field, last_object
from rrm.types import Vote
from tests.judging.made import heard

LABELS = {"kind": "labels", "labels": {"first": ["A"], "second": ["B"]}, "nouns": ["Response"]}
NUMBER = {"kind": "scores"}


def vote(text, cut=False, **place):
    return heard(text, "pairwise", LABELS | place, cut=cut).vote


@pytest.mark.parametrize(
    ("text", "cut", "expected"),
    [
        ("[RESULT] A", False, Vote.FIRST),
        ("[RESULT] A\nThat is all.", False, Vote.FIRST),
        ("[RESULT]\n\n  Response B\nmore", True, Vote.SECOND),
        ("[RESULT] A\n[RESULT] B", False, Vote.SECOND),
        ("[RESULT] A", True, Vote.TRUNCATED),
        ("[RESULT]\n ", True, Vote.TRUNCATED),
        ("[RESULT]\n ", False, Vote.UNPARSED),
        ("[RESULT] " + "A " * 200, False, Vote.UNPARSED),
        ("[RESULT] " + " " * 300 + "A", False, Vote.UNPARSED),
        ("A", False, Vote.UNPARSED),
    ],
)
def test_the_rest_of_a_line(text, cut, expected):
    """Blanks and empty lines behind the opening are skipped; a line that a token limit may have cut is no verdict."""
    assert vote(text, cut, open="[RESULT]", close="\n") is expected


def test_the_span_of_the_rest_of_a_line():
    """From the opening to the end of the line."""
    text = "so\nWinner: A\nbecause"
    found = heard(text, "pairwise", LABELS | {"open": "Winner:", "close": "\n"})
    assert text[slice(*found.span)] == "Winner: A"
    assert found.reason == "Winner:... says 'A'"


@pytest.mark.parametrize(
    ("pick", "text", "expected"),
    [
        ("last", "<Answer>A</ANSWER>", Vote.FIRST),
        ("last", "<answer>A</answer> <ANSWER>B</answer>", Vote.SECOND),
        ("last", "<answer>A", Vote.UNPARSED),
        ("last", "answer A", Vote.UNPARSED),
        ("first", "<ANSWER>A</answer> <answer>B</answer>", Vote.FIRST),
        ("unique", "<answer>A</answer> <ANSWER>B</answer>", Vote.UNPARSED),
    ],
)
def test_delimiters_in_any_case(pick, text, expected):
    """Where the file says `ignore_case`; several still bind as the file says."""
    assert vote(text, open="<answer>", close="</answer>", ignore_case=True, pick=pick) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[A]]", Vote.FIRST),
        ("[[A]].** \n", Vote.FIRST),
        ("[[A]] is my verdict", Vote.UNPARSED),
        ("[[A]] [[B]]!", Vote.SECOND),
        ("[[A]] or [[B", Vote.UNPARSED),
        ("1. 2. [[A]] 3", Vote.UNPARSED),
    ],
)
@pytest.mark.parametrize("pick", ["last", "first", "unique"])
def test_at_the_end(text, expected, pick):
    """Where the file says so, only punctuation may stand behind the verdict."""
    assert vote(text, open="[[", close="]]", at_end=True, pick=pick) is expected


def test_of_several_openings_the_longest_is_taken():
    """So that `Winner` does not leave the colon of `Winner:` inside; and any of them may come last."""
    place = {"open": ["Winner", "Winner: ", "Better: "], "close": ";", "match": "exact"}
    assert vote("Winner: A;", **place) is Vote.FIRST
    assert vote("Winner: A; Better: B;", **place) is Vote.SECOND
    assert vote("Better: B; WinnerA;", **place) is Vote.FIRST
    assert vote("Winner: A; Better: C; Winner: C;", others="skip", **place) is Vote.FIRST


@pytest.mark.parametrize(
    ("which", "text", "expected"),
    [
        ("first", "\n\n  A \nB\n", Vote.FIRST),
        ("last", "A\n\n B \n\n", Vote.SECOND),
        ("last", "</think>A", Vote.FIRST),
        ("last", "B</think>A\n", Vote.FIRST),
        ("first", "B</think>A\nx", Vote.FIRST),
        ("first", " \n ", Vote.UNPARSED),
        ("last", "A</think> \n ", Vote.UNPARSED),
        ("last", "A" * 257, Vote.UNPARSED),
        ("last", "A is better", Vote.UNPARSED),
        ("last", "Response A is better", Vote.FIRST),
    ],
)
def test_a_line(which, text, expected):
    """The first or the last that is not empty, behind the reasoning."""
    assert vote(text, line=which) is expected


RATED = {"kind": "scores", "line": "last", "loose": "last"}
LONG = "Long. " + "word " * 60


@pytest.mark.parametrize(
    ("text", "cut", "scores"),
    [
        (LONG + "9", False, (9,)),
        (LONG + "9\n", False, (9,)),
        (LONG + "9", True, ()),
        (LONG + "9\n", True, (9,)),
        (LONG + "9 of them", False, ()),
        ("word" * 100 + " 9", False, (9,)),
        ("9" * 300, False, ()),
        ("9" * 300 + " 7", False, (7,)),
    ],
)
def test_the_end_of_a_long_line_is_enough_for_what_ends_with_numbers(text, cut, scores):
    """Words may stand in front of them, as many as there are; a number is never cut in two."""
    assert heard(text, "pointwise", RATED, cut=cut).scores == scores


def test_only_what_ends_with_numbers_is_read_by_its_end():
    """Any other long line is too long; equal scores may be settled by such an end, too."""
    assert heard(LONG + "9", "pointwise", RATED | {"loose": True}).reason == "the last line is too long for a verdict"
    settled = {"kind": "scores", "line": "first", "tie_break": {"line": "last", "loose": "last", "middle": 3}}
    assert heard(f"8 8\n{LONG}5", "pairwise", settled).vote is Vote.SECOND
    settled["tie_break"] = {"line": "last", "middle": 3}
    assert heard(f"8 8\n{LONG}5", "pairwise", settled).vote is Vote.UNPARSED


def test_a_line_that_a_token_limit_cut():
    """More may have followed, unless the label is exact; a line with a line break behind it is whole."""
    assert vote("A", cut=True, line="first") is Vote.TRUNCATED
    assert vote("A\n", cut=True, line="first") is Vote.FIRST
    assert vote("A", cut=True, line="first", match="exact") is Vote.FIRST


BACKUP = [{"open": "Winner:", "close": "\n"}, {"line": "first", "match": "exact"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[A]]\nWinner: B", Vote.FIRST),
        ("Winner: B", Vote.SECOND),
        ("[[C]]\nWinner: B", Vote.UNPARSED),
        ("[[A\nWinner: B", Vote.UNPARSED),
        ("A\nreasons", Vote.FIRST),
        ("Response A\nreasons", Vote.UNPARSED),
        ("", Vote.UNPARSED),
    ],
)
def test_other_places_where_the_first_is_not_found(text, expected):
    """In turn; a place that is found binds, also where nothing can be read in it."""
    assert vote(text, open="[[", close="]]", backup=BACKUP) is expected


def test_a_line_that_can_not_be_read_is_not_found():
    """Any text has a first line: only one that says something is a verdict."""
    place = {"line": "first", "backup": [{"open": "[[", "close": "]]"}]}
    assert vote("Well, let me see.\n[[B]]", **place) is Vote.SECOND
    assert vote("A\n[[B]]", **place) is Vote.FIRST
    found = heard("Well.", "pairwise", LABELS | place)
    assert (found.vote, found.reason) == (Vote.UNPARSED, "no known label in 'Well.'")


@pytest.mark.parametrize(
    ("text", "cut", "expected"),
    [
        ('{"winner": "A"}', False, Vote.FIRST),
        ('So: {"winner": "Response B", "why": "uses {x} and \\"y\\""} Done.', False, Vote.SECOND),
        ('{"winner": "A"} {"winner": "B"}', False, Vote.SECOND),
        ('```json\n{"winner": "A"}\n``` I used {"x": 1} here.', False, Vote.FIRST),
        ('```json\n["A"]\n``` or {"winner": "B"}', False, Vote.SECOND),
        ('```json {"winner": A} {"winner": "B"}', False, Vote.SECOND),
        ('{"winner": "A"} ```json', False, Vote.FIRST),
        ('\\frac{1}{2} {x} {"set", "of"} {"winner": "A"}', False, Vote.FIRST),
        ('{"overall": {"winner": "B"}}', False, Vote.SECOND),
        ('{"overall": ["x"], "winner": ["A"]}', False, Vote.FIRST),
        ('{"why": "two\nlines", "winner": "A"}', False, Vote.FIRST),
        ('{"winner": "' + "x" * 300 + '"}', False, Vote.UNPARSED),
        ('{"winner": {"A": 1}}', False, Vote.UNPARSED),
        ('{"winner": [{}]}', False, Vote.UNPARSED),
        ('{"loser": "A"}', False, Vote.UNPARSED),
        ('{"winner": "A"} {"winner": "B"', False, Vote.UNPARSED),
        ('{"winner": "A"} {"winner": "B', True, Vote.TRUNCATED),
        ('{"winner": "A"', True, Vote.TRUNCATED),
        ("{" * 50, False, Vote.UNPARSED),
        ('{"a":' * 5000, False, Vote.UNPARSED),
        ('{"a":' * 5000 + "x" + '{"winner": "A"}', False, Vote.UNPARSED),
        ('{"a":' * 300 + "x" + '{"winner": "A"}', False, Vote.UNPARSED),
        ('{"a":' * 3 + "x" + '{"winner": "A"}', False, Vote.FIRST),
        ("So: {'winner': 'A', 'why': \"it's\", 'ok': True,}", False, Vote.FIRST),
        ("{winner: “B”}", False, Vote.SECOND),
        ("{'winner': 'Response B', 'why': 'say \"x\", it\\'s'}", False, Vote.SECOND),
        ("{'a': {}, 'winner': 'A'} } and {'winner': 'B'}", False, Vote.SECOND),
        ("{'winner': 'it's A'}", False, Vote.UNPARSED),
        ("{'winner': 'A'} {'winner': 'B'", False, Vote.UNPARSED),
        ("{'winner': 'A'} {'set'}", False, Vote.UNPARSED),
        ("{'winner': 'A', 'why': '" + "x" * 70_000 + "'}", False, Vote.UNPARSED),
    ],
)
def test_a_field_of_a_json_object(text, cut, expected):
    """Of the last one, or of the one in the last fence; what is broken on purpose ends the search."""
    assert vote(text, cut, json=["winner", "overall.winner"]) is expected


def test_numbers_truth_and_wide_letters_are_labels_too():
    """A field may be a number or a text, and `true`."""
    labels = {"kind": "labels", "labels": {"first": ["1", "true"], "second": ["2", "false"]}, "json": "better"}
    said = ['{"better": 1}', '{"better": "２"}', '{"better": true}', '{"better": false}', '{"better": null}']
    assert [heard(text, "pairwise", labels).vote.value for text in said] == [
        "first",
        "second",
        "first",
        "second",
        "unparsed",
    ]


def test_places_behind_json():
    """Are for where there is no object with the field."""
    place = {"json": "better", "backup": [{"open": '"better":', "close": "}"}]}
    assert vote('{"why": "a "b" c", "better": "A"}', **place) is Vote.FIRST
    assert vote('{"why": "", "better": "neither"} "better": "A"}', **place) is Vote.UNPARSED


def test_overlapping_openings():
    """A bracket too many in front is none of the verdict, whichever of several binds."""
    for pick in ("last", "first", "unique", "listed"):
        place = {"open": "[[", "close": "]]", "match": "exact", "others": "skip", "pick": pick}
        assert vote("[[[B]]]", **place) is Vote.SECOND


values = st.recursive(
    st.one_of(
        st.text(), st.integers(-(10**400), 10**400), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=20,
)


@given(
    before=st.text(alphabet='ab {}[]:,"\n\\1'),
    answer=st.dictionaries(st.text(), values),
    indent=st.sampled_from([None, 2]),
)
def test_any_object_is_found_in_its_fence(before, answer, indent):
    """Whatever stands before it and in it; numbers keep their spelling."""
    text = f"{before}\n```json\n{json.dumps(answer, indent=indent)}\n```"
    found = last_object(text, 0)
    assert isinstance(found, Found)
    assert found.values == json.loads(json.dumps(answer), parse_int=str, parse_float=str)
    assert found.end == len(text) - len("\n```")


@given(length=st.integers(0, 600), literal=st.sampled_from(["true", "-12.5e3", '"\\u00e9"', "null", "[]", '"x"']))
def test_no_object_is_too_long_for_its_window(length, literal):
    """A literal may stand where a window ends."""
    text = '{"a": "' + "x" * length + '", "b": ' + literal + "}"
    assert last_object(text, 0).end == len(text)
    assert last_object(text + " {}"[: length % 2], 0).end == len(text)


def test_fields():
    """A path leads to a text, to the texts of a list, or to nothing."""
    found = {"a": {"b": ["1", True, "x"], "c": [["1"]]}, "d": "2", "e": None}
    paths = [("a", "b"), ("a", "c"), ("d",), ("d", "a"), ("e",), ("z",), ()]
    assert [field(found, path) for path in paths] == [("1", "true", "x"), None, "2", None, None, None, None]


EACH = {"kind": "scores", "each": True, "open": "<answer>", "close": "</answer>"}


@pytest.mark.parametrize(
    ("pick", "text", "expected"),
    [
        ("last", "<answer>3</answer><answer>5</answer>", (3.0, 5.0)),
        ("last", "<answer>1</answer> <answer>3</answer> <answer>5</answer>", (3.0, 5.0)),
        ("first", "<answer>1</answer> <answer>3</answer> <answer>5</answer>", (1.0, 3.0)),
        ("unique", "<answer>3</answer> <answer>5</answer>", (3.0, 5.0)),
        ("unique", "<answer>1</answer> <answer>3</answer> <answer>5</answer>", ()),
        ("last", "<answer>3</answer>", ()),
        ("last", "<answer>3</answer><answer>x</answer>", ()),
        ("last", "<answer>3</answer><answer>5, 6</answer>", ()),
        ("last", "<answer>3</answer><answer>5", ()),
        ("last", "3 and 5", ()),
    ],
)
def test_a_delimited_text_for_each_response(pick, text, expected):
    """In the order shown; too few, or too many where they must be unique, are no verdict."""
    assert heard(text, "pairwise", EACH | {"pick": pick}).scores == expected


def test_what_is_missing_of_several_is_said():
    """One of two, more than two, one that is not closed; a token limit makes it a truncation."""
    one = "<answer>3</answer>"
    assert heard(one, "pairwise", EACH).reason == "1 of them, not 2"
    assert heard(one * 3, "pairwise", EACH | {"pick": "unique"}).reason == "more than 2 of them, not 2"
    assert heard(one + "<answer>", "pairwise", EACH).reason == "a verdict was opened and not closed by '</answer>'"
    assert heard(one, "pairwise", EACH, cut=True).vote is Vote.TRUNCATED
    assert heard("x", "pairwise", EACH).reason == "no <answer>...</answer> for each response in the answer"


def test_a_delimited_text_with_the_name_of_each_response():
    """The name stands in both delimiters; the order does not matter, and the last of each binds."""
    place = {"kind": "scores", "each": True, "open": "<rating_{}>", "close": "</rating_{}>"}
    text = "<rating_B>5</rating_B> <rating_A>3</rating_A> <rating_B>6</rating_B>"
    found = heard(text, "pairwise", place | {"names": ["A", "B"]})
    assert (found.vote, found.scores) == (Vote.SECOND, (3.0, 6.0))
    assert heard("<rating_A>3</rating_A>", "pairwise", place | {"names": ["A", "B"]}).is_lost
    rounds = {"open": "Score {}:", "close": "\n", "names": "{}", "base": 1}
    assert heard("Score 1: 4\nScore 3: 6\nScore 2: 5", "listwise", EACH | rounds, count=3).scores == (4.0, 5.0, 6.0)
    assert heard("Score 1: 4\nScore 2: 5", "pairwise", EACH | rounds, cut=True).vote is Vote.TRUNCATED


@pytest.mark.parametrize(
    ("kind", "paths", "count", "text", "expected"),
    [
        ("pairwise", ["a", "b"], 2, '{"a": 3, "b": "4/5"}', (3.0, 4.0)),
        ("pairwise", [["a", "x.a"], ["b", "x.b"]], 2, '{"x": {"a": 3, "b": 4}}', (3.0, 4.0)),
        ("pairwise", ["a", "b"], 2, '{"a": 3}', ()),
        ("pairwise", ["a", "b"], 2, '{"c": 3}', ()),
        ("pairwise", ["a", "b"], 2, "none", ()),
        ("pairwise", ["a", "b"], 2, '{"a": 3, "b": [4]}', ()),
        ("pairwise", "s", 2, '{"s": [3, 4]}', (3.0, 4.0)),
        ("pairwise", "s", 2, '{"s": "3, 4"}', (3.0, 4.0)),
        ("pairwise", "s", 2, '{"s": ["3, 4"]}', ()),
        ("pairwise", "s", 2, '{"s": [3, 4, 5]}', ()),
        ("pairwise", "s", 2, '{"s": ["x", 4]}', ()),
        ("pointwise", "s", 1, '{"s": 1e400}', ()),
        ("pointwise", ["s", "t.s"], 1, '{"t": {"s": -1.5}}', (-1.5,)),
        ("listwise", "s.model-{}", 3, '{"s": {"model-1": 1, "model-3": 3, "model-2": 2}}', (1.0, 2.0, 3.0)),
        ("listwise", "s.model-{}", 3, '{"s": {"model-1": 1, "model-3": 3}}', ()),
        ("listwise", "s", 20, '{"s": [' + ", ".join(["10.5"] * 20) + "]}", (10.5,) * 20),
        ("listwise", "s", 2, '{"s": [' + ", ".join(["10.5"] * 200) + "]}", ()),
    ],
)
def test_fields_for_each_response(kind, paths, count, text, expected):
    """Paths listed for each, one pattern, or one field with a list; another number of them is no verdict."""
    assert heard(text, kind, NUMBER | {"json": paths}, count=count).scores == expected


def test_a_pattern_with_names_of_its_own():
    """From another number on, from A on, or from a list."""
    place = {"kind": "scores", "json": "{}"}
    assert heard('{"A": 1, "B": 2}', "pairwise", place | {"base": "A"}).scores == (1.0, 2.0)
    assert heard('{"0": 1, "1": 2}', "pairwise", place | {"base": 0}).scores == (1.0, 2.0)
    assert heard('{"x": 1, "y": 2}', "pairwise", place | {"names": ["x", "y"]}).scores == (1.0, 2.0)
