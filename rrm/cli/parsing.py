"""`rrm parse`: reads the verdicts out of judge texts from anywhere, without a model."""

from typing import get_args

import click
import msgspec

from rrm.cli.exits import Exit
from rrm.errors import InputError
from rrm.judging.prompts import Prompt
from rrm.judging.verdicts import Reading, read
from rrm.promptfiles import load_prompt
from rrm.rows import BadRow, Row, open_source
from rrm.types import FinishReason

__all__ = ["parse"]


@click.command(short_help="Read the verdicts out of judge texts, without a model.")
@click.argument("file")
@click.option(
    "--prompt",
    default="skywork_pairwise",
    show_default=True,
    help="Whose verdict format: a shipped prompt file by name, or a path.",
)
def parse(file: str, prompt: str) -> None:
    """Read the verdicts out of the judge texts in FILE ("-": stdin) and write a JSON line for each.

    A row is {"text", "finish_reason"?, "count"?}; finish_reason is "stop" (the default) or "length", where a token
    limit cut the text; count says how many responses a listwise judge was shown (default 2). A line is {"vote", "span", "reason"}: first, second, tie,
    unparsed or truncated; where in the text it was read ([start, end) in characters, or null); and why it is that.
    Where the format has numbers, "scores" follow, one for each response (the vote of a pointwise or listwise judge is
    null then), "criteria" with the number for each of a rubric's, and where a label counts more than once, its "weight". A row's "id" is carried over.

    Exit codes: 0 all rows are read; 2 bad input or usage; 4 some rows are malformed (their status is failed and their vote null).
    """
    loaded = load_prompt(prompt)
    failed = False
    for row in open_source(file).rows():
        line = _line(row, loaded)
        failed = failed or "status" in line
        click.echo(msgspec.json.encode(line))
    if failed:
        raise click.exceptions.Exit(Exit.SOME_FAILED)


def _line(row: Row | BadRow, prompt: Prompt) -> dict[str, object]:
    identity = {"id": row.values["id"]} if isinstance(row, Row) and "id" in row.values else {}
    try:
        reading = _read(row, prompt)
    except InputError as error:
        failure = {"id": None, "status": "failed", "error": str(error)} | identity
        return failure | {"vote": None, "span": None, "reason": str(error)}
    return identity | _said(reading)


def _said(reading: Reading) -> dict[str, object]:
    said: dict[str, object] = {"vote": reading.vote, "span": reading.span, "reason": reading.reason}
    if reading.scores:
        said["scores"] = reading.scores
    if reading.criteria:
        said["criteria"] = dict(reading.criteria)
    if reading.weight != 1:
        said["weight"] = reading.weight
    return said


def _read(row: Row | BadRow, prompt: Prompt) -> Reading:
    if isinstance(row, BadRow):
        raise InputError(row.error)
    text = row.values.get("text")
    if not isinstance(text, str):
        raise InputError(f"row {row.number}: 'text' must be a string, not {text!r}")
    count = row.values.get("count", 2)
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise InputError(f"row {row.number}: 'count' must be a whole number of responses from 1 on, not {count!r}")
    finish_reason = row.values.get("finish_reason")
    if finish_reason not in (None, *get_args(FinishReason)):
        raise InputError(
            f"row {row.number}: 'finish_reason' must be 'stop' or 'length' (a token limit cut the text), "
            f"not {finish_reason!r}"
        )
    return read(
        text,
        prompt.grammar,
        "length" if finish_reason == "length" else "stop",
        reasoning_open=prompt.front.reasoning == "opened",
        count=count,
    )
