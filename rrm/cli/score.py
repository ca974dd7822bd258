"""`rrm score`: the scores of each row's responses by a reward; see `rrm.jobs.scores` for the work itself."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any

import click
from rich.console import RenderableType

from rrm.cli.options import Settings, options_named, output_options
from rrm.cli.reward_options import load, model_arguments, model_options, model_settings, model_types
from rrm.cli.row_job import RowJob, need, query_of, row_contest
from rrm.cli.tables import show_scores
from rrm.errors import InputError, RRMError
from rrm.types import Contest

if TYPE_CHECKING:
    from rrm.jobs.scores import ScoredRow, ScoreJob

__all__ = ["score"]

_EXTRA = ("reward", "steps", "details", "strip_reasoning", *model_settings())
_TYPES = {
    **model_types(),
    "reward": "a text",
    **dict.fromkeys(("steps", "details"), "true or false"),
}
_RESPONSES = ("response", "responses", "messages")
"""Where a row may have what is to be scored."""


@click.command(short_help="Score the responses of each row with a reward.")
@click.argument("file")
@click.option(
    "--reward",
    metavar="REF",
    help="A folder, a hub name, a server's name for it (default: the first it lists), or module:attribute of your own.",
)
@click.option("--steps", is_flag=True, default=None, help="Add the steps of each response, with their probabilities.")
@click.option("--details", is_flag=True, default=None, help="Add the raw outputs, the tokens, and what was cut.")
@model_options
@options_named("strip_reasoning", "ledger", "config", "quiet")
@output_options
def score(file: str, **flags: object) -> None:
    """Score the responses of each row of FILE ("-": stdin) with a reward; more is better.

    FILE is JSON Lines, JSON, Parquet, or the folder of a Hugging Face data set; a row is {"id"?, "query" or "prompt",
    "response"}, {..., "responses": [...]}, or {"messages": [...]} with the response as the last message, the assistant's.
    Scores of an outcome reward are the model's raw outputs unless --normalise is given; those of a process reward are
    the aggregate of its steps. The scores of a reward of your own are kept in the ledger too, by the content of
    the module's file.

    Exit codes: 0 all rows are scored; 2 bad input or usage; 3 the reward can't be reached or loaded, or died before
    any row was done; 4 some rows failed (they are in the output); 130 interrupted.
    """
    settings = Settings(flags, extra=_EXTRA, types=_TYPES, has_judge=False)
    _check(settings)
    details = bool(settings.get("details"))
    job = RowJob["ScoreJob", "ScoredRow"](
        lambda scoring, rows: scoring.score_many(rows),
        _failed,
        lambda scored: scored.to_json(details=details),
        lambda scored, contest: _show(scored, contest, details=details),
        noun="score",
    )
    job.run(file, _row, settings, lambda: _opened(settings))


@contextmanager
def _opened(settings: Settings) -> "Iterator[ScoreJob]":
    """What scores, not loaded yet; closed at the end. Raises RRMError."""
    from rrm.jobs.scores import ScoreJob

    depth: Any = "steps" if settings.get("steps") else "details" if settings.get("details") else "scores"
    with ExitStack() as stack:
        arguments = model_arguments(settings)
        if settings.get("strip_reasoning"):
            arguments["strip_reasoning"] = True
        reward = load(stack, settings.get("reward"), settings.ledger, arguments)
        job = ScoreJob(reward, depth, aggregate=settings.get("aggregate", "min"))
        yield stack.enter_context(closing(job))


def _check(settings: Settings) -> None:
    if not settings.get("reward") and not settings.texts("base_url"):
        raise InputError("name a reward with --reward: a folder, a hub name, or module:attribute of your own")


def _row(values: dict[str, object]) -> Contest:
    """What is to be scored of a row. Raises InputError."""
    from rrm.jobs.scores import Asked

    given = [name for name in _RESPONSES if values.get(name) is not None]
    if len(given) != 1:
        found = f"both {' and '.join(map(repr, given))}" if given else f"none; it has: {', '.join(sorted(values))}"
        raise InputError(f"a row to score has 'response', 'responses' or 'messages', and this one has {found}")
    if given == ["messages"]:
        query, responses = _turns(values["messages"])
    else:
        query, responses = query_of(values), need(values, given[0])
    contest = row_contest(values, query, responses if given == ["responses"] else (responses,))
    return Asked(contest.query, contest.responses, contest.reference, is_single=given != ["responses"])


def _turns(messages: object) -> tuple[object, object]:
    """The query and the response of a conversation."""
    if not isinstance(messages, list) or len(messages) < 2:
        raise InputError("messages must be a list of chat messages: a query, and the assistant's response to it")
    return messages[:-1], messages[-1:]


def _failed(identity: str | int | None, error: RRMError) -> "ScoredRow":
    from rrm.jobs.scores import ScoredRow

    return ScoredRow.failed(identity, error)


def _show(scored: "ScoredRow", contest: Contest, *, details: bool) -> Iterator[RenderableType]:
    return show_scores(scored, contest, details=details)
