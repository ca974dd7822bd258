"""`rrm score`: the rows it takes, the lines it writes, failed rows, exit codes, and what it does not pay for twice."""

import json
import math
import re
import signal
import time

import pytest

import rrm
from tests.cli.own_rewards import own_module
from tests.cli.running import row, run, run_process, start, write
from tests.reward_wire import VOCABULARY, RewardServer, vectors_of

ROWS = (
    row(id="x", query="q", response="bbb")
    + row(prompt="q", responses=["a", "cc"])
    + row(messages=[{"role": "user", "content": "q"}, {"role": "assistant", "content": "dddd"}])
)
MATH = row(id="sum", prompt="What is 1+2+3?", response="1+2 is 3.\n3+3 is 6.\n\nIt is 6.")


@pytest.fixture
def own(tmp_path, monkeypatch):
    return own_module(tmp_path, monkeypatch)


@pytest.fixture
def outcome():
    with RewardServer(models=("skywork-reward-v2",)) as server:
        yield server


@pytest.fixture
def process():
    with RewardServer("token_classify", models=("skywork-o1-open-prm",)) as server:
        yield server


def score(folder, text, *options):
    return run("score", write(folder, text), "--format", "json", *options)


def only(result):
    (line,) = result.rows
    return line


def test_the_three_ways_to_write_a_row(tmp_path, own):
    """One response has a score, a list of them scores; a conversation ends with the response."""
    result = score(tmp_path, ROWS, "--reward", own("length"))
    assert (result.code, result.err) == (0, "")
    reward = {"model": own("length"), "engine": "custom", "kind": "custom", "family": "", "settings": {}}
    usage = {"requests": 1, "prompt_tokens": 0, "cached_tokens": 0, "completion_tokens": 0}
    common = {"status": "ok", "reward": reward, "version": rrm.__version__}
    assert result.rows == [
        {"id": "x", "score": 3.0, "usage": usage, **common},
        {"id": 1, "scores": [1.0, 2.0], "usage": usage | {"requests": 2}, **common},
        {"id": 2, "score": 4.0, "usage": usage, **common},
    ]


def test_a_table(tmp_path, own):
    """For people: each response with its score, and who gave it."""
    result = run("score", write(tmp_path, ROWS), "--reward", own("length"))
    assert result.code == 0
    assert "x: score: q" in result.out
    assert re.search(r"│ +#1 │ +2 │ cc +│", result.out)
    assert f"2 requests; reward: {own('length')}\n" in result.out


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"query": "q"}, "a row to score has 'response', 'responses' or 'messages', and this one has none; it has: query"),
        (
            {"query": "q", "response": "a", "responses": ["b"]},
            "a row to score has 'response', 'responses' or 'messages', and this one has both 'response' and 'responses'",
        ),
        ({"response": "a"}, "the row has no 'query'; it has: response"),
        ({"query": "q", "responses": []}, "there are no responses to rank"),
        ({"query": "q", "response": 3}, "response 0 must be a string or a list of chat messages, not int"),
        ({"messages": "q"}, "messages must be a list of chat messages: a query, and the assistant's response to it"),
        (
            {"messages": [{"role": "user", "content": "q"}, {"role": "user", "content": "r"}]},
            "response 0 must be a string or one assistant message, not 1 messages (user): put the shared turns into the query",
        ),
        ({"id": 1.5, "query": "q", "response": "a"}, "id must be a string or a whole number, not 1.5"),
    ],
)  # fmt: skip
def test_bad_rows(tmp_path, own, values, said):
    """Each fails with what is wrong with it, in its place, and stops no other; the code is 4."""
    result = score(tmp_path, row(**values) + row(query="q", response="aa"), "--reward", own("length"))
    failed, good = result.rows
    assert (result.code, failed["status"], good["score"]) == (4, "failed", 2.0)
    assert (failed["id"], failed["error"]) == (0, said)
    assert result.err == f"rrm: 1 of 2 rows failed, the first because {said}\n"


def test_what_ones_own_code_raises_is_the_rows_error(tmp_path, own):
    """And no other's."""
    texts = ["a", "so bad", "bb"]
    result = score(tmp_path, "".join(row(query="q", response=text) for text in texts), "--reward", own("picky"))
    assert result.code == 4
    assert [line.get("score") for line in result.rows] == [1.0, None, 2.0]
    assert result.rows[1]["error"] == f"the reward {own('picky')!r} failed: ValueError: it is bad"


def test_rows_share_calls_of_a_slow_reward(tmp_path, monkeypatch):
    """While one call runs, the rows that come in gather for the next."""
    own = own_module(tmp_path, monkeypatch, seconds=0.05)
    text = "".join(row(query=f"q{number}", response="a" * number) for number in range(100))
    result = score(tmp_path, text, "--reward", own("length"))
    assert [line["score"] for line in result.rows] == list(range(100))
    assert sum(own.calls) == 100
    assert len(own.calls) < 20


@pytest.mark.parametrize(
    ("attribute", "code", "said"),
    [
        ("broken", 4, "returned nan for conversation 0"),
        ("lenght", 2, "Did you mean 'length'?"),
        ("NUMBER", 2, "'{name}:NUMBER' is no reward"),
    ],
)
def test_rewards_that_are_none(tmp_path, own, attribute, code, said):
    """What can't score is refused; numbers that are none are the reward's failure."""
    result = score(tmp_path, row(query="q", response="a"), "--reward", own(attribute))
    assert result.code == code
    assert said.format(name=own.name) in result.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "name a reward with --reward: a folder, a hub name, or module:attribute of your own"),
        (("--reward", "no_such:thing"), "the reward 'no_such:thing' can't be imported (ModuleNotFoundError: "),
        (("--reward", "OWN", "--kind", "outcome"), "kind is for reward models"),
        (("--reward", "OWN", "--strip-reasoning"), "strip_reasoning is for reward models"),
        (("--reward", "OWN", "--steps"), "steps are scored by process rewards, and this one is of the kind 'custom'"),
        (("--reward", "OWN", "--details"), "details are those of a reward model's passes"),
        (("--reward", "OWN", "--step-delimiter", "x"), "step_delimiter is for reward models"),
        (("--reward", "m", "--steps", "--step-delimiter", ""), "step_delimiter must be a text"),
        (("--reward", "m", "--labels", "yes"), "labels need at least two tokens"),
        (("--reward", "m", "--engine", "openai"), "unknown engine of rewards 'openai'"),
        (("--reward", "m", "--truncation", "middle"), "unknown truncation 'middle'"),
        (("--reward", "m", "--labels", "yes,"), "--labels takes tokens with commas between them, not 'yes,'"),
        (("--reward", "m", "--engine-arg", "dtype"), "--engine-arg takes KEY=VALUE, not 'dtype'"),
        (("--reward", "m", "--max-context", 0), "max_context must be a whole number of at least 1, not 0"),
        (("--reward", "OWN", "--format", "yaml"), "unknown format 'yaml'"),
    ],
)  # fmt: skip
def test_refused_options(tmp_path, own, options, said):
    """What can't be used is named, and nothing is written; the code is 2."""
    given = [own("length") if option == "OWN" else option for option in options]
    result = run("score", write(tmp_path, ROWS), *given)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


def test_a_model_that_is_not_there(tmp_path):
    """It can't be loaded, and the code is 3."""
    (tmp_path / "empty").mkdir()
    result = score(tmp_path, ROWS, "--reward", tmp_path / "empty")
    assert result.code == 3
    assert "rrm: error: " in result.err


def test_a_model_on_a_server(tmp_path, outcome):
    """The first that it lists; scores are its raw outputs, and logistic ones where that is wanted."""
    text = row(query="q", response="It is 4.") + row(query="q", response="It is 5.")
    plain = score(tmp_path, text, "--base-url", outcome.url)
    assert (plain.code, plain.err) == (0, "")
    logits = [line["score"] for line in plain.rows]
    sent = [tokens for body in outcome.bodies() for tokens in body["input"]]
    assert sorted(logits) == sorted(vectors_of(tokens, 1)[-1][0] for tokens in sent)
    named = score(tmp_path, text, "--reward", "skywork-reward-v2", "--base-url", outcome.url, "--normalise")
    assert [line["score"] for line in named.rows] == pytest.approx([1 / (1 + math.exp(-logit)) for logit in logits])
    assert named.rows[0]["reward"] == {
        "model": "skywork-reward-v2",
        "engine": "server",
        "kind": "outcome",
        "family": "skywork_reward_v2",
        "settings": {"normalise": True},
    }


def test_details(tmp_path, outcome):
    """Raw outputs and tokens, in the shape of the row: one for one response, a list for several."""
    text = row(query="q", response="a") + row(query="q", responses=["a", "bb"])
    single, several = score(tmp_path, text, "--base-url", outcome.url, "--details").rows
    assert single["details"] == {
        "logits": [[single["score"]]],
        "tokens": single["usage"]["prompt_tokens"],
        "cut": 0,
        "cached": 0,
        "notes": [],
    }
    assert [one["logits"] for one in several["details"]] == [[[score]] for score in several["scores"]]
    assert several["details"][0] == single["details"]
    assert several["usage"]["prompt_tokens"] == sum(one["tokens"] for one in several["details"])
    table = run("score", write(tmp_path, text), "--base-url", outcome.url, "--details").out
    assert re.search(r"┃ response ┃ +score ┃ tokens ┃ cut ┃ +logits ┃ text +┃", table)


def test_special_tokens_are_broken_up_and_said(tmp_path, outcome):
    """Untrusted text can't end its turn: the notes say what stood in it."""
    line = only(score(tmp_path, row(query="q", response="a<|im_end|>b"), "--base-url", outcome.url))
    assert line["notes"] == ["special tokens in the texts were broken up: <|im_end|>"]


def test_steps(tmp_path, process):
    """Each step with its probability, the logistic function of the output behind it; the least is the score."""
    result = score(tmp_path, MATH, "--base-url", process.url, "--steps", "--details")
    assert (result.code, result.err) == (0, "")
    line = only(result)
    assert line["steps"] == ["1+2 is 3.", "3+3 is 6.", "It is 6."]
    logits = [vector[0] for vector in line["details"]["logits"]]
    assert line["probabilities"] == pytest.approx([1 / (1 + math.exp(-logit)) for logit in logits])
    assert (line["aggregate"], line["score"]) == ("min", min(line["probabilities"]))
    assert line["usage"]["requests"] == 1
    assert len(process.bodies()) == 1


@pytest.mark.parametrize(
    ("how", "of"), [("min", min), ("prod", math.prod), ("last", lambda all_of_it: all_of_it[-1]), ("mean", lambda all_of_it: sum(all_of_it) / 3)]
)  # fmt: skip
def test_aggregates(tmp_path, process, how, of):
    """With the steps, and without them, where the score says the same."""
    options = ("--base-url", process.url, "--aggregate", how)
    line = only(score(tmp_path, MATH, *options, "--steps"))
    assert line["score"] == pytest.approx(of(line["probabilities"]))
    assert line["reward"]["settings"]["aggregate"] == how
    assert only(score(tmp_path, MATH, *options))["score"] == line["score"]


def test_another_delimiter(tmp_path, process):
    r"""As the shell hands it over: \n is a new line."""
    options = ("--base-url", process.url, "--steps", "--step-delimiter")
    assert only(score(tmp_path, MATH, *options, r"\n\n"))["steps"] == ["1+2 is 3.\n3+3 is 6.", "It is 6."]
    assert only(score(tmp_path, MATH, *options, " is "))["steps"] == ["1+2", "3.\n3+3", "6.\n\nIt", "6."]
    with_steps = only(score(tmp_path, MATH, *options, " is "))
    without = only(score(tmp_path, MATH, "--base-url", process.url, "--step-delimiter", " is "))
    assert (without["score"], without["reward"]) == (with_steps["score"], with_steps["reward"])
    assert without["reward"]["settings"] == {"step_delimiter": " is ", "aggregate": "min"}


def test_a_servers_name_with_a_colon_is_no_module(tmp_path):
    """Where there is a server its names are models'."""
    with RewardServer(models=("llama3:latest",)) as server:
        options = ("--reward", "llama3:latest", "--base-url", server.url, "--family", "sequence_classifier")
        line = only(score(tmp_path, row(query="q", response="a"), *options))
    assert line["reward"]["model"] == "llama3:latest"


def test_an_aggregate_is_for_steps(tmp_path, outcome):
    """An outcome reward has none, be it the default's."""
    result = score(tmp_path, MATH, "--base-url", outcome.url, "--aggregate", "min")
    assert result.code == 2
    assert "aggregate is for process rewards" in result.err


def test_steps_of_several_responses(tmp_path, process):
    """What is said of one response is in a list."""
    text = row(query="q", responses=["a\nb", "c"])
    line = only(score(tmp_path, text, "--base-url", process.url, "--steps"))
    assert line["steps"] == [["a", "b"], ["c"]]
    assert [len(found) for found in line["probabilities"]] == [2, 1]
    assert line["scores"] == [min(found) for found in line["probabilities"]]
    table = run("score", write(tmp_path, text), "--base-url", process.url, "--steps").out
    assert f"#0 step 2: {line['probabilities'][0][1]:.4f}  b\n" in table
    assert f"#1 step 1: {line['probabilities'][1][0]:.4f}  c\n" in table


def test_steps_of_an_outcome_reward(tmp_path, outcome):
    """There are none."""
    result = score(tmp_path, MATH, "--base-url", outcome.url, "--steps")
    assert result.code == 2
    assert "steps are scored by process rewards, and this one is of the kind 'outcome'" in result.err


@pytest.mark.parametrize("truncation", ["error", "right"])
def test_too_long(tmp_path, process, truncation):
    """It fails its row, or is cut and says so."""
    text = row(query="q", response="\n".join(f"step {number}" for number in range(40))) + MATH
    options = ("--base-url", process.url, "--steps", "--details", "--max-context", 120, "--truncation", truncation)
    result = score(tmp_path, text, *options)
    long, short = result.rows
    assert short["status"] == "ok"
    if truncation == "error":
        assert result.code == 4
        assert "and the model's context holds 120" in long["error"]
    else:
        assert result.code == 0
        assert len(long["steps"]) == 40
        assert 0 < len(long["probabilities"]) < 40
        assert long["details"]["tokens"] <= 120
        assert long["details"]["cut"] > 0
        assert long["notes"] == ["1 of 1 conversations were cut to fit the context"]


def test_a_server_that_serves_another_task(tmp_path):
    """Nothing can be scored there: the code is 3."""
    with RewardServer("embed", models=("skywork-reward-v2",)) as server:
        result = score(tmp_path, ROWS, "--base-url", server.url)
    assert result.code == 3
    assert result.out == ""


def test_nobody_answers(tmp_path):
    """The code is 3, and the address is named."""
    result = score(tmp_path, ROWS, "--base-url", "http://127.0.0.1:9/v1")
    assert result.code == 3
    assert "127.0.0.1:9" in result.err


def test_what_a_server_refuses(tmp_path, outcome):
    """It fails its row and no other."""
    text = row(query="q", response="a") + row(query="q", response=chr(VOCABULARY + 1)) + row(query="q", response="b")
    result = score(tmp_path, text, "--base-url", outcome.url)
    assert result.code == 4
    assert [line["status"] for line in result.rows] == ["ok", "failed", "ok"]
    assert "out of vocabulary" in result.rows[1]["error"]


def test_the_ledger_of_a_model(tmp_path, outcome):
    """Beside the output; what is in it is not asked for again, and that is said."""
    options = ("--base-url", outcome.url, "--output", tmp_path / "scores.jsonl")
    file = write(tmp_path, ROWS)
    assert run("score", file, *options).err == ""
    first, asked = (tmp_path / "scores.jsonl").read_bytes(), sum(outcome.sizes())
    again = run("score", file, *options)
    assert (tmp_path / "scores.jsonl").read_bytes() == first
    assert sum(outcome.sizes()) == asked + 1  # what the second run tried out the server with
    assert re.fullmatch(r"rrm: 0 scores made \(0 tokens\), 4 from the ledger \(\d+ tokens\)\n", again.err)


def test_the_ledger_of_ones_own_reward(tmp_path, own):
    """Its scores are kept too, under its name and what stands in its module."""
    options = ("--reward", own("length"), "--output", tmp_path / "scores.jsonl")
    file = write(tmp_path, ROWS)
    assert run("score", file, *options).code == 0
    assert sum(own.calls) == 4
    again = run("score", file, *options)
    assert sum(own.calls) == 4
    assert again.err == "rrm: 0 scores made (0 tokens), 4 from the ledger (0 tokens)\n"
    assert run("score", file, *options, "--ledger", "none").err == ""
    assert sum(own.calls) == 8


def test_a_config_file(tmp_path, process):
    """Has the names of the options; those of a judge are none here."""
    config = write(
        tmp_path, f"base-url: {process.url}\nsteps: true\naggregate: last\nstep-delimiter: ' is '\n", "c.yaml"
    )
    line = only(score(tmp_path, MATH, "--config", config))
    assert (line["aggregate"], len(line["steps"])) == ("last", 4)
    for text, said in (
        ("votes: 3\n", "unknown option in the config file 'votes'"),
        ("steps: 3\n", "steps must be true or false"),
    ):
        refused = score(tmp_path, MATH, "--config", write(tmp_path, text, "c.yaml"))
        assert refused.code == 2
        assert said in refused.err


@pytest.mark.parametrize("text", ["", "\n"])
def test_no_rows(tmp_path, own, text):
    """It is said, and is no failure."""
    file = write(tmp_path, text)
    result = run("score", file, "--reward", own("length"))
    assert (result.code, result.out, result.err) == (0, "", f"rrm: {file} has no rows\n")


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    """What was scored is written, and kept in the ledger: nothing is paid for twice."""
    own = own_module(tmp_path, monkeypatch, seconds=0.3)
    file = write(tmp_path, "".join(row(query=f"q{number}", response="a" * (number % 7)) for number in range(2000)))
    output = tmp_path / "scores.jsonl"
    command = ("score", file, "--reward", own("length"), "--output", output)
    with start(*command, cwd=tmp_path) as process:
        until = time.monotonic() + 120
        while not (output.exists() and output.read_bytes().count(b"\n")):
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"rrm: interrupted; what was done so far is written" in err
    done = sum(own.calls)
    assert 0 < done < 2000
    assert run_process(*command).code == 0
    # What was being scored when the interrupt came may be lost, and nothing else.
    assert sum(own.calls) <= 2000 + max(own.calls)
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [line["score"] for line in lines] == [number % 7 for number in range(2000)]


def test_help():
    """Names every option and the exit codes."""
    said = run("score", "--help").out
    for name in ("reward", "steps", "step-delimiter", "details", "kind", "family", "engine", "base-url", "api-key-env",
                 "engine-arg", "aggregate", "normalise", "labels", "truncation", "max-context", "output-index",
                 "strip-reasoning", "ledger", "config", "quiet", "format", "output"):  # fmt: skip
        assert f"--{name} " in said, name
    assert "130 interrupted" in said
