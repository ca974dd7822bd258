"""Swiss system: in each round like meets like, and nobody meets the same opponent again while that can be helped.

By default ceil(log2 n) rounds of n // 2 matches; with a budget as many as it pays for, and what is left over is a last,
partial round of those who stand highest. With an odd number one has a bye in each complete round, which is a point without
a game: the lowest with whom no meeting is repeated, but nobody a second time before everyone had one.

Within a group of equal points the upper half meets the lower half, in the order of the table; who is left over goes down to
the next group. Players are paired from the top down, each with the nearest one he has not met; where that leaves the last
ones with opponents of before, pairs are changed until there are as few such meetings as can be in this round
(`rrm.tournaments.matching`). When all have met, after n - 1 rounds or more, everyone is met again.

The table is by points: a win is one, a tie half of one. A match that ends undecided is no game: it gives no point. Equal
points are ordered by the sum of the opponents' points (Buchholz), then by the draw. Who has won all games is alone at the
top after ceil(log2 n) complete rounds, if none ended in a tie or undecided.

The final order is by one Bradley-Terry fit of all games (`rating="bradley-terry"`), or the table (`rating="points"`,
with points as scores). A partial round would be unfair to those who don't play it, so with points it is left out, unless
there is no other.

Rounds, score groups, byes and Buchholz are those of chess; docs/ranking-study.md says what the fit adds.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, groupby
from typing import NamedTuple

from rrm.errors import InputError
from rrm.tournaments.matching import NOBODY, enlarge
from rrm.tournaments.pool import pooled, rated
from rrm.tournaments.results import balanced
from rrm.tournaments.rounds import Pair, Play, Played, Rounds
from rrm.types import Outcome, Standings

__all__ = ["Swiss"]

_RATINGS = ("bradley-terry", "points")
_POINTS = {Outcome.FIRST: (1.0, 0.0), Outcome.SECOND: (0.0, 1.0), Outcome.TIE: (0.5, 0.5)}


class Swiss(Rounds):
    """Rounds of like against like. `matches` is how many may be played; `rating` is "bradley-terry" or "points"."""

    takes_budget = True
    auto_votes = 1
    pools = True

    def __init__(self, draw: Sequence[int], *, matches: int | None = None, rating: str = "bradley-terry") -> None:
        super().__init__(draw)
        if rating not in _RATINGS:
            raise InputError(f"a Swiss system is rated by {' or '.join(_RATINGS)}, not {rating!r}")
        if matches is not None and matches < 1:
            raise InputError(f"a Swiss system needs at least one match, not {matches}")
        self._rating = rating
        self._sizes = tuple(self._plan(matches))

    @property
    def most_matches(self) -> int:
        return sum(self._sizes)

    def play(self) -> Play:
        table, games = _Table(self.players), list[Played]()
        for size in self._sizes:
            played = yield balanced(table.pair(size), self.players)
            table.record(played)
            games += played
        if self._rating == "bradley-terry":
            return rated(pooled(games, self.players))
        order = table.order()
        return Standings(tuple(order), tuple(table.points))

    def _plan(self, matches: int | None) -> Iterator[int]:
        """How many matches each round has."""
        complete = self.players // 2
        if not complete:
            return
        if matches is None:
            matches = complete * (self.players - 1).bit_length()
        rounds, rest = divmod(matches, complete)
        yield from [complete] * rounds
        if rest and (not rounds or self._rating == "bradley-terry"):
            yield rest


class _Pairing(NamedTuple):
    """The pairs of a round, the top of the table first, and who has a bye.

    `repeats` is how many of the pairs have met more often than others, `is_mended` whether they are not those that the
    table suggests.
    """

    repeats: int
    is_mended: bool
    pairs: list[Pair]
    bye: int


class _Table:
    """Who has how many points, who has met whom how often, and who had byes."""

    def __init__(self, players: int) -> None:
        self.points = [0.0] * players
        self._opponents: list[list[int]] = [[] for _ in range(players)]
        self._met = [[0] * players for _ in range(players)]
        self._byes = [0] * players

    def order(self) -> list[int]:
        """From the top down: by points, then by the opponents' points, then by the draw."""
        buchholz = [sum(self.points[opponent] for opponent in opponents) for opponents in self._opponents]
        return sorted(range(len(self.points)), key=lambda player: (-self.points[player], -buchholz[player]))

    def pair(self, size: int) -> list[Pair]:
        """The pairs of the next round. Where it is complete, the bye is given."""
        chosen = self._choose()
        if chosen.bye != NOBODY and len(chosen.pairs) == size:
            self.points[chosen.bye] += 1
            self._byes[chosen.bye] += 1
        return chosen.pairs[:size]

    def record(self, played: Sequence[Played]) -> None:
        for _, first, second, verdict in played:
            self._met[first][second] += 1
            self._met[second][first] += 1
            if verdict.outcome in _POINTS:
                self._opponents[first].append(second)
                self._opponents[second].append(first)
                for player, gained in zip((first, second), _POINTS[verdict.outcome], strict=True):
                    self.points[player] += gained

    def _choose(self) -> _Pairing:
        """The lowest one has the bye with whom the table's own pairs can be played, or as few meetings are repeated as can be."""
        players = range(len(self.points))
        fewest = min(self._met[one][other] for one, other in combinations(players, 2))
        found: list[_Pairing] = []
        for bye in self._may_rest():
            found.append(_paired(self._folded(bye), self._met, fewest, bye))
            if not found[-1].is_mended:
                break
        return min(found, key=lambda pairing: (pairing.repeats, pairing.is_mended))

    def _may_rest(self) -> list[int]:
        """Of an odd number, those with the fewest byes, the lowest first; who leads is left out, unless all do."""
        if len(self.points) % 2 == 0:
            return [NOBODY]
        fewest, most = min(self._byes), max(self.points)
        fitting = [player for player in reversed(self.order()) if self._byes[player] == fewest]
        return [player for player in fitting if self.points[player] < most] or fitting

    def _folded(self, bye: int) -> list[int]:
        """Everyone next to whom he would best meet: of those with equal points, the upper half and the lower half in turn.

        Who is left over goes down to the next group, where he stands on top.
        """
        folded, over = list[int](), list[int]()
        playing = [player for player in self.order() if player != bye]
        for _, group in groupby(playing, key=self.points.__getitem__):
            players = [*over, *group]
            half = len(players) // 2
            for pair in zip(players[:half], players[half:], strict=False):
                folded += pair
            over = players[2 * half :]
        return folded


def _paired(standing: Sequence[int], met: Sequence[Sequence[int]], fewest: int, bye: int) -> _Pairing:
    """Everyone with the nearest one of the standing who has not been met more often than others."""
    places = range(len(standing))
    fresh = [[met[one][other] == fewest for other in standing] for one in standing]
    mates = [NOBODY] * len(standing)
    for one in places:
        if mates[one] == NOBODY:
            below = (other for other in places[one + 1 :] if fresh[one][other] and mates[other] == NOBODY)
            _marry(mates, one, next(below, NOBODY))
    is_mended = NOBODY in mates
    repeats = _mend(mates, fresh) if is_mended else 0
    pairs = [(standing[one], standing[other]) for one, other in enumerate(mates) if one < other]
    return _Pairing(repeats, is_mended, pairs, bye)


def _marry(mates: list[int], one: int, other: int) -> None:
    if other != NOBODY:
        mates[one], mates[other] = other, one


def _mend(mates: list[int], fresh: Sequence[Sequence[bool]]) -> int:
    """Find mates for all who have none, with as few meetings as possible that are not fresh; how many these are."""
    places = range(len(mates))
    # From the bottom up, so that what is changed is changed there.
    enlarge(mates, [[other for other in reversed(places) if fresh[one][other] and other != one] for one in places])
    single = [place for place in places if mates[place] == NOBODY]
    for one, other in zip(single[::2], single[1::2], strict=True):
        _marry(mates, one, other)
    return len(single) // 2
