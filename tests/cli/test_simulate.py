"""`rrm simulate`: tables, lines and pictures of strategies before a simulated judge."""

import json
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from rrm.cli.simulate import _arms
from rrm.simulation import Arm, SimulatedJudge, simulate
from rrm.tournaments import STRATEGIES
from tests.cli.running import run, run_process, start

FEW = ("--trials", 40, "--workers", 1)


def columns(text):
    """The header and the rows of a table, by columns."""
    title, *lines = text.splitlines()
    return title, [line.replace(" ± ", "±").split() for line in lines]


def test_table():
    """A line for each strategy and number of votes, with what the judge was."""
    result = run("simulate", *FEW, "--strategy", "knockout", "--strategy", "elo", "--votes", "1,3", "--responses", 5)
    assert (result.code, result.err) == (0, "")
    title, (header, *rows) = columns(result.out)
    assert title == "5 responses, 40 trials; judge: spread 1.5, bias 0.6, lapse 0.05, pair error 0, ties 0"
    assert header == ["strategy", "votes", "calls", "matches", "top-1", "regret", "tau"]
    assert [row[:4] for row in rows[:1]] == [["knockout", "1", "4.0", "4.0"]]
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("knockout", "1", "4.0"), ("knockout", "3", "4.0"), ("elo", "1", "10.0"), ("elo", "3", "10.0"),
    ]  # fmt: skip
    assert all("±" in figure for row in rows for figure in row[4:])


def test_json_lines_have_what_simulate_says(tmp_path):
    """The settings of the arm and the judge, and each measure with its error."""
    file = tmp_path / "out.jsonl"
    result = run("simulate", *FEW, "--votes", "3", "--stop", "beta", "--bias", 0.3, "--seed", 4, "--output", file)
    assert (result.code, result.out, result.err) == (0, "", "")
    line = json.loads(file.read_text())
    assert {name: line[name] for name in ("strategy", "votes", "budget", "stop", "responses", "trials", "seed")} == {
        "strategy": "knockout", "votes": 3, "budget": None, "stop": "beta", "responses": 16, "trials": 40, "seed": 4,
    }  # fmt: skip
    expected = simulate(
        [Arm("knockout", votes=3, stop="beta")], SimulatedJudge(bias=0.3), trials=40, seed=4, workers=1
    )[0]
    assert line["judge"] == asdict(SimulatedJudge(bias=0.3))
    for name in ("calls", "matches", "top1", "regret", "tau"):
        assert line[name] == getattr(expected, name)._asdict()
    assert line["level"] == {"mean": None, "error": None}


def test_all_is_every_strategy():
    """Each once, by name, whatever else is named."""
    result = run("simulate", *FEW, "--strategy", "knockout", "--strategy", "all", "--responses", 4, "--format", "json")
    assert result.code == 0
    names = [row["strategy"] for row in result.rows]
    assert names[0] == "knockout"
    assert sorted(names) == sorted(STRATEGIES)


def test_budgets_are_for_those_that_take_one():
    """Each with each number of votes; the others are played once, at their own cost."""
    flags = {"strategy": ("auto", "knockout"), "votes": "1,auto", "budget": "48,80"}
    heard = {"order": "both", "stop": "majority", "threshold": 0.9, "resamples": 1}
    arms = _arms(flags | heard)
    assert [(arm.strategy, arm.votes, arm.budget) for arm in arms] == [
        ("auto", 1, 48), ("auto", 1, 80), ("auto", "auto", 48), ("auto", "auto", 80),
        ("knockout", 1, None), ("knockout", "auto", None),
    ]  # fmt: skip
    assert {(arm.order, arm.resamples) for arm in arms} == {("both", 1)}


@pytest.mark.parametrize(("name", "begins"), [("p.png", b"\x89PNG"), ("p.svg", b"<?xml"), ("p.pdf", b"%PDF")])
def test_plot(tmp_path, name, begins):
    """A picture of the kind that its name says; equal figures are equal files."""
    files = [tmp_path / name, tmp_path / f"again-{name}"]
    for file in files:
        result = run("simulate", *FEW, "--responses", 4, "--votes", "1,3", "--plot", file)
        assert (result.code, result.err) == (0, "")
        assert result.out
    first, second = (file.read_bytes() for file in files)
    assert first.startswith(begins)
    assert first == second


def test_a_plot_has_a_line_for_each_strategy(tmp_path):
    """With its name."""
    file = tmp_path / "p.svg"
    assert (
        run("simulate", *FEW, "--strategy", "elo", "--strategy", "anchor", "--responses", 4, "--plot", file).code == 0
    )
    drawn = file.read_text()
    assert [drawn.count(f"<!-- {name} -->") for name in ("anchor", "elo", "knockout")] == [1, 1, 0]


def test_a_contest_of_one_is_no_match(tmp_path):
    """It costs nothing, and can be drawn."""
    result = run("simulate", *FEW, "--responses", 1, "--plot", tmp_path / "p.png")
    assert (result.code, result.err) == (0, "")
    assert columns(result.out)[1][1][:5] == ["knockout", "1", "0.0", "0.0", "1.000±0.000"]


def test_a_plot_needs_its_extra(tmp_path, monkeypatch):
    """The error says how to get it, before anything is played."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("simulate", *FEW, "--plot", tmp_path / "p.png")
    assert (result.code, result.out) == (3, "")
    assert "a plot needs an extra that is not installed: pip install 'rrm-judge[plots]'" in result.err


def test_one_trial_has_no_error():
    """Then none is shown."""
    result = run("simulate", "--trials", 1, "--responses", 2)
    assert result.code == 0
    assert "±" not in result.out


def test_as_a_process():
    """With workers of its own, and the same figures as with one."""
    several = run_process("simulate", "--trials", 60, "--responses", 4, "--workers", 2, "--votes", "auto")
    assert (several.code, several.err) == (0, "")
    assert several.out == run("simulate", "--trials", 60, "--responses", 4, "--workers", 1, "--votes", "auto").out


def test_an_interrupt_ends_it():
    """With one line, and no traceback of any of its processes."""
    with start("simulate", "--trials", 1_000_000, "--workers", 2, start_new_session=True) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while process.poll() is None and len(children.read_text().split()) < 2:
            time.sleep(0.05)
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"")
    assert err.decode().strip() == "rrm: interrupted; what was done so far is written"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--strategy", "swizz-system"), "unknown strategy 'swizz-system'"),
        (("--strategy", "listwise"), "needs a judge that gives scores"),
        (("--votes", "1;3"), "--votes takes whole numbers with commas between them, such as 1,3, or auto, not '1;3'"),
        (("--votes", "0"), "votes must be a whole number of at least 1, not 0"),
        (("--strategy", "auto", "--budget", "auto"), "--budget takes whole numbers"),
        (("--budget", "48"), "--budget 48 means nothing to knockout"),
        (("--stop", "soon"), "unknown stop 'soon'"),
        (("--stop", "beta", "--threshold", "2"), "threshold must be above 0.5 and below 1, not 2.0"),
        (("--order", "any"), "unknown order 'any'"),
        (("--lapse", "5"), "lapse is a share of the votes: from 0 to 1, not 5.0"),
        (("--trials", "0"), "trials must be a whole number of at least 1, not 0"),
        (("--responses", "0"), "responses must be a whole number of at least 1, not 0"),
        (("--seed", "-3"), "seed must be a whole number of at least 0, not -3"),
        (("--workers", "0"), "workers must be a whole number of at least 1, not 0"),
        (("--format", "xml"), "unknown format 'xml'"),
        (("--plot", "p.gif"), "the plot p.gif must end in one of .pdf, .png, .svg"),
        (("--plot", "nowhere/p.png"), "there is no folder nowhere"),
        (("--output", "nowhere/out.jsonl"), "there is no folder nowhere"),
        (("--trials", "many"), "'many' is not a valid integer"),
    ],
)
def test_bad_input_is_refused(arguments, said, tmp_path, monkeypatch):
    """Exit code 2, with what is wrong, and nothing on stdout."""
    monkeypatch.chdir(tmp_path)
    result = run("simulate", *arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert not list(tmp_path.iterdir())
