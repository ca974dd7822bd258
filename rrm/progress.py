"""A progress bar on stderr for what takes longer than a second; nothing where stderr is no terminal."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from rrm.types import Usage

__all__ = ["Meter", "metering"]

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
        self._task = progress.add_task("loading the judge", total=None, rate="") if progress else None

    def begin(self, matches: int) -> None:
        """A contest begins that plays up to this many matches."""
        self._begun += 1
        self._matches += matches
        expected = self._matches * max(1.0, self._contests / self._begun)
        self._update(total=round(expected), description="judging")

    def played(self, usage: Usage) -> None:
        """A match is done."""
        self._tokens += usage.completion_tokens
        self._update(advance=1, rate=self._rate())

    def _rate(self) -> str:
        elapsed = self._progress.tasks[0].elapsed if self._progress else None
        return f"{self._tokens / elapsed:.0f} tokens/s" if elapsed else ""

    def _update(self, **fields: object) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, **fields)  # type: ignore[arg-type]


@contextmanager
def metering(enabled: bool, contests: int = 0) -> Iterator[Meter]:
    """A meter that is shown while it is in use. `contests` is how many are to come, 0 if nobody knows."""
    console = Console(stderr=True)
    if not enabled or not console.is_terminal:
        yield Meter()
        return
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("matches"),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
    )  # fmt: skip
    progress = Progress(*columns, console=console, transient=True)
    timer = threading.Timer(_SHOWN_AFTER, progress.start)
    timer.daemon = True
    timer.start()
    try:
        yield Meter(progress, contests)
    finally:
        timer.cancel()
        progress.stop()
