"""Hugging Face transformers in this process: batches of `generate`, anywhere that torch runs.

Slower than vLLM: a batch that has started takes no more rows, and no prefix is shared. Invariants: a
sample does not depend on what it is batched with (rows.py); a batch whose rows are all cancelled stops at
the next token; torch and transformers are imported on `open` only. What waits is taken as soon as the
model is free and nobody is still being tokenised, so a single request never waits for company.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from rrm.engines import tokens
from rrm.engines.base import EngineInfo
from rrm.engines.rows import Row, Steps, batch_of
from rrm.engines.transformers_loading import (
    context_of,
    explained,
    failure,
    imported,
    in_thread,
    placed,
    precision,
    shared,
)
from rrm.errors import EngineClosedError, EngineError, InputError
from rrm.types import Completion, SampleRequest

__all__ = ["TransformersEngine"]

Inbox = asyncio.Queue[Completion | Exception]


class TransformersEngine:
    """A model loaded by transformers.

    `model` is a folder or hub name and `name` what reports call it. `batch_size` rows are generated at
    once; `max_context` is in tokens, by default the model's own. `model_args` go to `from_pretrained`
    (dtype, device_map, attn_implementation, revision, ...); by default the model is put on the accelerator
    in bfloat16 where there is one, else on the CPU in float32.
    """

    def __init__(
        self,
        model: str,
        *,
        name: str | None = None,
        batch_size: int = 16,
        max_context: int | None = None,
        **model_args: Any,
    ) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size must be at least 1, not {batch_size}")
        self._model_name, self._arguments = model, model_args
        self._name = name or model
        self._batch_size = batch_size
        self._max_context = max_context
        self._lock = asyncio.Lock()
        self._model: _Model | None = None
        self._is_closed = False
        self._tokenising = ThreadPoolExecutor(1, "rrm-tokenise")
        self._generating = ThreadPoolExecutor(1, "rrm-generate")
        self._arriving = 0
        self._waiting: deque[tuple[Row, Inbox]] = deque()
        self._batch: list[tuple[Row, Inbox]] = []
        self._work: asyncio.Task[None] | None = None

    @property
    def unfinished(self) -> int:
        """How many samples are queued or running."""
        return len(self._waiting) + sum(not (row.is_done or row.is_cancelled) for row, _ in self._batch)

    async def open(self) -> EngineInfo:
        async with self._lock:
            self._refuse_if_closed()
            if self._model is None:
                load = partial(_load, self._model_name, self._name, self._max_context, self._arguments)
                self._model = await in_thread(self._generating, load)
            return self._info(self._model)

    async def sample(self, request: SampleRequest) -> AsyncIterator[Completion]:
        await self.open()
        inbox: Inbox = asyncio.Queue()
        rows = await self._rows(request, inbox)
        self._waiting.extend((row, inbox) for row in rows)
        self._start_work()
        try:
            for _ in rows:
                completion = await inbox.get()
                if isinstance(completion, Exception):
                    raise completion
                yield completion
        finally:
            for row in rows:
                row.is_cancelled = True
            self._waiting = deque((row, box) for row, box in self._waiting if box is not inbox)

    async def aclose(self) -> None:
        self._is_closed = True
        for row, inbox in (*self._waiting, *self._batch):
            row.is_cancelled = True
            inbox.put_nowait(self._closed())
        self._waiting.clear()
        if self._work is not None:
            await asyncio.wait([self._work])
        async with self._lock:
            self._model = None
            self._tokenising.shutdown(wait=False)
            self._generating.shutdown(wait=False)

    def _info(self, model: "_Model") -> EngineInfo:
        return EngineInfo(
            "transformers",
            self._name,
            slots=self._batch_size,
            max_context=model.context,
            special_tokens=model.chat.special_tokens,
            opens_reasoning=model.chat.opens_reasoning,
        )

    async def _rows(self, request: SampleRequest, inbox: Inbox) -> list[Row]:
        self._arriving += 1
        try:
            prompt, options = await in_thread(self._tokenising, self._opened().tokenise, request)
        finally:
            self._arriving -= 1
            self._start_work()  # which waits until nobody arrives any more
        needed = max(map(len, options), default=1)
        limit = tokens.room(len(prompt), self._opened().context, request.sampling.max_tokens, needed)
        tell = partial(_tell, asyncio.get_running_loop(), inbox)
        return [Row(request, offset, prompt, limit, options, tell) for offset in range(request.n)]

    def _start_work(self) -> None:
        if self._waiting and (self._work is None or self._work.done()):
            self._work = asyncio.create_task(self._work_off())

    async def _work_off(self) -> None:
        """Generate, batch after batch, until nothing waits."""
        await asyncio.sleep(0)  # what was tokenised in the same breath is put into the queue first
        while self._waiting and (not self._arriving or len(self._waiting) >= self._batch_size):
            count = min(self._batch_size, len(self._waiting))
            self._batch = [self._waiting.popleft() for _ in range(count)]
            rows = [row for row, _ in self._batch]
            fault = await in_thread(self._generating, self._opened().attempt, rows)
            if fault is not None:
                for _, inbox in self._batch:
                    inbox.put_nowait(fault)
            self._batch = []

    def _closed(self) -> EngineClosedError:
        return EngineClosedError(f"the transformers engine of {self._name} was closed")

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise self._closed()

    def _opened(self) -> "_Model":
        if self._is_closed or self._model is None:
            raise self._closed()
        return self._model


@dataclass(frozen=True, slots=True)
class _Model:
    """A loaded model; its methods run in worker threads."""

    model: Any
    tokenizer: Any
    chat: tokens.Chat
    context: int | None
    ends: frozenset[int]
    padding: int

    def tokenise(self, request: SampleRequest) -> tuple[list[int], dict[tokens.Tokens, str]]:
        return self.chat.tokens(request), self.chat.options(request)

    def attempt(self, rows: Sequence[Row]) -> EngineError | None:
        """Fill the rows; what went wrong is returned, because it is these rows' failure and not the engine's."""
        try:
            self.generate(rows)
        except Exception as error:  # noqa: BLE001 - torch and models raise what they like
            return failure(error, "batch_size")
        return None

    def generate(self, rows: Sequence[Row]) -> None:
        import torch

        for row in rows:
            row.start(self.model.device)
        if live := [row for row in rows if not (row.is_done or row.is_cancelled)]:
            steps = Steps(live, self.ends, self.decode)
            with torch.inference_mode():
                self.model.generate(
                    **batch_of(live, self.padding, self.model.device),
                    max_new_tokens=max(row.limit for row in live),
                    do_sample=False,
                    logits_processor=[steps.choose],
                    stopping_criteria=[steps.stop],
                )

    def decode(self, ids: Sequence[int]) -> str:
        # where the reasoning tags are special tokens, a verdict can't be told from reasoning without them
        skips = "</think>" not in self.chat.special_tokens
        return str(self.tokenizer.decode(ids, skip_special_tokens=skips, clean_up_tokenization_spaces=False))


def _tell(loop: asyncio.AbstractEventLoop, inbox: Inbox, completion: Completion) -> None:
    loop.call_soon_threadsafe(inbox.put_nowait, completion)


def _load(location: str, name: str, max_context: int | None, arguments: dict[str, Any]) -> _Model:
    transformers, torch = imported()
    model, tokenizer = _loaded(transformers, torch, location, arguments)
    chat = tokens.Chat(tokenizer, name)
    named = model.generation_config.eos_token_id
    ends = {
        end for end in (*(named if isinstance(named, list) else [named]), tokenizer.eos_token_id) if end is not None
    }
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(ends)
    # the model's own recommendations (repetition penalties and the like) are not what was asked for
    model.generation_config = transformers.GenerationConfig(eos_token_id=sorted(ends), pad_token_id=padding)
    context = context_of(model.config, max_context)
    return _Model(model, tokenizer, chat, context, frozenset(ends), padding)


def _loaded(transformers: Any, torch: Any, name: str, arguments: dict[str, Any]) -> tuple[Any, Any]:
    with explained(transformers, name, arguments):
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, **shared(arguments))
        model = transformers.AutoModelForCausalLM.from_pretrained(name, **precision(torch, arguments)).eval()
    return placed(torch, model, arguments), tokenizer
