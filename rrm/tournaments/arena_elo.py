"""Everyone against m others, rated by Elo, as the authors of the RRM paper rate rollouts while they train: m * n matches.

Each player in turn asks for m matches (4 by default; all others, if they are fewer), all at once. There, everyone's
opponents are drawn anew; here, whom a place in the draw meets is fixed, and the draw is random: the opponents stand 1, 2,
4, 8, ... places further on a ring, then at the distances between. So everyone plays exactly 2m matches, and a pair meets
twice only where there are no other pairs (2m > n - 1).

Elo ratings (`rrm.ratings.elo`, K = 4) are folded in the order of the schedule, player by player, and depend on it. Ties
count half; a match that ends undecided is left out. Equal ratings are ordered by the draw. With so few games the ratings
are coarse: of a sound judge's best it is sure that nobody has won more, but someone who won as often against opponents who
were rated higher can stand above it.

Source: microsoft/LMOps, reward_score/rrm/arena.py, `ResponseArenaElo` (`elo_match_multiplier` is m), which makes a verdict
that can't be read a draw.
"""

from collections.abc import Iterator, Sequence

from rrm.errors import InputError
from rrm.ratings.elo import elo
from rrm.tournaments.results import by_score, games
from rrm.tournaments.rounds import Pair, Play, Rounds

__all__ = ["ArenaElo"]


class ArenaElo(Rounds):
    """Everyone asks for matches against `opponents` others. `k`, `initial`, `base` and `scale` are those of Elo."""

    auto_votes = 1

    def __init__(
        self,
        draw: Sequence[int],
        *,
        opponents: int = 4,
        k: float = 4.0,
        initial: float = 1000.0,
        base: float = 10.0,
        scale: float = 400.0,
    ) -> None:
        super().__init__(draw)
        if opponents < 1:
            raise InputError(f"everyone needs at least one opponent, not {opponents}")
        if k <= 0 or base <= 1 or scale <= 0:
            raise InputError(f"Elo needs k > 0, base > 1 and scale > 0, not k={k}, base={base}, scale={scale}")
        self._opponents = min(opponents, self.players - 1)
        self._parameters = {"k": k, "initial": initial, "base": base, "scale": scale}

    @property
    def most_matches(self) -> int:
        return self._opponents * self.players

    def play(self) -> Play:
        played = yield list(self._pairs())
        return by_score(elo(games(played), self.players, **self._parameters))

    def _pairs(self) -> Iterator[Pair]:
        distances = sorted(_distances(self.players)[: self._opponents])
        for player in range(self.players):
            for distance in distances:
                yield player, (player + distance) % self.players


def _distances(players: int) -> list[int]:
    """How far away on the ring the opponents stand, the first to be taken in front: those behind are the others' task."""
    half = (players + 1) // 2
    ahead, behind = range(1, half), range(half, players)
    return sorted(ahead, key=lambda distance: distance & (distance - 1) != 0) + list(behind)
