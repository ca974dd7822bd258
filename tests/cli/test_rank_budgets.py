"""Strategies by budget on the command line: what `rrm rank` writes and shows, and the options that go with it."""

import io
import json
import re
from itertools import pairwise

import pytest
from rich.console import Console

from rrm.cli.tables import show_ranking
from rrm.plans import STRATEGY_NAMES
from rrm.ranking import PlayedMatch, Ranking
from rrm.types import Contest, Tally
from tests.cli.running import PAIR, SCRIPTED, row, run, write

JSON = (*SCRIPTED, "--format", "json")
RESPONSES = ["a", "bbbbb", "cc", "dddd", "cc", "eee"]


@pytest.fixture
def six(tmp_path):
    return write(tmp_path, row(id="x", query="q", responses=RESPONSES))


def test_line_of_a_chosen_strategy(six):
    """Every estimate with its error, who can't be told apart, the bias, and what was set."""
    options = ("--strategy", "auto", "--budget", 20, "--votes", "auto", "--stop", "beta")
    result = run("rank", six, *JSON, *options)
    assert (result.code, result.err) == (0, "")
    (line,) = result.rows
    assert list(line) == [
        "id", "status", "strategy", "order", "best", "scores", "matches", "errors", "level", "position_bias", "usage",
        "judge", "seed", "version",
    ]  # fmt: skip
    assert (line["strategy"], line["best"], len(line["matches"])) == ("active", 1, 20)
    assert line["order"] == [1, 3, 5, 2, 4, 0]
    assert len(line["errors"]) == len(line["scores"]) == 6
    assert all(error > 0 for error in line["errors"])
    assert (line["scores"][2], line["errors"][2]) == (line["scores"][4], line["errors"][4])
    assert isinstance(line["position_bias"], float)
    assert [2, 4] in line["level"]
    assert all(pair in [list(two) for two in pairwise(line["order"])] for pair in line["level"])
    judge = line["judge"]
    assert (judge["votes"], judge["settings"]) == ("auto", {"budget": 20, "stop": "beta"})
    for match in line["matches"]:
        assert set(match) == {"number", "round", "first", "second", "winner", "votes", "probability", "support"}
        assert sum(map(sum, match["support"])) == 1
    assert Ranking.from_json(result.out.strip()).to_json() == result.out.strip()


def test_the_table_shows_errors_and_who_is_level(six):
    """Few calls tell little apart."""
    result = run("rank", six, *SCRIPTED, "--strategy", "active", "--budget", 5, "--format", "table")
    assert result.code == 0
    assert len(re.findall(r"[+-]\d\.\d\d ± \d\.\d\d", result.out)) == 6
    assert "neighbours that can't be told apart: #" in result.out
    assert "5 matches, 5 votes" in result.out


def test_a_budget_alone_is_spent_on_what_suits_it(six):
    assert run("rank", six, *JSON, "--budget", 9).rows[0]["strategy"] == "active"


def lines_of(ranking):
    console = Console(file=io.StringIO(), width=80)
    for piece in show_ranking(ranking, Contest("q", ["text"] * len(ranking.order))):
        console.print(piece, markup=False, highlight=False)
    return console.file.getvalue().splitlines()


def estimated(order, scores, level, matches=()):
    return Ranking("active", order, scores, matches, errors=(0.5,) * len(order), level=level)


@pytest.mark.parametrize(
    ("order", "scores", "level", "said"),
    [
        ((2, 0, 1), (0.0, -1.0, 1.0), (), None),
        ((2, 0, 1), (0.0, -1.0, 1.0), ((2, 0),), "#2 ~ #0"),
        ((2, 0, 1), (0.0, -1.0, 1.0), ((2, 0), (0, 1)), "#2 ~ #0 ~ #1"),
        ((3, 2, 1, 0), (-2.0, -1.0, 1.0, 2.0), ((3, 2), (1, 0)), "#3 ~ #2; #1 ~ #0"),
        # 1 and 3 are identical, and 1 stands for both.
        ((0, 1, 3, 2), (1.0, 0.0, -1.0, 0.0), ((0, 1),), "#0 ~ #1 ~ #3"),
        ((0, 1, 3, 2), (1.0, 0.0, -1.0, 0.0), ((1, 2),), "#1 ~ #3 ~ #2"),
        ((1, 3, 0, 2), (0.5, 1.0, 0.5, 1.0), ((1, 0),), "#1 ~ #3 ~ #0 ~ #2"),
        # Two who are not identical may be rated alike, as after one round: who is level with the second is in the run.
        ((0, 1, 2, 3), (1.0, 1.0, -1.0, -1.0), ((0, 1), (1, 2), (2, 3)), "#0 ~ #1 ~ #2 ~ #3"),
        ((0, 1, 2, 3), (1.0, 1.0, -1.0, -1.0), ((0, 1), (2, 3)), "#0 ~ #1; #2 ~ #3"),
    ],
)
def test_who_can_not_be_told_apart(order, scores, level, said):
    """Runs of neighbours, best first."""
    lines = [line for line in lines_of(estimated(order, scores, level)) if "told apart" in line]
    assert lines == ([] if said is None else [f"neighbours that can't be told apart: {said}"])


def test_scores_with_errors_in_the_table():
    """With two digits and a sign; without errors as they are."""
    shown = "\n".join(lines_of(estimated((1, 0), (-1.234, 1.234), ())))
    assert "+1.23 ± 0.50" in shown
    assert "-1.23 ± 0.50" in shown
    matches = (PlayedMatch(1, 1, 0, 1, 1, Tally(0, 1)),)
    plain = "\n".join(lines_of(Ranking("elo", (1, 0), (998.0, 1002.0), matches)))
    assert "±" not in plain
    assert "1002" in plain


@pytest.mark.parametrize("command", ["rank", "prefer", "best-of-n"])
def test_help_names_every_strategy(command):
    """All that can be named."""
    said = "".join(run(command, "--help").out.split())
    assert ",".join(STRATEGY_NAMES) in said


CONFIG = """
engine: scripted
format: json
strategy: round-robin
votes: auto
budget: 12
stop: none
threshold: 0.75
waves: load
think-budget: 400
think_more: 1
"""


def test_config_keys(tmp_path, six):
    """Each of the options under its name, with dashes or underscores; flags win."""
    config = write(tmp_path, CONFIG, "rrm.yaml")
    (line,) = run("rank", six, "--config", config).rows
    assert (line["strategy"], len(line["matches"]), line["judge"]["votes"]) == ("round-robin", 12, "auto")
    assert line["judge"]["settings"] == {
        "budget": 12, "stop": "none", "threshold": 0.75, "waves": "load", "think_budget": 400, "think_more": 1,
    }  # fmt: skip
    flags = ("--votes", 2, "--budget", 8, "--stop", "majority", "--waves", "fixed", "--think-more", 0)
    (line,) = run("rank", six, "--config", config, *flags).rows
    assert (len(line["matches"]), line["judge"]["votes"]) == (4, 2)
    assert line["judge"]["settings"] == {"budget": 8, "threshold": 0.75, "think_budget": 400}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budget: many", "budget must be a whole number, not 'many'"),
        ("budget: 0", "budget must be a whole number of at least 1, not 0"),
        ("think_budget: 1.5", "think_budget must be a whole number, not 1.5"),
        ("think-more: -1", "think_more must be a whole number of at least 0, not -1"),
        ("threshold: sure", "threshold must be a number, not 'sure'"),
        ("threshold: 1", "threshold must be above 0.5 and below 1, not 1"),
        ("stop: [beta]", "stop must be a text, not ['beta']"),
        ("stop: bet", "unknown stop 'bet'. Did you mean 'beta'?"),
        ("waves: 3", "waves must be a text, not 3"),
        ("waves: loaded", "unknown waves 'loaded'. Did you mean 'load'?"),
        ("readout: prob", "unknown readout 'prob'."),
        ("calibration: {slope: 1}", "calibration must be a text, not {'slope': 1}"),
        ("votes: some", "votes must be a whole number or auto, not 'some'"),
        (
            "strategy: knockout\nbudget: 20",
            "a budget of 20 means nothing to it: leave the budget out, or use one of auto,",
        ),
    ],
)
def test_values_in_the_config_file_that_are_refused(tmp_path, six, text, said):
    """In one line, whatever is ranked."""
    config = write(tmp_path, f"engine: scripted\n{text}\n", "rrm.yaml")
    result = run("rank", six, "--config", config)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't be read: No such file or directory"),
        ("{", "can't be read: Expecting property name"),
        (b"\xff", "can't be read: 'utf-8' codec can't decode byte"),
        ("[1, 0]", 'must hold {"slope": number, "offset": number}'),
        ('{"slope": 1}', 'must hold {"slope": number, "offset": number}'),
        ('{"slope": "1", "offset": 0}', 'must hold {"slope": number, "offset": number}'),
        ('{"slope": true, "offset": 0}', 'must hold {"slope": number, "offset": number}'),
        ('{"slope": NaN, "offset": 0}', 'must hold {"slope": number, "offset": number}'),
        ('{"slope": 1e999, "offset": 0}', 'must hold {"slope": number, "offset": number}'),
    ],
)
def test_calibration_files_that_are_refused(tmp_path, content, said):
    """By name, in one line, before anything is asked."""
    pair = write(tmp_path, PAIR)
    file = tmp_path / "calibration.json" if content is None else write(tmp_path, content, "calibration.json")
    result = run("rank", pair, *SCRIPTED, "--readout", "probability", "--calibration", file)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"rrm: error: calibration file {file} {said}")
    assert result.err.count("\n") == 1


def test_a_folder_is_no_calibration_file(tmp_path):
    result = run("rank", write(tmp_path, PAIR), *SCRIPTED, "--calibration", tmp_path)
    assert result.code == 2
    assert f"calibration file {tmp_path} can't be read: Is a directory" in result.err


@pytest.mark.parametrize("way", ["flag", "config"])
def test_a_calibration_is_used_and_reported(tmp_path, way):
    """With further keys beside its own, as reports have them."""
    pair = write(tmp_path, PAIR)
    file = write(tmp_path, json.dumps({"slope": 0.5, "offset": -1, "samples": 100}), "calibration.json")
    config = write(tmp_path, f"calibration: {file}\n" if way == "config" else "", "rrm.yaml")
    flags = ("--calibration", file) if way == "flag" else ()
    (line,) = run("rank", pair, *JSON, "--config", config, "--readout", "probability", *flags).rows
    assert line["judge"]["settings"] == {"readout": "probability", "calibration": {"slope": 0.5, "offset": -1.0}}
