"""`rrm rank` and `rrm compare`: rows in, a line or a table per row out, in input order."""

import click

from rrm.cli.options import Settings, judge_options, judge_options_without, output_options, strategy_option
from rrm.cli.rankers import RANKER_SETTINGS, RANKER_TYPES, RankerChoice, ranker_options
from rrm.cli.row_job import RowJob, need, query_of, row_contest
from rrm.cli.tables import show_comparison, show_ranking
from rrm.judge import Judge
from rrm.ranker import Ranker
from rrm.ranking import Comparison, Ranking
from rrm.types import Contest

__all__ = ["compare", "rank"]


@click.command(short_help="Rank the responses of each row, best first.")
@click.argument("file")
@strategy_option
@ranker_options
@judge_options
@output_options
def rank(file: str, **flags: object) -> None:
    """Rank the responses of each row of FILE ("-": stdin), best first.

    FILE holds a JSON object, a JSON array, or JSON Lines; a row is {"id"?, "query", "responses": [...],
    "reference"?}, where query is a string or a list of chat messages. With --reward, responses stand in the order of
    a reward's scores; with --filter, the judge ranks the few of them that a reward scores highest.

    Exit codes: 0 all rows are ranked; 2 bad input or usage; 3 judge or reward can't be reached or loaded, or died
    before any row was done; 4 some rows failed (they are in the output).
    """
    settings = Settings(flags, extra=("strategy", *RANKER_SETTINGS), types=RANKER_TYPES)
    choice = RankerChoice(settings)
    seed = settings.get("seed", 0)
    job = RowJob[Ranker, Ranking](
        lambda ranker, contests: ranker.rank_many(contests, strategy=choice.strategy),
        lambda identity, error: Ranking.failed(choice.named, error, seed=seed, id=identity),
        Ranking.to_json,
        show_ranking,
        noun=choice.noun,
    )
    job.run(file, _ranking_row, settings, choice.opened)


@click.command(short_help="Judge the two responses of each row.")
@click.argument("file")
@click.option("--transcripts", is_flag=True, help="Add what the judge said, sample by sample.")
@judge_options_without("budget")
@output_options
def compare(file: str, transcripts: bool, **flags: object) -> None:
    """Judge the two responses of each row of FILE ("-": stdin).

    FILE holds a JSON object, a JSON array, or JSON Lines; a row is {"id"?, "query", "first", "second",
    "reference"?}. The winner is first, second, tie or undecided. Exit codes as in `rrm rank`.
    """
    settings = Settings(flags)
    seed = settings.get("seed", 0)
    job = RowJob[Judge, Comparison](
        Judge.compare_many,
        lambda identity, error: Comparison.failed(error, seed=seed, id=identity),
        lambda comparison: comparison.to_json(transcripts=transcripts),
        lambda comparison, _: show_comparison(comparison, transcripts=transcripts),
    )
    job.run(file, _comparison_row, settings, settings.judge)


def _ranking_row(values: dict[str, object]) -> Contest:
    query = query_of(values)
    return row_contest(values, query, need(values, "responses"))


def _comparison_row(values: dict[str, object]) -> Contest:
    query = query_of(values)
    return row_contest(values, query, (need(values, "first"), need(values, "second")))
