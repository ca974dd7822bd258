"""`rrm parse`: votes read out of judge texts, without a model."""

import pytest

from tests.cli.running import row, run, run_process, write

GOLDEN = {
    "skywork_pairwise": [
        (r"Fine.</think>\boxed{Assistant 1}", "stop", "first"),
        (r"Fine.</think>\boxed{Assistant 2}", "stop", "second"),
        (r"\boxed{\text{Assistant 1}}", "stop", "first"),
        (r"\boxed{2}", "stop", "second"),
        (r"\boxed{Assistant  2.}", "stop", "second"),
        (r"\boxed{<Assistant 1>}", "stop", "first"),
        (r"\boxed{Response B}", "stop", "second"),
        (r"\boxed{Assistant 1} no, \boxed{Assistant 2}", "stop", "second"),
        (r"\boxed{Assistant 1 and Assistant 2}", "stop", "unparsed"),
        (r"\boxed{neither}", "stop", "unparsed"),
        (r"<think>\boxed{Assistant 1}", "stop", "truncated"),
        (r"I lean to \boxed{Assistant 1}, but", "length", "truncated"),
        (r"Done.</think>\boxed{Assistant 1}", "length", "first"),
        ("", "stop", "unparsed"),
    ],
    "mt_bench_pair": [
        ("[[A]]", "stop", "first"),
        ("So [[B]].", "stop", "second"),
        ("[[C]]", "stop", "tie"),
        ("A is better", "stop", "unparsed"),
        ("A is", "length", "truncated"),
    ],
}


@pytest.mark.parametrize("prompt", GOLDEN)
def test_golden_texts(tmp_path, prompt):
    """Each text has its vote, where it stands, and why it is that vote."""
    cases = GOLDEN[prompt]
    text = "".join(row(text=said, finish_reason=reason) for said, reason, _ in cases)
    result = run("parse", "--prompt", prompt, write(tmp_path, text))
    assert (result.code, result.err) == (0, "")
    assert [line["vote"] for line in result.rows] == [vote for _, _, vote in cases]
    for line, (said, _, vote) in zip(result.rows, cases, strict=True):
        assert list(line) == ["vote", "span", "reason"]
        assert line["reason"]
        if vote in ("first", "second", "tie"):
            start, end = line["span"]
            assert said[start:end].startswith(("\\boxed{", "[["))


def test_ids_are_carried_over(tmp_path):
    """A row's id, of whatever type, comes first in its line; without one there is none."""
    result = run("parse", write(tmp_path, row(id=[1, "x"], text="a") + row(text="b")))
    assert [line.get("id") for line in result.rows] == [[1, "x"], None]
    assert next(iter(result.rows[0])) == "id"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": ', ":2: malformed JSON"),
        ('{"text": 3}', "row 1: 'text' must be a string, not 3"),
        ('{"txt": "a"}', "row 1: 'text' must be a string, not None"),
        ("[1]", ":2: a row must be a JSON object"),
    ],
)
def test_bad_rows(tmp_path, line, said):
    """A row that can't be read has no vote and says why; the rest is read; the code is 4."""
    result = run("parse", write(tmp_path, row(text="a") + line + "\n" + row(text=r"\boxed{1}")))
    assert result.code == 4
    assert [one["vote"] for one in result.rows] == ["unparsed", None, "first"]
    assert said in result.rows[1]["reason"]
    assert result.rows[1]["span"] is None


def test_unknown_prompt(tmp_path):
    """An unknown prompt is refused with the nearest name."""
    result = run("parse", "--prompt", "skywork_pairwize", write(tmp_path, row(text="a")))
    assert (result.code, result.out) == (2, "")
    assert "unknown prompt 'skywork_pairwize'. Did you mean 'skywork_pairwise'?" in result.err


def test_no_file():
    """A file that is not there is bad input."""
    result = run("parse", "none.jsonl")
    assert (result.code, result.err) == (2, "rrm: error: none.jsonl can't be read: No such file or directory\n")


def test_a_prompt_of_ones_own(tmp_path):
    """--prompt takes a path, and reads by that file's grammar."""
    own = write(tmp_path, OWN, "own.jinja")
    result = run("parse", "--prompt", own, write(tmp_path, row(text="<<left>>") + row(text="<<right>>")))
    assert [line["vote"] for line in result.rows] == ["first", "second"]


OWN = """---
name: own
description: A test.
source: here
licence: Apache-2.0
kind: pairwise
roles: [user]
sampling: {max_tokens: 10, temperature: 0.0}
verdict:
  kind: labels
  open: '<<'
  close: '>>'
  labels: {first: [left], second: [right]}
examples: []
---
{% block user %}{{ query }} {{ first }} {{ second }}{% endblock %}
"""


def test_as_a_process():
    """Texts from stdin become lines on stdout."""
    result = run_process("parse", "-", stdin=row(text=r"\boxed{1}").encode())
    assert (result.code, result.err, result.rows[0]["vote"]) == (0, "", "first")
