"""The tables of docs/ranking-study.md, and the bounds that the study is held to, made of its figures alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ranking_study_grid as grid
from ranking_study_recorded import COSTS, settled
from ranking_study_tokens import Tokens
from recorded_verdicts import SIZE
from report import Figure

from rrm.plans import named_plan, settle, strategy_name

__all__ = ["TABLES", "figures", "rewrite"]

Data = Mapping[str, Any]
Rows = Iterable[Sequence[str]]

_REFERENCE, _PERSISTENT = "position bias", "persistent errors"
_BEST = ("knockout", "sequential-halving", "top-two", "active-best", "auto-best")
_ORDER = ("knockout", "sequential-halving", "swiss", "round-robin", "active", "auto")
_TOKENS = (
    "knockout x1",
    "knockout x3",
    "knockout x5",
    "knockout x7 beta",
    "double-elimination x1",
    "sort x1",
    "elo x1",
    "swiss 80",
    "sequential-halving 48",
    "sequential-halving 80",
    "active-best 48",
    "active-best 80",
    "active 80",
)


def floors() -> Iterator[tuple[str, int, float, float]]:
    """Measure, calls, and what is asked for and aimed at; 16 responses, the judge with a position bias."""
    yield "top1", 48, 0.64, 0.68
    yield "top1", 80, 0.74, 0.78
    yield "tau", 80, 0.70, 0.74


def best(cells: Mapping[str, grid.Cell], measure: str, budget: int) -> tuple[str, grid.Cell]:
    """The strategy that is best by a measure with so many calls, and its cell."""
    found = {name: cells[grid.label(name, budget=budget)] for name in grid.BUDGETED}
    name = max(found, key=lambda name: found[name][measure][0])  # type: ignore[literal-required]
    return name, found[name]


def figures(data: Data) -> Iterator[Figure]:
    """What is asked of rrm's strategies; then what "auto-best" and "auto" gain on a knockout at equal calls."""
    reference = data["grid"].get(_REFERENCE, {}).get("16")
    if reference:
        for measure, budget, floor, aim in floors():
            name, cell = best(reference, measure, budget)
            value: Any = cell[measure]  # type: ignore[literal-required]
            said = f"N=16, {_MEASURES[measure]} at {budget} calls"
            yield Figure(said, f"{_sized(value)} {name}", f"aim: {aim:.2f}", value[0], floor)
    for judge, sizes in grid.played(data["grid"]):
        for size, cells in sizes.items():
            yield from _gains(judge, int(size), cells)


_MEASURES = {"top1": "top-1", "tau": "tau"}


def _gains(judge: str, size: int, cells: Mapping[str, grid.Cell]) -> Iterator[Figure]:
    """Gains in units of their errors. A floor is asked for before the judge with persistent errors."""
    floor = -1.0 if judge == _PERSISTENT else None
    for name, measure in (("auto-best", "top1"), ("auto", "tau"), ("auto", "top1")):
        for votes, budget in grid.equal_costs(size).items():
            gain, error = _gain(cells, name, size, budget, measure)
            said = f"{judge}, N={size}, {name} {budget}, {_MEASURES[measure]}"
            errors = gain / error if error else 0.0
            asked = floor if (name, measure) != ("auto", "top1") else None
            yield Figure(said, f"{gain:+.3f} ± {error:.3f}", f"knockout x{votes}", errors, asked)


def _gain(cells: Mapping[str, grid.Cell], name: str, size: int, budget: int, measure: str) -> tuple[float, float]:
    """On a knockout of as many calls."""
    gain, error = grid.lookup(cells, name, size, budget)[1]["gain"][str(budget // (size - 1))][measure]
    return gain, error


def _trials(data: Data) -> Rows:
    yield "judge", *(f"N = {size}" for size in grid.SIZES)
    for judge, sizes in grid.played(data["trials"]):
        yield judge, *(f"{sizes[str(size)]:,}" if str(size) in sizes else "" for size in grid.SIZES)


def _reference(data: Data) -> Rows:
    yield "strategy", "calls", "rounds", "top-1", "regret", "tau"
    cells, prompts = data["grid"][_REFERENCE]["16"], data["prompts"]
    for name, cell in sorted(cells.items(), key=lambda item: (item[0].split()[0], item[1]["calls"][0])):
        measures = (_sized(cell[measure]) for measure in ("top1", "regret", "tau"))
        yield f"`{name}`", f"{cell['calls'][0]:.1f}", f"{prompts[name]['rounds']:.0f}", *measures


def _equal(data: Data, measure: str, names: Sequence[str]) -> Rows:
    """Strategies at the calls of knockouts with 1, 3 and 5 votes."""
    yield "judge", "N", "calls", *(f"`{name}`" for name in names), f"`{names[-1]}` less knockout"
    for judge, sizes in grid.played(data["grid"]):
        for size in map(str, grid.SIZES):
            if size in sizes:
                for votes, budget in grid.equal_costs(int(size)).items():
                    values = [_at(sizes[size], name, int(size), budget, votes)[measure][0] for name in names]  # type: ignore[literal-required]
                    gain, error = _gain(sizes[size], names[-1], int(size), budget, measure)
                    shown = [f"{value:.3f}" for value in values]
                    yield judge, size, str(budget), *_marked(values, shown), f"{gain:+.3f} ± {error:.3f}"


def _at(cells: Mapping[str, grid.Cell], name: str, size: int, budget: int, votes: int) -> grid.Cell:
    if name == "knockout":
        return cells[grid.label(name, votes=votes)]
    return grid.lookup(cells, name, size, budget)[1]


def _marked(values: Sequence[float], shown: Sequence[str]) -> Iterator[str]:
    """The greatest in bold."""
    return (f"**{text}**" if value == max(values) else text for value, text in zip(values, shown, strict=True))


def _choices(data: Data) -> Rows:
    """What the strategies that choose choose, by budget."""
    named = tuple(grid.budgets(2))
    yield "strategy", "N", *named, "no budget"
    for strategy in grid.AUTOS:
        for size in grid.SIZES:
            costs = [*grid.budgets(size).values(), None]
            chosen = (strategy_name(settle(named_plan(strategy), size, cost)) for cost in costs)
            yield f"`{strategy}`", str(size), *chosen


def _stops(data: Data) -> Rows:
    heard = [(votes, "none") for votes in grid.VOTES] + [(3, "majority"), (5, "majority"), (7, "majority"), (7, "beta")]
    judges = dict(grid.played(data["grid"]))
    yield "votes", "stop", *(f"{judge}: {what}" for judge in judges for what in ("calls", "top-1"))
    for votes, stop in heard:
        cells = [sizes["16"][grid.label("knockout", votes=votes, stop=stop)] for sizes in judges.values()]
        shown = (text for cell in cells for text in (f"{cell['calls'][0]:.1f}", _sized(cell["top1"])))
        yield str(votes), stop, *shown


def _bounds(data: Data) -> Rows:
    yield "judge", "N", "calls", "knockout", "best of rrm's", "nobody above", "share of the way"
    for judge, limits in grid.played(data["genie"]):
        for size in grid.SIZES:
            for calls in (3 * size, 5 * size):
                cells = data["grid"].get(judge, {}).get(str(size))
                if cells and f"{size} {calls}" in limits:
                    yield judge, str(size), str(calls), *_way(cells, size, calls, limits[f"{size} {calls}"])


def _way(cells: Mapping[str, grid.Cell], size: int, calls: int, limit: float) -> Iterator[str]:
    votes = max(votes for votes, cost in grid.equal_costs(size).items() if cost <= calls)
    knockout = cells[grid.label("knockout", votes=votes)]["top1"]
    name, cell = best(cells, "top1", calls)
    yield f"{_sized(knockout)} (x{votes})"
    yield f"{_sized(cell['top1'])} (`{name}`)"
    yield f"{limit:.3f}"
    yield f"{100 * (cell['top1'][0] - knockout[0]) / (limit - knockout[0]):.0f} %"


def _readings(data: Data) -> Rows:
    yield "votes of", "found in these trials", "chance of its pick", "chance of the best pick"
    for name, found in data["readings"].items():
        yield f"`{name}`", *(_sized(found[key]) for key in ("found", "own_reading", "best_reading"))


def _tokens(data: Data) -> Rows:
    tokens = Tokens(**data["tokens"])
    yield "strategy", "top-1", "calls", "ordered pairs", "shown first", "prompt computed", "verdicts", "tokens"
    for name in _TOKENS:
        cell, prompts = data["grid"][_REFERENCE]["16"][name], data["prompts"][name]
        calls = cell["calls"][0]
        shown = (f"{calls:.1f}", f"{prompts['pairs']:.1f}", f"{prompts['firsts']:.1f}")
        amounts = (tokens.computed(prompts), calls * tokens.completion, tokens.total(calls, prompts))
        yield f"`{name}`", _sized(cell["top1"]), *shown, *(f"{amount:,.0f}" for amount in amounts)


def _recorded(data: Data) -> Rows:
    mixes = data["recorded"]
    yield "picked by", "calls", *(f"{mix}" for mix in mixes)
    tables = {mix: {**cells, **settled(cells)} for mix, cells in mixes.items()}
    for name in next(iter(tables.values())):
        cells = [table[name] for table in tables.values()]
        yield f"`{name}`" if " of " not in name else name, f"{cells[0]['calls']:.0f}", *map(_right, cells)


def _right(cell: Mapping[str, Any]) -> str:
    right, error = cell["right"]
    return f"{100 * right:.1f} ± {100 * error:.1f}"


def _repeated(data: Data) -> Rows:
    """Share of the calls of which a pair had none left to give."""
    names = ("sequential-halving", "top-two", "active-best", "active", "swiss")
    yield "calls", *(f"`{name}`" for name in names)
    for cost in COSTS:
        budget = cost * (SIZE - 1)
        cells = [[table[grid.label(name, budget=budget)] for table in data["recorded"].values()] for name in names]
        shares = [sum(cell["repeated"] for cell in some) / len(some) for some in cells]
        yield str(budget), *(f"{100 * share:.0f} %" for share in shares)


def _sized(value: Sequence[float]) -> str:
    mean, error = value
    return f"{mean:.3f} ± {error:.3f}"


TABLES = {
    "trials": _trials,
    "reference": _reference,
    "equal-calls-best": lambda data: _equal(data, "top1", _BEST),
    "equal-calls-order": lambda data: _equal(data, "tau", _ORDER),
    "choices": _choices,
    "stops": _stops,
    "bounds": _bounds,
    "readings": _readings,
    "tokens": _tokens,
    "recorded": _recorded,
    "repeated": _repeated,
}
"""By the name that stands in the page."""


def rewrite(page: Path, data: Data) -> list[str]:
    """Write the tables between the page's markers; returns the names of those that the data has nothing for.

    Raises ValueError where a marker is not closed.
    """
    text, left_out = page.read_text("utf-8"), []
    for name, table in TABLES.items():
        begin, end = f"<!-- table: {name} -->\n", f"<!-- end: {name} -->"
        if begin not in text:
            continue
        before, _, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not closed:
            raise ValueError(f"{page}: the table {name} has no {end}")
        try:
            text = before + begin + markdown(table(data)) + end + after
        except KeyError:
            left_out.append(name)
    page.write_text(text, "utf-8")
    return left_out


def markdown(rows: Rows) -> str:
    """A table in Markdown; the first row is its head."""
    head, *body = rows
    lines = (f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body))
    return "\n".join(lines) + "\n"
