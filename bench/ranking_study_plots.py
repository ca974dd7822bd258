"""The pictures of docs/ranking-study.md, made of the study's figures alone. Needs matplotlib (the extra `plots`)."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ranking_study_grid as grid
from ranking_study_recorded import COSTS
from ranking_study_tokens import Tokens
from recorded_verdicts import SIZE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

Data = Mapping[str, Any]
Points = Sequence[tuple[float, float, float]]
"""Calls or tokens, mean, standard error."""

_STYLES = {
    "knockout": ("#000000", "o", "-"),
    "knockout, full vote": ("#000000", "o", "-"),
    "knockout, majority stop": ("#009E73", "v", "-"),
    "knockout, beta stop": ("#D55E00", "^", "-"),
    "sequential-halving": ("#0072B2", "s", "-"),
    "active-best": ("#D55E00", "^", "-"),
    "top-two": ("#CC79A7", "D", "-"),
    "active": ("#009E73", "v", "-"),
    "swiss": ("#E69F00", "P", "-"),
    "round-robin": ("#56B4E9", "X", "-"),
    "sort": ("#7F7F7F", "p", "-"),
    "double-elimination": ("#882255", "*", "-"),
    "mean verdict": ("#7F7F7F", "o", "--"),
}
"""Colour (Okabe and Ito's, which the colour-blind can tell apart), marker and line."""

_BEST = ("knockout", "double-elimination", "swiss", "sequential-halving", "top-two", "active-best")
_ORDER = ("knockout", "sort", "swiss", "round-robin", "active-best", "active")
_FEW = ("knockout", "swiss", "sequential-halving", "active-best", "active")
_LABELS = {"top1": "best found (share of trials)", "tau": "Kendall's tau of the order"}
_PLOTTED = ("N-1", "2N", "3N", "5N")
_MOST_CALLS = 5.2
"""For each response."""


def draw(data: Data, folder: Path) -> list[Path]:
    """All pictures that the data has figures for; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, (made, has_figures) in _PICTURES.items():
        if has_figures(data):
            with _matplotlib():
                figure = made(data)
                figure.savefig(folder / f"{name}.png", dpi=96, pil_kwargs={"optimize": True})
            drawn.append(folder / f"{name}.png")
    return drawn


@contextmanager
def _matplotlib() -> Iterator[None]:
    """The defaults of matplotlib and our own settings, whatever a user's are."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        defaults = {key: value for key, value in matplotlib.rcParamsDefault.items() if key != "backend"}
        matplotlib.rcParams.update({**defaults, "font.size": 9.0, "axes.spines.top": False, "axes.spines.right": False})
        yield


def _panels(rows: int, columns: int, height: float, *, share: str = "row") -> "tuple[Figure, Sequence[Sequence[Axes]]]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, sharey=share)


def _line(panel: "Axes", name: str, points: Points, *, is_joined: bool = True) -> None:
    color, marker, style = _STYLES[name]
    where, means, errors = zip(*points, strict=True)
    panel.errorbar(
        where,
        means,
        yerr=errors,
        label=name,
        color=color,
        marker=marker,
        linestyle=style if is_joined else "none",
        markersize=4.5,
        linewidth=1.5,
        elinewidth=0.9,
    )


def _dressed(panel: "Axes", title: str, below: str = "calls") -> None:
    panel.set_title(title, fontsize=9.5)
    panel.set_xlabel(below)
    panel.set_xlim(left=0)
    panel.grid(visible=True, color="#E4E4E4", linewidth=0.6)
    panel.set_axisbelow(True)


def _named(figure: "Figure", panels: Sequence[Sequence["Axes"]], columns: int) -> None:
    """One legend for all panels, below them."""
    found = {}
    for panel in (panel for row in panels for panel in row):
        found |= {name: handle for handle, name in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=columns, frameon=False)


def labels(cells: Mapping[str, grid.Cell], name: str, size: int) -> list[str]:
    """A strategy's cells, from few calls to many; those with more calls than others have are left out."""
    if name in grid.BUDGETED:
        return [grid.label(name, budget=grid.budgets(size)[named]) for named in _PLOTTED]
    found = [grid.label(name, votes=votes) for votes in grid.VOTES]
    return [label for label in found if cells[label]["calls"][0] <= _MOST_CALLS * size]


def points(cells: Mapping[str, Any], name: str, size: int, measure: str) -> Points:
    """A strategy's, against calls."""
    return [(cells[label]["calls"][0], *cells[label][measure]) for label in labels(cells, name, size)]


def _by_judge(data: Data, names: Sequence[str], measure: str) -> "Figure":
    judges = [judge for judge, sizes in grid.played(data["grid"]) if "16" in sizes]
    figure, panels = _panels(1, len(judges), 3.9)
    for panel, judge in zip(panels[0], judges, strict=True):
        for name in names:
            _line(panel, name, points(data["grid"][judge]["16"], name, 16, measure))
        limits = [
            (int(key.split()[1]), limit) for key, limit in data["genie"].get(judge, {}).items() if key[:3] == "16 "
        ]
        if measure == "top1" and limits:
            panel.plot(*zip(*limits, strict=True), color="#7F7F7F", linestyle=":", label="nobody above", linewidth=1.5)
        _dressed(panel, f"judge: {judge}")
    panels[0][0].set_ylabel(_LABELS[measure])
    _named(figure, panels, 4)
    return figure


def _sizes(data: Data) -> "Figure":
    cells = data["grid"]["position bias"]
    sizes = [size for size in ("4", "8", "32") if size in cells]
    figure, panels = _panels(2, len(sizes), 5.8)
    for row, measure in zip(panels, _LABELS, strict=True):
        for panel, size in zip(row, sizes, strict=True):
            for name in _FEW:
                _line(panel, name, points(cells[size], name, int(size), measure))
            _dressed(panel, f"{size} responses")
        row[0].set_ylabel(_LABELS[measure])
    _named(figure, panels, 5)
    return figure


_STOPS = {
    "knockout, full vote": ((1, "none"), (3, "none"), (5, "none")),
    "knockout, majority stop": ((1, "none"), (3, "majority"), (5, "majority"), (7, "majority")),
    "knockout, beta stop": ((7, "beta"),),
}


def _stops(data: Data) -> "Figure":
    judges = [judge for judge, sizes in grid.played(data["grid"]) if "16" in sizes]
    figure, panels = _panels(1, len(judges), 3.7)
    for panel, judge in zip(panels[0], judges, strict=True):
        cells = data["grid"][judge]["16"]
        for name, heard in _STOPS.items():
            chosen = [cells[grid.label("knockout", votes=votes, stop=stop)] for votes, stop in heard]
            _line(panel, name, [(cell["calls"][0], *cell["top1"]) for cell in chosen])
        _line(panel, "sequential-halving", points(cells, "sequential-halving", 16, "top1"))
        _dressed(panel, f"judge: {judge}")
    panels[0][0].set_ylabel(_LABELS["top1"])
    _named(figure, panels, 4)
    return figure


def _tokens(data: Data) -> "Figure":
    figure, panels = _panels(1, 2, 3.9, share="none")
    for panel, (measure, names) in zip(panels[0], (("top1", _BEST), ("tau", _ORDER)), strict=True):
        for name in names:
            _line(panel, name, _token_points(data, name, measure))
        _dressed(panel, "16 responses, judge: position bias", "thousands of tokens (prompt computed, and verdicts)")
        panel.set_ylabel(_LABELS[measure])
    _named(figure, panels, 5)
    return figure


def _token_points(data: Data, name: str, measure: str) -> Points:
    tokens, cells = Tokens(**data["tokens"]), data["grid"]["position bias"]["16"]
    found = []
    for label in labels(cells, name, 16):
        spent = tokens.total(cells[label]["calls"][0], data["prompts"][label])
        found.append((spent / 1000, *cells[label][measure]))
    return found


def _recorded(data: Data) -> "Figure":
    mixes = data["recorded"]
    figure, panels = _panels(1, len(mixes), 3.9)
    names = ("knockout", "swiss", "sequential-halving", "top-two", "active-best")
    for panel, (mix, cells) in zip(panels[0], mixes.items(), strict=True):
        for name in names:
            _line(panel, name, [_percent(cells[_recorded_label(name, cost)]) for cost in COSTS])
        _line(panel, "mean verdict", [_percent(cells[f"mean of {cost}"]) for cost in COSTS])
        _dressed(panel, f"{mix} of 16" if "right" in mix else mix)
    panels[0][0].set_ylabel("right picks, %")
    _named(figure, panels, 3)
    return figure


def _recorded_label(name: str, cost: int) -> str:
    return grid.label(name, votes=cost) if name == "knockout" else grid.label(name, budget=cost * (SIZE - 1))


def _percent(cell: Mapping[str, Any]) -> tuple[float, float, float]:
    right, error = cell["right"]
    return cell["calls"], 100 * right, 100 * error


def _has_16(data: Data) -> bool:
    return any("16" in sizes for sizes in data["grid"].values())


_PICTURES: "Mapping[str, tuple[Callable[[Data], Figure], Callable[[Data], bool]]]" = {
    "best-16": (lambda data: _by_judge(data, _BEST, "top1"), _has_16),
    "order-16": (lambda data: _by_judge(data, _ORDER, "tau"), _has_16),
    "sizes": (_sizes, lambda data: bool({"4", "8", "32"} & data["grid"].get("position bias", {}).keys())),
    "stops": (_stops, _has_16),
    "tokens": (_tokens, lambda data: "prompts" in data and "16" in data["grid"].get("position bias", {})),
    "recorded": (_recorded, lambda data: "recorded" in data),
}
"""How each is made, and whether there are figures for it."""
