"""A run whose verdicts are read as probabilities: what its folder and its report have besides."""

import json
import xml.etree.ElementTree as ElementTree

import pytest

from rrm.config import read_calibration
from rrm.engines.scripted import CHOOSERS, ScriptedEngine, answering, leaning
from rrm.jobs.benches.bench import BenchJob
from rrm.jobs.benches.scoring import reparse
from rrm.judge import Judge
from rrm.judging.calibration import Calibration
from rrm.promptfiles import load_prompt
from tests.jobs.bench_rows import judgebench_rows, lines, plan_of, report_of, write_lines

BIASED = Calibration(1.5, 1.2)


def leans_to_the_first(request, _):
    """A judge that is wrong about every fifth item, is 0.9 sure, and leans to the first shown."""
    name, number = request.case.first[0], int(request.case.first.split()[2])
    is_better = name == ("A" if number % 3 else "B")
    return BIASED.apply(0.9 if is_better != (number % 5 == 0) else 0.1)


@pytest.fixture
def rows(tmp_path):
    return write_lines(tmp_path / "judgebench.jsonl", judgebench_rows(24))


def run(rows, output, script=None, **settings):
    engine = ScriptedEngine(script or leaning(leans_to_the_first))
    with Judge(engine=engine, readout="probability", **settings) as judge:
        return BenchJob(plan_of("judgebench", rows), judge, output).run()


def test_the_report_says_how_honest_the_probabilities_are(tmp_path, rows):
    run(rows, tmp_path / "out")
    found = report_of(tmp_path / "out")["calibration"]
    said = [opinion for line in lines(tmp_path / "out" / "items.jsonl") for opinion in line["opinions"]]
    assert {round(opinion["probability"], 9) for opinion in said} == {
        round(BIASED.apply(chance), 9) for chance in (0.9, 0.1)
    }
    assert (found["samples"], found["pairs"]) == (48, 24)
    assert set(found["before"]) == set(found["after"]) == {"brier", "log_loss", "calibration_error"}
    assert list(found["accuracy"]) == ["by_votes", "by_probability", "by_calibrated_probability"]
    assert all(one["low"] <= one["value"] <= one["high"] for one in found["accuracy"].values())
    assert sum(one["count"] for one in found["bins"]) == sum(one["count"] for one in found["bins_after"]) == 48
    page = (tmp_path / "out" / "report.md").read_text()
    assert "## Probabilities" in page
    assert "| brier |" in page
    assert f"| by probability | {found['accuracy']['by_probability']['value']:.4f} |" in page
    assert "![Probabilities against outcomes](reliability.svg)" in page


def test_the_calibration_can_be_read_and_takes_the_bias_back(tmp_path, rows):
    """A run that is calibrated by it has nothing left to calibrate, and its own line is the same again."""
    run(rows, tmp_path / "out")
    fitted = read_calibration(tmp_path / "out" / "calibration.json")
    report = report_of(tmp_path / "out")["calibration"]
    assert (fitted.slope, fitted.offset) == (report["slope"], report["offset"])
    assert fitted.offset < -0.3
    run(rows, tmp_path / "again", calibration=fitted)
    again = read_calibration(tmp_path / "again" / "calibration.json")
    assert again.slope == pytest.approx(fitted.slope, abs=0.15)
    assert again.offset == pytest.approx(fitted.offset, abs=0.15)
    assert report_of(tmp_path / "again")["calibration"]["before"]["brier"] < report["before"]["brier"]


def test_the_picture_says_what_it_shows(tmp_path, rows):
    run(rows, tmp_path / "out")
    picture = ElementTree.parse(tmp_path / "out" / "reliability.svg")
    assert picture.getroot().tag.endswith("svg")
    run(rows, tmp_path / "other")
    assert (tmp_path / "out" / "reliability.svg").read_bytes() == (tmp_path / "other" / "reliability.svg").read_bytes()


def test_without_token_probabilities_there_is_no_calibration(tmp_path, rows):
    """An engine that gives none: votes are counted as ever."""
    run(rows, tmp_path / "out", answering(CHOOSERS["longest"]))
    assert report_of(tmp_path / "out")["calibration"] is None
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "items.jsonl", "report.json", "report.md", "matrix.svg",
    }  # fmt: skip
    assert "## Probabilities" not in (tmp_path / "out" / "report.md").read_text()


def test_a_reparse_keeps_the_probabilities_of_verdicts_that_stand(tmp_path, rows):
    run(rows, tmp_path / "out")
    before = report_of(tmp_path / "out")["calibration"]
    reparse(plan_of("judgebench", rows), tmp_path / "out", load_prompt("skywork_pairwise"), given={"prompt"})
    assert report_of(tmp_path / "out")["calibration"] == before
    assert "reparsed" not in json.loads((tmp_path / "out" / "report.json").read_text())["settings"] or (
        report_of(tmp_path / "out")["settings"]["reparsed"] == {}
    )
    reparse(plan_of("judgebench", rows), tmp_path / "out", load_prompt("mt_bench_pair"), given={"prompt"})
    assert report_of(tmp_path / "out")["calibration"] is None
    assert not (tmp_path / "out" / "calibration.json").exists()
