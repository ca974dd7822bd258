"""Measures what is asked of an engine: how long prompts and samples are in its tokens, and how many are in flight."""

import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from rrm.engines.base import Engine, EngineInfo
from rrm.types import Completion, SampleRequest

__all__ = ["Gauge", "Quantiles"]


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of the generated tokens of a sample."""

    mean: float
    median: float
    p95: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Quantiles":
        """Those of one value at least, by the nearest rank."""
        ranked = sorted(values)

        def at(share: float) -> float:
            return ranked[max(0, math.ceil(share * len(ranked)) - 1)]

        return cls(math.fsum(ranked) / len(ranked), at(0.5), at(0.95), ranked[-1])


class Gauge:
    """The engine inside, with what is asked of it measured: prompts, samples, and how many are in flight."""

    def __init__(self, engine: Engine, begin: str) -> None:
        self._engine = engine
        self._begin = begin
        self._in_flight = 0
        self._began = self._seen = 0.0
        self._area = 0.0
        self.characters = self.prompt_tokens = self.continued_tokens = 0
        """Of prompts; tokens of requests that continue a sample are counted apart."""
        self._samples: defaultdict[tuple[object, int], float] = defaultdict(float)

    @property
    def completion_tokens(self) -> Sequence[float]:
        """Of each sample, with what continued it."""
        return tuple(self._samples.values())

    @property
    def seconds(self) -> float:
        """From the first request to the last completion."""
        return self._seen - self._began

    @property
    def in_flight(self) -> float:
        """Samples at once, on average."""
        return self._area / self.seconds if self.seconds else 0.0

    async def open(self) -> EngineInfo:
        return await self._engine.open()

    async def aclose(self) -> None:
        await self._engine.aclose()

    async def sample(self, request: SampleRequest) -> AsyncIterator[Completion]:
        self._move(request.n)
        left, done = request.n, []
        try:
            async with aclosing(self._engine.sample(request)) as completions:  # type: ignore[type-var]
                async for completion in completions:
                    left -= 1
                    self._move(-1)
                    done.append(completion)
                    yield completion
            self._note(request, done)
        finally:
            self._move(-left)

    def _move(self, samples: int) -> None:
        now = time.monotonic()
        self._began = self._began or now
        self._area += self._in_flight * (now - (self._seen or now))
        self._seen = now
        self._in_flight += samples

    def _note(self, request: SampleRequest, done: Sequence[Completion]) -> None:
        tokens = sum(completion.prompt_tokens for completion in done)
        if request.continuation != self._begin or request.choices:
            self.continued_tokens += tokens
        else:
            self.characters += sum(len(message.content) for message in request.messages) + len(self._begin)
            self.prompt_tokens += tokens
        for completion, count in zip(done, _shared(done), strict=True):
            self._samples[request.messages, completion.index] += count


def _shared(done: Sequence[Completion]) -> Sequence[float]:
    """The tokens of each sample; equal shares where a server says only what all of them have together."""
    counts = [completion.completion_tokens for completion in done]
    if all(count or not completion.text for count, completion in zip(counts, done, strict=True)):
        return counts
    return [sum(counts) / len(counts)] * len(counts)
