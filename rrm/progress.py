"""A progress bar on stderr for what takes longer than a second; nothing where stderr is no terminal."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from rrm.types import Usage

__all__ = ["Meter", "bars_hidden", "metering"]

_SHOWN_AFTER = 1.0
"""Seconds."""


class Meter:
    """Counts contests, matches and tokens. Its methods may be called from any thread."""

    def __init__(self, progress: Progress | None = None, contests: int = 0) -> None:
        self._progress = progress
        self._contests = contests
        self._begun = 0
        self._matches = 0
        self._tokens = 0
        self._began_at = 0.0
        self._task = progress.add_task("loading the judge", total=None, rate="") if progress else None

    def begin(self, matches: int) -> None:
        """A contest begins that plays up to this many matches."""
        if not self._begun and self._progress is not None:
            self._began_at = self._progress.get_time()
        self._begun += 1
        self._matches += matches
        expected = self._matches * max(1.0, self._contests / self._begun)
        self._update(description="judging")
        if self._progress is not None:
            # Not by update(), which forgets the speed whenever the total changes.
            self._progress.tasks[0].total = round(expected)

    def played(self, usage: Usage) -> None:
        """A match is done."""
        self._tokens += usage.completion_tokens
        self._update(advance=1, rate=self._rate())

    def _rate(self) -> str:
        elapsed = self._progress.get_time() - self._began_at if self._progress else 0.0
        return f"{self._tokens / elapsed:.0f} tokens/s" if elapsed else ""

    def _update(self, **fields: object) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, **fields)  # type: ignore[arg-type]


_shown: set[Progress] = set()
"""The bars that stand on the terminal now."""

_showing = threading.RLock()


@contextmanager
def metering(enabled: bool, contests: int = 0) -> Iterator[Meter]:
    """A meter that is shown while it is in use. `contests` is how many are to come, 0 if nobody knows."""
    # Not rich's own idea of a terminal: an environment that forces colours (CI) does not make one.
    if not enabled or not sys.stderr.isatty():
        yield Meter()
        return
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("matches"),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
    )  # fmt: skip
    # stdout is left alone: results that go to a file must not end up on the terminal.
    progress = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
    timer = threading.Timer(_SHOWN_AFTER, _show, [progress])
    timer.daemon = True
    timer.start()
    try:
        yield Meter(progress, contests)
    finally:
        timer.cancel()
        timer.join()
        _hide(progress)


@contextmanager
def bars_hidden(stream: TextIO) -> Iterator[None]:
    """Take the bars off the terminal while something is written to `stream`, if that is a terminal too."""
    with _showing:
        bars = tuple(_shown) if _shown and stream.isatty() else ()
        for progress in bars:
            _hide(progress)
        try:
            yield
        finally:
            for progress in bars:
                _show(progress)


def _show(progress: Progress) -> None:
    with _showing:
        progress.start()
        _shown.add(progress)


def _hide(progress: Progress) -> None:
    with _showing:
        if progress in _shown:
            _shown.remove(progress)
            progress.stop()
