"""What a ranker is: a judge, a reward, several of them together. Best-of-N, preferences, RL rewards and files ask no more.

Whatever is a `Ranker` can stand where a judge can, unless pairs are compared.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from rrm.errors import InputError
from rrm.ranking import Ranking
from rrm.types import Contest, Spent, Tally

__all__ = ["Ranker", "takes"]


@runtime_checkable
class Ranker(Protocol):
    """Ranks contests, one or many, sync and async; see `rrm.Judge` for what the methods promise."""

    @property
    def kind(self) -> str:
        """What it compares: "pairwise", "pointwise" (scores of single responses), "listwise"; or "cascade"."""
        ...

    @property
    def default_strategy(self) -> str:
        """The strategy where nobody says."""
        ...

    @property
    def allows_ties(self) -> bool:
        """Whether an even split is a tie, and not undecided."""
        ...

    @property
    def settings(self) -> dict[str, object]:
        """All that results follow from besides the contests, as plain values."""
        ...

    @property
    def votes(self) -> Tally:
        """All votes and scores so far."""
        ...

    @property
    def spent(self) -> Spent:
        """What was really sampled or computed so far."""
        ...

    @property
    def reused(self) -> Spent:
        """What came out of a ledger instead."""
        ...

    def check(self, query: object, *, reference: str | None = None) -> None:
        """Raises ContestError for a query that can't be taken. Asks nothing."""
        ...

    def rank(
        self, query: object, responses: Sequence[object], *, strategy: Any = None, reference: str | None = None
    ) -> Ranking: ...

    async def arank(
        self, query: object, responses: Sequence[object], *, strategy: Any = None, reference: str | None = None
    ) -> Ranking: ...

    def rank_many(
        self, contests: Iterable[Contest], *, strategy: Any = None, window: int | None = None
    ) -> Iterator[Ranking]: ...

    def arank_many(
        self, contests: Iterable[Contest], *, strategy: Any = None, window: int | None = None
    ) -> AsyncIterator[Ranking]: ...

    def open(self) -> object:
        """Load or reach what it stands on; returns what it says of itself, for reports and manifests."""
        ...

    def drain(self) -> None:
        """Ask for nothing more; what is in flight is kept."""
        ...

    def close(self) -> None: ...


def takes(ranker: Ranker, contest: Contest) -> bool:
    """Whether a ranker can take a contest's query: nothing need be done for one that it can't."""
    try:
        ranker.check(contest.query, reference=contest.reference)
    except InputError:
        return False
    return True
