"""`rrm prefer`: rows of responses in, preference data out; see `rrm.jobs.prefer` for the job itself."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from rrm.cli.exits import Exit
from rrm.cli.long_jobs import say, say_how_far, told_how_to_go_on
from rrm.cli.options import Settings, judge_options, strategy_option
from rrm.cli.rankers import RANKER_SETTINGS, RANKER_TYPES, RankerChoice, ranker_options
from rrm.cli.sharded import RAY_SETTINGS, ray_options, sharded_job
from rrm.cli.terminal import counted, printable
from rrm.errors import InputError
from rrm.jobs.limits import Limits
from rrm.jobs.places import beside
from rrm.jobs.prefer import Outcome, PreferJob
from rrm.jobs.sharded import ShardedJob
from rrm.preferences import PAIRINGS, Pairing
from rrm.rows import Source, open_source

__all__ = ["prefer"]

_EXTRA = (
    "overwrite",
    "strategy",
    "rankings",
    "pairs",
    "min_margin",
    "max_pairs",
    "max_total_tokens",
    "max_minutes",
    "max_lost",
)

_Job = PreferJob | ShardedJob


@click.command(short_help="Make DPO preference data from the responses of each row.")
@click.argument("file")
@click.option("--output", type=click.Path(), help="Preference data: a .jsonl or a .parquet file.")
@click.option(
    "--format",
    "output_format",
    metavar="trl|trl-conversational",
    help="Default: as the first row's query is a text or messages.",
)
@strategy_option
@ranker_options
@click.option("--rankings", help="Use these rankings (of `rrm rank --format json`, same rows) instead of a judge.")
@click.option("--pairs", metavar="|".join(PAIRINGS), help="Which pairs of a ranking. Default: best-worst.")
@click.option("--min-margin", type=float, help="Least difference of the two ratings. Default: 0.")
@click.option("--max-pairs", type=int, help="At most so many pairs a prompt: those with the largest margins.")
@click.option("--max-total-tokens", type=int, help="Stop when so many tokens are sampled in this run.")
@click.option("--max-minutes", type=float, help="Stop after so long.")
@click.option(
    "--max-lost", type=float, help="Stop when more than this share of the first 100 votes is lost. Default: 0.5."
)
@click.option(
    "--overwrite",
    is_flag=True,
    default=None,
    help="Replace an output of other settings; try again rows that failed for themselves.",
)
@ray_options
@judge_options
def prefer(file: str, **flags: object) -> None:
    """Rank the responses of each row of FILE and write preference pairs for DPO training.

    FILE is JSON Lines, Parquet, or the folder of a Hugging Face data set; a row is {"id"?, "query" or "prompt",
    "responses": [...], "reference"?}. A judge ranks, or a reward (--reward), or a judge what a reward leaves (--filter).
    What was interrupted goes on with the same command, and pays for nothing twice.

    Exit codes: 0 done, or it was already; 2 bad input or usage; 3 the judge can't be asked; 4 some rows failed
    (they are in OUTPUT-failures, and the next run tries them again); 5 a limit stopped it; 130 interrupted.
    """  # fmt: skip
    settings = Settings(flags, extra=(*_EXTRA, *RAY_SETTINGS, *RANKER_SETTINGS), types=RANKER_TYPES)
    output = settings.get("output")
    if not output:
        raise InputError("rrm prefer writes to a file: name it with --output, such as pairs.jsonl or pairs.parquet")
    _check_ledger(settings.ledger, Path(output))
    overwrite = bool(settings.get("overwrite"))
    choice = RankerChoice(settings)
    pairing = Pairing(settings.get("pairs", "best-worst"), settings.get("min_margin", 0.0), settings.get("max_pairs"))
    limits = Limits(settings.get("max_total_tokens"), settings.get("max_minutes"), settings.get("max_lost", 0.5))
    if settings.get("ray"):
        _check_judges(choice)
        sharded = sharded_job(file, settings, pairing=pairing, limits=limits, overwrite=overwrite)
        with told_how_to_go_on(sharded, sharded, quiet=bool(settings.get("quiet"))):
            _report(sharded.run(), sharded)
        return
    if without_ray := [name for name in RAY_SETTINGS if settings.get(name) is not None]:
        raise InputError(f"{', '.join(without_ray)}: only with --ray")
    recorded = _recorded(settings)
    with nullcontext() if recorded else choice.opened() as ranker:
        job = PreferJob(
            open_source(file),
            output,
            ranker,
            strategy=choice.strategy,
            rankings=recorded,
            pairing=pairing,
            output_format=settings.get("format"),
            limits=limits,
            overwrite=overwrite,
            has_ledger=settings.ledger is not None,
        )
        with told_how_to_go_on(job, ranker, quiet=bool(settings.get("quiet")), made=choice.noun):
            _report(job.run(), job)


def _recorded(settings: Settings) -> Source | None:
    """The rankings to use; none where a ranker is asked. Raises InputError for options that are left aside then."""
    rankings = settings.get("rankings")
    recorded = open_source(str(rankings)) if rankings else None
    others = ("strategy", "ledger", *RANKER_SETTINGS)
    unused = {*settings.judge_arguments, *(name for name in others if settings.get(name))}
    if recorded and unused:
        raise InputError(f"--rankings needs no judge: leave out {', '.join(sorted(unused))}")
    return recorded


def _check_judges(choice: RankerChoice) -> None:
    if choice.has_rewards:
        raise InputError("--ray runs judges: leave out --reward and --filter, or rank without --ray")


def _check_ledger(ledger: Path | None, output: Path) -> None:
    files = [output, *(beside(output, suffix) for suffix in ("manifest", "failures", "partial", "final", "progress"))]
    if ledger and ledger.resolve() in [file.resolve() for file in files]:
        raise InputError(f"ledger {ledger} would be overwritten by the output: name another file")


def _report(outcome: Outcome, job: _Job) -> None:
    failed = counted(outcome.counts["failed"], "row") if outcome.counts["failed"] else ""
    failures = beside(job.output, "failures")
    if outcome.was_complete:
        say(
            f"{job.output} is complete already"
            + (f", but for {failed} that can't be judged: see {failures}" if failed else "")
        )
        return
    if outcome.stopped is not None:
        click.echo(f"rrm: stopped: {printable(outcome.stopped)}", err=True)
        say_how_far(job)
        raise click.exceptions.Exit(Exit.STOPPED)
    _summarise(outcome.counts, str(job.output))
    if failed:
        retried = outcome.counts["retried"]
        again = f"the same command tries {'them' if retried == outcome.counts['failed'] else retried} again"
        click.echo(f"rrm: {failed} failed, see {failures}{f'; {again}' if retried else ''}", err=True)
        raise click.exceptions.Exit(Exit.SOME_FAILED)


def _summarise(counts: Mapping[str, Any], output: str) -> None:
    by_pairs = ", ".join(
        f"{prompts} gave {counted(int(pairs), 'pair')}"
        for pairs, prompts in sorted(counts["by_pairs"].items(), key=lambda item: int(item[0]))
        if pairs != "0"
    )
    none = ", ".join(f"{prompts} {_REASONS[reason]}" for reason, prompts in counts["none"].items())
    parts = [by_pairs, f"{sum(counts['none'].values())} gave none ({none})" if none else ""]
    said = "; ".join(part for part in parts if part) or "none was ranked"
    say(f"{counted(counts['prompts'], 'prompt')}: {said}. {counted(counts['pairs'], 'pair')} in {output}")
    if counts["lost_votes"]:
        say(f"{counts['lost_votes']} of {counted(counts['votes'], 'vote')} could not be read")


_REASONS = {
    "identical": "with the same text for both",
    "tied": "tied",
    "undecided": "undecided",
    "upset": "with the match lost by the higher-rated one",
    "margin": "with too small a margin",
    "limit": "over the limit",
}
"""Why a prompt gave no pair, in words; see `rrm.preferences.LeftOut`."""
