"""What `rrm bench` prints: the figures of a report, in tables; and which benchmarks there are."""

from collections.abc import Iterator, Mapping
from typing import Any

import click
from rich.table import Table

from rrm.cli.output import Output
from rrm.cli.terminal import counted, printable

__all__ = ["show_benchmarks", "show_figures"]

_MOST_SUBSETS = 40


def show_benchmarks() -> None:
    """The benchmarks, each with where its rows come from, on stdout."""
    from rrm.benchmarks import BENCHMARKS

    for name, benchmark in BENCHMARKS.items():
        click.echo(f"{name:16} {benchmark.title}")
        click.echo(f"{'':16} rows: {benchmark.hub.repository if benchmark.hub else 'name its files with --data'}")
        if benchmark.subsets:
            click.echo(f"{'':16} subsets: {', '.join(benchmark.subsets)}")


def show_figures(report: Mapping[str, Any]) -> None:
    """The main figures of a report, and what was lost, on stdout."""
    counted_apart = {**report["failures"], "forced": report["forced"]}
    failures = ", ".join(f"{count} {name}" for name, count in counted_apart.items() if count)
    counts = f"{counted(report['items'], 'item')}, {counted(report['votes'], 'vote')}"
    table = Table("metric", "value", "95 % interval")
    for name, values in report["metrics"].items():
        table.add_row(name, *_estimate(values))
    with Output(None, "table", "-") as output:
        output.show(f"{report['benchmark']}: {counts}{f'; {failures}' if failures else ''}", table)
        if 1 < len(report["subsets"]) <= _MOST_SUBSETS:
            output.show(_subsets(report["subsets"]))
        output.show(*_asides(report))


def _subsets(subsets: Mapping[str, Any]) -> Table:
    table = Table("subset", "metric", "value", "95 % interval")
    for subset, metrics in subsets.items():
        for name, values in list(metrics.items())[:1]:
            table.add_row(printable(subset), name, *_estimate(values))
    return table


def _estimate(values: Mapping[str, float]) -> tuple[str, str]:
    return f"{values['value']:.4f}", f"{values['low']:.4f} to {values['high']:.4f}" if "low" in values else ""


def _asides(report: Mapping[str, Any]) -> Iterator[str]:
    position = report["position"]
    known = [f"{name} {position[name]:.4f}" for name in ("flip_rate", "first_preference") if position[name] is not None]
    if known:
        yield ", ".join(known)
    policy = report["policy"]
    yield f"ties: {policy['ties']}, failures: {policy['failures']}. Official: {policy['note']}"
