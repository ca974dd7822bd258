"""How a match is heard before a simulated judge: with the orders, votes and stop of an opened judge, and no prompts.

It keeps to `rrm.judging.hearing` and `rrm.session` vote by vote; a test holds the two against each other. Numbers of
waves and verdicts are remembered, since a simulation hears the same few patterns of votes a million times.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rrm.judging import voting
from rrm.simulation.judge import Sitting
from rrm.tournaments.draw import is_second_shown_first
from rrm.types import Match, Outcome, Support, Tally, Usage, Verdict

__all__ = ["Hearings", "Manner"]

Counts = tuple[int, int, int, int, int, int]
"""Votes for the first, the second and ties in terms of the match: shown as in the match, then the other way round."""


@dataclass(slots=True)
class Manner:
    """How every match of a tournament is heard. The fields are those of `rrm.judging.asking.Rules`."""

    votes: int = 1
    order: voting.Order = "balanced"
    stop: voting.Stop = "majority"
    threshold: float = 0.9
    resamples: int = 2
    allows_ties: bool = False
    asks_splits_again: bool = True
    _waves: dict[tuple[int, int, int, int], int] = field(default_factory=dict, init=False, repr=False)
    _verdicts: dict[Counts, Verdict] = field(default_factory=dict, init=False, repr=False)
    _plans: dict[tuple[int, bool], tuple[bool, ...]] = field(default_factory=dict, init=False, repr=False)

    @property
    def most_votes(self) -> int:
        """How many votes a match may cost, those apart that an even split asks for."""
        return 2 * self.votes if self.order == "both" else self.votes

    def plan(self, repeat: int, lead: bool) -> tuple[bool, ...]:
        """The orientations of a meeting's votes, where no coin decides."""
        found = self._plans.get((repeat, lead))
        if found is None:
            found = voting.orientations(self.order, self.votes, lead, lambda _: False, repeat)
            self._plans[repeat, lead] = found
        return found

    def next_wave(self, first: int, second: int, tie: int, remaining: int) -> int:
        """How many votes to ask for next."""
        key = (first, second, tie, remaining)
        found = self._waves.get(key)
        if found is None:
            tally = Tally(first, second, tie)
            least = voting.least_heard(self.order)
            found = voting.next_wave(tally, remaining, self.allows_ties, self.stop, self.threshold, least=least)
            self._waves[key] = found
        return found

    def verdict(self, counts: Counts) -> Verdict:
        """What the votes add up to."""
        found = self._verdicts.get(counts)
        if found is None:
            found = self._verdicts[counts] = _verdict(counts, self.allows_ties)
        return found


def _verdict(counts: Counts, allows_ties: bool) -> Verdict:
    tally = Tally(counts[0] + counts[3], counts[1] + counts[4], counts[2] + counts[5])
    support = (_support(*counts[:3]), _support(*counts[3:]))
    return Verdict(voting.outcome(tally, allows_ties), tally, Usage(tally.total), support=support)


def _support(first: int, second: int, tie: int) -> Support:
    return Support(first + tie / 2, second + tie / 2)


_SWAPPED = (1, 0, 2)
"""A vote in terms of what was shown, in terms of a match that was shown the other way round."""


class Hearings:
    """The matches of one tournament before a sitting. Each may be heard once, those of a pair one after the other."""

    def __init__(self, sitting: Sitting, manner: Manner) -> None:
        self._sitting = sitting
        self._manner = manner
        self._size = len(sitting.draw)
        self._asked = [0] * self._size**2
        """How many votes were asked for, by who was shown first and who second."""
        self.calls = 0

    def hear(self, match: Match) -> Verdict:
        """The verdict of a match."""
        counts = [0, 0, 0, 0, 0, 0]
        plan = self._plan(match)
        asked = 0
        while size := self._next_wave(counts, len(plan) - asked):
            self._ask(match, plan[asked : asked + size], counts)
            asked += size
        verdict = self._verdict(counts)
        for _ in range(self._manner.resamples if self._manner.asks_splits_again else 0):
            if verdict.outcome is not Outcome.UNDECIDED:
                break
            self._ask(match, self._one_each_way(match), counts)
            verdict = self._verdict(counts)
        return verdict

    def _next_wave(self, counts: list[int], remaining: int) -> int:
        first, second, tie = counts[0] + counts[3], counts[1] + counts[4], counts[2] + counts[5]
        return self._manner.next_wave(first, second, tie, remaining)

    def _verdict(self, counts: list[int]) -> Verdict:
        first, second, tie, *turned = counts
        return self._manner.verdict((first, second, tie, *turned))  # type: ignore[arg-type]

    def _ask(self, match: Match, orientations: Sequence[bool], counts: list[int]) -> None:
        """Ask for a vote in each orientation and count it."""
        self.calls += len(orientations)
        for is_swapped in orientations:
            if is_swapped:
                counts[3 + _SWAPPED[self._vote(match.second, match.first)]] += 1
            else:
                counts[self._vote(match.first, match.second)] += 1

    def _vote(self, first: int, second: int) -> int:
        pair = first * self._size + second
        number = self._asked[pair]
        self._asked[pair] += 1
        return self._sitting.vote(first, second, number)

    def _plan(self, match: Match) -> tuple[bool, ...]:
        manner = self._manner
        if manner.order != "random":
            return manner.plan(match.repeat, self._lead(match))
        return voting.orientations(
            "random", manner.votes, False, lambda number: self._coin(match, number), match.repeat
        )

    def _one_each_way(self, match: Match) -> tuple[bool, ...]:
        """What an even split is asked for."""
        order = self._manner.order
        if order == "random":
            return (self._coin(match, self._met(match)),)
        lead = self._lead(match)
        return (lead,) if order == "fixed" else (lead, not lead)

    def _met(self, match: Match) -> int:
        return (
            self._asked[match.first * self._size + match.second] + self._asked[match.second * self._size + match.first]
        )

    def _lead(self, match: Match) -> bool:
        if self._manner.order == "fixed":
            return match.first > match.second
        return is_second_shown_first(self._sitting.ring, match.first, match.second)

    def _coin(self, match: Match, number: int) -> bool:
        return self._sitting.coin(match.first, match.second, number)
