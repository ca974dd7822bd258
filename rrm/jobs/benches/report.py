"""What a run leaves in its folder for people and programs to read.

    report.json       every figure with its interval, and what it was made of and with
    report.md         the same as a page to read
    curve.svg         the figures over votes, where there is more than one number of votes
    matrix.svg        the decisions against what is known
    reliability.svg   probabilities against outcomes, and calibration.json what makes them honest ones: `--calibration`
                      takes it; both only where verdicts were read as probabilities
    rewardbench.json  of RewardBench: its own results file

Each file appears whole, or not at all, and report.json after all others: where it is, the report is complete. Without
matplotlib there are no pictures, and the page says so.

The results file of RewardBench is what its `save_to_hub` writes under eval-set/: model, model type, chat template and
the accuracy of each subset (allenai/reward-bench, scripts/run_generative.py, scripts/run_rm.py and rewardbench/utils.py).
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import msgspec

from rrm.benchmarks.bootstrap import Estimate
from rrm.benchmarks.figures import Figures
from rrm.benchmarks.matrix import Matrix
from rrm.benchmarks.soft import Soft
from rrm.errors import InputError, MissingExtraError
from rrm.jobs.benches.page import page
from rrm.jobs.benches.plots import curve_svg, has_curve, matrix_svg, reliability_svg
from rrm.jobs.benches.reported import Report
from rrm.jobs.places import replace
from rrm.judging.calibration import Calibration

__all__ = ["REPORT", "Report", "report_values", "rewardbench_values", "write_report"]

REPORT = "report.json"
"""The file that says that a report is complete."""


def write_report(folder: Path, report: Report) -> tuple[str, ...]:
    """Write the files into a folder that exists; returns what the user should be told of them, such as missing pictures.

    Files of an earlier report that this one does not have are removed. Raises InputError where the system refuses.
    """
    try:
        return _write(folder, report)
    except OSError as error:
        raise InputError(f"the report in {folder} can't be written: {error.strerror or error}") from error


def _write(folder: Path, report: Report) -> tuple[str, ...]:
    (folder / REPORT).unlink(missing_ok=True)
    pictures, notes = _pictures(report.figures)
    is_rewardbench = report.figures.benchmark == "rewardbench"
    files = {
        **pictures,
        "rewardbench.json": _json(rewardbench_values(report), indent=4) if is_rewardbench else None,
        "calibration.json": _json(_line(report, report.figures.soft), indent=2) if report.figures.soft else None,
        "report.md": page(report, [name for name, drawn in pictures.items() if drawn], notes),
        REPORT: _json(report_values(report), indent=2),
    }
    for name, text in files.items():
        if text is None:
            (folder / name).unlink(missing_ok=True)
        else:
            # Half a surrogate pair, as a file name may have it, can't be written.
            replace(folder / name, text.encode("utf-8", "replace").decode())
    return notes


def _pictures(figures: Figures) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """The pictures by file, None for one that there is not; and what is to be said of them."""
    wanted: dict[str, Callable[[], str]] = {}
    if has_curve(figures):
        wanted["curve.svg"] = partial(curve_svg, figures)
    if figures.matrix is not None:
        wanted["matrix.svg"] = partial(matrix_svg, figures.matrix)
    if figures.soft is not None:
        wanted["reliability.svg"] = partial(reliability_svg, figures.soft)
    drawn: dict[str, str | None] = {"curve.svg": None, "matrix.svg": None, "reliability.svg": None}
    try:
        return drawn | {name: draw() for name, draw in wanted.items()}, ()
    except MissingExtraError as error:
        return drawn, (f"there are no plots: {error}",)


def _json(values: Mapping[str, object], indent: int) -> str:
    return json.dumps(values, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def report_values(report: Report) -> dict[str, object]:
    """What report.json holds: plain values, without NaN. Figures are as they were worked out, and not rounded."""
    figures = report.figures
    return {
        "benchmark": figures.benchmark,
        "metrics": _estimates(figures.metrics),
        "subsets": {name: _estimates(metrics) for name, metrics in figures.subsets.items()},
        "items": figures.items,
        "failures": dict(figures.failures),
        "forced": figures.forced,
        "position": dict(figures.position),
        "length": dict(figures.length),
        "bias": _estimates(figures.bias),
        "votes": figures.votes,
        "curve": [{"votes": votes, "metrics": _estimates(metrics)} for votes, metrics in figures.curve],
        "matrix": _matrix(figures.matrix),
        "calibration": _soft(report, figures.soft),
        "usage": dict(report.usage),
        "completion_tokens": dict(figures.completion_tokens),
        "seconds": round(report.seconds, 3),
        "judge": msgspec.to_builtins(report.judge),
        **({"rewards": msgspec.to_builtins(report.rewards)} if report.rewards else {}),
        "policy": {"ties": figures.policy.ties, "failures": figures.policy.failures, "note": figures.official_note},
        "orders": list(figures.orders),
        "seed": figures.seed,
        "confidence": figures.confidence,
        "resamples": figures.resamples,
        "data": msgspec.to_builtins(dict(report.data)),
        "settings": msgspec.to_builtins(dict(report.settings)),
        "command": report.command,
        "version": report.version,
    }


def rewardbench_values(report: Report) -> dict[str, object]:
    """RewardBench's own results file: the accuracy of each subset, by name."""
    subsets = {name: next(iter(metrics.values())).value for name, metrics in report.figures.subsets.items() if metrics}
    rewards = " + ".join(reward.model for reward in report.rewards)
    values = {
        "model": report.judge.model if report.judge else rewards or "recorded predictions",
        "model_type": "Seq. Classifier" if rewards else "Generative RM",
        "chat_template": None,
        **subsets,
    }
    return dict(sorted(values.items()))


def _estimates(metrics: Mapping[str, Estimate]) -> dict[str, dict[str, float]]:
    return {name: _estimate(estimate) for name, estimate in metrics.items()}


def _estimate(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _soft(report: Report, soft: Soft | None) -> dict[str, object] | None:
    if soft is None:
        return None
    return {
        **_line(report, soft),
        "samples": soft.samples,
        "pairs": soft.pairs,
        "before": msgspec.to_builtins(soft.before),
        "after": msgspec.to_builtins(soft.after),
        "accuracy": _estimates(soft.accuracy),
        "bins": msgspec.to_builtins(soft.bins),
        "bins_after": msgspec.to_builtins(soft.bins_after),
    }


def _line(report: Report, soft: Soft) -> dict[str, object]:
    """The calibration to use from now on: after the one, if any, by which the probabilities were read."""
    used = report.judge.settings.get("calibration") if report.judge else None
    return msgspec.to_builtins(soft.calibration.after(msgspec.convert(used or {}, Calibration)))  # type: ignore[no-any-return]


def _matrix(matrix: Matrix | None) -> dict[str, object] | None:
    if matrix is None:
        return None
    cells = [[None if cell is None else _estimate(cell) for cell in row] for row in matrix.cells]
    return {
        "kind": matrix.kind,
        "title": matrix.title,
        "rows_are": matrix.rows_are,
        "columns_are": matrix.columns_are,
        "rows": list(matrix.rows),
        "columns": list(matrix.columns),
        "counts": list(matrix.counts),
        "cells": cells,
    }
