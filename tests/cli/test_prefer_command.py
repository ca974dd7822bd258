"""`rrm prefer`: what it says, its exit codes, its config file, and ledgers that it can't use."""

import json
import sqlite3
from contextlib import closing

import pytest

from rrm.jobs.places import beside
from tests.cli.running import SCRIPTED, row, run, run_process, write
from tests.wire import WireServer

TWO = row(id="x", query="q", responses=["a", "bbb"]) + row(prompt="q2", responses=["ccc", "d"])


def prefer(folder, text, *options, engine=SCRIPTED):
    return run("prefer", write(folder, text), "--output", folder / "pairs.jsonl", *engine, *options)


def lines(folder):
    return [json.loads(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]


def test_what_it_says(tmp_path):
    """The summary goes to stderr, and nothing to stdout."""
    result = prefer(tmp_path, TWO)
    assert (result.code, result.out) == (0, "")
    assert result.err.splitlines() == [
        f"rrm: 2 prompts: 2 gave 1 pair. 2 pairs in {tmp_path}/pairs.jsonl",
        "rrm: 2 samples made (925 tokens), 0 from the ledger (0 tokens)",
    ]
    assert [(line["prompt_id"], line["prompt"], line["chosen"]) for line in lines(tmp_path)] == [
        ("x", "q", "bbb"),
        ("1", "q2", "ccc"),
    ]
    assert prefer(tmp_path, TWO).err == f"rrm: {tmp_path}/pairs.jsonl is complete already\n"


def test_quiet(tmp_path):
    """Nothing is said of what went well."""
    assert (prefer(tmp_path, TWO, "--quiet").err, prefer(tmp_path, TWO, "--quiet").err) == ("", "")


def test_why_prompts_gave_no_pair(tmp_path):
    """How many gave how many, and why the others gave none."""
    rows = [["a", "bb", "ccc"], ["a", "bbbbbb"], ["a b", "a  b", "a\tb"], ["a b", "a  b", "c c c c"]]
    text = "".join(row(query="q", responses=responses) for responses in rows)
    # Two responses end four points apart, the neighbours of three a little less.
    result = prefer(tmp_path, text, "--strategy", "elo", "--pairs", "adjacent", "--min-margin", 4)
    assert result.code == 4
    summary, failed, _ = result.err.splitlines()
    assert summary == (
        "rrm: 4 prompts: 1 gave 1 pair; 2 gave none (1 with the same text for both, 1 with too small a margin). "
        f"1 pair in {tmp_path}/pairs.jsonl"
    )
    failures = beside(tmp_path / "pairs.jsonl", "failures")
    assert failed == f"rrm: 1 row failed, see {failures}"
    counts = json.loads(beside(tmp_path / "pairs.jsonl", "manifest").read_text())["counts"]
    assert counts["by_pairs"] == {"0": 2, "1": 1}
    assert counts["none"] == {"identical": 1, "margin": 1}
    assert counts["left_out"] == {"identical": 1, "margin": 3}
    assert (counts["prompts"], counts["pairs"], counts["failed"], counts["retried"]) == (4, 1, 1, 0)
    # What is wrong with a row stays wrong: nothing is left to be done, unless it is asked for.
    again = prefer(tmp_path, text, "--strategy", "elo", "--pairs", "adjacent", "--min-margin", 4)
    assert (again.code, again.err) == (
        0,
        f"rrm: {tmp_path}/pairs.jsonl is complete already, but for 1 row that can't be judged: see {failures}\n",
    )
    assert (
        prefer(tmp_path, text, "--strategy", "elo", "--pairs", "adjacent", "--min-margin", 4, "--overwrite").code == 4
    )


def test_what_goes_with_ray_is_refused_without_it(tmp_path):
    """Not left aside: who forgets --ray would judge on one of eight GPUs."""
    result = prefer(tmp_path, TWO, "--actors", 8, "--shard-rows", 100)
    assert (result.code, result.err) == (2, "rrm: error: actors, shard_rows: only with --ray\n")


def test_lost_votes_are_told(tmp_path):
    """How many of how many."""
    with WireServer(lambda body: ["No idea."] * body.get("n", 1)) as server:
        result = prefer(tmp_path, TWO, engine=("--base-url", server.url))
    assert result.code == 0
    assert "2 prompts: 2 gave none (2 undecided). 0 pairs" in result.err
    assert "6 of 6 votes could not be read" in result.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--pairs", "best"), "unknown way of pairing 'best'. Did you mean 'best-rest'?"),
        (("--format", "json"), "unknown format 'json'"),
        (("--strategy", "swis"), "unknown strategy 'swis'"),
        (("--min-margin", "-1"), "min_margin must be 0 or more"),
        (("--min-margin", "nan"), "min_margin must be 0 or more"),
        (("--max-pairs", "0"), "max_pairs must be a whole number of at least 1"),
        (("--max-total-tokens", "0"), "max_total_tokens must be a whole number of at least 1"),
        (("--max-minutes", "0"), "max_minutes must be above 0"),
        (("--max-lost", "2"), "max_lost is a share"),
        (("--max-pairs", "many"), "'many' is not a valid integer"),
        (("--votes", "0"), "votes must be a whole number of at least 1"),
        (("--rankings", "missing.jsonl"), "missing.jsonl"),
        (("--rankings", __file__), "--rankings needs no judge: leave out engine"),
        (("--config", "missing.yaml"), "missing.yaml"),
    ],
)
def test_options_that_can_not_be_used(tmp_path, options, said):
    """One line, exit 2, and nothing is written."""
    result = prefer(tmp_path, TWO, *options)
    assert result.code == 2
    assert said in result.err
    assert [file.name for file in tmp_path.iterdir()] == ["rows.jsonl"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("min_margin: wide", "min_margin must be"),
        ("pairs: 3", "pairs must be a text, not 3"),
        ("max_pairs: many", "max_pairs must be"),
        ("max_minutes: long", "max_minutes must be"),
        ("max_lost: half", "max_lost"),
        ("max_total_tokens: 1.5", "max_total_tokens must be"),
        ("strategy: 5", "strategy must be a text, not 5"),
        ("min_margn: 1", "unknown option in the config file 'min_margn'. Did you mean 'min_margin'?"),
    ],
)
def test_config_files_that_can_not_be_used(tmp_path, config, said):
    """The same, of what stands in a file."""
    result = prefer(tmp_path, TWO, "--config", write(tmp_path, config, "rrm.yaml"))
    assert result.code == 2
    assert said in result.err
    assert "Traceback" not in result.err


def test_a_config_file(tmp_path):
    """It has the options' names; flags win."""
    config = write(tmp_path, "pairs: all\nstrategy: elo\nmax_pairs: 2\nformat: trl-conversational\n", "rrm.yaml")
    text = row(query="q", responses=["a", "bb", "ccc"])
    assert prefer(tmp_path, text, "--config", config, "--max-pairs", 1).code == 0
    (line,) = lines(tmp_path)
    assert (line["chosen"][0]["content"], line["rejected"][0]["content"], line["matches"]) == ("ccc", "a", 3)


def test_no_output(tmp_path):
    """It does not write to stdout."""
    result = run("prefer", write(tmp_path, TWO), *SCRIPTED)
    assert result.code == 2
    assert "name it with --output, such as pairs.jsonl or pairs.parquet" in result.err


@pytest.mark.parametrize("file", ["-", "missing.jsonl", "/dev/stdin"])
def test_inputs_that_can_not_be_read_twice_or_at_all(tmp_path, file):
    """A pipe can't be gone on with."""
    result = run_process("prefer", file, "--output", tmp_path / "pairs.jsonl", *SCRIPTED, stdin=TWO.encode())
    assert result.code == 2
    assert len(result.err.splitlines()) == 1
    assert "can't be read" in result.err
    assert not list(tmp_path.iterdir())


def test_a_foreign_file_as_a_ledger(tmp_path):
    """It is refused, and left as it is; no draft is left either."""
    foreign = write(tmp_path, "precious" * 100, "diary.txt")
    result = prefer(tmp_path, TWO, "--ledger", foreign)
    assert result.code == 2
    assert f"ledger {foreign}" in result.err
    assert foreign.read_text() == "precious" * 100
    assert {file.name for file in tmp_path.iterdir()} == {"diary.txt", "rows.jsonl"}
    assert prefer(tmp_path, TWO).code == 0


def test_a_ledger_of_a_newer_version(tmp_path):
    """The same."""
    ledger = tmp_path / "ledger"
    assert prefer(tmp_path, TWO, "--ledger", ledger).code == 0
    with closing(sqlite3.connect(ledger)) as database:
        database.execute("PRAGMA user_version=99")
        database.commit()
    result = prefer(tmp_path, TWO, "--ledger", ledger, "--votes", 3, "--overwrite")
    assert result.code == 2
    assert "it was made by a newer rrm (version 99 of its tables" in result.err
    assert len(lines(tmp_path)) == 2
    assert prefer(tmp_path, TWO, "--ledger", ledger).code == 0


def test_a_ledger_where_none_can_be(tmp_path):
    """A folder that is not there."""
    result = prefer(tmp_path, TWO, "--ledger", tmp_path / "missing" / "ledger")
    assert result.code == 2
    assert f"ledger {tmp_path}/missing/ledger" in result.err
    assert "Traceback" not in result.err


def test_help(tmp_path):
    """Options and exit codes."""
    result = run("prefer", "--help")
    assert result.code == 0
    for option in ("--output", "--pairs", "--min-margin", "--max-pairs", "--max-lost", "--rankings", "--ledger"):
        assert option in result.out
    assert "5 a limit stopped it" in " ".join(result.out.split())
