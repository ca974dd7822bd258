"""As many pairs as can be, where not everyone goes with everyone: maximum matching in any graph.

By augmenting paths through blossoms (J. Edmonds, Paths, trees, and flowers, 1965): a matching that can be made larger is
made so by a path from one single to another, on which every other edge is a pair; circles of odd length that the search
meets are shrunk to a point. What is paired already stays paired, if not always with the same one; and of all that was
paired, no more is changed than lies on the path. O(n^3) for everything, and close to one pass over the edges where few
are single to begin with.
"""

from collections import deque
from collections.abc import Sequence

__all__ = ["NOBODY", "enlarge"]

NOBODY = -1
"""The mate of who is single."""


def enlarge(mates: list[int], partners: Sequence[Sequence[int]]) -> None:
    """Make a matching as large as can be, in place.

    `mates` has everyone's mate among 0 .. n-1, or NOBODY; `partners` whom each can be paired with, those to be tried first
    in front.
    """
    for single in range(len(mates)):
        if mates[single] == NOBODY:
            _Search(mates, partners, single).run()


class _Search:
    """For an augmenting path from one who is single."""

    def __init__(self, mates: list[int], partners: Sequence[Sequence[int]], root: int) -> None:
        self.mates = mates
        self.partners = partners
        self.root = root
        self.parents = [NOBODY] * len(mates)
        """The one before on the path from the root, of those who are reached over an edge that is no pair."""
        self.bases = list(range(len(mates)))
        """What a shrunk circle stands for; everyone else stands for himself."""
        self.outer = {root}
        """Those from whom the path goes on over an edge that is no pair."""
        self.queue = deque([root])

    def run(self) -> None:
        while self.queue:
            one = self.queue.popleft()
            for other in self.partners[one]:
                if self._extend(one, other):
                    self._flip(other)
                    return

    def _extend(self, one: int, other: int) -> bool:
        """Go over an edge; whether it leads to another single."""
        mate = self.mates[other]
        if self.bases[one] == self.bases[other] or self.mates[one] == other:
            return False
        if other in self.outer:
            self._shrink(one, other)
        elif self.parents[other] == NOBODY:
            self.parents[other] = one
            if mate == NOBODY:
                return True
            self._reach(mate)
        return False

    def _reach(self, one: int) -> None:
        if one not in self.outer:
            self.outer.add(one)
            self.queue.append(one)

    def _shrink(self, one: int, other: int) -> None:
        base = self._meeting_point(one, other)
        circle = self._mark(one, base, other) | self._mark(other, base, one)
        for player, at in enumerate(self.bases):
            if at in circle:
                self.bases[player] = base
                self._reach(player)

    def _meeting_point(self, one: int, other: int) -> int:
        """The base at which the paths from the root to both part."""
        passed = set(self._bases_to_root(one))
        return next(base for base in self._bases_to_root(other) if base in passed)

    def _bases_to_root(self, one: int) -> list[int]:
        found = [self.bases[one]]
        while found[-1] != self.bases[self.root]:
            found.append(self.bases[self._two_back(found[-1])])
        return found

    def _mark(self, one: int, base: int, child: int) -> set[int]:
        """The bases from one to the base of the circle; the path is made to lead both ways around."""
        found = set[int]()
        while self.bases[one] != base:
            mate = self.mates[one]
            found |= {self.bases[one], self.bases[mate]}
            self.parents[one] = child
            child, one = mate, self._two_back(one)
        return found

    def _two_back(self, one: int) -> int:
        """Over one's pair and the edge before it."""
        return self.parents[self.mates[one]]

    def _flip(self, end: int) -> None:
        """Along the path that ends there, pairs are parted and the others become pairs."""
        while end != NOBODY:
            before = self.parents[end]
            after = self.mates[before]
            self.mates[end], self.mates[before] = before, end
            end = after
