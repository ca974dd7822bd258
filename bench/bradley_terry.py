"""How long Bradley-Terry fits take: 10,000 contests of 16 responses with 48 games each, on one core.

    python bench/bradley_terry.py [--contests N]

rrm.ratings.bradley_terry fits all contests at once, with priors, a position bias and standard errors. The baselines
are loops over evalica.bradley_terry (no prior, no bias, no errors) and choix.opt_pairwise (a ridge, no bias, no
errors), each at its defaults; they fit the first contests only, and their times are scaled up. The last line is a
tournament's use: one contest again and again, from its last fit, with a game more each time.

Exit code 1 where 10,000 contests take 2 s or more.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"  # numpy reads them when it is imported

import choix  # noqa: E402
import evalica  # noqa: E402
import numpy  # noqa: E402
from report import Figure, show  # noqa: E402

from rrm.ratings.bradley_terry import Bout, fit, fit_bouts  # noqa: E402

PLAYERS, GAMES = 16, 48
CEILING = 2.0
BY_EVALICA, BY_CHOIX = 1000, 100


@dataclass(frozen=True)
class Table:
    """Games, (contests, games): who was shown first, who second, and whether the first one won."""

    first: numpy.ndarray
    second: numpy.ndarray
    won: numpy.ndarray


def play(contests: int) -> Table:
    """Skills N(0, 1.5) logits and a position bias of 0.6, from a fixed seed."""
    chance = numpy.random.default_rng(0)
    skills = chance.normal(0, 1.5, (contests, PLAYERS))
    first = chance.integers(0, PLAYERS, (contests, GAMES))
    second = (first + chance.integers(1, PLAYERS, first.shape)) % PLAYERS
    gap = numpy.take_along_axis(skills, first, 1) - numpy.take_along_axis(skills, second, 1) + 0.6
    return Table(first, second, chance.random(first.shape) < 1 / (1 + numpy.exp(-gap)))


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """The shortest of some runs, so that what else the machine does counts least."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def by_evalica(table: Table, contests: int) -> None:
    """A loop over the first contests."""
    winners = {True: evalica.Winner.X, False: evalica.Winner.Y}
    for contest in range(contests):
        outcomes = [winners[won] for won in table.won[contest].tolist()]
        evalica.bradley_terry(table.first[contest].tolist(), table.second[contest].tolist(), outcomes)


def by_choix(table: Table, contests: int) -> None:
    """A loop over the first contests, with the ridge that is rrm's default."""
    for contest in range(contests):
        won, first, second = table.won[contest], table.first[contest], table.second[contest]
        pairs = zip(numpy.where(won, first, second).tolist(), numpy.where(won, second, first).tolist(), strict=True)
        choix.opt_pairwise(PLAYERS, list(pairs), alpha=0.125)


def one_by_one(table: Table) -> None:
    """The first contest after each of its games from the 16th on, each from the fit before."""
    rows = zip(table.first[0].tolist(), table.second[0].tolist(), table.won[0].tolist(), strict=True)
    bouts = [Bout(first, second, float(won), float(not won)) for first, second, won in rows]
    last = None
    for count in range(PLAYERS, GAMES + 1):
        last = fit_bouts(bouts[:count], PLAYERS, start=last)


def figures(contests: int) -> Iterator[Figure]:
    """All at once, against the loops; and one after another."""
    table = play(contests)
    votes = table.won.astype(float)
    ours = seconds(lambda: fit(table.first, table.second, votes, 1 - votes, PLAYERS))
    bound = CEILING * contests / 10_000
    name, value = f"{contests:,} contests, {PLAYERS} x {GAMES} games", f"{ours:.2f} s"
    yield Figure(name, value, reached=ours, ceiling=bound)
    for library, loop, most in (("evalica", by_evalica, BY_EVALICA), ("choix", by_choix, BY_CHOIX)):
        count = min(most, contests)
        theirs = seconds(lambda loop=loop, count=count: loop(table, count), times=1) * contests / count
        yield Figure("the same", value, f"{theirs:.1f} s ({library}, from {count:,})", theirs / ours)
    fits = GAMES + 1 - PLAYERS
    each = seconds(lambda: one_by_one(table), times=20) / fits
    yield Figure("one contest, a game more each time", f"{each * 1e6:.0f} us a fit")


def main() -> None:
    """Print the table, and exit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contests", type=int, default=10_000)
    raise SystemExit(show(figures(parser.parse_args().contests)))


if __name__ == "__main__":
    main()
