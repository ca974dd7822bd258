"""The pictures of a report, as SVG text: the figures over votes, and the matrix.

Equal figures are equal bytes under one version of matplotlib, whatever a user's matplotlib is set to: pictures are drawn
with matplotlib's own defaults, without pyplot and without a display. Colours are told apart by the colour-blind (Okabe
and Ito's, and the sequential "Blues"), and no colour says what a number beside it does not.
"""

import io
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rrm.benchmarks.bootstrap import Estimate
from rrm.benchmarks.figures import Figures
from rrm.benchmarks.matrix import Matrix
from rrm.benchmarks.soft import Soft
from rrm.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["curve_svg", "has_curve", "matrix_svg", "reliability_svg", "words"]

_BLUE, _VERMILLION, _GREY = "#0072B2", "#D55E00", "#595959"
_SETTINGS = {
    "svg.hashsalt": "rrm",
    "svg.fonttype": "path",  # the same letters wherever it is looked at
    "font.family": ["DejaVu Sans"],  # comes with matplotlib
    "font.size": 9.0,
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _GREY,
    "xtick.color": _GREY,
    "ytick.color": _GREY,
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
}
_MOST_COLUMNS = 3
_MOST_LABEL = 44
"""Characters of a label."""


def has_curve(figures: Figures) -> bool:
    """Whether there is more than one number of votes."""
    return len(figures.curve) > 1 and bool(figures.metrics)


def curve_svg(figures: Figures) -> str:
    """Every metric over the number of votes, with its confidence band, each in a panel of its own.

    The panels' scales have equal lengths, so that slopes can be compared. Raises MissingExtraError without matplotlib.
    """
    with _matplotlib():
        return _svg(_curve(figures))


def matrix_svg(matrix: Matrix) -> str:
    """The matrix, each cell with its figure and interval. Raises MissingExtraError without matplotlib."""
    with _matplotlib():
        return _svg(_heat_map(matrix))


def reliability_svg(soft: Soft) -> str:
    """How often the first response was better against how likely it was said to be. Raises MissingExtraError as above."""
    with _matplotlib():
        return _svg(_reliability(soft))


def words(name: str) -> str:
    """A figure's name as people write it."""
    return name.replace("_", " ")


@contextmanager
def _matplotlib() -> Iterator[None]:
    """The defaults of matplotlib and our own settings, for as long as a picture is drawn."""
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtraError("plots", "plots") from error
    with matplotlib.rc_context(), warnings.catch_warnings():
        # A letter that the font does not have is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        defaults = {key: value for key, value in matplotlib.rcParamsDefault.items() if key != "backend"}
        matplotlib.rcParams.update({**defaults, **_SETTINGS})
        yield


def _new_figure(width: float, height: float) -> "Figure":
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure


def _svg(figure: "Figure") -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _curve(figures: Figures) -> "Figure":
    names = list(figures.metrics)
    columns = min(len(names), _MOST_COLUMNS)
    rows = -(-len(names) // columns)
    figure = _new_figure(max(3.6, 2.6 * columns + 0.5), 2.1 * rows + 0.7)
    panels: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).flat)
    span = _span(figures)
    for panel, name in zip(panels, names, strict=False):
        points = [(votes, metrics[name]) for votes, metrics in figures.curve if name in metrics]
        _draw_metric(panel, name, points, span, is_main=name == names[0])
        panel.set_xticks([votes for votes, _ in figures.curve], [str(votes) for votes, _ in figures.curve])
    for panel in panels[len(names) :]:
        panel.set_visible(False)
    figure.suptitle(f"{figures.benchmark}: figures over votes", fontsize=11)
    figure.supxlabel(f"votes on each prompt (band: {figures.confidence:.0%} confidence)", fontsize=9)
    return figure


def _span(figures: Figures) -> float:
    """How long the scale of every panel is: as long as the one that needs most."""
    return (
        max(0.02, *(_high(figures, name) - _low(figures, name) for name in figures.metrics)) * 1.4
    )  # room for what is written above the bands


def _high(figures: Figures, name: str) -> float:
    return max(metrics[name].high for _, metrics in figures.curve if name in metrics)


def _low(figures: Figures, name: str) -> float:
    return min(metrics[name].low for _, metrics in figures.curve if name in metrics)


def _draw_metric(
    panel: "Axes", name: str, points: Sequence[tuple[int, Estimate]], span: float, *, is_main: bool
) -> None:
    votes = [count for count, _ in points]
    values = [estimate.value for _, estimate in points]
    lows, highs = [estimate.low for _, estimate in points], [estimate.high for _, estimate in points]
    color = _VERMILLION if is_main else _BLUE
    panel.set_xscale("log", base=2)
    panel.minorticks_off()
    panel.margins(x=0.12)
    panel.fill_between(votes, lows, highs, color=color, alpha=0.18, linewidth=0)
    panel.plot(votes, values, color=color, marker="o", markersize=4, linewidth=1.6, clip_on=False)
    middle = (min(lows) + max(highs)) / 2 + 0.05 * span
    bottom = middle - span / 2
    if min(lows) >= 0:
        bottom = max(bottom, 0)  # a share has no figure below
    panel.set_ylim(bottom, bottom + span)
    _keep_ticks(panel, most=1.0 if max(highs) <= 1 else math.inf)
    panel.grid(visible=True, axis="y", color="#E0E0E0", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.set_title(_short(words(name)), fontsize=9.5, fontweight="bold" if is_main else "normal")
    for index in sorted({0, len(points) - 1}):
        _label_point(panel, *points[index])


def _keep_ticks(panel: "Axes", most: float) -> None:
    """No tick where no figure can be, as above a share of 1."""
    bottom, top = panel.get_ylim()
    panel.set_yticks([tick for tick in panel.get_yticks() if bottom <= tick <= min(top, most)])


def _label_point(panel: "Axes", votes: int, estimate: Estimate) -> None:
    """The value, above the band."""
    where, apart = (votes, estimate.high), (0, 4)
    text = f"{estimate.value:.3f}"
    panel.annotate(text, where, apart, textcoords="offset points", ha="center", va="bottom", fontsize=8)


def _reliability(soft: Soft) -> "Figure":
    figure = _new_figure(4.4, 4.6)
    panel = figure.subplots()
    panel.plot([0, 1], [0, 1], color=_GREY, linewidth=0.8, linestyle="--")
    for name, bins, color, marker in (
        ("as read", soft.bins, _VERMILLION, "o"),
        ("calibrated", soft.bins_after, _BLUE, "s"),
    ):
        chances, shares = [one.probability for one in bins], [one.share for one in bins]
        panel.plot(
            chances, shares, color=color, marker=marker, markersize=4.5, linewidth=1.2, label=name, clip_on=False
        )
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 1)
    panel.set_aspect("equal")
    panel.set_xlabel("probability of the response shown first")
    panel.set_ylabel("how often it was the better one")
    panel.legend(frameon=False, loc="upper left")
    figure.suptitle("Probabilities against outcomes", fontsize=11)
    figure.supxlabel(f"{len(soft.bins)} bins of {soft.samples:,} samples", fontsize=8, color=_GREY)
    return figure


def _heat_map(matrix: Matrix) -> "Figure":
    import matplotlib

    rows, columns = len(matrix.rows), len(matrix.columns)
    labels = _row_labels(matrix)
    figure = _new_figure(1.05 * columns + 0.9 + 0.072 * max(map(len, labels)), 0.5 * rows + 1.5)
    panel = figure.subplots()
    colors = matplotlib.colormaps["Blues"]
    values = [[cell.value if cell else float("nan") for cell in row] for row in matrix.cells]
    # Not up to the darkest, on which nothing can be read.
    panel.pcolormesh(values, cmap=colors, vmin=0, vmax=1.15, edgecolors="white", linewidth=2)
    panel.set_xticks([index + 0.5 for index in range(columns)], [_short(words(one)) for one in matrix.columns])
    panel.set_yticks([index + 0.5 for index in range(rows)], labels)
    panel.invert_yaxis()
    panel.xaxis.tick_top()
    panel.xaxis.set_label_position("top")
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    panel.set_xlabel(matrix.columns_are, labelpad=8)
    panel.set_ylabel(matrix.rows_are, labelpad=8)
    figure.suptitle(matrix.title, fontsize=11)
    figure.supxlabel(matrix.note, fontsize=8, color=_GREY)
    for y, row in enumerate(matrix.cells):
        for x, cell in enumerate(row):
            _write_cell(panel, x + 0.5, y + 0.5, cell)
    return figure


def _row_labels(matrix: Matrix) -> list[str]:
    counts = [f" (n = {count:,})" for count in matrix.counts] or [""] * len(matrix.rows)
    return [f"{_short(row)}{count}" for row, count in zip(matrix.rows, counts, strict=True)]


def _write_cell(panel: "Axes", x: float, y: float, cell: Estimate | None) -> None:
    if cell is None or not cell.high:
        panel.text(x, y, "–" if cell is None else "0", ha="center", va="center", color=_GREY, fontsize=9)
        return
    color = "white" if cell.value > 0.62 else "black"
    panel.text(x, y - 0.15, f"{cell.value:.3f}", ha="center", va="center", color=color, fontsize=9)
    panel.text(x, y + 0.2, f"{cell.low:.3f} – {cell.high:.3f}", ha="center", va="center", color=color, fontsize=6.5)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _MOST_LABEL else f"{flat[: _MOST_LABEL - 1]}…"
