"""A scorer that remembers: it asks the scorer inside only for passes that no ledger has.

A pass is kept as a completion of its own prompt: the numbers, as JSON with full precision, are its text. So
`rrm ledger` shows, checks, exports and removes them like any other. What another process, or another call here, is
asking for already is waited for, not asked twice; numbers are handed on when they are in the file, not before.
Numbers that are not finite are never kept.
"""

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from rrm.engines.scorers.base import Pass, Readout, Scorer, ScorerInfo, Vectors
from rrm.errors import EngineClosedError
from rrm.ledger import Ledger
from rrm.ledger.claims import Claims, pauses
from rrm.ledger.keys import content_key
from rrm.ledger.store import Sample
from rrm.types import Message, Spent

__all__ = ["CountingScorer", "RecordedScorer", "pass_key"]


class _Before:
    """A scorer before another: texts become tokens there."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    async def chat(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> tuple[int, ...]:
        return await self._scorer.chat(messages, add_generation_prompt=add_generation_prompt)

    async def tokens(self, text: str, *, add_special_tokens: bool = False) -> tuple[int, ...]:
        return await self._scorer.tokens(text, add_special_tokens=add_special_tokens)

    async def bos(self) -> tuple[int, ...]:
        return await self._scorer.bos()

    async def open(self) -> ScorerInfo:
        return await self._scorer.open()

    async def aclose(self) -> None:
        await self._scorer.aclose()


class CountingScorer(_Before):
    """The scorer inside, with its passes counted as they end."""

    def __init__(self, scorer: Scorer) -> None:
        super().__init__(scorer)
        self.spent = Spent()
        """Passes and their tokens, whatever became of their results."""

    async def score(self, asked: Pass) -> Vectors:
        vectors = await self._scorer.score(asked)
        self.spent += Spent(1, vectors.prompt_tokens)
        return vectors


class RecordedScorer(_Before):
    """The scorer inside, with a ledger before it. Closing it closes the scorer and leaves the ledger open."""

    def __init__(self, scorer: Scorer, readout: Readout, ledger: Ledger, *, revision: Callable[[], str] = str) -> None:
        """`revision`: says, once the scorer is open, which weights the model's name stands for, where the scorer can't."""
        super().__init__(scorer)
        self._readout = readout
        self._ledger = ledger
        self._claims = Claims(ledger)
        self._revision = revision
        self._info: ScorerInfo | None = None
        self._is_closed = False
        self.reused = Spent()
        """What the passes that came out of the ledger had cost."""

    async def open(self) -> ScorerInfo:
        self._refuse_if_closed()
        if self._info is None:
            info = await self._scorer.open()
            revision = await asyncio.to_thread(self._revision) if info.revision is None else info.revision
            self._info = replace(info, revision=revision)
        return self._info

    async def score(self, asked: Pass) -> Vectors:
        info = await self.open()
        key = pass_key(info, self._readout, asked)
        for pause in pauses():
            claim = await self._claims.claim(key)
            if claim.stored:
                return self._reused(claim.stored[0])
            if claim.ours:
                return await self._ask(info, key, asked)
            await asyncio.sleep(pause)
            self._refuse_if_closed()
        raise AssertionError("pauses never end")

    async def aclose(self) -> None:
        self._is_closed = True
        await super().aclose()

    async def _ask(self, info: ScorerInfo, key: bytes, asked: Pass) -> Vectors:
        """Score what is claimed; the claim ends with it, however that comes."""
        left, model = {0}, (info.model, info.revision or "")
        try:
            self._refuse_if_closed()
            with self._claims.holding([key]):
                vectors = await self._scorer.score(asked)
            if _is_finite(vectors):
                sample = Sample(0, json.dumps(vectors.values), "stop", vectors.prompt_tokens, vectors.cached_tokens, 0)
                await self._ledger.ask(lambda store: store.keep(model, key, [sample]))
                left.clear()
            return vectors
        finally:
            self._claims.release(key, left)

    def _reused(self, sample: Sample) -> Vectors:
        self.reused += Spent(1, sample.prompt_tokens)
        values = tuple(tuple(map(float, vector)) for vector in json.loads(sample.text))
        return Vectors(values, sample.prompt_tokens, sample.cached_tokens)

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise EngineClosedError(f"the scorer before the ledger {self._ledger.path} was closed")


def pass_key(info: ScorerInfo, readout: Readout, asked: Pass) -> bytes:
    """The address of what a pass gives: all that decides it, as far as the scorer says.

    Engines and precisions round differently, so that each has addresses of its own.
    """
    numbers = (" ".join(map(str, places)) for places in (asked.tokens, asked.at))
    scorer = (info.model, info.revision or "", "forward pass", info.engine, info.dtype or "")
    return content_key((*scorer, readout.task, str(len(readout.labels)), *readout.labels, *numbers))


def _is_finite(vectors: Vectors) -> bool:
    return all(math.isfinite(number) for vector in vectors.values for number in vector)
