"""`rrm bench --reward`: rewards against benchmarks, from rows to report, and what is not paid for twice."""

import json
import math
import signal
import time

import pytest

from rrm.benchmarks import BENCHMARKS
from tests.cli.own_rewards import own_module
from tests.cli.running import SCRIPTED, run, run_process, start
from tests.jobs.bench_rows import judgebench_rows, lines, write_lines, write_rows_of
from tests.reward_wire import RewardServer


@pytest.fixture
def own(tmp_path, monkeypatch):
    return own_module(tmp_path, monkeypatch)


@pytest.fixture
def rows(tmp_path):
    return write_lines(tmp_path / "judgebench.jsonl", judgebench_rows(12))


def bench(name, rows, output, *options):
    return run("bench", name, "--data", rows, "--output", output, "--resamples", 100, *options)


def report(output):
    return json.loads((output / "report.json").read_text())


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark(tmp_path, own, name):
    """Each response is scored, and once; nothing fails and nothing is missing."""
    data = write_rows_of(name, tmp_path / "data")
    assert bench(name, data, tmp_path / "out", "--reward", own("length")).code == 0
    figures = report(tmp_path / "out")
    assert figures["failures"] == dict.fromkeys(figures["failures"], 0)
    assert figures["metrics"]
    assert all(math.isfinite(values["value"]) for values in figures["metrics"].values())
    for item in lines(tmp_path / "out" / "items.jsonl"):
        assert [opinion["shown"] for opinion in item["opinions"]] == [[index] for index in range(len(item["worth"]))]
    assert sum(own.calls) <= figures["usage"]["samples"]


def test_the_figures_are_those_of_the_scores(tmp_path, own, rows):
    """Worked out here from the rows: right where the better response is the longer one."""
    result = bench("judgebench", rows, tmp_path / "out", "--reward", own("length"))
    assert result.code == 0
    right = [
        len(row["response_A"]) > len(row["response_B"])
        if row["label"] == "A>B"
        else len(row["response_B"]) > len(row["response_A"])
        for row in judgebench_rows(12)
    ]
    accuracy = report(tmp_path / "out")["metrics"]["accuracy"]["value"]
    assert accuracy == pytest.approx(sum(right) / 12)
    assert 0 < sum(right) < 12
    assert f"│ accuracy │ {accuracy:.4f} │" in result.out
    assert "24 scores made (0 tokens), 0 from the ledger" in result.err


def test_what_the_report_says(tmp_path, own, rows):
    """The reward, in place of a judge."""
    assert bench("judgebench", rows, tmp_path / "out", "--reward", own("length")).code == 0
    figures = report(tmp_path / "out")
    assert (figures["judge"], figures["votes"]) == (None, 1)
    assert figures["rewards"] == [
        {"model": own("length"), "engine": "custom", "kind": "custom", "family": "", "settings": {}}
    ]
    assert figures["settings"]["reward"]["reward"]["reward"] == own("length")
    page = (tmp_path / "out" / "report.md").read_text()
    assert f"Reward: `{own('length')}`. 12 items, each response scored once.\n" in page
    assert "## Rewards and settings" in page
    assert "Judge" not in page.replace("JudgeBench", "")


@pytest.mark.parametrize(("ties", "value"), [("official", 0.0), ("half", 0.5), ("wrong", 0.0)])
def test_equal_scores_are_ties(tmp_path, own, rows, ties, value):
    """They count by the benchmark's policy, or the one that is asked for."""
    assert bench("judgebench", rows, tmp_path / "out", "--reward", own("level"), "--ties", ties).code == 0
    assert report(tmp_path / "out")["metrics"]["accuracy"]["value"] == value


def test_the_results_file_of_rewardbench(tmp_path, own):
    """Calls it what RewardBench's own script calls reward models."""
    data = write_rows_of("rewardbench", tmp_path / "data")
    assert bench("rewardbench", data, tmp_path / "out", "--reward", own("length")).code == 0
    values = json.loads((tmp_path / "out" / "rewardbench.json").read_text())
    assert (values["model"], values["model_type"]) == (own("length"), "Seq. Classifier")


def test_an_ensemble(tmp_path, own, rows):
    """Its members are named, with their weights."""
    options = ("--reward", own("length") + "=3", "--reward", own("shortness"), "--reward-rule", "mean")
    assert bench("judgebench", rows, tmp_path / "both", *options).code == 0
    assert bench("judgebench", rows, tmp_path / "one", "--reward", own("length")).code == 0
    both = report(tmp_path / "both")
    assert [reward["settings"]["weight"] for reward in both["rewards"]] == [3.0, 1.0]
    assert both["metrics"] == report(tmp_path / "one")["metrics"]
    page = (tmp_path / "both" / "report.md").read_text()
    assert f"Rewards: `{own('length')}`, `{own('shortness')}`." in page


def test_a_served_model(tmp_path, rows):
    """Goes on from the ledger in the folder, without asking for anything again."""
    with RewardServer(models=("skywork-reward-v2",)) as server:
        options = ("--reward", "skywork-reward-v2", "--reward-base-url", server.url)
        assert bench("judgebench", rows, tmp_path / "out", *options).code == 0
        asked = sum(server.sizes())
        assert (tmp_path / "out" / "ledger").exists()
        assert bench("judgebench", rows, tmp_path / "out", *options, "--overwrite", "--ties", "half").code == 0
        assert sum(server.sizes()) == asked + 1  # what the second run tried out the server with
    assert report(tmp_path / "out")["usage"]["prompt_tokens"] > 0


def test_going_on(tmp_path, own, rows):
    """A complete run is not done again; another reward is another run; and a judge's is another one still."""
    output = tmp_path / "out"
    assert bench("judgebench", rows, output, "--reward", own("length")).code == 0
    again = bench("judgebench", rows, output, "--reward", own("length"))
    assert (again.code, again.err) == (0, f"rrm: {output} is complete already\n")
    other = bench("judgebench", rows, output, "--reward", own("shortness"))
    assert other.code == 2
    assert f"has a run of other settings (reward {own('length')} -> {own('shortness')})" in other.err
    judged = bench("judgebench", rows, output, *SCRIPTED)
    assert judged.code == 2
    assert "(of a reward, and this one is of a judge)" in judged.err
    calls = sum(own.calls)
    assert bench("judgebench", rows, output, "--reward", own("length"), "--overwrite", "--seed", 1).code == 0
    assert sum(own.calls) == calls


def test_counted_again(tmp_path, own, rows):
    """By other rules, without asking; there is no text to read by a prompt."""
    output = tmp_path / "out"
    assert bench("judgebench", rows, output, "--reward", own("level")).code == 0
    before, calls = report(output), own.calls
    assert run("bench", "judgebench", "--data", rows, "--output", output, "--reparse", "--ties", "half").code == 0
    assert report(output)["metrics"]["accuracy"]["value"] == 0.5
    assert report(output)["rewards"] == before["rewards"]
    assert own.calls == calls
    refused = run(
        "bench", "judgebench", "--data", rows, "--output", output, "--reparse", "--prompt", "skywork_pairwise"
    )
    assert refused.code == 2
    assert "has scores of a reward, which no prompt can read again: leave out --prompt" in refused.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--reward", "OWN", "--votes", 3), "--reward scores each response once, by itself: leave out votes"),
        (("--reward", "OWN", "--order", "both"), "leave out order"),
        (("--reward", "OWN", *SCRIPTED), "--reward needs no judge: leave out engine"),
        (("--reward", "OWN", "--prompt", "rubric"), "--reward needs no judge: leave out prompt"),
        (("--reward-kind", "outcome", "--reward-rule", "mean"), "reward_rule, reward_kind: only with --reward"),
        (("--reward", "OWN", "--predictions", "p.jsonl"), "--predictions needs no judge: leave out reward"),
        (("--reward", "OWN", "--reparse"), "--reparse counts what was asked before, and asks nothing: leave out reward"),
        (("--reward", "OWN", "--ties", "loss"), "unknown tie policy of judgebench 'loss'"),
        (("--reward", "none_such:thing"), "the reward 'none_such:thing' can't be imported"),
    ],
)  # fmt: skip
def test_refused_options(tmp_path, own, rows, options, said):
    """With exit 2, and no folder is made."""
    given = [own("length") if option == "OWN" else option for option in options]
    result = run("bench", "judgebench", "--data", rows, "--output", tmp_path / "out", *given)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert not (tmp_path / "out").exists()


def test_items_that_fail(tmp_path, own):
    """They are counted, and stop no other."""
    values = judgebench_rows(12)
    values[3]["response_A"] = "a bad one"
    rows = write_lines(tmp_path / "rows.jsonl", values)
    result = bench("judgebench", rows, tmp_path / "out", "--reward", own("picky"))
    assert result.code == 4
    assert "failed: ValueError: it is bad" in result.err
    assert report(tmp_path / "out")["failures"]["errors"] == 1


def test_a_reward_that_is_broken(tmp_path, own, rows):
    """It takes none of the items: the code is 2, and there is no report."""
    result = bench("judgebench", rows, tmp_path / "out", "--reward", own("broken"))
    assert result.code == 2
    assert "returned nan" in result.err
    assert not (tmp_path / "out" / "report.json").exists()


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    """What was scored is in the ledger."""
    own = own_module(tmp_path, monkeypatch, seconds=0.3)
    rows = write_lines(tmp_path / "judgebench.jsonl", judgebench_rows(2000))
    command = (
        "bench", "judgebench", "--data", rows, "--output", tmp_path / "out", "--resamples", 20, "--reward", own("length"),
    )  # fmt: skip
    with start(*command, cwd=tmp_path) as process:
        until = time.monotonic() + 120
        while len(own.calls) < 3:
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"the same command goes on from there" in err
    assert 0 < sum(own.calls) < 4000
    assert run_process(*command).code == 0
    assert sum(own.calls) <= 4000 + max(own.calls)
