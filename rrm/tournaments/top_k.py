"""The k best in order, by tournament-tree selection: at most n - 1 + (k - 1)(ceil(log2 n) - 1) matches.

A knockout over the draw finds the best. It is taken out of the tree, and only the matches on its way up are played again,
by those who had lost to it: whoever comes out at the top is the next best. So nobody meets the same opponent again, and
the second best costs no more than the best had rounds, less one. With k = 1 it is a knockout; with k = n it sorts. The
matches of a round of the first knockout are played at once; after it there is one at a time.

Behind the k best, who got further up in the tree stands higher; of those who got equally far, the one whose conqueror
stands higher. A score is the number of players placed below. Nobody who lost a match stands above the winner.

A match that ends in a tie or undecided is settled by the draw: the one who stands first in it goes on, and is listed in
`advanced`.

Source: D. E. Knuth, The Art of Computer Programming 3, section 5.3.3.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence

from rrm.errors import InputError
from rrm.tournaments.results import by_place
from rrm.tournaments.rounds import Pair, Play, Played, Rounds
from rrm.types import Outcome

__all__ = ["TopK"]

_NOBODY = -1


class TopK(Rounds):
    """The `k` best in order (all, if they are fewer), and the others as far as that tells."""

    def __init__(self, draw: Sequence[int], *, k: int = 4) -> None:
        super().__init__(draw)
        if k < 1:
            raise InputError(f"at least the best one must be found: k must be 1 or more, not {k}")
        self._k = min(k, self.players)

    @property
    def most_matches(self) -> int:
        levels = (self.players - 1).bit_length()
        again = (min(levels - 1, self.players - place) for place in range(2, self._k + 1))
        return self.players - 1 + sum(again)

    def play(self) -> Play:
        tree = _Tree(self.players)
        for nodes in tree.levels():
            yield from tree.contest(nodes)
        best = [tree.top]
        while len(best) < self._k:
            for node in tree.vacate(best[-1]):
                yield from tree.contest([node])
            best.append(tree.top)
        return by_place(tree.placing(best), tree.advanced)


class _Tree:
    """Who has come how far. The root is node 1; the parent of a node is half its number; leaves have a player or nobody."""

    def __init__(self, players: int) -> None:
        self.advanced: dict[int, int] = {}
        self._players = range(players)
        self._size = 1 << (players - 1).bit_length()
        byes = self._size - players
        # As in a knockout, those in front of the draw meet nobody at first.
        self._leaves = [self._size + (2 * player if player < byes else byes + player) for player in self._players]
        self._winners = [_NOBODY] * (2 * self._size)
        for player, leaf in enumerate(self._leaves):
            self._winners[leaf] = player

    @property
    def top(self) -> int:
        """Who has come to the root."""
        return self._winners[1]

    def levels(self) -> Iterator[Iterable[int]]:
        """The nodes above the leaves, from the bottom up."""
        start = self._size // 2
        while start:
            yield range(start, 2 * start)
            start //= 2

    def vacate(self, player: int) -> Iterator[int]:
        """Take a player out; the nodes on the way up, which are to be contested again."""
        node = self._leaves[player]
        self._winners[node] = _NOBODY
        while node > 1:
            node //= 2
            yield node

    def contest(self, nodes: Iterable[int]) -> Generator[list[Pair], Sequence[Played], None]:
        """Find out who comes to these nodes: by a match, where somebody comes from both sides."""
        contested: dict[int, Pair] = {}
        for node in nodes:
            upper, lower = self._winners[2 * node], self._winners[2 * node + 1]
            self._winners[node] = lower if upper == _NOBODY else upper
            if _NOBODY not in (upper, lower):
                contested[node] = (upper, lower)
        if contested:
            played = yield list(contested.values())
            for node, (number, first, second, verdict) in zip(contested, played, strict=True):
                self._winners[node] = second if verdict.outcome is Outcome.SECOND else first
                if verdict.outcome not in (Outcome.FIRST, Outcome.SECOND):
                    self.advanced[number] = first

    def placing(self, best: Sequence[int]) -> list[int]:
        """Everyone: the best, then by how far up somebody came, and behind whom."""
        stops = {player: self._stop(player) for player in self._players if player not in best}
        order = list(best)
        for level in sorted({stop.bit_length() for stop in stops.values()}):
            place = {player: place for place, player in enumerate(order)}
            losers = [player for player, stop in stops.items() if stop.bit_length() == level]
            order += sorted(losers, key=lambda loser: place[self._winners[stops[loser]]])
        return order

    def _stop(self, player: int) -> int:
        """The lowest node to which a player has not come."""
        node = self._leaves[player]
        while self._winners[node] == player:
            node //= 2
        return node
