"""Hugging Face transformers in this process: batches of forward passes, anywhere that torch runs.

Invariants: what was read does not depend on what it was batched with (but for rounding); one forward runs at a time, in
a thread of its own; a cancelled pass that waits is dropped, one that runs ends with its batch. What waits is taken
as soon as the model is free and nothing is being tokenised any more, or a batch is full; so a single pass never waits
for company. torch and transformers are imported on `open` only.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from rrm.engines.scorers.base import Pass, Readout, ScorerInfo, Vectors
from rrm.engines.scorers.batches import batches_of
from rrm.engines.scorers.loading import Loaded, load
from rrm.engines.scorers.passes import refuse_misfits
from rrm.engines.scorers.readers import Values
from rrm.engines.transformers_loading import failure, in_thread
from rrm.errors import EngineClosedError, EngineError, InputError
from rrm.types import Message

__all__ = ["TransformersScorer"]

_BATCH, _CPU_BATCH = 16384, 2048
"""Tokens of a batch with their padding, on accelerators and on CPUs."""

_USUAL = 64
"""Tokens of a short pass, by which it is said how many are worth asking for at once."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    asked: Pass
    answer: asyncio.Future[Vectors]


class TransformersScorer:
    """A model loaded by transformers, to be read as `readout` says.

    `model` is a folder or hub name and `name` what reports call it. Passes of similar lengths are read together,
    up to `batch_tokens` tokens with their padding (by default 16384, on a CPU 2048, whose caches are small); `max_context` is in tokens, by default the model's own. `model_args`
    go to `from_pretrained` (dtype, device_map, attn_implementation, revision, ...); by default the model is put on the
    accelerator in bfloat16 where there is one, else on the CPU in float32. Heads are in float32 always.
    """

    def __init__(
        self,
        model: str,
        readout: Readout,
        *,
        name: str | None = None,
        batch_tokens: int | None = None,
        max_context: int | None = None,
        **model_args: Any,
    ) -> None:
        if batch_tokens is not None and batch_tokens < 1:
            raise InputError(f"batch_tokens must be at least 1, not {batch_tokens}")
        self._name = name or model
        self._readout = readout
        self._wanted_tokens = batch_tokens
        self._load = partial(load, model, self._name, readout, max_context, model_args)
        self._lock = asyncio.Lock()
        self._model: Loaded | None = None
        self._info: ScorerInfo
        self._is_closed = False
        self._tokenising = ThreadPoolExecutor(1, "rrm-tokenise")
        self._reading = ThreadPoolExecutor(1, "rrm-read")
        self._arriving = 0
        self._waiting: list[_Waiting] = []
        self._round: list[_Waiting] = []
        self._work: asyncio.Task[None] | None = None

    @property
    def unfinished(self) -> int:
        """How many passes are queued or running."""
        return sum(not one.answer.done() for one in (*self._waiting, *self._round))

    @property
    def _batch_tokens(self) -> int:
        return self._wanted_tokens or (_CPU_BATCH if self._model is not None and self._model.is_on_cpu else _BATCH)

    async def open(self) -> ScorerInfo:
        async with self._lock:
            self._refuse_if_closed()
            if self._model is None:
                self._model = await in_thread(self._reading, self._load)
                self._info = self._described(self._model)
            return self._info

    async def chat(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> tuple[int, ...]:
        await self.open()
        work = partial(self._opened().tokens.chat_now, messages, add_generation_prompt=add_generation_prompt)
        return await self._tokenised(work)

    async def tokens(self, text: str, *, add_special_tokens: bool = False) -> tuple[int, ...]:
        await self.open()
        return await self._tokenised(
            partial(self._opened().tokens.tokens_now, text, add_special_tokens=add_special_tokens)
        )

    async def bos(self) -> tuple[int, ...]:
        await self.open()
        return await self._opened().tokens.bos()

    async def score(self, asked: Pass) -> Vectors:
        await self.open()
        model = self._opened()
        refuse_misfits(asked, self._readout.task, context=model.context, vocabulary=model.vocabulary)
        one = _Waiting(asked, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        self._start_work()
        return await one.answer

    async def aclose(self) -> None:
        self._is_closed = True
        for one in (*self._waiting, *self._round):
            if not one.answer.done():
                one.answer.set_exception(self._closed())
        self._waiting = []
        if self._work is not None:
            await asyncio.wait([self._work])
        async with self._lock:
            self._model = None
            self._tokenising.shutdown(wait=False)
            self._reading.shutdown(wait=False)

    def _described(self, model: Loaded) -> ScorerInfo:
        return ScorerInfo(
            "transformers",
            self._name,
            slots=max(1, self._batch_tokens // _USUAL),
            max_context=model.context,
            special_tokens=model.tokens.special_tokens,
            outputs=model.outputs,
            dtype=model.dtype,
        )

    async def _tokenised(self, work: Callable[[], tuple[int, ...]]) -> tuple[int, ...]:
        self._arriving += 1
        try:
            return await in_thread(self._tokenising, work)
        finally:
            self._arriving -= 1
            self._start_work()  # which waits until nothing arrives any more

    def _start_work(self) -> None:
        if self._waiting and (self._work is None or self._work.done()):
            self._work = asyncio.create_task(self._work_off())

    async def _work_off(self) -> None:
        """Read round after round of what waits, until nothing does."""
        await asyncio.sleep(0)  # what was tokenised in the same breath is put into the queue first
        while self._waiting and (not self._arriving or self._is_plenty()):
            self._round, self._waiting = self._waiting, []
            for places in batches_of([len(one.asked.tokens) for one in self._round], self._batch_tokens):
                await self._answer([self._round[place] for place in places])
            self._round = []

    def _is_plenty(self) -> bool:
        return sum(len(one.asked.tokens) for one in self._waiting) >= self._batch_tokens

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        """One forward over those that are still wanted."""
        wanted = [one for one in batch if not one.answer.done()]
        if not wanted or self._model is None:
            return
        found = await in_thread(self._reading, _attempt, self._model, [one.asked for one in wanted])
        for place, one in enumerate(wanted):
            if one.answer.done():
                continue
            if isinstance(found, EngineError):
                one.answer.set_exception(found)
            else:
                one.answer.set_result(Vectors(found[place], len(one.asked.tokens)))

    def _closed(self) -> EngineClosedError:
        return EngineClosedError(f"the transformers scorer of {self._name} was closed")

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise self._closed()

    def _opened(self) -> Loaded:
        if self._is_closed or self._model is None:
            raise self._closed()
        return self._model


def _attempt(model: Loaded, passes: Sequence[Pass]) -> list[Values] | EngineError:
    """Read the passes; what went wrong is returned, because it is these passes' failure and not the scorer's."""
    import torch

    try:
        with torch.inference_mode():
            return model.reader.read(passes)
    except Exception as error:  # noqa: BLE001 - torch and models raise what they like
        return failure(error, "batch_tokens")
