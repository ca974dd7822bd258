"""`rrm bench`: a judge, a reward, or recorded verdicts, against a benchmark; see `rrm.jobs.benches` for the work itself."""

import logging
import shlex
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rrm.cli.bench_figures import show_benchmarks, show_figures
from rrm.cli.exits import Exit
from rrm.cli.long_jobs import Spender, say, told_how_to_go_on
from rrm.cli.options import Settings, judge_options_without
from rrm.cli.rankers import RANKER_SETTINGS, RANKER_TYPES, RankerChoice, reward_options
from rrm.cli.terminal import counted, printable
from rrm.errors import InputError
from rrm.judge import Judge
from rrm.promptfiles import DEFAULT_PROMPT, load_prompt

if TYPE_CHECKING:
    from rrm.benchmarks.base import Benchmark
    from rrm.jobs.benches.bench import Outcome, Polls
    from rrm.jobs.benches.plan import Plan

__all__ = ["bench"]

_log = logging.getLogger("rrm")

_OWN = ("votes", "order", "resamples", "ledger")
_NO_MATCHES = ("budget", "stop", "threshold", "waves")
"""Options of a judge that mean nothing here: every vote is asked for, and nothing is ranked."""

"""Options that judges have too, and that mean something else here."""
_PLAIN = ("seed", "limit", "resamples", "order")
_REWARDS = tuple(name for name in RANKER_SETTINGS if name not in ("filter", "keep"))
_EXTRA = (
    "data", "subset", "limit", "predictions", "reparse", "ties", "failures", "overwrite", *_REWARDS,
)  # fmt: skip
_TYPES = {
    **RANKER_TYPES,
    "votes": "a whole number, or several with commas between them",
    **dict.fromkeys(("data", "predictions", "ties", "failures"), "a text"),
    "reparse": "true or false",
}
_NO_JUDGE = ("prompt", "seed")
"""Options of a judge that mean something without one."""
_JUDGES_ORDER = {("given",): "fixed", ("given", "swapped"): "both", ("random",): "random"}
"""What a judge calls the orders that pairs are asked in."""
_MOSTLY = 0.5
_FEW_RESAMPLES = 100


@click.command(short_help="Score a judge, a reward, or recorded verdicts, on a benchmark.")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--list", "lists", is_flag=True, help="Say which benchmarks there are, and end.")
@click.option(
    "--data", metavar="PATH|HUB", help="File, folder, or hub name of its rows. Default: where it is on the hub."
)
@click.option("--output", metavar="FOLDER", type=click.Path(), help="Reports, items and the ledger go there.")
@click.option(
    "--votes",
    metavar="K[,K...]",
    help="Samples per decision. Several make a curve from one set of samples. Default: 1.",
)
@click.option("--limit", type=int, help="At most so many items: drawn by the seed, the same share of each subset.")
@click.option("--subset", multiple=True, metavar="NAME", help="Only this subset. Repeat it for several.")
@click.option(
    "--order",
    metavar="official|given|both|random",
    help="Which response is shown first. Default: official, as the benchmark's authors do.",
)
@click.option("--predictions", metavar="FILE", help="Score these recorded verdicts or texts; no judge is asked.")
@click.option(
    "--reparse",
    is_flag=True,
    default=None,
    help="Count the run in --output again, by --prompt, --ties, --failures, --votes, else by its own rules. No judge is asked.",
)
@click.option(
    "--ties",
    metavar="official|half|wrong|drop",
    help="What a judge's tie is worth where one response is better. Default: official.",
)
@click.option(
    "--failures",
    metavar="official|half|wrong|drop|tie|random",
    help="What a lost or missing verdict is worth. Default: official.",
)
@click.option("--resamples", type=int, help="Of the bootstrap that makes the intervals. Default: 1000.")
@click.option(
    "--overwrite",
    is_flag=True,
    default=None,
    help="Replace a run of other settings; try again items that failed for themselves.",
)
@click.option(
    "--ledger", metavar="PATH|none", help="File that remembers every sample. Default: ledger, in the output folder."
)
@reward_options
@judge_options_without(*_OWN, *_NO_MATCHES)
def bench(name: str | None, lists: bool, **flags: object) -> None:
    """Score a judge, or with --reward a reward, on the benchmark NAME, by its official metric (--list: which there are).

    Rows come from --data, or from the Hugging Face hub. In the output folder are then report.md and report.json (every
    figure with a 95 % interval), items.jsonl (every item with every vote), plots, and the ledger: what was interrupted
    goes on with the same command, and pays for nothing twice.

    --predictions FILE scores verdicts that were made elsewhere: JSON Lines with {"id", "order": "given"|"swapped",
    "vote": "first"|"second"|"tie"|"unparsed"|"truncated"}, or "text", which is read by the format of --prompt; votes
    are in terms of what was shown (A or 1 is first, B or 2 second). Several rows of one id and order are several votes.

    Exit codes: 0 done, or it was already; 2 bad input or usage; 3 the judge can't be asked; 4 the judge could not be
    asked about some items (the next run tries them again); 130 interrupted.
    """  # fmt: skip
    if lists:
        show_benchmarks()
        return
    if name is None:
        raise InputError("name a benchmark, such as rewardbench; `rrm bench --list` says which there are")
    from rrm.benchmarks import benchmark_by_name

    settings = Settings(flags, extra=_EXTRA, types=_TYPES)
    benchmark = benchmark_by_name(name)
    if settings.get("reparse"):
        outcome = _reparse(benchmark, settings)
    elif settings.get("predictions"):
        outcome = _score(benchmark, settings)
    else:
        outcome = _run(benchmark, settings)
    _report(outcome, settings)


def _run(benchmark: "Benchmark", settings: Settings) -> "Outcome":
    output = settings.get("output")
    if not output:
        raise InputError("rrm bench writes a folder, and goes on in it: name it with --output, such as runs/first")
    if settings.texts("reward"):
        return _run_reward(benchmark, settings, Path(output))
    if unused := [name for name in _REWARDS if settings.get(name) is not None]:
        raise InputError(f"{', '.join(unused)}: only with --reward")
    plan = _plan(benchmark, settings, settings.get("data"))
    judge = _judge(settings, plan, Path(output))
    return _asked(plan, judge, judge, settings, "sample")


def _run_reward(benchmark: "Benchmark", settings: Settings, output: Path) -> "Outcome":
    if unused := [name for name in ("votes", "order") if settings.get(name) is not None]:
        raise InputError(f"--reward scores each response once, by itself: leave out {', '.join(unused)}")
    choice = RankerChoice(settings, _ledger(settings, output), _OWN)
    plan = _plan(benchmark, settings, settings.get("data"))
    with ExitStack() as stack:
        ranker = choice.by_score(stack)
        return _asked(plan, ranker, ranker, settings, choice.noun)


def _asked(plan: "Plan", judge: "Polls", spender: Spender, settings: Settings, made: str) -> "Outcome":
    from rrm.jobs.benches.bench import BenchJob

    job = BenchJob(plan, judge, settings.get("output"), overwrite=bool(settings.get("overwrite")))
    with told_how_to_go_on(job, spender, quiet=bool(settings.get("quiet")), noun="item", made=made):
        return job.run()


def _score(benchmark: "Benchmark", settings: Settings) -> "Outcome":
    from rrm.jobs.benches.scoring import score_predictions

    _refuse(settings, "--predictions needs no judge", ())
    plan = _plan(benchmark, settings, settings.get("data"))
    prompt = load_prompt(settings.get("prompt", DEFAULT_PROMPT))
    outcome = score_predictions(
        plan,
        str(settings.get("predictions")),
        prompt,
        settings.get("output"),
        given=_given(settings),
        overwrite=bool(settings.get("overwrite")),
    )
    _warn_of_texts(outcome.report, prompt.name)
    return outcome


def _warn_of_texts(report: Mapping[str, Any], prompt: str) -> None:
    samples, unparsed = report["usage"]["samples"], report["failures"]["unparsed"]
    if unparsed > _MOSTLY * samples:
        _log.warning(
            "%d of %d predictions hold no verdict; texts are read by the format %r: is it theirs? --prompt names another",
            unparsed,
            samples,
            prompt,
        )


def _reparse(benchmark: "Benchmark", settings: Settings) -> "Outcome":
    from rrm.jobs.benches.scoring import reparse, run_in

    _refuse(
        settings,
        "--reparse counts what was asked before, and asks nothing",
        ("predictions", "limit", "subset", "order", "seed"),
    )
    output = settings.get("output")
    if not output:
        raise InputError("--reparse counts an earlier run again: name its folder with --output")
    data = settings.get("data") or _data_of(run_in(output), output)
    prompt = load_prompt(settings.get("prompt")) if settings.get("prompt") else None
    return reparse(_plan(benchmark, settings, data), output, prompt, given=_given(settings))


def _data_of(report: Mapping[str, Any], output: str) -> str:
    """What an earlier run was over. Raises InputError for files that are not where this command was given."""
    name = str(report["data"]["name"])
    if "sha256" in report["data"] and not Path(name).exists():
        raise InputError(
            f"the run in {output} is over {name}, which is not there from this folder: name it with --data"
        )
    return name


def _refuse(settings: Settings, why: str, more: tuple[str, ...]) -> None:
    """Raises InputError for options that would be left aside."""
    asked = {name for name in settings.judge_arguments if name not in (*_OWN, *_NO_MATCHES, *_NO_JUDGE)}
    unused = asked | {name for name in ("ledger", *_REWARDS, *more) if settings.get(name) is not None}
    if unused:
        raise InputError(f"{why}: leave out {', '.join(sorted(unused))}")


def _given(settings: Settings) -> set[str]:
    names = ("votes", "order", "prompt", "ties", "failures", "resamples")
    return {name for name in names if settings.get(name) is not None}


def _plan(benchmark: "Benchmark", settings: Settings, data: str | None) -> "Plan":
    from rrm.benchmarks.base import Policy
    from rrm.jobs.benches.data import open_data
    from rrm.jobs.benches.plan import Plan

    return Plan(
        benchmark=benchmark,
        data=open_data(benchmark, data, without=[predictions] if (predictions := settings.get("predictions")) else []),
        votes=_votes(settings.get("votes", 1)),
        subsets=tuple(settings.texts("subset")),
        policy=Policy(settings.get("ties", "official"), settings.get("failures", "official")),
        command=shlex.join(["rrm", *sys.argv[1:]]),
        **{name: settings.get(name) for name in _PLAIN if settings.get(name) is not None},
    )


def _votes(given: object) -> tuple[int, ...]:
    parts = given if isinstance(given, list) else str(given).split(",")
    try:
        return tuple(int(part) for part in parts)
    except ValueError:
        raise InputError(
            f"--votes takes whole numbers with commas between them, such as 1,4,16, not {given!r}"
        ) from None


def _judge(settings: Settings, plan: "Plan", output: Path) -> Judge:
    from rrm.jobs.benches.selection import orders_asked

    arguments = {name: value for name, value in settings.judge_arguments.items() if name not in (*_OWN, *_NO_MATCHES)}
    return Judge(
        **arguments,
        votes=max(plan.votes),
        order=_JUDGES_ORDER[orders_asked(plan.benchmark, plan.order)],
        ledger=_ledger(settings, output),
        progress=not settings.get("quiet"),
    )


def _ledger(settings: Settings, output: Path) -> Path | None:
    """The one that is named, else the one in the output folder."""
    named = settings.get("ledger")
    return None if named == "none" else Path(str(named)) if named else output / "ledger"


def _report(outcome: "Outcome", settings: Settings) -> None:
    output = settings.get("output")
    for note in outcome.notes:
        say(note)
    if outcome.report["resamples"] < _FEW_RESAMPLES:
        say(f"intervals of {counted(outcome.report['resamples'], 'resample')} are rough: --resamples 1000 is usual")
    if outcome.was_complete:
        failed = f", but for {counted(outcome.failed, 'item')} that can't be judged" if outcome.failed else ""
        say(f"{output} is complete already{failed}")
    show_figures(outcome.report)
    if output and not outcome.was_complete:
        say(f"the report is in {Path(output) / 'report.md'}")
    if outcome.failed and not outcome.was_complete:
        again = f"; the same command tries {outcome.retried} of them again" if outcome.retried else ""
        reason = printable(outcome.first_error)
        said = (
            f"the judge could not be asked about {counted(outcome.failed, 'item')}, the first because {reason}{again}"
        )
        click.echo(f"rrm: {said}", err=True)
        raise click.exceptions.Exit(Exit.SOME_FAILED)
