"""The files of a report: what stands in them, when they appear, and that they tell the same."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rrm.benchmarks.base import Item, Policy
from rrm.benchmarks.bootstrap import Estimate
from rrm.benchmarks.figures import Figures, Heard, figures
from rrm.benchmarks.judgebench import BENCHMARK as JUDGEBENCH
from rrm.benchmarks.rewardbench import BENCHMARK as REWARDBENCH
from rrm.errors import InputError
from rrm.jobs.benches.page import page
from rrm.jobs.benches.report import report_values, write_report
from rrm.jobs.benches.reported import Report
from rrm.ranking import JudgeInfo
from rrm.types import Opinion, Sampling, Vote

OFFICIAL = Policy()
JUDGE = JudgeInfo("org/model", "vllm", "rrm", "0" * 64, 3, "both", Sampling(8192, 0.6))


def heard(subset: str, number: int, *said: str) -> Heard:
    """`said`: for each order, a letter for each vote: first, second, tie or unparsed."""
    letters = {"f": Vote.FIRST, "s": Vote.SECOND, "t": Vote.TIE, "u": Vote.UNPARSED}
    item = Item(f"{subset}/{number}", subset, "q", ("good", "a bad one"), (1.0, 0.0))
    opinions = [
        Opinion(shown, index, letters[letter], completion_tokens=10)
        for shown, votes in zip(((0, 1), (1, 0)), said, strict=False)
        for index, letter in enumerate(votes)
    ]
    return Heard(item, tuple(opinions))


GIVEN = [heard("math", 0, "fff", "sss"), heard("math", 1, "sff", "sfu"), heard("code", 2, "ttt", "uuu")]


def figures_of(votes: tuple[int, ...] = (1, 3), policy: Policy = OFFICIAL) -> Figures:
    return figures(JUDGEBENCH, GIVEN, votes=votes, orders=("given", "swapped"), policy=policy, seed=1, resamples=100)


def report_of(given: Figures | None = None, **changes: Any) -> Report:
    report = Report(
        figures=given or figures_of(),
        judge=JUDGE,
        usage={"samples": 18, "prompt_tokens": 1234567, "cached_tokens": 0, "completion_tokens": 180},
        data={"name": "data.jsonl", "digest": "f" * 64},
        settings={"order": "official", "limit": None, "tries": {"most": 3}},
        command="rrm bench judgebench --data data.jsonl --votes 1,3",
        seconds=83.0,
    )
    return replace(report, **changes)


def tables(text: str) -> dict[str, list[list[str]]]:
    """The rows of each section's tables, without their rules; every row has as many cells as its head."""
    found: dict[str, list[list[str]]] = {}
    section, width = "", 0
    for line in text.splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ")
        if not line.startswith("|"):
            width = 0
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        width = width or len(cells)
        assert len(cells) == width
        if not all(re.fullmatch("-+:?", cell) for cell in cells):
            found.setdefault(section, []).append(cells)
    return found


def test_a_report_is_these_files(tmp_path: Path) -> None:
    assert write_report(tmp_path, report_of()) == ()
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "report.md", "curve.svg", "matrix.svg"}


def test_report_json_has_what_it_promises(tmp_path: Path) -> None:
    write_report(tmp_path, report_of())
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert found["benchmark"] == "judgebench"
    assert found["items"] == 3
    assert list(found["metrics"]) == ["accuracy", "both_correct"]
    own = figures_of().metrics["both_correct"]
    assert found["metrics"]["both_correct"] == {"value": 1 / 3, "low": own.low, "high": own.high}
    assert set(found["subsets"]) == {"math", "code"}
    assert found["failures"] == {"unparsed": 4, "truncated": 0, "missing": 0, "errors": 0}
    # Of the two pairs decided in both orders, the second is a tie in one of them; 6 of 11 votes are for the first shown.
    assert found["position"] == {"flip_rate": 0.5, "first_preference": 6 / 11}
    assert found["usage"] == {"samples": 18, "prompt_tokens": 1234567, "cached_tokens": 0, "completion_tokens": 180}
    assert found["judge"]["model"] == "org/model"
    assert found["judge"]["sampling"]["max_tokens"] == 8192
    assert found["policy"] == {"ties": "official", "failures": "official", "note": JUDGEBENCH.official_note}
    assert [point["votes"] for point in found["curve"]] == [1, 3]
    assert found["curve"][1]["metrics"] == found["metrics"]
    assert found["settings"] == {"order": "official", "limit": None, "tries": {"most": 3}}
    assert (found["votes"], found["seed"], found["resamples"], found["seconds"]) == (3, 1, 100, 83.0)
    assert found["data"] == {"name": "data.jsonl", "digest": "f" * 64}
    assert found["version"]


def test_every_figure_lies_in_its_interval() -> None:
    found = report_values(report_of())
    estimates = [*found["metrics"].values(), *found["bias"].values()]  # type: ignore[attr-defined]
    assert estimates
    for estimate in estimates:
        assert estimate["low"] <= estimate["value"] <= estimate["high"]


def test_recorded_predictions_have_no_judge() -> None:
    report = report_of(judge=None)
    assert report_values(report)["judge"] is None
    text = page(report, [], ())
    assert "Verdicts that were recorded before" in text
    assert "org/model" not in text


def test_the_page_has_the_figures_of_report_json() -> None:
    report = report_of()
    values: Any = report_values(report)
    found = tables(page(report, [], ()))
    own = values["metrics"]["both_correct"]
    assert found["Figures"][2] == ["both correct", f"{own['value']:.4f}", f"{own['low']:.4f} – {own['high']:.4f}"]
    assert [row[0] for row in found["By subset"]] == ["subset", "math", "code"]
    assert found["By subset"][1][1] == "2"
    assert found["By votes"][0] == ["figure", "1 vote", "3 votes"]
    own = values["curve"][0]["metrics"]["accuracy"]
    assert found["By votes"][1][1] == f"{own['value']:.3f} ({own['low']:.3f} – {own['high']:.3f})"
    assert found["Failures"][1][:2] == ["unparsed", "4 (22.2%)"]
    assert found["Position and length"][1][:2] == ["flip rate", "0.5000"]
    assert ["prompt tokens", "1,234,567"] in found["Tokens and time"]
    assert ["time", "1 min 23 s"] in found["Tokens and time"]
    assert ["tries.most", "`3`"] in found["Judge and settings"]
    assert ["sampling.max_tokens", "`8192`"] in found["Judge and settings"]
    assert ["digest", f"`{'f' * 64}`"] in found["Judge and settings"]


def test_the_page_says_how_ties_and_failures_were_counted() -> None:
    text = page(report_of(), [], ())
    assert JUDGEBENCH.official_note in text
    assert "not the official rules" not in text
    other = page(report_of(figures_of(policy=Policy(ties="drop", failures="tie"))), [], ())
    assert "one response is better: it is left out (`drop`, as asked for)." in other
    assert "all lost or missing: it counts as a tie (`tie`, as asked for)." in other
    assert "not the official rules" in other


@pytest.mark.parametrize(
    ("official", "expected"),
    [("half", "it is half right, as in the official protocol."), ("own", "by the official protocol's own rule.")],
)
def test_the_official_rule_is_told_in_words(official: str, expected: str) -> None:
    given = replace(figures_of(), official=Policy(ties=official, failures="wrong"))
    assert f"one response is better: {expected}" in page(report_of(given), [], ())


def test_the_page_has_the_command_to_repeat_whatever_stands_in_it() -> None:
    assert "```sh\nrrm bench judgebench --data data.jsonl --votes 1,3\n```" in page(report_of(), [], ())
    assert "````sh\necho '```'\n````" in page(report_of(command="echo '```'"), [], ())


def test_one_number_of_votes_has_no_curve(tmp_path: Path) -> None:
    write_report(tmp_path, report_of(figures_of((3,))))
    assert not (tmp_path / "curve.svg").exists()
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "By votes" not in text
    assert "curve.svg" not in text
    assert "![Decisions by subset](matrix.svg)" in text


def test_names_with_marks_of_markdown_break_no_table() -> None:
    given = figures_of()
    odd = "a|b *c* <d>\n`e`"
    given = replace(given, subsets={odd: given.subsets["math"]}, subset_items={odd: 2}, title="A title\nin two lines")
    text = page(report_of(given, settings={"path": "C:\\x|y"}), [], ())
    found = tables(text)
    assert found["By subset"][1][0] == r"`` a\|b *c* <d> `e` ``"
    assert ["path", r"`C:\x\|y`"] in found["Judge and settings"]
    assert text.startswith("# A title in two lines\n")


def test_what_is_unknown_is_said_to_be() -> None:
    given = replace(figures_of(), bias={}, metrics={}, subsets={}, matrix=None, completion_tokens={"mean": None})
    text = page(report_of(given), [], ())
    assert "No figure is known." in text
    assert "Unknown, as nothing here counts for it: flip rate, first preference" in text
    assert report_values(report_of(given))["position"] == {"flip_rate": None, "first_preference": None}


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.04, "0.0 s"), (59.9, "59.9 s"), (60, "1 min 0 s"), (7261, "2 h 1 min")]
)
def test_time_is_told_in_its_units(seconds: float, expected: str) -> None:
    assert ["time", expected] in tables(page(report_of(seconds=seconds), [], ()))["Tokens and time"]


def test_equal_reports_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        write_report(tmp_path / name, report_of())
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()


def test_rewardbench_has_its_own_results_file(tmp_path: Path) -> None:
    """The fields of the official file: model, model_type, chat_template and the accuracy of each subset, sorted."""
    given = [heard("hep-cpp", 0, "f"), heard("hep-cpp", 1, "s"), heard("hep-cpp", 2, "f"), heard("donotanswer", 3, "t")]
    found = figures(REWARDBENCH, given, votes=[1], orders=("given",), policy=OFFICIAL, seed=0, resamples=10)
    write_report(tmp_path, report_of(found))
    text = (tmp_path / "rewardbench.json").read_text(encoding="utf-8")
    expected = {
        "chat_template": None,
        "donotanswer": 0.5,
        "hep-cpp": 2 / 3,
        "model": "org/model",
        "model_type": "Generative RM",
    }
    assert text == json.dumps(expected, indent=4) + "\n"


def test_files_of_an_earlier_report_do_not_stay(tmp_path: Path) -> None:
    for name in ("curve.svg", "matrix.svg", "rewardbench.json", "report.json", "mine.txt"):
        (tmp_path / name).write_text("old", encoding="utf-8")
    write_report(tmp_path, report_of(replace(figures_of((3,)), matrix=None)))
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "report.md", "mine.txt"}
    assert (tmp_path / "report.json").read_text(encoding="utf-8") != "old"


def test_report_json_is_there_only_when_all_else_is(tmp_path: Path) -> None:
    """Where a file before it can't be put in place, the old report.json is gone and no new one comes."""
    (tmp_path / "report.json").write_text("old", encoding="utf-8")
    (tmp_path / "report.md").mkdir()
    with pytest.raises(InputError, match=f"the report in {re.escape(str(tmp_path))} can't be written: "):
        write_report(tmp_path, report_of())
    assert not (tmp_path / "report.json").exists()


def test_without_matplotlib_the_report_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as an import finds a package that is not installed
    (note,) = write_report(tmp_path, report_of())
    assert "pip install 'rrm-judge[plots]'" in note
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "report.md"}
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "There are no plots: " in text
    assert "pip install 'rrm-judge[plots]'" in text
    assert "![" not in text


def test_half_a_surrogate_pair_in_a_command_stops_no_report(tmp_path: Path) -> None:
    write_report(tmp_path, report_of(command="rrm bench plain --data \udcff"))
    assert "--data ?" in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["command"].endswith("--data ?")


def test_figures_that_are_whole_numbers_stay_numbers() -> None:
    given = replace(figures_of(), metrics={"accuracy": Estimate(1.0, 1.0, 1.0)})
    assert report_values(report_of(given))["metrics"] == {"accuracy": {"value": 1.0, "low": 1.0, "high": 1.0}}
