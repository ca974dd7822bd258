"""Rows through a judge, or a reward, to an output, in input order: what the commands that work on rows have in common.

Rows stream: the next are read while earlier ones are judged, and each result is written as soon as it and
all before it are done. A row that fails is a result with status "failed" and stops no other.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import chain
from typing import Generic, Protocol, TypeGuard, TypeVar

import click
from rich.console import RenderableType

from rrm import errors
from rrm.cli.exits import NO_ENGINE, Exit
from rrm.cli.options import Settings
from rrm.cli.output import Output
from rrm.cli.terminal import counted, printable, spending
from rrm.errors import InputError, RRMError
from rrm.generation import Generator
from rrm.rows import BadRow, Row, Source, open_source
from rrm.types import Contest, Spent, Tally

__all__ = ["RowJob", "need", "query_of", "row_contest"]


class Result(Protocol):
    """What becomes of a row; one that failed has an error."""

    @property
    def id(self) -> str | int | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def error_type(self) -> str | None: ...


class Worker(Protocol):
    """What results come from: a judge, another ranker, a reward."""

    @property
    def votes(self) -> Tally: ...
    @property
    def spent(self) -> Spent: ...
    @property
    def reused(self) -> Spent: ...
    def open(self) -> object: ...


R = TypeVar("R", bound=Result)
W = TypeVar("W", bound=Worker)

_log = logging.getLogger("rrm")


class _Expected(Iterable[Contest]):
    """Contests with a guess of how many there are, for the progress bar."""

    def __init__(self, contests: Iterable[Contest], source: Source) -> None:
        self._contests = contests
        self._source = source

    def __iter__(self) -> Iterator[Contest]:
        return iter(self._contests)

    def __length_hint__(self) -> int:
        return self._source.estimate()


class RowJob(Generic[W, R]):
    """Rows through a judge to an output, in order; failed rows keep their place. `noun`: what the judge makes."""

    def __init__(
        self,
        judge_all: Callable[[W, Iterable[Contest]], Iterator[R]],
        fail: Callable[[str | int | None, RRMError], R],
        to_json: Callable[[R], str],
        to_table: Callable[[R, Contest], Iterable[RenderableType]],
        *,
        open_all: Callable[[W], object] = lambda judge: judge.open(),
        others: Sequence[Generator] = (),
        noun: str = "sample",
    ) -> None:
        self._judge_all = judge_all
        self._fail = fail
        self._to_json = to_json
        self._to_table = to_table
        self._open_all = open_all
        self._others = others
        """What samples beside the judge."""
        self._noun = noun
        self._waiting: deque[R | Contest] = deque()
        """Rows in input order, as far as they are read: a failed result, or a contest whose result is to come."""
        self._done = 0
        self._failed = 0
        self._first_error = ""
        self._has_engine_failed = False

    def run(
        self,
        file: str,
        contest_of: Callable[[dict[str, object]], Contest],
        settings: Settings,
        make: Callable[[], AbstractContextManager[W]],
    ) -> None:
        """Work through the rows of a file. `make` gives what does the work, not loaded yet."""
        output = Output(settings.get("output"), settings.format, file)
        with make() as judge:
            # A first contest is found before a judge is loaded, so that a bad file is known at once.
            source = open_source(file)
            contests = self._contests(source.rows(), contest_of)
            first = next(contests, None)
            if first:
                self._open_all(judge)
            with output:
                for result in self._judge_all(judge, _Expected(chain([first], contests), source)) if first else ():
                    self._write_failed(output)
                    self._write(output, result, self._waiting.popleft())
                self._write_failed(output)
            self._say_spent(judge, *self._others)
            _say_unread(judge.votes)
        self._finish(file)

    def _say_spent(self, *workers: Worker | Generator) -> None:
        reused = sum((worker.reused for worker in workers), Spent())
        if reused.samples:
            spent = sum((worker.spent for worker in workers), Spent())
            _log.info("%s", spending(spent, reused, self._noun))

    def _contests(
        self, rows: Iterable[Row | BadRow], contest_of: Callable[[dict[str, object]], Contest]
    ) -> Iterator[Contest]:
        for row in rows:
            try:
                contest = contest_of(_values(row))
            except InputError as error:
                self._waiting.append(self._fail(_identity(row), error))
            else:
                contest = replace(contest, id=_identity(row))
                self._waiting.append(contest)
                yield contest

    def _write_failed(self, output: Output) -> None:
        while self._waiting and not isinstance(self._waiting[0], Contest):
            failed = self._waiting.popleft()
            if not isinstance(failed, Contest):
                self._write(output, failed, None)

    def _write(self, output: Output, result: R, contest: R | Contest | None) -> None:
        if result.error is not None:
            self._note_failure(result.error, result.error_type)
        else:
            self._done += 1
        if output.is_json:
            output.line(self._to_json(result))
        elif result.error is not None:
            output.show(f"{'' if result.id is None else f'{result.id}: '}failed: {result.error}")
        elif isinstance(contest, Contest):
            output.show(*self._to_table(result, contest))

    def _note_failure(self, error: str, error_type: str | None) -> None:
        self._failed += 1
        self._first_error = self._first_error or error
        self._has_engine_failed = self._has_engine_failed or _is_engine_error(error_type)

    def _finish(self, file: str) -> None:
        total = self._done + self._failed
        if not total:
            _log.warning("%s has no rows", "<stdin>" if file == "-" else file)
        if not self._failed:
            return
        reason = f"{'' if total == 1 else 'the first '}because {printable(self._first_error)}"
        click.echo(f"rrm: {self._failed} of {counted(total, 'row')} failed, {reason}", err=True)
        raise click.exceptions.Exit(Exit.ENGINE if self._has_engine_failed and not self._done else Exit.SOME_FAILED)


def _say_unread(votes: Tally) -> None:
    if votes.total and not votes.read:
        _log.warning(
            "no verdict could be read in any of %s: no verdict decided anything; see `rrm compare --transcripts`",
            counted(votes.total, "sample"),
        )


def _is_engine_error(name: str | None) -> bool:
    return issubclass(getattr(errors, name or "", RRMError), NO_ENGINE)


def _values(row: Row | BadRow) -> dict[str, object]:
    if isinstance(row, BadRow):
        raise InputError(row.error)
    return row.values


def _identity(row: Row | BadRow) -> str | int | None:
    """The row's own id, or its number from 0; none for one that can't be read."""
    if isinstance(row, BadRow):
        return None
    own = row.values.get("id")
    return own if _is_identity(own) else row.number


def _is_identity(value: object) -> TypeGuard[str | int]:
    return isinstance(value, str | int) and not isinstance(value, bool)


def row_contest(values: dict[str, object], query: object, responses: object) -> Contest:
    """The contest of a row, without its id, which the job sees to. Raises InputError for an id that is none."""
    identity = values.get("id")
    if identity is not None and not _is_identity(identity):
        raise InputError(f"id must be a string or a whole number, not {identity!r}")
    # Their types are checked where the contest is entered.
    return Contest(query, responses, values.get("reference"))  # type: ignore[arg-type]


def query_of(values: dict[str, object]) -> object:
    """What the row has under "query", else under "prompt". Raises InputError where that is nothing."""
    has_prompt = values.get("query") is None and values.get("prompt") is not None
    return values["prompt"] if has_prompt else need(values, "query")


def need(values: dict[str, object], name: str) -> object:
    """What the row has under a name. Raises InputError where that is nothing."""
    if name not in values:
        raise InputError(f"the row has no {name!r}; it has: {', '.join(sorted(values)) or 'nothing'}")
    if values[name] is None:
        raise InputError(f"the row's {name!r} is null")
    return values[name]
