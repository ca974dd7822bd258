"""What rrm's own scheduling costs, and how well it fills an engine: scripted engine, one core, no model.

    python bench/scheduler.py [--only speed|memory|slots] [--contests N]

speed    matches per second end to end through `Judge.rank_many`, in real time: entering, rendering, parsing
         and voting included; knockouts of 8 responses with 1, 3 and 5 votes. The floor is absolute.
memory   peak memory of a process that streams 100,000 contests through `rank_many`, against one that
         streams 1,000.
slots    how busy an engine of 256 slots is kept, in simulated time (virtual_time.py), with log-normal latencies
         (sigma 0.8, mean 1 s): 64 knockouts of 16 responses, 5 votes, a judge whose votes are right 8 times
         in 10. Against the same matches in lock-step (a barrier over all contests after each round), and one
         contest after another. All three ask the same waves of votes, get the same samples with the same
         latencies, and are checked to reach the same rankings (simulation.py); so the ratio of how busy the
         slots are is the ratio of the times, too. A second lock-step, without a floor, asks all 5 votes of a
         match at once, as a program without early stop does: it waits less often and asks more.

Exit code 1 where a floor is missed.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

from report import Figure, show
from simulation import ACCURACY, Simulated, as_rank_many, better, contests, in_lock_step, one_after_another, simulate

from rrm import Judge, ScriptedEngine
from rrm.engines.scripted import answering, noisy

REPEATS = 5
MEMORY_CONTESTS = (1_000, 100_000)
MEBIBYTE = 1 << 20


def speed(count: int | None) -> Iterator[Figure]:
    """Matches per second: the median of some runs, and all of them in brackets."""
    for votes in (1, 3, 5):
        rates = sorted(_matches_per_second(votes, count or 800) for _ in range(REPEATS))
        value = f"{median(rates):,.0f} ({rates[0]:,.0f} to {rates[-1]:,.0f})"
        yield Figure(f"matches/s with votes={votes}, median of {REPEATS}", value, reached=median(rates), floor=3_000)


def _matches_per_second(votes: int, count: int) -> float:
    with Judge(engine=ScriptedEngine(answering(noisy(better, ACCURACY))), votes=votes) as judge:
        list(judge.rank_many(contests(20, 8)))
        began = time.perf_counter()
        matches = sum(len(ranking.matches) for ranking in judge.rank_many(contests(count, 8)))
        return matches / (time.perf_counter() - began)


def memory(count: int | None) -> Iterator[Figure]:
    """Peak memory of streaming many contests against that of few, each in a fresh process."""
    few, many = MEMORY_CONTESTS[0], count or MEMORY_CONTESTS[1]
    low, high = _peak_of_process(few), _peak_of_process(many)
    name = f"peak memory, {many:,} contests streamed"
    yield Figure(name, f"{high:.1f} MiB", f"{low:.1f} MiB ({few:,})", high / low, ceiling=1.2)


def _peak_of_process(count: int) -> float:
    command = [sys.executable, __file__, "--stream", str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def stream(count: int) -> None:
    """The process that is measured: knockouts of 4, of which nothing is kept; prints the peak in MiB."""
    with Judge(engine=ScriptedEngine(answering(better))) as judge:
        for _ in judge.rank_many(contests(count, 4)):
            pass
    print(_peak_bytes() / MEBIBYTE)


def _peak_bytes() -> int:
    """Of this program. Linux hands `ru_maxrss` down from the process that started it, so there the kernel's own mark."""
    status = Path("/proc/self/status")
    if status.is_file():
        return next(int(line.split()[1]) << 10 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10


def slots(count: int | None) -> Iterator[Figure]:
    """How busy the slots are, against the baselines."""
    run = partial(simulate, count=count or 64, responses=16, slots=256, sigma=0.8)
    ours, lock_step, apart = run(as_rank_many), run(in_lock_step), run(one_after_another)
    if not ours.orders == lock_step.orders == apart.orders:
        raise SystemExit("the baselines did not play the same matches")
    at_once = run(partial(in_lock_step, at_once=True))
    yield _busier(ours, lock_step, "lock-step rounds", floor=1.3)
    yield _busier(ours, apart, "one at a time", floor=10)
    yield _busier(ours, at_once, "lock-step, 5 votes at once")
    yield _sooner(ours, lock_step, "lock-step rounds")
    yield _sooner(ours, apart, "one at a time")
    yield _sooner(ours, at_once, "lock-step, 5 votes at once")


def _busier(ours: Simulated, baseline: Simulated, name: str, floor: float | None = None) -> Figure:
    figure = f"slots busy, {len(ours.orders)} contests of 16"
    return Figure(figure, f"{ours.busy:.1%}", f"{baseline.busy:.1%} ({name})", ours.busy / baseline.busy, floor)


def _sooner(ours: Simulated, baseline: Simulated, name: str) -> Figure:
    return Figure("simulated time", f"{ours.took:.1f} s", f"{baseline.took:.1f} s ({name})", baseline.took / ours.took)


PARTS: dict[str, Callable[[int | None], Iterator[Figure]]] = {"speed": speed, "memory": memory, "slots": slots}


def main() -> None:
    """Measure on one core, print the table, and exit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, help="measure this alone")
    parser.add_argument("--contests", type=int, help="contests to play, instead of 800 (speed), 100,000 and 64")
    parser.add_argument("--stream", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if options.stream:
        return stream(options.stream)
    names = [options.only] if options.only else list(PARTS)
    raise SystemExit(show(figure for name in names for figure in PARTS[name](options.contests)))


if __name__ == "__main__":
    main()
