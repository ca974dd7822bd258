"""Everyone meets everyone: n(n - 1)/2 matches, all at once. The most that a whole order can cost, and what it can be.

With a budget, as many matches of the schedule as it pays for. The schedule is the circle method over the draw, over and
over again: after each of its rounds everyone has played equally often (one rests in each, if n is odd), and no pair meets
again before all have met. Meetings of before are no reason to wait, so that these rounds exist on paper only.

Rated in one of three ways; equal ratings are ordered by the draw. A match that ends undecided is no game in any of them.

bradley-terry: one fit of all votes, with standard errors and a term for position bias; see `rrm.tournaments.pool`.
win-rate: the mean score of a player's games, from 0 to 1; a tie is half a win. 0.5 for one without a game.
copeland: how many opponents a player beats over all their meetings, less how many beat it. Knows no margins, so a few
lopsided pairs can't decide; leaves many level.
"""

from collections.abc import Iterator, Sequence

from rrm.errors import InputError
from rrm.tournaments.pool import pooled, rated
from rrm.tournaments.results import balanced, by_score, games
from rrm.tournaments.rounds import Pair, Play, Played, Rounds
from rrm.types import Standings

__all__ = ["RoundRobin", "circle"]

_RATINGS = ("bradley-terry", "win-rate", "copeland")


class RoundRobin(Rounds):
    """All pairs. `matches` is how many may be played; `rating` is "bradley-terry", "win-rate" or "copeland"."""

    takes_budget = True
    auto_votes = 1
    pools = True

    def __init__(self, draw: Sequence[int], *, matches: int | None = None, rating: str = "bradley-terry") -> None:
        super().__init__(draw)
        if rating not in _RATINGS:
            raise InputError(f"a round robin is rated by {', '.join(_RATINGS)}, not {rating!r}")
        if matches is not None and matches < 1:
            raise InputError(f"a round robin needs at least one match, not {matches}")
        self._rating = rating
        pairs = self.players * (self.players - 1) // 2
        self._matches = min(pairs, 1) and (pairs if matches is None else matches)

    @property
    def most_matches(self) -> int:
        return self._matches

    def play(self) -> Play:
        lap = balanced(circle(self.players), self.players)
        played = yield [lap[number % len(lap)] for number in range(self._matches)]
        if self._rating == "bradley-terry":
            return rated(pooled(played, self.players))
        return self._counted(played)

    def _counted(self, played: Sequence[Played]) -> Standings:
        from rrm.ratings.rates import copeland, win_rates

        count = copeland if self._rating == "copeland" else win_rates
        return by_score(count(games(played), self.players))


def circle(players: int) -> Iterator[Pair]:
    """All pairs by the circle method: one player stays, the others move on by a place a round; one rests, if odd."""
    places = list(range(players + players % 2))
    for _ in range(len(places) - 1):
        half = len(places) // 2
        for first, second in zip(places[:half], reversed(places[half:]), strict=True):
            if max(first, second) < players:
                yield first, second
        places = [places[0], places[-1], *places[1:-1]]
