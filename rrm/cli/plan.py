"""`rrm plan`: what ranking the rows of a file would cost, by strategy, before it is paid."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import click

from rrm.cli.options import Settings, judge_options, output_options
from rrm.cli.output import Output
from rrm.cli.row_job import need, query_of, row_contest
from rrm.cli.terminal import counted, printable, spending
from rrm.contests import check_at_least
from rrm.engines.base import EngineInfo
from rrm.errors import InputError, RRMError
from rrm.plans import STRATEGY_NAMES, named_plan, plan_for, takes_budget
from rrm.rows import BadRow, Row, Source, open_source
from rrm.settings import JudgeSettings
from rrm.types import Contest, json_line

if TYPE_CHECKING:
    from rrm.jobs.plan_report import Basis, Given
    from rrm.jobs.probe import Probe
    from rrm.judging.asking import Rules
    from rrm.judging.prompts import Prompt
    from rrm.plans import Plan

__all__ = ["plan"]

_GIVEN: Mapping[str, str] = {
    "agreement": "agreement",
    "chars_per_token": "characters_per_token",
    "completion_tokens": "completion_tokens",
    "tokens_per_second": "tokens_per_second",
    "prompt_tokens_per_second": "prompt_tokens_per_second",
}
"""Options, and what they are called where they are reckoned with."""

_TYPES: Mapping[str, str] = {
    **dict.fromkeys(_GIVEN, "a number"),
    "strategy": "a text or a list of texts",
    "probe": "a whole number",
}


@click.command(short_help="What ranking the rows of FILE would cost.")
@click.argument("file")
@click.option(
    "--strategy",
    multiple=True,
    metavar="NAME",
    help=f"Reckon with this one: {', '.join(STRATEGY_NAMES)}. Repeat it for several. "
    "Default: all that fit the prompt's kind (and take the --budget).",
)
@click.option("--agreement", type=float, help="Probability that a vote agrees with the majority. Default: 0.8.")
@click.option("--chars-per-token", type=float, help="Characters a token of the prompts. Default: 4, a rule of thumb.")
@click.option("--completion-tokens", type=float, help="Tokens that a sample has on average.")
@click.option("--tokens-per-second", type=float, help="Tokens that the engine generates, over all samples at once.")
@click.option("--prompt-tokens-per-second", type=float, help="Prompt tokens that the engine computes besides.")
@click.option("--probe", type=int, metavar="ROWS", help="Judge a few pairs of so many rows, and measure. Default: 0.")
@judge_options
@output_options
def plan(file: str, **flags: object) -> None:
    """Say what `rrm rank` would ask for over the rows of FILE ("-": stdin): matches, samples, tokens and time.

    Takes the rows and options of `rrm rank`, and asks the judge nothing, unless --probe says of how many rows, spread over
    the file, a few pairs are to be judged. With --ledger, the run does not pay for them again. What neither a
    probe nor an option tells is not made up: without a speed, no time is said.

    Exit codes: 0 done; 2 bad input or usage, or no row that can be ranked; 3 the judge can't be reached or loaded.
    """
    from rrm.jobs.forecast import forecast
    from rrm.jobs.plan_report import report_of

    settings = Settings(flags, extra=("strategy", "probe", *_GIVEN), types=_TYPES)
    output = Output(settings.get("output"), settings.format, file)
    basis, plans = _basis(file, settings)
    forecasts = [forecast(basis.workload, each, basis.rules, basis.rates) for each in plans]
    report = report_of(basis, forecasts)
    with output:
        if output.is_json:
            output.line(json_line(report))
        else:
            output.show(*_lines(report, basis.found))


def _basis(file: str, settings: Settings) -> "tuple[Basis, Sequence[Plan]]":
    """What there is to reckon with. Raises InputError for what `rrm rank` would refuse."""
    from rrm.jobs.plan_report import Basis, rates_of
    from rrm.jobs.workload import Workload

    given, rows = _given(settings), settings.get("probe", 0)
    check_at_least("probe", rows, 0)
    with settings.judge() as judge:
        prompt = judge.prompt
    plans = _plans(settings, prompt)
    chosen = _judge_settings(settings)
    rules = _rules(chosen, settings, prompt)
    workload = Workload(prompt, rules.cleaner, strip_reasoning=chosen.strip_reasoning, kept=rows)
    source = open_source(file)
    workload.count(_contests(source))
    if not workload.rows:
        why = f"none of its {counted(workload.broken, 'row')} can be ranked, the first because {workload.first_error}"
        raise InputError(f"{source.name}: {why if workload.broken else 'it has no rows'}")
    found = _probe(workload.sample(rows), settings) if rows else None
    if found is not None:
        rules = replace(rules, sampling=found.sampling)
    rates, sources = rates_of(given, found)
    return Basis(workload, rules, chosen.votes, rates, sources, found), plans


def _given(settings: Settings) -> "Given":
    from rrm.jobs.plan_report import Given

    return Given(**{name: settings.get(option) for option, name in _GIVEN.items()})


def _plans(settings: Settings, prompt: "Prompt") -> "Sequence[Plan]":
    """Those that are named; else all that fit the prompt's kind and the budget.

    Beside one that takes the budget, those that take none are there to compare with, at their own cost.
    """
    budget = settings.get("budget")
    if named := settings.texts("strategy"):
        taking = [name for name in named if takes_budget(named_plan(name))]
        return [plan_for(name, prompt, budget if name in taking or not taking else None) for name in named]
    fitting = []
    for name in STRATEGY_NAMES:
        try:
            fitting.append(plan_for(name, prompt, budget))
        except InputError:
            continue
    return fitting or [plan_for(None, prompt, budget)]


def _judge_settings(settings: Settings) -> JudgeSettings:
    known = {field.name for field in fields(JudgeSettings)}
    return JudgeSettings(**{name: value for name, value in settings.judge_arguments.items() if name in known})


def _rules(chosen: JudgeSettings, settings: Settings, prompt: "Prompt") -> "Rules":
    """How matches are judged, as far as that is known before the engine is."""
    is_embedded = settings.get("model") == "embedded"
    return chosen.rules(prompt, EngineInfo("", "", 1), is_embedded=is_embedded)


def _contests(source: Source) -> Iterator[Contest | RRMError]:
    for row in source.rows():
        try:
            yield _contest(row)
        except InputError as error:
            yield InputError(f"row {row.number}: {error}")


def _contest(row: Row | BadRow) -> Contest:
    if isinstance(row, BadRow):
        raise InputError(row.error)
    contest = row_contest(row.values, query_of(row.values), need(row.values, "responses"))
    return Contest(contest.query, contest.responses, contest.reference, row.number)


def _probe(contests: Sequence[Contest], settings: Settings) -> "Probe":
    from rrm.jobs.probe import probe

    arguments: dict[str, Any] = {**settings.judge_arguments, "ledger": settings.ledger}
    return probe(contests, arguments, progress=not settings.get("quiet"))


def _lines(report: Mapping[str, Any], found: "Probe | None") -> Iterator[str]:
    sizes = report["distinct_responses"]
    yield f"{counted(report['rows'], 'row')}; distinct responses: {_histogram(sizes)}"
    if report["broken"]:
        yield f"{counted(report['broken'], 'row')} can't be ranked, the first because {printable(report['first_error'])}"
    lengths = {name: f"{tokens:,}" for name, tokens in report["tokens_of_a_prompt"].items()}
    yield (
        f"a prompt: {lengths['mean']} tokens on average, 95 % up to {lengths['p95']}, the longest {lengths['longest']}; "
        f"a sample: at most {report['most_tokens_of_a_sample']:,}"
    )
    yield f"votes: {report['votes']}, stop: {report['stop']}; " + _rates(report["rates"])
    if found is not None:
        yield f"the probe of {counted(found.rows, 'row')}: {spending(found.made, found.reused)}"
    yield ""
    yield from _table(report["strategies"])
    yield ""
    yield from (f"note: {note}" for note in report["notes"])


_MOST_SIZES = 6


def _histogram(sizes: Mapping[str, int]) -> str:
    common = sorted(sizes.items(), key=lambda size: -size[1])
    shown = [f"{players} ({counted(rows, 'row')})" for players, rows in common[:_MOST_SIZES]]
    others = sum(rows for _, rows in common[_MOST_SIZES:])
    return ", ".join([*shown, f"others ({counted(others, 'row')})"] if others else shown)


_SAID = {
    "agreement": "agreement of votes {} ({})",
    "lost": "lost {} ({})",
    "characters_per_token": "{} characters a token ({})",
    "completion_tokens": "{} tokens a sample ({})",
    "tokens_per_second": "{} tokens/s ({})",
    "prompt_tokens_per_second": "{} prompt tokens/s ({})",
}


def _rates(rates: Mapping[str, Mapping[str, Any]]) -> str:
    said = [(text, rates[name]) for name, text in _SAID.items() if name in rates]
    return ", ".join(text.format(f"{rate['value']:,g}", rate["source"]) for text, rate in said)


_HEADS = (
    ("", "", "", "at", "prompt", "cached", "generated", "at", ""),
    ("strategy", "matches", "samples", "most", "tokens", "at best", "tokens", "most", "time"),
)


def _table(strategies: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Lines and not a table of cells, which a narrow terminal would cut."""
    rows = [*_HEADS, *(_cells(strategy) for strategy in strategies)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *numbers in rows:
        cells = (number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True))
        yield "  ".join((name.ljust(widths[0]), *cells)).rstrip()


def _cells(strategy: Mapping[str, Any]) -> tuple[str, ...]:
    samples, prompts, generated = (strategy[name] for name in ("samples", "prompt_tokens", "completion_tokens"))
    counts = (
        strategy["matches"]["expected"],
        samples["expected"],
        samples["most"],
        prompts["expected"],
        prompts["cached_at_best"],
        generated["expected"],
        generated["most"],
    )
    return (strategy["strategy"], *map(_brief, counts), _duration(strategy["seconds"]))


def _brief(count: int | None) -> str:
    """A count, exact below a million, then to three digits; "?" where it is not known."""
    if count is None:
        return "?"
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return f"{count:,}"


def _duration(seconds: int | None) -> str:
    if seconds is None:
        return "?"
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours:
        return f"{hours:,} h {minutes:02} min"
    return f"{minutes} min" if minutes else f"{seconds} s"
