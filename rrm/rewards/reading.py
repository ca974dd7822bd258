"""One scorer as a reward uses it: opened once, counted, with a ledger before it, asked for many passes at the same time.

Invariants: it lives on one event loop; passes that are asked together are all in the scorer's hands at once (so that it
can sort them by length), up to a bound; the first failure ends the others and names the conversation it was about;
what is read is finite. It knows no family, no prompt and no step.
"""

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rrm.engines.scorers.base import Pass, Readout, Scorer, ScorerInfo, Vectors
from rrm.errors import ContestError, EngineDeniedError, EngineError, EngineRefusedError, PromptTooLongError
from rrm.judging.cleaning import KNOWN_SPECIAL_TOKENS, Cleaner
from rrm.ledger.lent import LentLedger
from rrm.play import all_or_none
from rrm.rewards.layouts.base import Laid
from rrm.rewards.recorded import CountingScorer, RecordedScorer
from rrm.rewards.settings import Truncation
from rrm.types import Spent

__all__ = ["Made", "Opened", "Reader", "Source", "naming"]

_AT_ONCE = 4096
"""Passes that are asked at the same time, of which a scorer makes batches of similar length."""

_PER_SLOT = 4


@dataclass(frozen=True, slots=True)
class Made:
    """A scorer that is not opened yet."""

    scorer: Scorer
    revision: Callable[[], str] = str
    """Which weights the model's name stands for, once it is open, where the scorer can't say."""


Source = Callable[[], Made]
"""Makes a scorer. May take long: a model may have to be fetched."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A scorer that is open, and what texts must go through before it."""

    scorer: Scorer
    info: ScorerInfo
    cleaner: Cleaner
    limit: int | None
    """Tokens of one pass."""

    def fitted(self, laid: Laid, truncation: Truncation) -> tuple[Laid, int]:
        """What fits, and how many tokens were left out. Raises PromptTooLongError."""
        length, limit = len(laid.tokens), self.limit
        if limit is None or length <= limit:
            return laid, 0
        if truncation == "error":
            raise PromptTooLongError(length, limit)
        return laid.cut(limit, truncation), length - limit


class Reader:
    """A scorer, from before it is opened until it is closed.

    `markers` are texts to be broken up in untrusted text besides the tokenizer's special tokens, and `words` those that are
    broken up as words of their own only; `max_context` bounds passes in tokens where the scorer allows more, or does not say.
    """

    def __init__(
        self,
        source: Source,
        readout: Readout,
        lent: LentLedger,
        *,
        markers: Sequence[str] = (),
        words: Sequence[str] = (),
        max_context: int | None = None,
    ) -> None:
        self._source = source
        self._readout = readout
        self._lent = lent
        self._markers, self._words = tuple(markers), tuple(words)
        self._max_context = max_context
        self._opening = asyncio.Lock()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._made: Made | None = None
        self._counting: CountingScorer | None = None
        self._recorded: RecordedScorer | None = None
        self._opened: Opened | None = None

    @property
    def spent(self) -> Spent:
        return self._counting.spent if self._counting else Spent()

    @property
    def reused(self) -> Spent:
        return self._recorded.reused if self._recorded else Spent()

    async def open(self) -> Opened:
        """The open scorer; the first call does the work. Raises as `Scorer.open` does, and LedgerError."""
        async with self._opening:
            if self._opened is None:
                if self._made is None:
                    self._made = await asyncio.to_thread(self._source)
                scorer = await self._before(self._made)
                self._opened = self._opened_with(scorer, await scorer.open())
            return self._opened

    async def read(self, passes: Sequence[Pass], places: Sequence[str]) -> list[Vectors]:
        """What each pass gives, in order. Errors name the pass by its place in `places`."""
        opened = await self.open()
        jobs = (self._read(opened.scorer, asked, place) for asked, place in zip(passes, places, strict=True))
        return await all_or_none(jobs)

    async def aclose(self) -> None:
        """Release the scorer. Closing one that was never opened is harmless."""
        if self._made is not None:
            await (self._recorded or self._made.scorer).aclose()

    async def _before(self, made: Made) -> Scorer:
        """The scorer, counted, with the ledger before it where there is one."""
        if self._counting is None:
            self._counting = CountingScorer(made.scorer)
        ledger = await self._lent.open()
        if ledger is None:
            return self._counting
        self._recorded = RecordedScorer(self._counting, self._readout, ledger, revision=made.revision)
        return self._recorded

    def _opened_with(self, scorer: Scorer, info: ScorerInfo) -> Opened:
        special = KNOWN_SPECIAL_TOKENS if info.special_tokens is None else info.special_tokens
        limits = [limit for limit in (info.max_context, self._max_context) if limit is not None]
        self._room = asyncio.Semaphore(max(_AT_ONCE, _PER_SLOT * info.slots))
        cleaner = Cleaner((*special, *self._markers), words=self._words)
        return Opened(scorer, info, cleaner, min(limits, default=None))

    async def _read(self, scorer: Scorer, asked: Pass, place: str) -> Vectors:
        async with self._room:
            with naming(place):
                vectors = await scorer.score(asked)
        _check_finite(vectors, place)
        return vectors


@contextmanager
def naming(place: str) -> Iterator[None]:
    """What is wrong with one of several conversations says which it was; nothing is added where `place` is empty."""
    try:
        yield
    except PromptTooLongError as error:
        raise error.at_place(place) if place else error from error
    except EngineDeniedError:
        raise
    except (ContestError, EngineRefusedError) as error:
        raise ContestError(f"{place and place + ': '}{error}") from error


def _check_finite(vectors: Vectors, place: str) -> None:
    for number in (number for vector in vectors.values for number in vector):
        if not math.isfinite(number):
            raise EngineError(
                f"{place and place + ': '}the model's output is {number}, which is no score: its numbers overflow, or "
                "its weights are damaged; try the dtype float32 or bfloat16"
            )
