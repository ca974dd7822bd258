"""A cheap filter before a dear judge: a reward cuts N responses to a few, and the judge ranks those.

With many contests both work at once: the filter runs ahead of the judge, and the judge's own stream admits what comes
out of it, oldest first. One contest goes into each for each that comes out, in the order of the input, so that a contest
that fails in either fails in its place and stops no other. There is no loop or thread of a cascade's own.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from collections.abc import Generator as SyncGenerator
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Any, cast

from rrm.closing import Closing
from rrm.contests import check_at_least
from rrm.errors import InputError
from rrm.plans import POINTWISE
from rrm.ranker import Ranker
from rrm.rankers.base import check_contests
from rrm.rankers.by_score import RewardRanker
from rrm.rankers.cases import Case, Cases
from rrm.rankers.merging import CASCADE, unfiltered
from rrm.ranking import Ranking
from rrm.types import Contest, Spent, Tally

__all__ = ["Cascade", "CascadeInfo"]


@dataclass(frozen=True, slots=True)
class CascadeInfo:
    """What an opened cascade says of itself."""

    filter: object
    keep: int
    judge: object


class Cascade(Closing):
    """Ranks with a judge the `keep` responses that a filter scores highest, and the others behind them by the filter.

    `filter`: whatever `RewardRanker` takes, or a ranker that scores single responses: a RewardRanker, an Ensemble, a
    pointwise Judge. `judge`: any ranker; a Judge, a RewardRanker with a dearer model, another Cascade. `keep` counts
    distinct responses. Contests with no more than that go to the judge whole, and the filter is not asked, which a
    ranking's `notes` say. Equal scores at the cut are decided by a seeded draw, as the filter's ranking has them.

    A Ranking has the strategy "cascade"; the judge's `matches` and `judge`, the filter's `scorings` and `rewards`; and as
    `scores` how many responses are ranked below each (those that tie share it): they compare responses of one contest
    and say no more. Where no vote of any match can be read, those that are kept stand in the filter's order, and `notes`
    say so. Strategies are the judge's. A filter and a judge that were handed over are left open.

    Raises InputError for a filter or a judge that can't be one.
    """

    def __init__(self, filter: object, *, keep: int, judge: Ranker) -> None:  # noqa: A002 - what everyone calls it
        check_at_least("keep", keep, 1)
        if not _is_ranker(judge):
            given = f"the class {judge.__name__}" if isinstance(judge, type) else type(judge).__name__
            raise InputError(f"judge must be a Judge or another ranker, not {given}")
        self._filter, self._own = _filter_of(filter)
        self._keep = keep
        self._judge = judge

    @property
    def judge(self) -> Ranker:
        """What ranks the responses that are kept."""
        return self._judge

    @property
    def kind(self) -> str:
        """Neither pairwise nor of scores: "cascade"."""
        return CASCADE

    @property
    def default_strategy(self) -> str:
        """The judge's."""
        return self._judge.default_strategy

    @property
    def allows_ties(self) -> bool:
        """Whether the judge may call a tie; if not, an even split of its votes is undecided."""
        return self._judge.allows_ties

    @property
    def settings(self) -> dict[str, object]:
        """All that results follow from besides the contests, as plain values."""
        return {"filter": self._filter.settings, "keep": self._keep, "judge": self._judge.settings}

    @property
    def votes(self) -> Tally:
        """The judge's so far: whether its samples can be read is what they are looked at for."""
        return self._judge.votes

    @property
    def spent(self) -> Spent:
        """What filter and judge really computed so far."""
        return self._filter.spent + self._judge.spent

    @property
    def reused(self) -> Spent:
        """What came out of ledgers instead."""
        return self._filter.reused + self._judge.reused

    def check(self, query: object, *, reference: str | None = None) -> None:
        """Raises ContestError for a query that filter or judge can't take. Asks nothing."""
        self._filter.check(query, reference=reference)
        self._judge.check(query, reference=reference)

    def rank(
        self, query: object, responses: Sequence[object], *, strategy: Any = None, reference: str | None = None
    ) -> Ranking:
        """Rank the responses to a query, best first. `strategy` and errors are the judge's; the filter's, too."""
        case = Case(Contest(query, responses, reference), self._keep)
        if not case.is_cut:
            return unfiltered(self._judge.rank(query, responses, strategy=strategy, reference=reference))
        self._judge.check(query, reference=reference)
        case.take(self._filter.rank(query, responses, reference=reference))
        judged = self._judge.rank(query, case.finalists.responses, strategy=strategy, reference=reference)
        return case.result(judged)

    async def arank(
        self, query: object, responses: Sequence[object], *, strategy: Any = None, reference: str | None = None
    ) -> Ranking:
        """The async twin of `rank`."""
        case = Case(Contest(query, responses, reference), self._keep)
        if not case.is_cut:
            return unfiltered(await self._judge.arank(query, responses, strategy=strategy, reference=reference))
        self._judge.check(query, reference=reference)
        case.take(await self._filter.arank(query, responses, reference=reference))
        judged = await self._judge.arank(query, case.finalists.responses, strategy=strategy, reference=reference)
        return case.result(judged)

    def rank_many(
        self, contests: Iterable[Contest], *, strategy: Any = None, window: int | None = None
    ) -> Iterator[Ranking]:
        """Rank many contests at once; yields their rankings in the order of the input, as they get done.

        Fails and streams as `Judge.rank_many`; `window` is that of the filter and that of the judge, each.
        """
        check_contests(contests)
        cases = Cases(contests, self._filter, self._judge, self._keep, window)
        return _taken(cases, self._judge.rank_many(cases, strategy=strategy, window=window))

    def arank_many(
        self, contests: Iterable[Contest], *, strategy: Any = None, window: int | None = None
    ) -> AsyncIterator[Ranking]:
        """The async twin of `rank_many`."""
        check_contests(contests)
        cases = Cases(contests, self._filter, self._judge, self._keep, window)
        return _ataken(cases, self._judge.arank_many(cases, strategy=strategy, window=window))

    def open(self) -> CascadeInfo:
        """Load or reach the filter and the judge now. Raises what these raise."""
        return CascadeInfo(self._filter.open(), self._keep, self._judge.open())

    async def aopen(self) -> CascadeInfo:
        """The async twin of `open`."""
        return await asyncio.to_thread(self.open)

    def drain(self) -> None:
        """Ask filter and judge for nothing more, from now on; what is in flight is kept."""
        self._filter.drain()
        self._judge.drain()

    def close(self) -> None:
        """Release what the cascade made for itself: nothing that was handed over."""
        if self._own is not None:
            self._own.close()


def _taken(cases: Cases, judged: Iterator[Ranking]) -> Iterator[Ranking]:
    with closing(cast("SyncGenerator[Ranking]", judged)) as rankings:
        for ranking in rankings:
            yield cases.result(ranking)


async def _ataken(cases: Cases, judged: AsyncIterator[Ranking]) -> AsyncIterator[Ranking]:
    async with aclosing(cast("AsyncGenerator[Ranking]", judged)) as rankings:
        async for ranking in rankings:
            yield cases.result(ranking)


def _filter_of(given: object) -> tuple[Ranker, RewardRanker | None]:
    """The filter, and what was made for it here. Raises InputError."""
    if not _is_ranker(given):
        made = RewardRanker(given)
        return made, made
    ranker = cast("Ranker", given)
    if ranker.kind != POINTWISE:
        raise InputError(
            f"a filter scores single responses, and this one is {ranker.kind}: use a reward, or a pointwise judge"
        )
    return ranker, None


def _is_ranker(given: object) -> bool:
    """Whether it is one; a class that makes some is none."""
    return isinstance(given, Ranker) and not isinstance(given, type)
