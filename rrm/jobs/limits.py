"""Watches over a run that nobody watches: what it costs, how long it takes, and whether its verdicts can be read.

A limit that is reached ends the run as if it were interrupted, with this difference: samples that are being
made are finished and kept first, since they are paid for.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rrm.contests import check_at_least
from rrm.errors import InputError
from rrm.ranker import Ranker

__all__ = ["NO_LIMITS", "Limits", "Watch"]

_FIRST_VOTES = 100
"""Over so many votes the share of lost ones is looked at, once."""

_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop. Raises InputError for values that can't be used.

    `max_total_tokens`: tokens, of prompts and completions together, sampled in this run; what comes out of a
    ledger is free. `max_minutes`: of this run. `max_lost`: the share of the first 100 votes that may be lost.
    """

    max_total_tokens: int | None = None
    max_minutes: float | None = None
    max_lost: float = 0.5

    def __post_init__(self) -> None:
        if self.max_total_tokens is not None:
            check_at_least("max_total_tokens", self.max_total_tokens, 1)
        if self.max_minutes is not None and not (_is_number(self.max_minutes) and self.max_minutes > 0):
            raise InputError(f"max_minutes must be above 0, not {self.max_minutes!r}")
        if not (_is_number(self.max_lost) and 0 <= self.max_lost <= 1):
            raise InputError(f"max_lost is a share, from 0 to 1, not {self.max_lost!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


NO_LIMITS = Limits()


class Watch:
    """Looks at a judge, or another ranker, while it works; `reached` says which limit was, once one is."""

    def __init__(self, judge: Ranker, limits: Limits) -> None:
        self.reached: str | None = None
        self._judge = judge
        self._limits = limits
        self._began = time.monotonic()
        self._is_readable = False
        self._done = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run, name="rrm-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def look(self) -> None:
        """Look now; the first limit that is reached tells the judge to ask for nothing more."""
        if self.reached is None and (reason := self._reason()):
            self.reached = reason
            self._judge.drain()

    def _run(self) -> None:
        while not self._done.wait(_LOOK_SECONDS):
            self.look()

    def _reason(self) -> str | None:
        limits, spent = self._limits, self._judge.spent.tokens
        if limits.max_total_tokens is not None and spent >= limits.max_total_tokens:
            return f"{spent:,} tokens are sampled, and max_total_tokens is {limits.max_total_tokens:,}"
        if limits.max_minutes is not None and time.monotonic() - self._began >= 60 * limits.max_minutes:
            return f"max_minutes is {limits.max_minutes:g}"
        return self._unreadable()

    def _unreadable(self) -> str | None:
        # What a filter scored is never lost, and would hide what the judge behind it loses.
        votes = getattr(self._judge, "judge", self._judge).votes
        if self._is_readable or votes.total < _FIRST_VOTES:
            return None
        if votes.lost <= self._limits.max_lost * votes.total:
            self._is_readable = True
            return None
        return (
            f"of the first {votes.total} votes {votes.lost} are lost ({votes.unparsed} unparsed, {votes.truncated} "
            f"truncated), and max_lost is {self._limits.max_lost:g}: the prompt does not fit the judge, or max_tokens "
            "is too small (`rrm compare --transcripts` shows what the judge says)"
        )
