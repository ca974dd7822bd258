"""Rows of preference data in the formats that trainers read: TRL's two, as JSON Lines or Parquet.

TRL's preference formats (its documentation, "Dataset formats"): "standard" has texts, "conversational" lists of
messages, under prompt, chosen and rejected. No field is ever null, and none changes its type between rows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from rrm.contests import normalise_query
from rrm.errors import InputError, MissingExtraError, UnknownNameError
from rrm.jobs.entrants import query_of
from rrm.preferences import Preference
from rrm.ranking import Ranking
from rrm.rows import Row
from rrm.types import Contest, Message, json_line

__all__ = [
    "CONVERSATIONAL",
    "FORMATS",
    "PLAIN",
    "check_query",
    "check_suffix",
    "format_of",
    "is_parquet",
    "pair_line",
    "write_parquet",
]

PLAIN, CONVERSATIONAL = "trl", "trl-conversational"
FORMATS = (PLAIN, CONVERSATIONAL)
_SUFFIXES = (".jsonl", ".json", ".parquet")
_ROWS_AT_ONCE = 1000


def check_suffix(output: Path) -> None:
    """Raises InputError for a name that no reader of data sets would know what to do with."""
    if output.suffix not in _SUFFIXES:
        raise UnknownNameError("suffix of the output", output.suffix or output.name, _SUFFIXES)


def is_parquet(output: Path) -> bool:
    """Whether the output is to be Parquet."""
    return output.suffix == ".parquet"


def check_query(output_format: str, contest: Contest) -> None:
    """Raises InputError for a conversation where the format has room for a text only."""
    if output_format == PLAIN and not isinstance(contest.query, str):
        raise InputError(f"its query is a list of messages, and the format {PLAIN} has texts: use {CONVERSATIONAL}")


def format_of(row: Row) -> str:
    """The format for data whose first row this is; a row without a query fails in its turn, and decides nothing."""
    try:
        return PLAIN if isinstance(query_of(row), str) else CONVERSATIONAL
    except InputError:
        return PLAIN


def pair_line(
    output_format: str, query: object, texts: Sequence[str], pair: Preference, *, ranking: Ranking, prompt_id: str
) -> str:
    """One row as JSON, of a contest that `check_query` lets pass."""
    chosen, rejected = texts[pair.chosen], texts[pair.rejected]
    if output_format == PLAIN:
        said: tuple[object, object, object] = (query, chosen, rejected)
    else:
        said = (_messages(query), [_assistant(chosen)], [_assistant(rejected)])
    row = {
        "prompt": said[0],
        "chosen": said[1],
        "rejected": said[2],
        "prompt_id": prompt_id,
        "chosen_rating": float(ranking.scores[pair.chosen]),
        "rejected_rating": float(ranking.scores[pair.rejected]),
        "margin": float(pair.margin),
        "votes": sum(match.votes.total for match in ranking.matches) if ranking.matches else ranking.votes.total,
        "matches": len(ranking.matches),
        "judge": ranking.judge.model if ranking.judge else _rewards(ranking) or "unknown",
    }
    return json_line(row)


def _rewards(ranking: Ranking) -> str:
    """What ranked in a judge's place; "" where nobody says."""
    return " + ".join(reward.model for reward in ranking.rewards)


def _messages(query: object) -> list[Mapping[str, str]]:
    turns = normalise_query(query)
    turns = (Message("user", turns),) if isinstance(turns, str) else turns
    return [{"role": turn.role, "content": turn.content} for turn in turns]


def _assistant(text: str) -> Mapping[str, str]:
    return {"role": "assistant", "content": text}


def write_parquet(lines: Path, target: Path, output_format: str) -> None:
    """The rows of a JSON Lines file as Parquet, a few at a time. Raises MissingExtraError."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("writing Parquet", "datasets") from error
    schema = arrow_schema(arrow, output_format)
    with lines.open("rb") as file, parquet.ParquetWriter(target, schema) as writer:
        while rows := list(islice(_rows(file), _ROWS_AT_ONCE)):
            writer.write_table(arrow.Table.from_pylist(rows, schema))


def _rows(file: Any) -> Iterator[Any]:
    return (json.loads(line) for line in file)


def arrow_schema(arrow: Any, output_format: str) -> Any:
    text, number, count = arrow.string(), arrow.float64(), arrow.int64()
    messages = arrow.list_(arrow.struct([("role", text), ("content", text)]))
    said = text if output_format == PLAIN else messages
    fields = [("prompt", said), ("chosen", said), ("rejected", said), ("prompt_id", text)]
    fields += [("chosen_rating", number), ("rejected_rating", number), ("margin", number)]
    return arrow.schema([*fields, ("votes", count), ("matches", count), ("judge", text)])
