"""`rrm simulate`: what strategies find out for how many calls, before a judge whose mind is known; no model is asked."""

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rrm.cli.output import Output
from rrm.errors import InputError, UnknownNameError
from rrm.judging.voting import ORDERS, STOPS
from rrm.plans import LISTWISE, POINTWISE, STRATEGY_NAMES
from rrm.settings import AUTO_VOTES
from rrm.tournaments import STRATEGIES

if TYPE_CHECKING:
    from rrm.simulation import Arm, Estimate, Simulated, SimulatedJudge

__all__ = ["simulate"]

_ALL = "all"
_NAMES = tuple(name for name in STRATEGY_NAMES if name not in (POINTWISE, LISTWISE))
_FORMATS = ("table", "json")
_JUDGE = ("spread", "bias", "lapse", "pair_error", "ties", "correct", "accuracy")
_HEARD = ("order", "stop", "threshold", "resamples")
_MEASURES = ("calls", "matches", "top1", "regret", "tau", "level", "sure_and_right", "position_bias")


@click.command(short_help="Try strategies on a simulated judge, without a model.")
@click.option("--responses", type=int, default=16, show_default=True, help="How many are ranked in each trial.")
@click.option(
    "--strategy",
    multiple=True,
    metavar="|".join((_ALL, *_NAMES)),
    help="Who plays whom. Repeat it for several. Default: knockout.",
)
@click.option(
    "--budget", metavar="CALLS[,CALLS...]", help="Calls a trial may cost, for strategies that take any number."
)
@click.option("--votes", default="1", show_default=True, metavar="K[,K...]", help="Votes per match; or auto.")
@click.option("--order", metavar="|".join(ORDERS), default="balanced", show_default=True, help="Which is shown first.")
@click.option("--stop", metavar="|".join(STOPS), default="majority", show_default=True, help="When votes are enough.")
@click.option("--threshold", type=float, default=0.9, show_default=True, help="How sure --stop beta must be.")
@click.option("--resamples", type=int, default=2, show_default=True, help="How often an even split is asked again.")
@click.option("--trials", type=int, default=2000, show_default=True, help="The same for all strategies.")
@click.option("--spread", type=float, default=1.5, show_default=True, help="Standard deviation of skills, in logits.")
@click.option("--bias", type=float, default=0.6, show_default=True, help="Of the judge for the first shown, in logits.")
@click.option("--lapse", type=float, default=0.05, show_default=True, help="Share of votes that are blind.")
@click.option(
    "--pair-error",
    type=float,
    default=0.0,
    show_default=True,
    help="Standard deviation, in logits, of what the judge gets wrong about a pair in all its votes.",
)
@click.option("--ties", type=float, default=0.0, show_default=True, help="Share of votes that are ties.")
@click.option(
    "--correct",
    type=float,
    metavar="SHARE",
    help="Responses are right or wrong, so many of them right; then --spread means nothing.",
)
@click.option(
    "--accuracy",
    type=float,
    default=0.8,
    show_default=True,
    help="With --correct: share of right votes between a right and a wrong one, before bias and lapses.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Everything random derives from it.")
@click.option("--workers", type=int, help="Processes; the results are the same. Default: one for each processor.")
@click.option("--format", "output_format", metavar="table|json", help="Default: table; json where --output is given.")
@click.option("--output", type=click.Path(), help="Write to this file instead of stdout.")
@click.option("--plot", type=click.Path(), metavar="FILE.png", help="Also draw top-1 and tau against calls there.")
@click.option("--quiet", is_flag=True, help="No progress bar on stderr.")
def simulate(**flags: Any) -> None:
    """Try strategies on a simulated judge: how often they find the best response, and how right their order is.

    Every strategy judges the same trials, with each number of --votes, and with each --budget where it takes one. The judge
    draws skills and votes; the first shown gets a vote with the probability
    lapse/2 + (1 - lapse) * sigmoid(skill of the first - skill of the second + bias + error of the pair).

    calls are the votes that were asked for; top-1 is how often the best came first, regret how much worse than the best the
    first was (logits), tau is Kendall's, of the order and the skills. Each is a mean, with its standard error.

    Exit codes: 0 done; 2 bad input or usage; 3 --plot without matplotlib; 130 interrupted.
    """  # fmt: skip
    from rrm.simulation import SimulatedJudge

    judge = SimulatedJudge(**{name: flags[name] for name in _JUDGE})
    output = Output(flags["output"], _format(flags), "-")
    plot = _checked_plot(flags["plot"])
    results = _results(flags, judge)
    said = {name: flags[name] for name in ("responses", "trials", "seed")}
    with output:
        if output.is_json:
            for result in results:
                output.line(_line(result, judge, said))
        else:
            output.show(_title(said, judge), _table(results))
    if plot:
        from rrm.simulation.plot import save_plot

        save_plot(results, plot, _title(said, judge))


def _results(flags: Mapping[str, Any], judge: "SimulatedJudge") -> "list[Simulated]":
    from rrm import simulation

    arms = _arms(flags)
    with _bar(flags["trials"], is_shown=not flags["quiet"]) as told:
        return simulation.simulate(
            arms,
            judge,
            responses=flags["responses"],
            trials=flags["trials"],
            seed=flags["seed"],
            workers=flags["workers"],
            told=told,
        )


def _arms(flags: Mapping[str, Any]) -> "list[Arm]":
    """Every strategy with all votes, and with all budgets where it takes one. Raises InputError."""
    from rrm.simulation.trial import Arm, takes_budget

    names = list(dict.fromkeys(_strategies(flags["strategy"] or ("knockout",))))
    votes = _numbers("votes", flags["votes"], AUTO_VOTES)
    budgets = _numbers("budget", flags["budget"]) if flags["budget"] is not None else [None]
    if budgets != [None] and not any(map(takes_budget, names)):
        raise InputError(
            f"--budget {flags['budget']} means nothing to {', '.join(names)}, which asks as many calls as it needs: leave it out, "
            f"or add one of {', '.join(name for name in _NAMES if takes_budget(name))}"
        )
    heard = {name: flags[name] for name in _HEARD}
    return [
        Arm(name, votes=count, budget=budget, **heard)
        for name in names
        for count in votes
        for budget in (budgets if takes_budget(name) else [None])
    ]


def _strategies(given: Sequence[str]) -> Iterator[str]:
    for name in given:
        yield from sorted(STRATEGIES) if name == _ALL else (name,)


def _numbers(option: str, given: str, word: str | None = None) -> list[Any]:
    """Whole numbers with commas between them; or a word."""
    try:
        return [part.strip() if part.strip() == word else int(part) for part in given.split(",")]
    except ValueError:
        also = f", or {word}" if word else ""
        raise InputError(
            f"--{option} takes whole numbers with commas between them, such as 1,3{also}, not {given!r}"
        ) from None


def _format(flags: Mapping[str, Any]) -> str:
    chosen = flags["output_format"] or ("json" if flags["output"] else "table")
    if chosen not in _FORMATS:
        raise UnknownNameError("format", chosen, _FORMATS)
    return str(chosen)


def _checked_plot(path: str | None) -> Path | None:
    """Before the work, and not after it."""
    from rrm.simulation.plot import check_plot

    if path is None:
        return None
    check_plot(Path(path))
    return Path(path)


@contextmanager
def _bar(trials: int, *, is_shown: bool) -> Iterator[Callable[[int], object]]:
    """Hears how many trials more are done, and shows it where stderr is a terminal."""
    if not is_shown or not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TextColumn("trials"), TimeRemainingColumn())
    # stdout is left alone: results that go to a file must not end up on the terminal.
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("", total=trials)
        yield lambda done: progress.advance(task, done)


def _line(result: "Simulated", judge: "SimulatedJudge", said: Mapping[str, object]) -> str:
    arm = result.arm
    settings = {"strategy": arm.name, "votes": arm.votes, "budget": arm.budget}
    settings |= {name: getattr(arm, name) for name in _HEARD}
    estimates = {name: getattr(result, name)._asdict() for name in _MEASURES}
    return msgspec.json.encode({**settings, **said, "judge": asdict(judge), **estimates}).decode()


def _table(results: "Sequence[Simulated]") -> str:
    """Lines of text, whole at any width of a terminal: a figure that is cut short would be another one."""
    rows = [("strategy", "votes", "budget", "calls", "matches", "top-1", "regret", "tau"), *map(_row, results)]
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(_aligned(row, widths) for row in zip(*columns, strict=True))


def _row(result: "Simulated") -> tuple[str, ...]:
    arm = result.arm
    settings = (arm.name, str(arm.votes), "" if arm.budget is None else str(arm.budget))
    costs = (f"{result.calls.mean:.1f}", f"{result.matches.mean:.1f}")
    return (*settings, *costs, *map(_figure, (result.top1, result.regret, result.tau)))


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *figures = row
    return "  ".join((name.ljust(widths[0]), *map(str.rjust, figures, widths[1:])))


def _figure(estimate: "Estimate") -> str:
    return f"{estimate.mean:.3f}" if math.isnan(estimate.error) else f"{estimate.mean:.3f} ± {estimate.error:.3f}"


def _title(said: Mapping[str, object], judge: "SimulatedJudge") -> str:
    mind = {name: value for name, value in asdict(judge).items() if value is not None}
    unused = ("accuracy",) if judge.correct is None else ("spread",)
    known = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in mind.items() if name not in unused)
    return f"{said['responses']} responses, {said['trials']} trials; judge: {known}"
