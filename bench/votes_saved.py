"""How many samples the early majority stop saves, against asking all k votes of the same matches.

    python bench/votes_saved.py [--matches N]

Each vote is right with a given probability, from a fixed seed. rrm.judging.voting asks the votes in waves and
stops where no remaining vote can change the majority; the baseline counts all k of the very same votes. Every
match must have the same winner either way. Printed is the share of the samples that were not asked for.

Exit code 1 where a winner differs, or where less than 20 % are saved at k = 5 and an accuracy of .8.
"""

import argparse
import random
from collections.abc import Sequence

from rrm.judging import voting
from rrm.types import Tally, Vote

VOTES = (3, 5, 7, 9)
ACCURACIES = (0.6, 0.7, 0.8, 0.9)
FLOOR = 0.20


def votes_asked(votes: Sequence[Vote]) -> tuple[int, Tally]:
    """How many of a match's votes rrm asks for, and what they add up to."""
    tally = Tally()
    while wave := voting.next_wave(tally, len(votes) - tally.total, allows_ties=False):
        tally = voting.add(tally, votes[tally.total : tally.total + wave])
    return tally.total, tally


def measure(count: int, accuracy: float, matches: int) -> tuple[float, int]:
    """The share of the samples that is saved, and how many matches have another winner than with all votes."""
    chance = random.Random(f"{count} {accuracy}")
    asked = different = 0
    for _ in range(matches):
        votes = [Vote.FIRST if chance.random() < accuracy else Vote.SECOND for _ in range(count)]
        number, tally = votes_asked(votes)
        asked += number
        different += voting.outcome(tally, False) is not voting.outcome(voting.add(Tally(), votes), False)
    return 1 - asked / (count * matches), different


def main() -> None:
    """Print the table, and exit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matches", type=int, default=10_000)
    matches = parser.parse_args().matches
    results = {(k, accuracy): measure(k, accuracy, matches) for k in VOTES for accuracy in ACCURACIES}
    print(f"samples saved by the early stop, {matches:,} matches each; columns: accuracy of a single vote")
    print("votes  " + "".join(f"{accuracy:>8.1f}" for accuracy in ACCURACIES))
    for k in VOTES:
        print(f"{k:>5}  " + "".join(f"{results[k, accuracy][0]:>8.1%}" for accuracy in ACCURACIES))
    different = sum(changed for _, changed in results.values())
    print(f"matches with another winner than all k votes give: {different} of {matches * len(results):,}")
    saved, _ = results[5, 0.8]
    print(f"asked for: 0, and at least {FLOOR:.0%} saved at k=5 and .8 ({saved:.1%})")
    raise SystemExit(different > 0 or saved < FLOOR)


if __name__ == "__main__":
    main()
