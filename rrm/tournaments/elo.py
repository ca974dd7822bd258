"""Round robin rated by Elo, as in the RRM paper (arXiv 2505.14674): n(n-1)/2 matches, all at once.

The schedule is the circle method over the draw, so that a player's games are spread over the list. The
ratings are folded in the order of the schedule, whatever the order of arrival. Ties count half; a match
that ends undecided is left out. Equal ratings are ordered by the draw.
"""

from collections.abc import Iterator, Sequence

from rrm.errors import InputError
from rrm.ratings.elo import Game, elo
from rrm.tournaments.base import take
from rrm.types import Match, Outcome, Standings, Verdict

__all__ = ["Elo"]

_SCORES = {Outcome.FIRST: 1.0, Outcome.TIE: 0.5, Outcome.SECOND: 0.0}


class Elo:
    """Everyone plays everyone once. `k`, `initial`, `base` and `scale` are those of `rrm.ratings.elo.elo`."""

    def __init__(
        self,
        draw: Sequence[int],
        *,
        k: float = 4.0,
        initial: float = 1000.0,
        base: float = 10.0,
        scale: float = 400.0,
    ) -> None:
        if not draw:
            raise InputError("a round robin needs at least one contestant")
        if k <= 0 or base <= 1 or scale <= 0:
            raise InputError(f"Elo needs k > 0, base > 1 and scale > 0, not k={k}, base={base}, scale={scale}")
        self._draw = tuple(draw)
        self._parameters = {"k": k, "initial": initial, "base": base, "scale": scale}
        self._schedule = tuple(_circle(self._draw))
        self._playing: dict[int, Match] = {}
        self._outcomes: dict[int, Outcome] = {}

    @property
    def most_matches(self) -> int:
        return len(self._schedule)

    def start(self) -> Sequence[Match]:
        self._playing = {match.number: match for match in self._schedule}
        return self._schedule

    def record(self, match: Match, verdict: Verdict) -> Sequence[Match]:
        take(self._playing, match)
        self._outcomes[match.number] = verdict.outcome
        return []

    @property
    def standings(self) -> Standings | None:
        if len(self._outcomes) < self.most_matches:
            return None
        ratings = elo(self._games(), len(self._draw), **self._parameters)
        order = sorted(self._draw, key=lambda contestant: -ratings[contestant])
        return Standings(tuple(order), tuple(ratings))

    def _games(self) -> Iterator[Game]:
        for match in self._schedule:
            outcome = self._outcomes[match.number]
            if outcome in _SCORES:
                yield Game(match.first, match.second, _SCORES[outcome])


def _circle(draw: tuple[int, ...]) -> Iterator[Match]:
    """The circle method: one player stays, the others move on by one place a round; with an odd number one rests."""
    places: list[int | None] = [*draw, None] if len(draw) % 2 else [*draw]
    number = 0
    for round_number in range(1, len(places)):
        half = len(places) // 2
        for first, second in zip(places[:half], reversed(places[half:]), strict=True):
            if first is not None and second is not None:
                number += 1
                yield Match(number, round_number, first, second)
        places = [places[0], places[-1], *places[1:-1]]
