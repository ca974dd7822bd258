"""An engine that remembers: it asks the engine inside only for what no ledger has.

A completion is handed on when it is in the file, not before. What another process (or another contest here)
is asking for already is waited for, not asked twice; if that one gives up or dies, it is asked for here. What
it says of token counts is what the engine inside would have said: the prompt's stand on the first completion
of a request, whoever paid for it; and where a server counts the tokens of several samples together, each has
a share, so that they add up.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from rrm.engines.base import Engine, EngineInfo
from rrm.errors import EngineClosedError
from rrm.ledger.bills import Bill, Kept, Replies, replies_of, shared_out
from rrm.ledger.claims import Claims, pauses
from rrm.ledger.desk import Ledger
from rrm.ledger.keys import prompt_key
from rrm.ledger.store import Claim, Reply, Sample
from rrm.types import Completion, SampleRequest, Spent

__all__ = ["RecordedEngine"]

R = TypeVar("R")


class RecordedEngine:
    """The engine inside, with a ledger before it. Closing it closes the engine and leaves the ledger open."""

    def __init__(self, engine: Engine, ledger: Ledger, *, revision: Callable[[], str] = str) -> None:
        """`revision`: says, once the engine is open, which weights the model's name stands for, where the engine can't."""
        self._engine = engine
        self._ledger = ledger
        self._claims = Claims(ledger)
        self._revision = revision
        self._model = ("", "")
        self._info: EngineInfo | None = None
        self._is_closed = False
        self.reused = Spent()
        """What the completions that came out of the ledger had cost."""

    async def open(self) -> EngineInfo:
        self._refuse_if_closed()
        if self._info is None:
            info = await self._engine.open()
            revision = await asyncio.to_thread(self._revision) if info.revision is None else info.revision
            self._model = (info.model, revision)
            self._info = replace(info, revision=revision)
        return self._info

    async def sample(self, request: SampleRequest) -> AsyncIterator[Completion]:
        self._refuse_if_closed()
        await self.open()
        key = prompt_key(*self._model, request)
        claim = await self._claims.claim(key, request.first_index, request.n)
        left = set(claim.ours)
        try:
            self._refuse_if_closed()
            bill = Bill(request, claim)
            for sample in claim.stored:
                self._note_reuse(sample)
                for completion in bill.charge(_completion(request, sample)):
                    yield completion
            async with aclosing(self._missing(key, request, claim, left)) as completions:
                async for fresh in completions:
                    for completion in bill.charge(fresh):
                        yield completion
            for completion in bill.settle():
                yield completion
        finally:
            # What is not in the file at the end, however it comes, is given up.
            self._claims.release(key, left)

    async def aclose(self) -> None:
        self._is_closed = True
        await self._engine.aclose()

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise EngineClosedError(f"the engine before the ledger {self._ledger.path} was closed")

    def _missing(self, key: bytes, request: SampleRequest, claim: Claim, left: set[int]) -> AsyncGenerator[Completion]:
        """What is not stored: ours in one request for each run of neighbours, and what others are asking for."""
        replies = replies_of(claim)
        if len(claim.ours) == request.n:
            return self._ask(key, request, left, replies)
        asked = [self._ask(key, part, left, replies) for part in _runs(request, claim.ours)]
        return _merged([*asked, *(self._wait(key, request, index, replies) for index in claim.others)])

    async def _ask(
        self, key: bytes, request: SampleRequest, left: set[int], replies: Replies
    ) -> AsyncGenerator[Completion]:
        """Sample what is claimed, and take out of `left` what is in the file."""
        async with aclosing(_batches(self._engine.sample(request), request.n)) as batches:
            async for batch in batches:
                kept = shared_out(request, batch, replies)
                await self._keep(key, kept)
                left.difference_update(completion.index for completion, _ in kept)
                for completion, _ in kept:
                    yield completion

    def _keep(self, key: bytes, kept: Sequence[Kept]) -> "asyncio.Future[None]":
        """In one transaction, so that what came in one reply is there as a whole or not at all."""
        samples = [_sample(completion, reply) for completion, reply in kept]
        model = self._model
        return self._ledger.ask(lambda store: store.keep(model, key, samples))

    async def _wait(
        self, key: bytes, request: SampleRequest, index: int, replies: Replies
    ) -> AsyncGenerator[Completion]:
        for pause in pauses():
            await asyncio.sleep(pause)
            self._refuse_if_closed()
            claim = await self._claims.claim(key, index, 1)
            if claim.stored:
                self._note_reuse(claim.stored[0])
                found = _completion(request, claim.stored[0])
                yield replace(found, prompt_tokens=claim.prompt_tokens, cached_tokens=claim.cached_tokens)
                return
            if claim.ours:
                async for completion in self._take_over(key, replace(request, first_index=index, n=1), replies):
                    yield completion
                return

    async def _take_over(self, key: bytes, request: SampleRequest, replies: Replies) -> AsyncGenerator[Completion]:
        """Ask for what another gave up."""
        left = {request.first_index}
        try:
            async with aclosing(self._ask(key, request, left, replies)) as completions:
                async for completion in completions:
                    yield completion
        finally:
            self._claims.release(key, left)

    def _note_reuse(self, sample: Sample) -> None:
        self.reused += Spent(1, sample.prompt_tokens, sample.completion_tokens)


def _runs(request: SampleRequest, ours: Sequence[int]) -> Iterator[SampleRequest]:
    """One request for each run of neighbouring samples."""
    runs: list[list[int]] = []
    for index in ours:
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return (replace(request, first_index=run[0], n=len(run)) for run in runs)


def _sample(completion: Completion, reply: Reply | None) -> Sample:
    return Sample(
        completion.index, completion.text, completion.finish_reason, completion.prompt_tokens,
        completion.cached_tokens, completion.completion_tokens, completion.logprobs, reply,
    )  # fmt: skip


def _completion(request: SampleRequest, sample: Sample) -> Completion:
    return Completion(
        request.case, sample.index, sample.text, sample.finish_reason, sample.prompt_tokens, sample.cached_tokens,
        sample.completion_tokens, sample.logprobs,
    )  # fmt: skip


async def _merged(sources: Sequence[AsyncIterator[Completion]]) -> AsyncGenerator[Completion]:
    """All that the sources yield, as it comes; if one fails, the others are ended and its error is raised."""
    async with aclosing(_pumped(sources)) as batches:
        async for batch in batches:
            for completion in batch:
                yield completion


async def _batches(source: AsyncIterator[Completion], count: int) -> AsyncGenerator[Sequence[Completion]]:
    """The source's completions, those that come at once together; it is read on while one batch is looked at."""
    if count == 1:
        async with _closing(source):
            async for completion in source:
                yield (completion,)
    else:
        async with aclosing(_pumped([source])) as batches:
            async for batch in batches:
                yield batch


async def _pumped(sources: Sequence[AsyncIterator[Completion]]) -> AsyncGenerator[Sequence[Completion]]:
    """What comes from all sources, read at once; what is there at the same time comes together."""
    results: asyncio.Queue[Completion | _End] = asyncio.Queue()
    tasks = [asyncio.create_task(_pump(source, results)) for source in sources]
    try:
        running = len(tasks)
        while running:
            came = [await results.get(), *_ready(results)]
            if batch := [completion for completion in came if isinstance(completion, Completion)]:
                yield batch
            for end in (result for result in came if isinstance(result, _End)):
                running -= 1
                if end.error is not None:
                    raise end.error
    finally:
        if unfinished := [task for task in tasks if not task.done()]:
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _End:
    """A source has no more, or failed."""

    error: Exception | None = None


async def _pump(source: AsyncIterator[Completion], results: "asyncio.Queue[Completion | _End]") -> None:
    try:
        async with _closing(source):
            async for completion in source:
                results.put_nowait(completion)
    except Exception as error:  # noqa: BLE001 - raised by whoever takes the results
        results.put_nowait(_End(error))
    else:
        results.put_nowait(_End())


def _ready(results: "asyncio.Queue[R]") -> Iterator[R]:
    while not results.empty():
        yield results.get_nowait()


@asynccontextmanager
async def _closing(source: AsyncIterator[Completion]) -> AsyncGenerator[None]:
    """Close an iteration at the end of the block, where it can be."""
    try:
        yield
    finally:
        if isinstance(source, AsyncGenerator):
            await source.aclose()
