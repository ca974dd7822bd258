"""The picture of a simulation: how often the best was found, and how right the order is, against the calls.

A line for each strategy, whatever its votes or budgets were; where one that takes a budget was run with several numbers of
votes, a line for each of them. Lines are told apart by colour, marker and their names; bars are standard errors.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rrm.errors import InputError, MissingExtraError
from rrm.simulation.measures import Simulated
from rrm.simulation.trial import takes_budget

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SUFFIXES", "check_plot", "save_plot"]

SUFFIXES = (".pdf", ".png", ".svg")
"""What kinds of files can be drawn."""

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's, which the colour-blind can tell apart."""

_MARKERS = ("o", "s", "^", "D", "v")
_PANELS = {"top1": "share of trials with the best first", "tau": "Kendall's tau of the order"}
_SETTINGS = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib
    "font.size": 9.0,
    "svg.hashsalt": "rrm",
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def check_plot(path: Path) -> None:
    """Whether a picture can be made there. Raises InputError, and MissingExtraError without matplotlib."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"the plot {path} must end in one of {', '.join(SUFFIXES)}, which says what kind of file it is"
        )
    if not path.parent.is_dir():
        raise InputError(f"the plot {path} can't be written: there is no folder {path.parent}")
    with _matplotlib():
        pass


def save_plot(results: Sequence[Simulated], path: Path, title: str) -> None:
    """Draw what the arms came to. Raises as `check_plot`, and InputError where the file can't be written."""
    check_plot(path)
    with _matplotlib():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9.5, 4.6), layout="constrained")
        panels: Sequence[Axes] = figure.subplots(1, len(_PANELS))
        for panel, (measure, label) in zip(panels, _PANELS.items(), strict=True):
            _draw(panel, results, measure, label)
        figure.suptitle(title, fontsize=10)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", frameon=False)
        try:
            figure.savefig(path, dpi=150, metadata=_undated(path))
        except OSError as error:
            raise InputError(f"the plot {path} can't be written: {error.strerror or error}") from error


def _undated(path: Path) -> dict[str, None]:
    """What keeps the time out of the file, so that equal figures are equal files."""
    return {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower(), {})


@contextmanager
def _matplotlib() -> Iterator[None]:
    """The defaults of matplotlib and our own settings, whatever a user's are."""
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtraError("a plot", "plots") from error
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        defaults = {key: value for key, value in matplotlib.rcParamsDefault.items() if key != "backend"}
        matplotlib.rcParams.update({**defaults, **_SETTINGS})
        yield


def _draw(panel: "Axes", results: Sequence[Simulated], measure: str, label: str) -> None:
    for number, (name, points) in enumerate(_lines(results).items()):
        values = [getattr(point, measure) for point in points]
        panel.errorbar(
            [point.calls.mean for point in points],
            [value.mean for value in values],
            yerr=[value.error for value in values],
            label=name,
            color=_COLORS[number % len(_COLORS)],
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=4,
            linewidth=1.4,
            elinewidth=1.0,
        )
    if all(result.calls.mean > 0 for result in results):
        panel.set_xscale("log", base=2)
        panel.xaxis.set_major_formatter("{x:g}")
    panel.set_xlabel("calls (mean)")
    panel.set_title(label, fontsize=9.5)
    panel.grid(visible=True, color="#E0E0E0", linewidth=0.6)
    panel.set_axisbelow(True)


def _lines(results: Sequence[Simulated]) -> dict[str, list[Simulated]]:
    """The points of each line, by its name, from few calls to many."""
    several = len({result.arm.votes for result in results}) > 1
    lines: dict[str, list[Simulated]] = {}
    for result in sorted(results, key=lambda result: result.calls.mean):
        arm = result.arm
        name = f"{arm.name}, votes {arm.votes}" if several and takes_budget(arm.strategy) else arm.name
        lines.setdefault(name, []).append(result)
    return dict(sorted(lines.items()))
