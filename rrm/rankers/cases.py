"""Contests on their way through a cascade: from the caller to the filter, to the judge, and back as rankings.

One goes into each for each that comes out, in order, so that what belongs together is found again.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from operator import length_hint
from typing import cast

from rrm.contests import Entry, check_contest, enter
from rrm.errors import InputError
from rrm.ranker import Ranker, takes
from rrm.rankers.merging import CASCADE, joined, unfiltered
from rrm.ranking import Ranking
from rrm.types import Contest

__all__ = ["Case", "Cases"]


class Case:
    """One contest on its way: whether the filter is asked, what it said, and what goes to the judge."""

    def __init__(self, contest: Contest, keep: int) -> None:
        self.contest = contest
        self._keep = keep
        self._entry = _entered(contest)
        self._filtered: Ranking | None = None
        self._kept: tuple[int, ...] = ()

    @property
    def is_cut(self) -> bool:
        """Whether there are more responses than are kept. A contest that is none goes to the judge, to say why."""
        return self._entry is not None and len(self._entry.texts) > self._keep

    @property
    def finalists(self) -> Contest:
        """What the judge is given; a contest without responses where the filter failed, so that it fails at once."""
        if self._filtered is None:
            return self.contest
        return replace(self.contest, responses=[self.contest.responses[index] for index in self._kept])

    def take(self, filtered: Ranking) -> None:
        """What the filter said."""
        self._filtered = filtered
        if self._entry is not None and filtered.error is None:
            chosen = _first(self._entry, filtered.order, self._keep)
            self._kept = tuple(index for index in range(len(filtered.order)) if index in chosen)

    def result(self, judged: Ranking) -> Ranking:
        """The ranking of the contest, by what the judge said."""
        filtered = self._filtered
        if filtered is not None and filtered.error is not None:
            return replace(filtered, strategy=CASCADE, error=f"filtering: {filtered.error}", id=self.contest.id)
        if judged.error is not None:
            return replace(judged, strategy=CASCADE)
        return unfiltered(judged) if filtered is None else joined(filtered, judged, self._kept)


class Cases(Iterable[Contest]):
    """Contests on their way to the judge, through the filter where there are more responses than are kept."""

    def __init__(
        self, contests: Iterable[Contest], filter_: Ranker, judge: Ranker, keep: int, window: int | None
    ) -> None:
        self._entering = _Entering(contests, judge, keep)
        self._filter = filter_
        self._window = window
        self._judged: deque[Case] = deque()
        """What the judge has been given and not yet ranked, in order."""

    def __length_hint__(self) -> int:
        return length_hint(self._entering.contests, 0)

    def __iter__(self) -> Iterator[Contest]:
        filtered = cast("Generator[Ranking]", self._filter.rank_many(self._entering, window=self._window))
        with closing(filtered) as rankings:
            for ranking in rankings:
                case = self._entering.next_case(ranking)
                self._judged.append(case)
                yield case.finalists

    def result(self, judged: Ranking) -> Ranking:
        """The ranking of the contest that the judge's next ranking is about."""
        return self._judged.popleft().result(judged)


class _Entering(Iterable[Contest]):
    """Contests on their way to the filter; in place of those that it is not asked about goes one that fails at once.

    No generator but what makes one: whoever reads it holds the only one, and ends it by letting it go.
    """

    def __init__(self, contests: Iterable[Contest], judge: Ranker, keep: int) -> None:
        self.contests = contests
        self._judge = judge
        self._keep = keep
        self._asked: deque[tuple[Case, bool]] = deque()

    def __length_hint__(self) -> int:
        return length_hint(self.contests, 0)

    def __iter__(self) -> Iterator[Contest]:
        for contest in self.contests:
            check_contest(contest)
            case = Case(contest, self._keep)
            is_asked = case.is_cut and takes(self._judge, contest)
            self._asked.append((case, is_asked))
            yield contest if is_asked else _NOTHING

    def next_case(self, filtered: Ranking) -> Case:
        """What the filter's next ranking is about."""
        case, is_asked = self._asked.popleft()
        if is_asked:
            case.take(filtered)
        return case


_NOTHING = Contest("", ())
"""Without responses, so that every ranker fails it and asks nothing."""


def _entered(contest: Contest) -> Entry | None:
    """The contest's distinct responses; None where it is none, which is the judge's to say."""
    try:
        return enter(contest)
    except InputError:
        return None


def _first(entry: Entry, order: Sequence[int], keep: int) -> set[int]:
    """The responses that say one of the first so many distinct texts of an order."""
    place = {index: place for place, index in enumerate(order)}
    groups = sorted(entry.groups, key=lambda group: min(place[index] for index in group))
    return {index for group in groups[:keep] for index in group}
