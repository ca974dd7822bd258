"""From calls to tokens and rounds: a plain model, whose numbers are parameters.

A verdict takes `completion` tokens in the mean, whoever is compared. A prompt is what all prompts of a contest begin with
(instructions and query), the first answer, the second answer, and what stands between and behind. With a prefix cache that
forgets nothing within a contest, the beginning is computed once, each first answer once for each response that is ever
shown first, and the rest once for each ordered pair that is asked; more votes on it compute nothing.

Rounds are how many matches stand one behind the other where everything that can be asked is asked at once. Votes of a
match are taken as asked at once; with an early stop they are not quite.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ranking_study_bounds import Recorded

from rrm.plans import begin
from rrm.simulation import Arm, SimulatedJudge
from rrm.simulation.hearing import Hearings
from rrm.simulation.trial import Entrant

__all__ = ["Tokens", "asked"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Lengths, in tokens."""

    completion: int = 1000
    beginning: int = 400
    answer: int = 400
    rest: int = 50
    """Beside the second answer."""

    def computed(self, prompts: Mapping[str, float]) -> float:
        """Prompt tokens of a contest that are computed, by what `asked` counts."""
        return self.beginning + prompts["firsts"] * self.answer + prompts["pairs"] * (self.answer + self.rest)

    def total(self, calls: float, prompts: Mapping[str, float]) -> float:
        """Prompt tokens that are computed and tokens of verdicts."""
        return self.computed(prompts) + calls * self.completion


def asked(
    arms: Mapping[str, Arm], judge: SimulatedJudge, responses: int, trials: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Of each arm, means over trials: ordered pairs that were asked, responses that were shown first, and rounds."""
    found = {}
    for name, arm in arms.items():
        entrant = arm.enter(responses, allows_ties=judge.allows_ties)
        sums = [0, 0, 0]
        for number in range(trials):
            sitting = Recorded(judge.sit(responses, seed, number))
            rounds = _rounds(entrant, sitting)
            firsts = {first for first, _ in sitting.asked}
            sums = [total + new for total, new in zip(sums, (len(sitting.asked), len(firsts), rounds), strict=True)]
        means = (round(total / trials, 2) for total in sums)
        found[name] = dict(zip(("pairs", "firsts", "rounds"), means, strict=True))
    return found


def _rounds(entrant: Entrant, sitting: Recorded) -> int:
    """Play a tournament in rounds; how many there were."""
    tournament = begin(entrant.strategy, sitting.draw, entrant.matches)
    hearings, rounds = Hearings(sitting, entrant.manner), 0  # type: ignore[arg-type]
    ready = list(tournament.start())
    while ready:
        rounds += 1
        heard = [(match, hearings.hear(match)) for match in ready]
        ready = [match for done, verdict in heard for match in tournament.record(done, verdict)]
    return rounds
