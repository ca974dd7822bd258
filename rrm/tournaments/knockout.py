"""Single elimination, as in the RRM paper (arXiv 2505.14674): n - 1 matches in ceil(log2 n) rounds.

The bracket is fixed by the draw. Where n is no power of two, the contestants that stand last in the draw
play a first round and the others have a bye. A match can be played as soon as its two players are known.

Placing: who goes out in a later round stands higher; of those who go out in the same round, the one whose
conqueror stands higher. That leaves no ties. A score is the number of contestants placed below.

A match that ends in a tie or undecided is settled by the draw: the one who stands first in it goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rrm.errors import InputError
from rrm.tournaments.base import take
from rrm.types import Match, Outcome, Standings, Verdict

__all__ = ["Knockout"]


@dataclass(slots=True)
class _Pairing:
    """A place in the bracket. A player is None until the match that leads there is played."""

    round: int
    players: list[int | None]
    leads_to: tuple[int, int] | None = None
    """Number of the next match and the side there (0 or 1); None for the final."""


class Knockout:
    """A single-elimination tournament over the draw, which is an order of the contestants 0 .. n-1."""

    def __init__(self, draw: Sequence[int]) -> None:
        if not draw:
            raise InputError("a knockout needs at least one contestant")
        self._draw = tuple(draw)
        self._bracket = _bracket(self._draw)
        self._playing: dict[int, Match] = {}
        self._results: dict[int, tuple[int, int]] = {}
        self._advanced: dict[int, int] = {}

    @property
    def most_matches(self) -> int:
        return len(self._draw) - 1

    def start(self) -> Sequence[Match]:
        return [match for number in self._bracket if (match := self._ready(number))]

    def record(self, match: Match, verdict: Verdict) -> Sequence[Match]:
        take(self._playing, match)
        # The upper half of a pairing always stands first in the draw, so `first` is the draw's choice.
        winner, loser = (match.first, match.second)
        if verdict.outcome is Outcome.SECOND:
            winner, loser = loser, winner
        elif verdict.outcome is not Outcome.FIRST:
            self._advanced[match.number] = winner
        self._results[match.number] = (winner, loser)
        return self._advance(match.number, winner)

    @property
    def standings(self) -> Standings | None:
        if len(self._results) < self.most_matches:
            return None
        order = self._placing()
        scores = [0.0] * len(order)
        for place, contestant in enumerate(order):
            scores[contestant] = float(len(order) - 1 - place)
        return Standings(order, tuple(scores), dict(sorted(self._advanced.items())))

    def _advance(self, number: int, winner: int) -> Sequence[Match]:
        target = self._bracket[number].leads_to
        if target is None:
            return []
        next_number, side = target
        self._bracket[next_number].players[side] = winner
        ready = self._ready(next_number)
        return [ready] if ready else []

    def _ready(self, number: int) -> Match | None:
        first, second = self._bracket[number].players
        if first is None or second is None:
            return None
        self._playing[number] = Match(number, self._bracket[number].round, first, second)
        return self._playing[number]

    def _placing(self) -> tuple[int, ...]:
        if not self._results:
            return self._draw
        champion, _ = self._results[max(self._results)]
        order = [champion]
        for losers in self._losers_by_round():
            place = {contestant: place for place, contestant in enumerate(order)}
            order += [loser for winner, loser in sorted(losers, key=lambda result: place[result[0]])]
        return tuple(order)

    def _losers_by_round(self) -> Sequence[list[tuple[int, int]]]:
        """(winner, loser) of each match, the last round first."""
        rounds: dict[int, list[tuple[int, int]]] = {}
        for number in sorted(self._results, reverse=True):
            rounds.setdefault(self._bracket[number].round, []).append(self._results[number])
        return list(rounds.values())


def _bracket(draw: tuple[int, ...]) -> dict[int, _Pairing]:
    """Every match by number: the first round first, from the top of the draw down, the final last."""
    bracket: dict[int, _Pairing] = {}
    places: list[int | _Pairing] = list(draw)
    full = 1 << (len(draw).bit_length() - 1)
    if excess := len(draw) - full:
        byes, rest = places[: full - excess], places[full - excess :]
        places = byes + _pair_up(bracket, rest, 1)
    first_full_round = 2 if excess else 1
    for number in range(first_full_round, first_full_round + full.bit_length() - 1):
        places = _pair_up(bracket, places, number)
    return bracket


def _pair_up(bracket: dict[int, _Pairing], places: list[int | _Pairing], number: int) -> list[int | _Pairing]:
    """Add one round to the bracket: neighbours meet. Returns the places of the next round."""
    pairings: list[int | _Pairing] = []
    for upper, lower in zip(places[::2], places[1::2], strict=True):
        pairing = _Pairing(number, [None, None])
        bracket[len(bracket) + 1] = pairing
        for side, place in enumerate((upper, lower)):
            _seat(place, pairing, len(bracket), side)
        pairings.append(pairing)
    return pairings


def _seat(place: int | _Pairing, pairing: _Pairing, number: int, side: int) -> None:
    if isinstance(place, _Pairing):
        place.leads_to = (number, side)
    else:
        pairing.players[side] = place
