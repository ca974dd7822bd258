"""What commands that run for hours have in common: they say how far they are, and how to go on where they stop."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Protocol

from rrm.cli.terminal import counted, spending
from rrm.errors import RRMError
from rrm.types import Spent

__all__ = ["LongJob", "Spender", "say", "say_how_far", "told_how_to_go_on"]

_log = logging.getLogger("rrm")

_TELL_SECONDS = 60.0


class LongJob(Protocol):
    """What is done, of about how much."""

    @property
    def done(self) -> int: ...
    @property
    def expected(self) -> int: ...


class Spender(Protocol):
    """What samples or scores, and is closed at the end: a judge, a reward, or a job that has judges elsewhere."""

    @property
    def spent(self) -> Spent: ...
    @property
    def reused(self) -> Spent: ...
    def close(self) -> None: ...


@contextmanager
def told_how_to_go_on(
    job: LongJob, judge: Spender | None, *, quiet: bool, noun: str = "row", made: str = "sample"
) -> Iterator[None]:
    """Close the judge; where the job did not come to its end, say how far it is. A request to end is an interrupt.

    `noun`: what the job counts. `made`: what the judge makes.
    """
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler) if is_main else None
    is_watched = sys.stderr.isatty() or quiet
    try:
        with nullcontext() if is_watched or judge is None else _telling(job, judge, noun, made):
            yield
    except KeyboardInterrupt:
        say_how_far(job, noun)
        raise
    except RRMError:
        if job.done:
            say_how_far(job, noun)
        raise
    finally:
        if judge is not None:
            if judge.spent.samples or judge.reused.samples:
                say(spending(judge.spent, judge.reused, made))
            judge.close()
        if is_main:
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _telling(job: LongJob, judge: Spender, noun: str, made: str) -> Iterator[None]:
    """A line every minute, where there is no terminal for a bar."""
    is_done = threading.Event()

    def tell() -> None:
        while not is_done.wait(_TELL_SECONDS):
            spent = spending(judge.spent, judge.reused, made)
            say(f"{job.done} of about {max(job.done, job.expected)} {noun}s; {spent}")

    thread = threading.Thread(target=tell, name="rrm-teller", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()


def say_how_far(job: LongJob, noun: str = "row") -> None:
    """How much is done, and how to do the rest."""
    say(
        f"{counted(job.done, noun)} of about {max(job.done, job.expected)} are done; the same command goes on from there"
    )


def say(text: str) -> None:
    """A line on stderr, unless it is to be quiet."""
    _log.info("%s", text)
