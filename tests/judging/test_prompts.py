"""Prompt files: exact rendering, what they refuse, and what is wrong with a bad one."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm import promptfiles
from rrm.errors import ContestError, PromptError, UnknownNameError
from rrm.judging.cleaning import KNOWN_SPECIAL_TOKENS, Cleaner
from rrm.judging.prompts import parse_prompt
from rrm.promptfiles import load_prompt
from rrm.types import Case, Message, Vote
from tests.judging.made import made

GOLDEN = Path(__file__).parent.parent / "golden"
NO_TOKENS = Cleaner(())
CASE = Case("What?", ("one", "two"), "the answer")


def golden(name):
    return (GOLDEN / name).read_text("utf-8")


@pytest.mark.parametrize("name", [path.stem for path in GOLDEN.glob("*_pair*.txt")])
def test_shipped_prompts_render_to_their_golden_texts(name):
    """Prompt texts are interface constants of the judges: not a byte may change. (The others: tests/families.)"""
    messages = load_prompt(name).render(CASE, NO_TOKENS)
    rendered = "".join(f"<<{role}>>\n{content}<<end>>\n" for role, content in messages)
    assert rendered == golden(f"{name}.txt")


@pytest.mark.parametrize(("reference", "file"), [(None, "rubric.txt"), ("the answer", "rubric_reference.txt")])
def test_the_rubric_renders_to_its_golden_text(reference, file):
    """A ledger finds its samples by these bytes."""
    messages = load_prompt("rubric").render(Case("What?", ("one",), reference), NO_TOKENS)
    assert "".join(f"<<{role}>>\n{content}<<end>>\n" for role, content in messages) == golden(file)


@given(query=st.text(), first=st.text(), second=st.text())
def test_values_reach_the_judge_unaltered(query, first, second):
    """Whatever stands in them: braces, markup, control characters."""
    system, user = load_prompt("skywork_pairwise").render(Case(query, (first, second)), NO_TOKENS)
    assert user.content == (
        f"## Query\n\n{query}\n\n## Assistant responses\n\n### Assistant 1\n\n{first}\n\n\n### Assistant 2\n\n{second}\n\n"
        "## Analysis\n\nLet's analyze this step by step and decide which assistant is better, and then answer "
        "\\boxed{Assistant 1} or \\boxed{Assistant 2}."
    )


def test_the_digest_is_that_of_the_file():
    """So that a ranking names the exact prompt."""
    path = promptfiles._folder() / "mt_bench_pair.jinja"
    assert load_prompt(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_conversation_is_refused_by_name_where_the_format_has_one_turn():
    """The message names the prompt and says which one takes conversations."""
    turns = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    for name, number, said in (
        ("skywork_pairwise", 2, "such as 'mt_bench_pair_multi_turn'"),
        ("mt_bench_single", 1, "such as 'mt_bench_single_multi_turn'"),
        ("deepseek_grm", 3, r"one of your own \(query: conversation\)"),
    ):
        with pytest.raises(ContestError, match=f"'{name}' takes a query of one user message, not 3 .*{said}"):
            load_prompt(name).render(Case(turns, ("x", "y", "z")[:number]), NO_TOKENS)


@pytest.mark.parametrize("name", ["mt_bench_pair_multi_turn", "mt_bench_single_multi_turn"])
def test_the_prompts_for_conversations_take_them(name):
    """Those that a message recommends."""
    prompt = load_prompt(name)
    turns = (Message("user", "a"), Message("assistant", "b"), Message("user", "the last question"))
    messages = prompt.render(Case(turns, ("x", "y")[: prompt.window]), NO_TOKENS)
    assert "the last question" in messages[-1].content


def test_one_user_message_is_a_query():
    """A chat of one turn is what a string is."""
    prompt = load_prompt("skywork_pairwise")
    chat = prompt.render(Case((Message("user", "What?"),), ("x", "y")), NO_TOKENS)
    assert chat == prompt.render(Case("What?", ("x", "y")), NO_TOKENS)


def test_a_conversation_renders_where_the_format_supports_it():
    """Every turn is shown with both assistants, and the answers that are compared come last."""
    turns = (Message("system", "s"), Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    _, user = load_prompt("mt_bench_pair_multi_turn").render(Case(turns, ("x", "y")), NO_TOKENS)
    assert user.content == golden("multi_turn_conversation.txt")


def test_a_missing_reference_is_refused_by_name():
    """A prompt that needs a reference says so; one that has none ignores it."""
    with pytest.raises(
        ContestError, match="'mt_bench_pair_reference' needs a reference answer.*give its row a 'reference'"
    ):
        load_prompt("mt_bench_pair_reference").render(Case("q", ("a", "b")), NO_TOKENS)
    load_prompt("mt_bench_pair").render(Case("q", ("a", "b"), "unused"), NO_TOKENS)


FRONT = """---
name: own
description: An own prompt.
source: here
licence: none
kind: pairwise
roles: [user]
sampling: {max_tokens: 10, temperature: 0.0}
verdict:
  kind: labels
  open: '<winner>'
  close: '</winner>'
  labels: {first: [A], second: [B]}
examples:
  - {text: '<winner>A</winner>', vote: first}
  - {text: '<winner>B</winner>', vote: second}
  - {text: 'no', vote: unparsed}
---
"""
BODY = "{% block user %}{{ query }}: {{ first }} or {{ second }}?{% endblock %}"


def own(old="", new="", body=BODY):
    assert old in FRONT
    return parse_prompt("own.jinja", (FRONT.replace(old, new) + body).encode())


def test_an_own_prompt_needs_no_python():
    """A file with a format of its own renders and is read."""
    prompt = own()
    assert prompt.render(CASE, NO_TOKENS) == (Message("user", "What?: one or two?"),)


def test_an_optional_reference_may_be_missing():
    """Then it is none in the template."""
    prompt = own(
        "roles: [user]",
        "roles: [user]\nreference: optional",
        "{% block user %}{{ query }}{{ first }}{{ second }}{% if reference %}R{{ reference }}{% endif %}{% endblock %}",
    )
    assert prompt.render(Case("q", ("a", "b")), NO_TOKENS)[0].content == "qab"
    assert prompt.render(Case("q", ("a", "b"), "r"), NO_TOKENS)[0].content == "qabRr"


@pytest.mark.parametrize(
    ("old", "new", "body", "message"),
    [
        ("name: own\n", "", BODY, "line 2: the field 'name' is missing"),
        ("kind: pairwise", "kind: parwise", BODY, "kind: unknown value 'parwise'. Did you mean 'pairwise'"),
        ("source: here", "sauce: here", BODY, "unknown field 'sauce'. Did you mean 'source'"),
        ("name: own", "name: [", BODY, "front matter"),
        ("roles: [user]", "roles: [user, system]", BODY, "role without a block: system"),
        ("roles: [user]", "roles: [system]", BODY, "role without a block: system"),
        ("", "", "{% block user %}{{ query }}{{ first }}{{ second }}{{ answer }}{% endblock %}", "variable: answer"),
        ("", "", "{% block user %}{{ query }}{{ reference }}{% endblock %}", "variable: reference"),
        ("", "", "{% block user %}{{ query }}", "template"),
        ("", "", BODY + "\n\n Be\nfair. ", "line 1 of the template: 'Be.nfair.' stands outside the blocks"),
        ("", "", "{{ query }}" + BODY, "line 1 of the template: '.*' stands outside the blocks, where no judge"),
        ("", "", "\n{% extends 'x' %}" + BODY, "line 2 of the template: \"{% extends 'x' %}\" stands outside the"),
        ("", "", "{% set a = 3 %}" + BODY, "'{% set a = 3 %}' stands outside the blocks"),
        ("name: own", "name: ''", BODY, "line 2: name: '' is not a text of length >= 1"),
        ("name: own", "name: own\nparameters: {tone: dry}", BODY, "the template never uses the parameter 'tone'"),
        (
            "close: '</winner>'",
            r"close: '\n'",
            BODY,
            r'close is a backslash and an n: the end of the line is "\\n", in',
        ),
        ("", "", BODY + "{% block more %}{% endblock %}", "block without a role: more"),
        ("labels: {first: [A], second: [B]}", "labels: {first: [A]}", BODY, "labels must be given for first, second"),
        ("labels: {first: [A], second: [B]}", "labels: {first: [A], second: [a]}", BODY, "stand twice"),
        ("labels: {first: [A], second: [B]}", "labels: {first: [A], second: []}", BODY, "label of its own"),
        ("open: '<winner>'", "open: ''", BODY, "open must not be empty"),
        (
            "kind: labels",
            "kind: labels\n  forced: {open: x, choices: {first: A}}",
            BODY,
            "forced choices must be given",
        ),
        ("temperature: 0.0", "temperature: -1.0", BODY, "temperature"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(old, new, body, message):
    """Each mistake is named, with the file."""
    with pytest.raises(PromptError, match=message) as raised:
        own(old, new, body)
    assert "own.jinja" in str(raised.value)


LABELS = {"kind": "labels", "open": "[[", "close": "]]", "labels": {"first": ["A"], "second": ["B"]}}
SCORES = {"kind": "scores", "open": "[[", "close": "]]"}
NUMBERS = SCORES | {"open": "<{}>", "each": True}
GRADES = {"kind": "grades", "line": "last", "grades": {"Yes": 1, "No": 0}}
INDEX = {"kind": "index", "line": "last"}
ORDER = {"kind": "order", "line": "last"}
PLACED = {"kind": "labels", "labels": {"first": ["A"], "second": ["B"]}}


@pytest.mark.parametrize(
    ("kind", "verdict", "message"),
    [
        ("pairwise", GRADES, "verdict.kind: a pairwise judge says labels or scores, not grades"),
        ("pointwise", LABELS, "verdict.kind: a pointwise judge says scores or grades or criteria, not labels"),
        ("listwise", GRADES, "verdict.kind: a listwise judge says scores or index or order, not grades"),
        ("pairwise", PLACED, "verdict: exactly one of open, line and json says where it stands, not none"),
        ("pairwise", LABELS | {"line": "last"}, "exactly one of open, line and json .* not open and line"),
        ("pairwise", LABELS | {"open": []}, "verdict: open must not be empty"),
        ("pairwise", PLACED | {"open": "["}, "verdict: open and close go together"),
        ("pairwise", PLACED | {"line": "last", "close": "]"}, "verdict: open and close go together"),
        ("pairwise", PLACED | {"line": "last", "pick": "first"}, "verdict: pick and at_end are for"),
        ("pairwise", PLACED | {"json": "a", "at_end": True}, "verdict: pick and at_end are for"),
        ("pairwise", SCORES | {"pick": "listed"}, "verdict: pick: listed is for labels"),
        ("pairwise", PLACED | {"json": []}, "verdict: json must name a field"),
        ("pairwise", PLACED | {"json": [["a"], "b"]}, "verdict: json: alternative paths are a list of texts"),
        ("pairwise", {"kind": "scores", "json": ["a"]}, "verdict: json: two scores need two paths, not 1"),
        (
            "listwise",
            {"kind": "scores", "json": ["a", "b"]},
            "json: the scores of several responses need a path with {}",
        ),
        ("pairwise", LABELS | {"backup": [{"open": "["}]}, "verdict: backup 1: open and close go together"),
        ("pairwise", SCORES | {"backup": [{"line": "last", "match": "exact"}]}, "backup 1: match is for labels"),
        ("pairwise", SCORES | {"tie_break": {"middle": 3}}, "verdict: tie_break: exactly one of open, line and json"),
        ("pairwise", SCORES | {"tie_break": {"line": "last", "middle": 3, "pick": "listed"}}, "tie_break: pick"),
        ("pairwise", SCORES | {"tie_margin": 0.5}, "verdict: tie_margin: 0.5 makes ties, and this judge has none"),
        ("pairwise", LABELS | {"readout": {"first": "a", "second": " a"}}, "readout: 'a' can't stand for both votes"),
        ("pairwise", SCORES | {"open": "<{}>", "names": ["a", "b"]}, "in open and close with each: true only"),
        ("pointwise", SCORES | {"tie_margin": 1}, "tie_margin and tie_break are for pairwise judges, not .* pointwise"),
        ("pairwise", SCORES | {"range": [5, 1]}, "verdict: range: 5 is not below 1"),
        (
            "pairwise",
            {"kind": "scores", "line": "last", "each": True},
            "verdict: each is for verdicts between open and",
        ),
        ("pairwise", NUMBERS | {"others": "skip"}, "verdict: others: skip and at_end are not for each"),
        (
            "pairwise",
            SCORES | {"names": ["a", "b"]},
            "verdict: names are put in the place of {} in open, close or json",
        ),
        ("pairwise", NUMBERS | {"names": "x"}, "verdict: names must have {} for the number"),
        ("pairwise", NUMBERS | {"names": ["a"]}, "verdict: names must be 2 different ones"),
        ("pointwise", NUMBERS | {"names": []}, "verdict: names must be 1 different ones"),
        ("listwise", ORDER | {"names": ["a"] * 8}, "verdict: names must be 8 different ones"),
        (
            "pairwise",
            LABELS | {"match": "exact", "labels": {"first": ["A"], "second": ["A "]}},
            "no label may stand twice: A",
        ),
        (
            "pairwise",
            LABELS | {"match": "exact", "labels": {"first": ["A"], "second": ["**A.**"]}},
            "no label may stand twice: A",
        ),
        ("pairwise", LABELS | {"labels": {"first": ["(1)"], "second": ["1."]}}, "verdict: no label may stand twice: 1"),
        ("pairwise", LABELS | {"labels": {"first": [">>"], "second": ["<"]}}, "label '>>' has no letter or digit"),
        ("listwise", INDEX | {"nouns": ["Best", "#"]}, "verdict: the noun '#' has no letter or digit: leave it out"),
        ("pairwise", LABELS | {"weights": {"C": 3}}, "verdict: weights: C is none of the labels"),
        ("pointwise", GRADES | {"grades": {"Yes": 1, "Right": 1}}, "verdict: grades must have two different numbers"),
        ("pointwise", GRADES | {"grades": {"Yes": 1, "yes": 0}}, "verdict: no label may stand twice: yes"),
        (
            "pointwise",
            GRADES | {"forced": {"open": "x", "choices": {"Yes": "Yes", "M": "M"}}},
            "forced choices must be of the",
        ),
        ("pairwise", LABELS | {"kind": "label"}, "verdict.kind: unknown value 'label'. Did you mean 'labels'"),
        ("pairwise", LABELS | {"grades": {}}, "verdict: unknown field 'grades'"),
        ("pairwise", LABELS | {"weights": {"A": 0}}, "verdict.weights.A: 0 is not a whole number >= 1"),
    ],
)
def test_what_makes_no_sense_in_a_verdict_is_said(kind, verdict, message):
    """Each mistake names the field and the value."""
    with pytest.raises(PromptError, match=message):
        made(kind, verdict)


@pytest.mark.parametrize(
    ("kind", "verdict", "front", "message"),
    [
        ("pointwise", SCORES, {"ties": True}, "ties: only a pairwise judge calls ties, not a pointwise one"),
        ("pointwise", SCORES, {"window": 4}, "window: only a listwise judge has one, not a pointwise one"),
        ("listwise", INDEX, {"window": 1}, "line .*: window: 1 is not a whole number >= 2"),
        ("listwise", INDEX | {"base": "A"}, {"window": 27}, "window: 27 responses can't be called by 26 letters"),
        ("pairwise", LABELS, {"roles": ["user", "user"]}, "roles: user stands twice"),
        ("pairwise", LABELS, {"roles": ["User"]}, "matching regex"),
        ("pairwise", LABELS, {"roles": []}, "of length >= 1"),
        ("pairwise", LABELS, {"keep_empty": ["system"]}, "keep_empty: system is none of the roles"),
        ("pairwise", LABELS, {"roles": ["query", "user"]}, "roles: query stands for the messages of a conversation"),
        ("pairwise", LABELS, {"parameters": {"a b": "x"}}, "parameters: 'a b' can't be the name of a variable"),
        (
            "pairwise",
            LABELS,
            {"parameters": {"first": "x"}},
            "parameters: 'first' is a variable of every pairwise prompt",
        ),
        ("pairwise", LABELS, {"examples": [{"text": "x"}]}, "example 1: a pairwise example needs a vote"),
        (
            "pointwise",
            SCORES,
            {"examples": [{"text": "x"}]},
            "example 1: a pointwise example needs scores, or the vote",
        ),
        (
            "pointwise",
            SCORES,
            {"examples": [{"text": "x", "vote": "tie"}]},
            "example 1: a pointwise example needs scores",
        ),
        ("pointwise", SCORES, {"examples": [{"text": "x", "scores": [1, 2]}]}, "a pointwise example has one score"),
    ],
)
def test_what_makes_no_sense_in_the_rest_is_said(kind, verdict, front, message):
    """Fields that another kind has, roles, parameters, examples."""
    with pytest.raises(PromptError, match=message) as raised:
        made(kind, verdict, **front)
    assert str(raised.value).startswith("prompt file own.jinja, ")


def test_a_pointwise_prompt_shows_one_response():
    """As `response`, and no other number of them."""
    prompt = made("pointwise", SCORES)
    assert prompt.render(Case("q", ("one",)), NO_TOKENS) == (Message("user", "q: one?"),)
    assert (prompt.kind, prompt.window) == ("pointwise", 1)
    with pytest.raises(ContestError, match="prompt 'own' shows one response at once, not 2"):
        prompt.render(CASE, NO_TOKENS)


def test_a_pairwise_prompt_shows_two_responses():
    """And no other number of them."""
    prompt = made("pairwise", LABELS)
    assert (prompt.kind, prompt.window) == ("pairwise", 2)
    with pytest.raises(ContestError, match="prompt 'own' shows two responses at once, not 3"):
        prompt.render(Case("q", ("a", "b", "c")), NO_TOKENS)


def test_a_listwise_prompt_shows_any_number_of_responses():
    """One at least; how many at most is said by its window, 8 where the file does not say."""
    prompt = made("listwise", INDEX)
    assert prompt.render(Case("q", ("a", "b<s>", "c")), Cleaner(("<s>",))) == (Message("user", "q: a, b< s>, c, ?"),)
    assert prompt.render(Case("q", ("a",)), NO_TOKENS) == (Message("user", "q: a, ?"),)
    assert (prompt.kind, prompt.window, made("listwise", INDEX, window=3).window) == ("listwise", 8, 3)
    with pytest.raises(ContestError, match="prompt 'own' shows responses at once, not 0"):
        prompt.render(Case("q", ()), NO_TOKENS)


ASKED = "{% block user %}{{ query }} {{ first }} {{ second }} by {{ rubric }}{% endblock %}"


def test_parameters_have_defaults_that_users_override():
    """They are the user's own words, and special tokens in them stay; the other prompt is as it was."""
    prompt = made("pairwise", LABELS, ASKED, parameters={"rubric": "taste"})
    other = prompt.with_parameters({"rubric": "<s>"})
    cleaner = Cleaner(("<s>",))
    assert prompt.render(CASE, cleaner)[0].content == "What? one two by taste"
    assert other.render(CASE, cleaner)[0].content == "What? one two by <s>"
    assert prompt.parameters == {"rubric": "taste"}
    assert other.sha256 == prompt.sha256


def test_parameters_that_must_be_given():
    """A prompt with one can be loaded, and says what it needs where it is rendered."""
    prompt = made("pairwise", LABELS, ASKED, parameters={"rubric": None})
    with pytest.raises(PromptError, match="prompt 'own' needs the parameter 'rubric': --prompt-arg rubric=TEXT"):
        prompt.render(CASE, NO_TOKENS)
    assert prompt.with_parameters({"rubric": ""}).render(CASE, NO_TOKENS)[0].content == "What? one two by "


def test_parameters_that_there_are_not():
    """Are refused with the nearest one; so is a value that is no text."""
    prompt = made("pairwise", LABELS, ASKED, parameters={"rubric": "taste"})
    with pytest.raises(UnknownNameError, match="unknown parameter of prompt 'own': 'rubrik'. Did you mean 'rubric'"):
        prompt.with_parameters({"rubrik": "x"})
    with pytest.raises(PromptError, match="prompt 'own': the parameter 'rubric' must be a text, not 3"):
        prompt.with_parameters({"rubric": 3})


ROLES = (
    "{% block system %}{% endblock %}{% block response_1 %}{{ first }}{% endblock %}"
    "{% block response_2 %}{{ second }}{% endblock %}{% block principle %} {{ principle }}{% endblock %}"
)


def test_roles_of_the_judge_s_own_chat_template():
    """An empty block of an optional role is left out, an empty response is not."""
    roles = ["system", "response_1", "response_2", "principle"]
    front = {"roles": roles, "parameters": {"principle": ""}}
    prompt = made("pairwise", LABELS, ROLES, **front)
    assert prompt.render(Case("q", ("", "x")), NO_TOKENS) == (Message("response_1", ""), Message("response_2", "x"))
    given_one = prompt.with_parameters({"principle": "be brief"}).render(Case("q", ("a", "b")), NO_TOKENS)
    assert given_one[-1] == Message("principle", " be brief")
    kept = made("pairwise", LABELS, ROLES, keep_empty=["system"], **front).render(Case("q", ("a", "b")), NO_TOKENS)
    assert kept[0] == Message("system", "")


def test_the_turns_of_a_conversation_may_be_messages_of_their_own():
    """The role `query` stands for them and has no block."""
    body = "{% block user %}{{ first }} {{ second }}{% endblock %}"
    prompt = made("pairwise", LABELS, body, roles=["query", "user"], query="conversation")
    turns = (Message("user", "a<s>"), Message("assistant", "b"), Message("user", "c"))
    assert prompt.render(Case(turns, ("x", "y")), Cleaner(("<s>",))) == (
        Message("user", "a< s>"),
        Message("assistant", "b"),
        Message("user", "c"),
        Message("user", "x y"),
    )


def test_values_as_json():
    """As Python writes it: nothing is escaped for HTML, other letters stay."""
    prompt = made("pairwise", LABELS, "{% block user %}{{ query }} {{ [first, second] | json }}{% endblock %}")
    assert prompt.render(Case("q", ("<a> & 'é'", 'b"\n')), NO_TOKENS)[0].content == 'q ["<a> & \'é\'", "b\\"\\n"]'


def test_what_a_judge_s_turn_begins_with():
    """Nothing, unless the file says so."""
    assert made("pairwise", LABELS).begin == ""
    assert made("pairwise", LABELS, begin="<think>").begin == "<think>"


def test_a_template_can_not_reach_out():
    """A user's template runs in a sandbox."""
    prompt = own(body="{% block user %}{{ query.__class__.__mro__ }}{{ first }}{{ second }}{% endblock %}")
    with pytest.raises(PromptError, match="can't be rendered"):
        prompt.render(CASE, NO_TOKENS)


def test_files_that_can_not_be_read_are_named(tmp_path):
    """No such prompt, no such file, no text, no front matter."""
    with pytest.raises(UnknownNameError, match="Did you mean 'skywork_pairwise'"):
        load_prompt("skywork_pair")
    with pytest.raises(PromptError, match=r"missing\.jinja can't be read: No such file"):
        load_prompt(tmp_path / "missing.jinja")
    for content, message in ((b"\xff", "not UTF-8"), (b"text", "no front matter")):
        (tmp_path / "bad.jinja").write_bytes(content)
        with pytest.raises(PromptError, match=message):
            load_prompt(tmp_path / "bad.jinja")


def test_special_tokens_are_broken_up_and_nothing_else():
    """One space behind the first character; the longest token first; nested ones, too."""
    cleaner = Cleaner(("<|im_end|>", "<|im_end|>x", "<s>", "  ", ""))
    assert cleaner.clean("a<|im_end|>b<s>c < s> <|im_en|>") == "a< |im_end|>b< s>c < s> <|im_en|>"
    assert cleaner.clean("<|im_end|>x") == "< |im_end|>x"
    assert cleaner.found("a<s>", "b", "<|im_end|>") == {"<s>", "<|im_end|>"}
    assert Cleaner(()).found("<s>") == set()


@given(pieces=st.lists(st.sampled_from([*KNOWN_SPECIAL_TOKENS, "<|", "|>", "<", "im_end", " ", "text"])))
def test_no_special_token_survives_cleaning(pieces):
    """Whatever is put together from them; the characters stay, in order."""
    text = "".join(pieces)
    cleaned = Cleaner(KNOWN_SPECIAL_TOKENS).clean(text)
    assert not any(token in cleaned for token in KNOWN_SPECIAL_TOKENS)
    assert cleaned.replace(" ", "") == text.replace(" ", "")


def test_grammars_know_whether_they_allow_ties():
    """From their labels."""
    assert load_prompt("mt_bench_pair").grammar.allows_ties
    assert not load_prompt("skywork_pairwise").grammar.allows_ties
    assert load_prompt("skywork_pairwise").grammar.labels[Vote.FIRST] == ("1", "A")
