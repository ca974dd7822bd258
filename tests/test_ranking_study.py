"""bench/ranking_study.py from end to end with a few trials, its bounds against sums by hand, and the page of its figures."""

import gzip
import importlib
import importlib.util
import itertools
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

from rrm.simulation import Arm, SimulatedJudge

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "pyproject.toml").exists())
SCRIPT = ROOT / "bench" / "ranking_study.py"
PAGE = ROOT / "docs" / "ranking-study.md"

needs_source = pytest.mark.skipif(not SCRIPT.exists(), reason="the wheel is tested without the source tree")
needs_page = pytest.mark.skipif(not PAGE.exists(), reason="the wheel is tested without the source tree")

NAMES = ("trials", "equal-calls-best", "equal-calls-order", "bounds", "recorded", "reference")


def run(output, *options):
    command = [sys.executable, str(SCRIPT), "--output", str(output), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == int("MISSED" in done.stdout), done.stderr
    return done


def page(output):
    output.mkdir()
    marks = [f"Before.\n<!-- table: {name} -->\n| old |\n<!-- end: {name} -->\nAfter." for name in NAMES]
    (output / "ranking-study.md").write_text("\n\n".join(marks), "utf-8")


def table(output, name):
    text = (output / "ranking-study.md").read_text("utf-8")
    (body,) = re.findall(f"<!-- table: {name} -->\n(.*?)<!-- end: {name} -->", text, re.DOTALL)
    return [line.strip("| ").split(" | ") for line in body.splitlines()]


def solutions(is_right, round_number):
    """Rows of 16 solutions that the verifier judges rightly, always."""
    for number in range(16):
        yield {
            "question": "How many?",
            "question_id": 1,
            "model_output": f"{'Right' if is_right else 'Wrong'} way {number}.",
            "model_output_id": number,
            "extracted_answer": "7" if is_right else "8",
            "target": "7",
            "correctness": int(is_right),
            "verifier_prompt": "Expected Answer: It is 7.",
            "verifier_output": f"Round {round_number}. Is the answer correct (Yes/No)? {'Yes' if is_right else 'No'}",
        }


def recordings(folder):
    folder.mkdir()
    for kind, is_right in (("correct", True), ("incorrect", False)):
        for number in range(4):
            lines = "\n".join(map(json.dumps, solutions(is_right, number)))
            path = folder / f"critique_gen_{kind}_solutions_round_{number}_shard_0.jsonl.gz"
            path.write_bytes(gzip.compress(lines.encode()))
    return folder


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A small study: 4 responses before two judges, and verdicts that are always right."""
    folder = tmp_path_factory.mktemp("study")
    page(folder / "out")
    options = ["--responses", "4", "--judges", "position bias", "persistent errors", "--trials", "20"]
    done = run(folder / "out", *options, "--data", str(recordings(folder / "data")))
    return folder / "out", done


@needs_source
def test_a_small_study_has_its_figures_tables_and_pictures(studied):
    output, done = studied
    data = json.loads((output / "ranking-study.json").read_text("utf-8"))
    assert data["trials"] == {"position bias": {"4": 6}, "persistent errors": {"4": 6}}
    cells = data["grid"]["position bias"]["4"]
    assert cells["knockout x1"]["calls"] == [3.0, 0.0]
    assert cells["active 20"]["calls"] == [20.0, 0.0]
    assert cells["knockout x3"]["gain"]["3"]["top1"] == [0.0, 0.0]
    assert [row[:2] for row in table(output, "trials")[2:]] == [["position bias", "6"], ["persistent errors", "6"]]
    assert len(table(output, "equal-calls-best")) == 2 + 2 * 3
    assert table(output, "reference") == [["old"]]
    assert "left as they are: reference" in done.stderr
    if importlib.util.find_spec("matplotlib"):
        assert {path.name for path in (output / "ranking-study").iterdir()} >= {"sizes.png", "recorded.png"}


@needs_source
def test_of_verdicts_that_are_always_right_every_strategy_picks_a_right_one(studied):
    output, _ = studied
    data = json.loads((output / "ranking-study.json").read_text("utf-8"))
    for mix in ("2 right", "4 right"):
        cells = data["recorded"][mix]
        assert cells["knockout x1"] == {"calls": 15.0, "right": [1.0, 0.0], "gain": [0.0, 0.0], "repeated": 0.0}
        assert cells["active-best 60"]["right"] == [1.0, 0.0]
        assert cells["mean of 1"]["right"] == [1.0, 0.0]
        assert cells["majority answer"]["right"] == [0.0, 0.0]


@needs_source
def test_the_tables_are_made_again_of_the_figures_alone(studied, tmp_path):
    output, done = studied
    again = tmp_path / "again"
    page(again)
    shutil.copy(output / "ranking-study.json", again)
    assert run(again, "--from-json").stdout == done.stdout
    assert (again / "ranking-study.md").read_text("utf-8") == (output / "ranking-study.md").read_text("utf-8")
    assert (again / "ranking-study.json").read_bytes() == (output / "ranking-study.json").read_bytes()


@needs_page
def test_the_page_has_the_tables_of_its_figures(tmp_path):
    """And so what "auto" chooses today."""
    for name in ("ranking-study.md", "ranking-study.json"):
        shutil.copy(PAGE.parent / name, tmp_path)
    done = run(tmp_path, "--from-json")
    assert (tmp_path / "ranking-study.md").read_text("utf-8") == PAGE.read_text("utf-8")
    assert "no figures" not in done.stderr


@needs_page
def test_the_page_shows_pictures_that_are_there():
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", PAGE.read_text("utf-8"))
    files = {path.relative_to(PAGE.parent).as_posix() for path in (PAGE.parent / "ranking-study").glob("*.png")}
    assert set(shown) == files
    assert len(files) >= 5


@pytest.fixture
def bounds(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    return importlib.import_module("ranking_study_bounds")


@needs_source
@pytest.mark.parametrize("calls", [0, 1, 2, 3])
def test_the_genie_is_as_good_as_the_best_way_to_ask(bounds, calls):
    """Of two responses 1.1 apart: the best of all ways to choose an order after what was heard."""
    judge = SimulatedJudge()
    better, worse = float(judge.chance(numpy.array(1.1))), float(judge.chance(numpy.array(-1.1)))

    def value(one, other, left):
        if not left:
            return max(one, other)
        orders = ((better, worse), (1 - worse, 1 - better))
        return max(
            value(one * a, other * b, left - 1) + value(one * (1 - a), other * (1 - b), left - 1) for a, b in orders
        )

    assert bounds._told_apart(judge, 1.1, calls) == pytest.approx(value(0.5, 0.5, calls))


@needs_source
def test_calls_on_a_third_response_are_no_better(bounds):
    """For any gaps, and not for the other way round: a call on both of the two is no call on a third with noise."""
    for bias, gap, middle in itertools.product((0.0, 0.6), (0.1, 1.0, 3.0), (-5.0, -1.0, 0.0, 0.7, 4.0)):
        assert bounds.is_dominated(SimulatedJudge(bias=bias), gap, middle, 1e-6)
    judge = SimulatedJudge()
    corner = judge.chance(numpy.array(2.0)), judge.chance(numpy.array(-2.0))
    third = judge.chance(numpy.array(0.5)), judge.chance(numpy.array(-0.5))
    assert corner[0] - corner[1] > third[0] - third[1]


@needs_source
def test_a_reading_of_votes_is_the_posterior(bounds):
    """Two responses: the probability that one is better, by a sum over a fine grid of their skills."""
    judge = SimulatedJudge()
    reader = bounds._Reader(
        judge, 2, numpy.array([0, 1]), numpy.array([1, 0]), numpy.array([3.0, 1.0]), numpy.array([1.0, 1.0])
    )
    found = reader.chances(numpy.random.default_rng(0))
    axis = numpy.linspace(-9, 9, 601)
    gaps = axis[:, None] - axis
    one, other = judge.chance(gaps), judge.chance(-gaps)
    density = numpy.exp(-(axis[:, None] ** 2 + axis**2) / (2 * 1.5**2)) * one**3 * (1 - one) * other * (1 - other)
    known = (density * (gaps > 0)).sum() / (density * (gaps != 0)).sum()
    assert found[0] == pytest.approx(known, abs=0.02)


@needs_source
def test_the_best_reading_is_no_worse_than_that_of_the_strategy(bounds):
    arms = {"swiss": Arm("swiss", budget=12)}
    (read,) = bounds.readings(arms, SimulatedJudge(), 6, 40, 0).values()
    assert read["best_reading"][0] >= read["own_reading"][0] > 1 / 6
    assert abs(read["found"][0] - read["own_reading"][0]) < 4 * read["found"][1]
