"""How many samples the stop policies save, against asking all k votes of the same matches, and what that costs.

    python bench/votes_saved.py [--matches N] [--pairs N]

majority   each vote is right with a given probability, from a fixed seed. rrm.judging.voting asks the votes in waves
           and stops where no remaining vote can change the majority; the baseline counts all k of the very same votes.
           Every match must have the same winner either way. Printed is the share of the samples not asked for.
beta       a judge with the faults of real ones: two responses with skills from N(0, 1.5) (logits), half the votes each
           way round, 0.6 logits for whoever is shown first, and 5 % of the votes a coin. A match is right where the
           better one wins. Each threshold sees the same votes as all 7 do, so that the difference in accuracy is paired.
           With 7 votes a threshold is a score: .80 stops two votes ahead (so at 2-0, one vote each way), .85 at 2-0 or
           3-0, .90 at 3-0, and .95 only where the majority is certain.

Exit code 1 where the majority's winner differs, where it saves less than 20 % at k = 5 and an accuracy of .8, or
where beta at .9 saves less than 35 % of 7 votes, or is right in more than half a point of the matches less.
"""

import argparse
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from rrm.judging import voting
from rrm.types import Outcome, Tally, Vote

VOTES = (3, 5, 7, 9)
ACCURACIES = (0.6, 0.7, 0.8, 0.9)
FLOOR = 0.20

MOST_VOTES = 7
THRESHOLDS = (0.8, 0.85, 0.9, 0.95)
SKILL, BIAS, LAPSE = 1.5, 0.6, 0.05
"""Standard deviation of the skills, and what the first shown gains, in logits; share of the votes that are a coin."""

BETA_FLOOR, BETA_LOSS = 0.35, 0.005


def votes_asked(votes: Sequence[Vote], stop: voting.Stop = "majority", threshold: float = 0.9) -> tuple[int, Tally]:
    """How many of a match's votes rrm asks for, and what they add up to."""
    tally = Tally()
    while wave := voting.next_wave(tally, len(votes) - tally.total, False, stop, threshold):
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


def show_majority(matches: int) -> bool:
    """Print the table of the lossless stop; whether its bounds are kept."""
    results = {(k, accuracy): measure(k, accuracy, matches) for k in VOTES for accuracy in ACCURACIES}
    print(f"samples saved by the early stop, {matches:,} matches each; columns: accuracy of a single vote")
    print("votes  " + "".join(f"{accuracy:>8.1f}" for accuracy in ACCURACIES))
    for k in VOTES:
        print(f"{k:>5}  " + "".join(f"{results[k, accuracy][0]:>8.1%}" for accuracy in ACCURACIES))
    different = sum(changed for _, changed in results.values())
    print(f"matches with another winner than all k votes give: {different} of {matches * len(results):,}")
    saved, _ = results[5, 0.8]
    print(f"asked for: 0, and at least {FLOOR:.0%} saved at k=5 and .8 ({saved:.1%})")
    return different == 0 and saved >= FLOOR


@dataclass(frozen=True)
class Stopped:
    """How a stop policy did on many matches, each with as many votes at most."""

    asked: Sequence[int]
    right: Sequence[float]
    """1 where the better one won, 0 where the other did."""

    def saved(self, votes: int) -> float:
        return 1 - fmean(self.asked) / votes

    def better_than(self, other: "Stopped") -> tuple[float, float]:
        """The difference in accuracy on the same matches, and its standard error."""
        return _mean_and_error([mine - its for mine, its in zip(self.right, other.right, strict=True)])


def stopped(matches: Iterable[Sequence[Vote]], stop: voting.Stop, threshold: float = 0.9) -> Stopped:
    """What a policy makes of matches whose first is the better one."""
    results = [votes_asked(votes, stop, threshold) for votes in matches]
    return Stopped(
        [asked for asked, _ in results],
        [float(voting.outcome(tally, False) is Outcome.FIRST) for _, tally in results],
    )


def judged(pairs: int) -> list[list[Vote]]:
    """The votes on so many pairs, the better response of each named first."""
    chance = random.Random("reference judge")
    return [_votes(abs(chance.gauss(0, SKILL) - chance.gauss(0, SKILL)), chance) for _ in range(pairs)]


def _votes(lead: float, chance: random.Random) -> list[Vote]:
    """Votes on a response that is so many logits better than the other."""
    ways = voting.orientations("balanced", MOST_VOTES, chance.random() < 0.5, lambda _: False)
    right = {way: LAPSE / 2 + (1 - LAPSE) / (1 + math.exp(BIAS * (1 if way else -1) - lead)) for way in (False, True)}
    return [Vote.FIRST if chance.random() < right[way] else Vote.SECOND for way in ways]


def show_beta(pairs: int) -> bool:
    """Print the table of the policies on the reference judge; whether the bounds of beta at .9 are kept."""
    matches = judged(pairs)
    full = stopped(matches, "none")
    policies = {"all votes": full, "majority": stopped(matches, "majority")}
    policies |= {f"beta {threshold:.2f}": stopped(matches, "beta", threshold) for threshold in THRESHOLDS}
    print(
        f"\nup to {MOST_VOTES} votes of the reference judge, {pairs:,} pairs; points: difference to all votes, paired"
    )
    print(f"{'stop':<10}{'samples':>9}{'saved':>9}{'accuracy':>18}{'points':>18}")
    for name, policy in policies.items():
        accuracy, error = _mean_and_error(policy.right)
        more, more_error = policy.better_than(full)
        print(
            f"{name:<10}{fmean(policy.asked):>9.3f}{policy.saved(MOST_VOTES):>9.1%}{accuracy:>10.2%} ± {error:.2%}"
            f"{100 * more:>+10.3f} ± {100 * more_error:.3f}"
        )
    beta = policies["beta 0.90"]
    saved, more = beta.saved(MOST_VOTES), beta.better_than(full)[0]
    print(f"asked for: beta at .9 saves at least {BETA_FLOOR:.0%} ({saved:.1%})", end=" ")
    print(f"and loses at most {100 * BETA_LOSS:.1f} points ({-100 * more:.2f})")
    return saved >= BETA_FLOOR and more >= -BETA_LOSS


def _mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    mean = fmean(values)
    return mean, math.sqrt(fmean((value - mean) ** 2 for value in values) / len(values))


def main() -> None:
    """Print the tables, and exit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matches", type=int, default=10_000, help="for each figure of the stop majority")
    parser.add_argument("--pairs", type=int, default=200_000, help="for the reference judge")
    options = parser.parse_args()
    kept = [show_majority(options.matches), show_beta(options.pairs)]
    raise SystemExit(not all(kept))


if __name__ == "__main__":
    main()
