"""Thousands of trials in several processes, and what they come to: means with standard errors.

Trials go to the processes in pieces whose size does not depend on how many processes there are, and are put together in
order: results are the same for a seed whatever the number of workers.
"""

import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass

from rrm.contests import check_at_least
from rrm.simulation.judge import SimulatedJudge
from rrm.simulation.measures import Simulated, Trials, measured
from rrm.simulation.trial import Arm, play

__all__ = ["simulate"]

_log = logging.getLogger("rrm")

_PIECE = 25
"""Trials that a process is given at once."""

Told = Callable[[int], object]
"""Is told how many trials more are done."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some trials of all arms: what a process is given."""

    arms: tuple[Arm, ...]
    judge: SimulatedJudge
    responses: int
    seed: int
    trials: range


def simulate(
    arms: Sequence[Arm],
    judge: SimulatedJudge | None = None,
    *,
    responses: int = 16,
    trials: int = 2000,
    seed: int = 0,
    workers: int | None = None,
    told: Told = lambda _: None,
) -> list[Simulated]:
    """Play all arms before the same `trials` sittings of a judge; the results are in the arms' order.

    `workers` processes share the work (default: one for each processor that this process may use). Where strategies
    can't be sent to other processes, one process does it all and a note in the log says so. `told` hears of progress.
    Without a `judge` it is `SimulatedJudge()`. Raises InputError.
    """
    for name, value in {"responses": responses, "trials": trials, "workers": 1 if workers is None else workers}.items():
        check_at_least(name, value, 1)
    check_at_least("seed", seed, 0)
    pieces = [
        _Piece(tuple(arms), judge or SimulatedJudge(), responses, seed, range(begin, min(begin + _PIECE, trials)))
        for begin in range(0, trials, _PIECE)
    ]
    workers = min(len(pieces), _processors() if workers is None else workers)
    done = _in_processes(pieces, workers, told) if workers > 1 and _can_be_sent(pieces[0]) else _here(pieces, told)
    return [Simulated(arm, Trials.joined([part[place] for part in done])) for place, arm in enumerate(arms)]


def _played(piece: _Piece) -> list[Trials]:
    """The piece's trials, arm by arm."""
    entrants = [arm.enter(piece.responses, allows_ties=piece.judge.allows_ties) for arm in piece.arms]
    found: list[list[tuple[float, ...]]] = [[] for _ in entrants]
    for number in piece.trials:
        sitting = piece.judge.sit(piece.responses, piece.seed, number)
        for rows, entrant in zip(found, entrants, strict=True):
            rows.append(measured(play(entrant, sitting), sitting.skills))
    return [Trials.of(rows) for rows in found]


def _here(pieces: Sequence[_Piece], told: Told) -> list[list[Trials]]:
    return _gathered(map(_played, pieces), pieces, told)


def _in_processes(pieces: Sequence[_Piece], workers: int, told: Told) -> list[list[Trials]]:
    try:
        with _pool(workers) as pool:
            return _gathered(pool.map(_played, pieces), pieces, told)
    except BrokenProcessPool:
        _log.warning(
            "the processes of the simulation ended at once, so it goes on in this one: a script that starts some must do "
            'its work below if __name__ == "__main__":'
        )
        return _here(pieces, lambda _: None)


def _gathered(done: Iterable[list[Trials]], pieces: Sequence[_Piece], told: Told) -> list[list[Trials]]:
    gathered = []
    for piece, trials in zip(pieces, done, strict=True):
        gathered.append(trials)
        told(len(piece.trials))
    return gathered


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that are forked where that is safe, since only then they know what a script or a notebook has defined."""
    is_forked = sys.platform == "linux" and threading.active_count() == 1
    context = multiprocessing.get_context("fork" if is_forked else "spawn")
    with warnings.catch_warnings():
        # Of threads that Python knows nothing of: those of numpy's linear algebra, which can be forked.
        warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)
        pool = ProcessPoolExecutor(workers, context, _leave_interrupts)
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


def _leave_interrupts() -> None:
    """To the process that all this is for: it ends the others when they have done their piece."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _can_be_sent(piece: _Piece) -> bool:
    try:
        pickle.dumps(piece)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        _log.warning("one process does all of the simulation, since a strategy can't be sent to others: %s", error)
        return False
    return True


def _processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
