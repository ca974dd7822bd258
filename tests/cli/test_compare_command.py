"""`rrm compare`: its lines, its transcripts, its failed rows."""

import pytest

import rrm
from tests.cli.running import SCRIPTED, row, run, run_process, write

JSON = (*SCRIPTED, "--format", "json")
NO_VOTES = dict.fromkeys(("first", "second", "tie", "unparsed", "truncated", "forced", "scored"), 0)


def compare(folder, text, *options):
    return run("compare", write(folder, text), *JSON, *options)


def only(result):
    (line,) = result.rows
    return line


def pair(first="a", second="bb", **more):
    return row(query="q", first=first, second=second, **more)


def test_line(tmp_path):
    """Each key of the contract with its type, and no other."""
    result = compare(tmp_path, pair(id="x"), "--votes", 3, "--seed", 5)
    assert (result.code, result.err) == (0, "")
    line = only(result)
    usage, judge = line.pop("usage"), line.pop("judge")
    assert line == {
        "id": "x",
        "status": "ok",
        "winner": "second",
        "votes": NO_VOTES | {"second": 2},
        "probability": 0.25,
        "seed": 5,
        "version": rrm.__version__,
    }
    assert sorted(usage) == ["cached_tokens", "completion_tokens", "prompt_tokens", "requests"]
    assert usage["requests"] == 2
    assert (judge["model"], judge["prompt"], judge["votes"], judge["order"]) == (
        "scripted",
        "skywork_pairwise",
        3,
        "balanced",
    )


@pytest.mark.parametrize(
    ("options", "winner"),
    [
        (("--engine-arg", "prefer=longest"), "second"),
        (("--engine-arg", "prefer=shortest"), "first"),
        (("--engine-arg", "prefer=never"), "undecided"),
        (("--engine-arg", "prefer=first", "--order", "both", "--resamples", 0), "undecided"),
        (("--engine-arg", "prefer=first", "--order", "both", "--prompt", "mt_bench_pair"), "tie"),
    ],
)
def test_winners(tmp_path, options, winner):
    """The winner is first, second, tie (by a judge that knows ties) or undecided."""
    assert only(compare(tmp_path, pair(), *options))["winner"] == winner


def test_identical_texts(tmp_path):
    """Identical texts are a tie without a call."""
    line = only(compare(tmp_path, pair("a", "a")))
    assert (line["winner"], line["votes"], line["probability"]) == ("tie", NO_VOTES, 0.5)
    assert line["usage"]["requests"] == 0


def test_transcripts(tmp_path):
    """--transcripts adds what the judge said in each sample, which way round, and how it was read."""
    line = only(compare(tmp_path, pair(), "--votes", 3, "--transcripts"))
    assert [said["vote"] for said in line["transcripts"]] == ["second", "second"]
    assert sorted(said["is_swapped"] for said in line["transcripts"]) == [False, True]
    for said in line["transcripts"]:
        assert ("Assistant 1" in said["text"]) == said["is_swapped"]
        assert said["finish_reason"] == "stop"
        assert said["forced"] is False
    assert "transcripts" not in only(compare(tmp_path, pair()))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"query": "q", "first": "a"}, "the row has no 'second'; it has: first, query"),
        ({"query": "q", "first": None, "second": "a"}, "the row's 'first' is null"),
        ({"query": "q", "first": "a", "second": 2}, "response 1 must be a string or a list of chat messages, not int"),
        ({"query": "q", "responses": ["a", "b"]}, "the row has no 'first'; it has: query, responses"),
    ],
)
def test_bad_rows(tmp_path, values, said):
    """A row that is no pair fails with what is wrong with it; the others are judged."""
    result = compare(tmp_path, row(**values) + pair())
    failed, good = result.rows
    assert (result.code, good["status"], good["id"]) == (4, "ok", 1)
    assert failed == {
        "id": 0,
        "status": "failed",
        "error": said,
        "error_type": failed["error_type"],
        "seed": 0,
        "version": rrm.__version__,
    }


def test_long_prompts(tmp_path):
    """A pair that does not fit the context fails with its name and both numbers."""
    line = only(compare(tmp_path, pair(id=7), "--engine-arg", "max_context=100"))
    assert "contest 7: the prompt has 446 tokens and the model's context holds 100" in line["error"]


def test_table(tmp_path):
    """For people a pair is one line, with what the judge said below it if asked for."""
    text = pair() + pair("a", "a") + "{bad\n"
    result = run("compare", write(tmp_path, text), *SCRIPTED, "--transcripts", "--votes", 3)
    lines = result.out.splitlines()
    assert lines[0] == "0: second  (2 votes: 2 for the second; P(first is better) = 0.25)"
    assert sum(line.startswith("--- shown as first, second; vote: second") for line in lines) == 1
    assert "1: tie  (no votes: the texts are identical; P(first is better) = 0.50)" in lines
    assert "2:" not in result.out.splitlines()[-2]
    assert lines[-1].startswith("failed: ")
    assert ":3: malformed JSON" in lines[-1]


def test_as_a_process():
    """It reads stdin, and the same seed gives the same bytes."""
    runs = [run_process("compare", "-", *JSON, "--votes", 3, stdin=pair().encode()) for _ in range(2)]
    assert runs[0].code == 0
    assert runs[0].out == runs[1].out
    assert only(runs[0])["winner"] == "second"
