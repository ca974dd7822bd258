"""What the rows of a data set will ask of a judge: how many distinct responses they have, and how long their prompts are.

Rows are counted one at a time and not kept, but for a few that are spread over all of them, so memory does not grow with
their number. Lengths are characters of the rendered prompt: each row's own query and reference are rendered with empty
responses; what responses add, and how prompts share their beginnings, is measured on the rows that are kept.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

from rrm.contests import Entry, enter
from rrm.errors import InputError, RRMError
from rrm.judging.cleaning import Cleaner
from rrm.judging.prompts import Prompt
from rrm.types import Case, Contest

__all__ = ["Layout", "Lengths", "Size", "Workload"]

_KEPT = 128
"""Rows that are kept by default, at least; at most twice as many."""

_STEP = 1.02
"""Lengths that differ by less than this factor are not told apart in the histogram."""

_AS_THEY_ARE = Cleaner(())


@dataclass(slots=True)
class Size:
    """The rows with one number of distinct responses: how many, and sums over them, in characters."""

    rows: int = 0
    bare: int = 0
    """Of the prompts with empty responses, as many as are shown at once."""
    response: float = 0.0
    """Of the mean response of each row."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a prompt is made up, in characters; means over some rows."""

    growth: float = 1.0
    """What a character of a response adds to the prompt."""
    between: float = 0.0
    """What stands between the beginning that all prompts of a row share and the end of the first response, beside it."""
    after: float = 0.0
    """What stands behind, beside the second response."""


class Lengths:
    """A histogram of lengths, in steps of 2 %; the mean and the longest are exact."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._sum = 0.0
        self.longest = 0.0

    def add(self, length: float) -> None:
        self._counts[round(math.log(max(length, 1.0)) / math.log(_STEP))] += 1
        self._sum += length
        self.longest = max(self.longest, length)

    @property
    def mean(self) -> float:
        """0 where there are none."""
        return self._sum / max(1, self._counts.total())

    def quantile(self, share: float) -> float:
        """The length that so many of them do not exceed; 0 where there are none."""
        below, wanted = 0, share * self._counts.total()
        for step in sorted(self._counts):
            below += self._counts[step]
            if below >= wanted:
                return min(_STEP**step, self.longest)
        return 0.0


class Workload:
    """Counts rows for a judge with this prompt; `strip_reasoning` and `cleaner` are the judge's.

    At least `kept` rows are kept, where there are so many.
    """

    def __init__(
        self,
        prompt: Prompt,
        cleaner: Cleaner = _AS_THEY_ARE,
        *,
        strip_reasoning: bool = False,
        kept: int = _KEPT,
    ) -> None:
        self.prompt = prompt
        self.sizes: dict[int, Size] = {}
        """By number of distinct responses."""
        self.prompts = Lengths()
        """Of the mean prompt of each row that is judged, in characters."""
        self.longest_prompt = 0
        """Characters of the prompt with the longest responses."""
        self.broken = 0
        """Rows that could not be judged."""
        self.first_error: str | None = None
        """What is wrong with the first of them."""
        self._cleaner = cleaner
        self._strip_reasoning = strip_reasoning
        self._kept = _Spread(max(kept, _KEPT))
        self._scaffolds: dict[int, int] = {}

    @property
    def rows(self) -> int:
        """Rows that can be judged."""
        return sum(size.rows for size in self.sizes.values())

    def count(self, contests: Iterable[Contest | RRMError]) -> None:
        """Count all of them; one that is an error, or that can't be judged, is a broken row."""
        for contest in contests:
            try:
                if isinstance(contest, RRMError):
                    raise contest
                self._add(contest)
            except InputError as error:
                self.broken += 1
                self.first_error = self.first_error or str(error)

    def _add(self, contest: Contest) -> None:
        try:
            self.add(contest)
        except InputError as error:
            raise InputError(f"row {contest.id}: {error}") from error

    def add(self, contest: Contest) -> None:
        """Count a row. Raises ContestError or PromptError where it can't be judged."""
        entry = enter(contest, strip_reasoning=self._strip_reasoning)
        lengths = [len(text) for text in entry.texts]
        shown = self.shown(len(lengths))
        bare = self._bare(entry, shown) if shown else 0
        size = self.sizes.setdefault(len(lengths), Size())
        size.rows += 1
        size.bare += bare
        size.response += sum(lengths) / len(lengths)
        if shown:
            self.prompts.add(bare + shown * sum(lengths) / len(lengths))
            self.longest_prompt = max(self.longest_prompt, bare + sum(sorted(lengths)[-shown:]))
            self._kept.add(contest)

    def shown(self, responses: int) -> int:
        """How many of so many distinct responses are shown at once; 0 where nothing is asked of them."""
        most = self.prompt.window
        return min(most, responses) if responses > 1 or most == 1 else 0

    def sample(self, count: int) -> list[Contest]:
        """So many rows, spread evenly over all that are judged, or as many as are kept."""
        return self._kept.picked(count)

    def more(self, shown: int, than: int) -> int:
        """How many characters longer a prompt is for the places of more responses, themselves apart."""
        known = self._scaffolds
        return known[shown] - known[than] if shown in known and than in known else 0

    @cached_property
    def layout(self) -> Layout:
        """Measured on the rows that are kept, with the special tokens in them broken up."""
        parts = [part for contest in self.sample(_KEPT) if (part := self._part(contest))]
        if not parts:
            return Layout()
        grown, given, between, after = (math.fsum(column) for column in zip(*parts, strict=True))
        return Layout(grown / given if given else 1.0, between / len(parts), after / len(parts))

    def _part(self, contest: Contest) -> tuple[float, float, float, float]:
        """Of a row: what two (or as many as are shown) responses add, their own length, and what surrounds them."""
        entry = enter(contest, strip_reasoning=self._strip_reasoning)
        shown = self.shown(len(entry.texts))
        bare = self._bare(entry, shown)
        grown = self._rendered(entry, entry.texts[-shown:], self._cleaner) - bare
        given = sum(map(len, entry.texts[-shown:]))
        if shown < 2:
            return grown, given, 0.0, bare - self._common(entry, ["A"], ["B"])
        rest = ["X"] * (shown - 1)
        begun = self._common(entry, ["A", *rest], ["B", *rest])
        first = self._common(entry, ["A", *rest], ["A", "Y", *rest[1:]])
        return grown, given, first - begun - 1, bare - (first - 1)

    def _common(self, entry: Entry, one: Sequence[str], other: Sequence[str]) -> int:
        pairs = zip(*(self._text(entry, texts, _AS_THEY_ARE) for texts in (one, other)), strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def _bare(self, entry: Entry, shown: int) -> int:
        bare = self._rendered(entry, ("",) * shown, _AS_THEY_ARE)
        if not self._scaffolds:
            self._scaffolds = dict(self._bare_by_count(entry, shown, bare))
        return bare

    def _bare_by_count(self, entry: Entry, shown: int, bare: int) -> Iterator[tuple[int, int]]:
        """The prompt with any other number of empty responses, where the format takes it."""
        yield shown, bare
        for count in set(range(2, self.prompt.window + 1)) - {shown}:
            with suppress(RRMError):
                yield count, self._rendered(entry, ("",) * count, _AS_THEY_ARE)

    def _rendered(self, entry: Entry, texts: Sequence[str], cleaner: Cleaner) -> int:
        return len(self._text(entry, texts, cleaner))

    def _text(self, entry: Entry, texts: Sequence[str], cleaner: Cleaner) -> str:
        messages = self.prompt.render(Case(entry.query, tuple(texts), entry.reference), cleaner)
        return "".join(message.content for message in messages) + self.prompt.begin


class _Spread:
    """Every so many-th of what is added, so that what is kept is spread evenly and is never `2 * least`."""

    def __init__(self, least: int) -> None:
        self._least = least
        self._kept: list[Contest] = []
        self._added = 0
        self._step = 1

    def add(self, contest: Contest) -> None:
        if self._added % self._step == 0:
            self._kept.append(contest)
        self._added += 1
        if len(self._kept) == 2 * self._least:
            self._kept = self._kept[::2]
            self._step *= 2

    def picked(self, count: int) -> list[Contest]:
        kept = self._kept
        if count >= len(kept):
            return list(kept)
        return [kept[(2 * number + 1) * len(kept) // (2 * count)] for number in range(count)]
