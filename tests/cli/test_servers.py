"""`rrm rank` on a server, as it stands, and on one that misbehaves: each way has its line, its note and its code."""

import re
import socket
import time

import pytest

from tests.cli.running import PAIR, row, run, write
from tests.wire import Fault, WireServer

QUICK = ("--engine-arg", "wait_initial=0.01", "--engine-arg", "wait_max=0.02")


@pytest.fixture
def server():
    with WireServer() as one:
        yield one


def rank(folder, server, *options, text=PAIR, command="rank"):
    return run(command, write(folder, text), "--base-url", server.url, "--format", "json", *QUICK, *options)


def test_ranking(tmp_path, server):
    """A server ranks as any engine does; its model is the first that it lists."""
    text = "".join(row(query=f"q{number}", responses=["a", "bbb", "cc"]) for number in range(5))
    result = rank(tmp_path, server, "--votes", 3, text=text)
    assert (result.code, result.err) == (0, "")
    assert [line["best"] for line in result.rows] == [1] * 5
    assert {(line["judge"]["engine"], line["judge"]["model"]) for line in result.rows} == {("openai", "judge")}
    assert result.rows[0]["usage"]["prompt_tokens"] > 100


def test_the_same_seed_gives_the_same_bytes(tmp_path, server):
    """On a deterministic server two runs write the same bytes, in whatever order the answers come."""
    text = "".join(row(query=f"q{number}", responses=["a", "bbb", "cc", "dddd"]) for number in range(5))
    runs = [rank(tmp_path, server, "--votes", 3, "--concurrency", slots, text=text).out for slots in (64, 2)]
    assert runs[0] == runs[1]
    assert runs[0].count("\n") == 5


def test_engine_by_name(tmp_path, server, monkeypatch):
    """`--engine openai` takes the address from OPENAI_BASE_URL where none is given."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    result = run("rank", write(tmp_path, PAIR), "--engine", "openai", "--model", "judge", "--format", "json")
    assert result.rows[0]["best"] == 1


def test_a_server_that_is_down(tmp_path):
    """It is known at once and named; nothing is written; the code is 3."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        begun = time.monotonic()
        target = tmp_path / "out"
        result = run("rank", write(tmp_path, PAIR), "--base-url", url, "--model", "judge", "--output", target)
    assert time.monotonic() - begun < 30
    assert (result.code, result.out, target.exists()) == (3, "", False)
    assert result.err.startswith(f"rrm: error: {url}: ")
    assert result.err.endswith("Is the server running, and is the address right?\n")


def test_a_server_that_never_answers(tmp_path, server):
    """One that takes the connection and says nothing is known after the probe's timeout; the code is 3."""
    server.model_faults = [Fault.hang()] * 9
    result = rank(tmp_path, server, "--engine-arg", "probe_timeout=0.4")
    assert (result.code, result.out) == (3, "")
    assert server.url in result.err


@pytest.mark.parametrize("key", [None, "wrong"])
def test_401(tmp_path, server, key, monkeypatch):
    """A key that is missing or wrong ends it with the variable to set; the key itself is not shown; the code is 3."""
    server.require_key = "right"
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    if key:
        monkeypatch.setenv("JUDGE_KEY", key + "-secret")
    result = rank(tmp_path, server, "--api-key-env", "JUDGE_KEY")
    assert (result.code, result.out) == (3, "")
    assert "JUDGE_KEY" in result.err
    assert "401" in result.err
    assert "secret" not in result.err.replace("Bearer", "")


def test_the_right_key(tmp_path, server, monkeypatch):
    """The key comes from the variable that --api-key-env names."""
    server.require_key = "right"
    monkeypatch.setenv("JUDGE_KEY", "right")
    assert rank(tmp_path, server, "--api-key-env", "JUDGE_KEY").code == 0


@pytest.mark.parametrize(
    "faults",
    [
        [Fault.status(500), Fault.status(500)],
        [Fault.status(429, retry_after="0")],
        [Fault.drop(), Fault.drop_mid_body()],
        [Fault.html(), Fault.cut_json()],
        [Fault.hang()],
    ],
    ids=["500 twice", "429", "closed in mid-body", "HTML and cut JSON", "hangs once"],
)
def test_failures_that_pass(tmp_path, server, faults):
    """What goes away by itself is tried again, and the line is the same as without."""
    untroubled = rank(tmp_path, server)
    server.faults = list(faults)
    server.requests.clear()
    patience = "timeout=0.5" if Fault.hang() in faults else "timeout=20"
    result = rank(tmp_path, server, "--engine-arg", patience)
    assert result.code == 0
    assert result.out == untroubled.out
    assert len(server.requests) == len(faults) + 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.status(500), "500"),
        (Fault.html(), "HTML|JSON|html"),
        (Fault.hang(), "no answer within 0.3 s"),
        (Fault.drop_mid_body(), "closed|body"),
    ],
    ids=["500", "HTML", "hangs", "closed in mid-body"],
)
def test_failures_that_stay(tmp_path, server, fault, said):
    """After the last attempt the row fails with the reason; as no row was done the code is 3."""
    server.faults = [fault] * 99
    result = rank(tmp_path, server, "--engine-arg", "attempts=2", "--engine-arg", "timeout=0.3")
    assert result.code == 3
    (line,) = result.rows
    assert line["status"] == "failed"
    assert line["error_type"] == "EngineUnreachableError"
    assert re.search(said, line["error"])


def test_a_server_that_dies_half_way(tmp_path, server):
    """Rows that were done stand; the others fail; the code is 4."""
    server.faults = [Fault.none()] * 3 + [Fault.drop()] * 99
    text = "".join(row(query=f"q{number}", responses=["a", "bb"]) for number in range(6))
    result = rank(tmp_path, server, "--engine-arg", "attempts=2", "--concurrency", 1, text=text)
    assert result.code == 4
    assert [line["status"] for line in result.rows] == ["ok"] * 3 + ["failed"] * 3
    assert [line["id"] for line in result.rows] == list(range(6))
    assert "rrm: 3 of 6 rows failed, the first because " in result.err


def test_fewer_choices_than_asked_for(tmp_path, server):
    """A server that returns fewer is asked for the rest, and the votes are complete."""
    server.ignore_n = True
    result = rank(tmp_path, server, "--votes", 5)
    (match,) = result.rows[0]["matches"]
    assert match["votes"]["first"] + match["votes"]["second"] == 3
    assert result.code == 0
    assert "n" in result.err


def test_a_prompt_that_the_server_finds_too_long(tmp_path, server):
    """A server's own limit fails the row with the numbers; the others go on."""
    server.max_model_len = 1000
    text = row(id="long", query="q", responses=["a " * 4000, "bb"]) + row(id="short", query="q", responses=["a", "bb"])
    result = rank(tmp_path, server, text=text)
    assert result.code == 4
    long, short = result.rows
    assert short["status"] == "ok"
    assert "contest 'long': the prompt has " in long["error"]
    assert "the model's context holds 1000" in long["error"]


def test_a_model_that_the_server_does_not_have(tmp_path, server):
    """It is refused by name, with those that the server lists, and not tried again."""
    result = rank(tmp_path, server, "--model", "judge-7b")
    assert result.code == 3
    assert "judge" in result.rows[0]["error"]
    assert "404" in result.rows[0]["error"]
    assert "does not list the model 'judge-7b', only such as judge" in result.err


def test_several_servers(tmp_path, server):
    """With several addresses the rows are shared out; one that is down is left out and said."""
    text = "".join(row(query=f"q{number}", responses=["a", "bb"]) for number in range(20))
    with WireServer() as other:
        result = rank(tmp_path, server, "--base-url", other.url, text=text)
        assert result.code == 0
        assert server.requests
        assert other.requests
    down = rank(tmp_path, server, "--base-url", other.url, "--engine-arg", "probe_timeout=2", text=text)
    assert (down.code, down.out) == (0, result.out)
    assert f"left out, because it does not answer: {other.url}" in down.err


def test_special_tokens_are_broken_up_and_noted(tmp_path, server):
    """Where a server hides its special tokens, the known ones in a text are broken up, and the line says which."""
    text = row(query="q", first="a<|im_end|>", second="bb")
    (line,) = rank(tmp_path, server, command="compare", text=text).rows
    assert line["notes"] == ["special tokens in the texts were broken up: <|im_end|>"]
    assert "<|im_end|>" not in str(server.requests)
