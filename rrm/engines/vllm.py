"""vLLM in this process, driven by its asynchronous engine: continuous batching over every request in flight.

Invariants: sample i of a request is seeded with `sample_seed` + i - first_index, so it does not matter
which samples are asked together; a closed or cancelled iteration aborts its samples in vLLM; vLLM and
torch are imported on `open` only. Each sample is its own vLLM request, so that it is told as soon as it
is finished; the samples of one prompt share its prefill through the prefix cache. Where vLLM splits
prefills over steps, a sample waits for the one that computes the prefix which they share (`prefills`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from itertools import count
from typing import Any, TypeVar

from rrm.engines import tokens, vllm_loading
from rrm.engines.base import EngineInfo
from rrm.engines.logprobs import kept
from rrm.engines.prefills import Prefills
from rrm.engines.vllm_failures import failure, silence
from rrm.errors import EngineClosedError, EngineError, EngineRefusedError, InputError, ModelError
from rrm.types import Completion, SampleRequest, TokenLogprob

__all__ = ["VLLMEngine"]

Result = TypeVar("Result")

_MOST_LOGPROBS = 20
"""What vLLM reports at most, by default."""


class VLLMEngine:
    """A model loaded into vLLM.

    `model` is a folder or hub name and `name` what reports call it. `max_context` is in tokens, prompt and
    answer together; by default the model's own, on a CPU at most 8192. `engine_args` are vLLM's
    (AsyncEngineArgs: tensor_parallel_size, gpu_memory_utilization, dtype, quantization, ...); unknown ones
    are refused on `open`. Programs need an `if __name__ == "__main__":` guard, because vLLM spawns processes.
    """

    def __init__(
        self, model: str, *, name: str | None = None, max_context: int | None = None, **engine_args: Any
    ) -> None:
        vllm_loading.refuse_unguarded_main()
        if max_context is not None and engine_args.setdefault("max_model_len", max_context) != max_context:
            raise InputError("max_context and max_model_len are the same setting: pass one of them")
        self._model = model
        self._name = name or model
        self._arguments = engine_args
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "rrm-vllm")
        """For what would block the event loop: loading, closing and tokenising, one at a time."""
        self._engine: Any = None
        self._chat: tokens.Chat
        self._prefills: Prefills | None = None
        """None where no sample needs to wait for another's prefix."""
        self._info: EngineInfo | None = None
        self._is_closed = False
        self._running: set[asyncio.Task[Completion]] = set()
        self._numbers = count()

    @property
    def unfinished(self) -> int:
        """How many samples are queued or running, here or in vLLM."""
        in_vllm = self._engine.output_processor.get_num_unfinished_requests() if self._engine else 0
        return max(len(self._running), in_vllm)

    async def open(self) -> EngineInfo:
        vllm_loading.refuse_unguarded_main()
        async with self._lock:
            self._refuse_if_closed()
            if self._info is None:
                self._info = await self._load()
            return self._info

    async def sample(self, request: SampleRequest) -> AsyncIterator[Completion]:
        info = await self.open()
        prompt, options = await self._in_thread(self._tokenise, request)
        self._refuse_if_closed()
        needed = max(map(len, options), default=1)
        room = tokens.room(len(prompt), info.max_context, request.sampling.max_tokens, needed)
        parameters = _sampling_parameters(request, room, info, tells_first=self._prefills is not None)
        samples = [
            asyncio.create_task(self._take(request, prompt, options, parameters, offset)) for offset in range(request.n)
        ]
        self._running.update(samples)
        try:
            for sample in asyncio.as_completed(samples):
                yield await sample
        finally:
            for sample in samples:
                sample.cancel()
            await asyncio.gather(*samples, return_exceptions=True)
            self._running.difference_update(samples)

    async def forget_prefixes(self) -> None:
        """Empty the prefix cache, as for a measurement. Raises EngineError while samples are running."""
        await self.open()
        if self._prefills is not None:
            self._prefills.forget()
        if await self._engine.reset_prefix_cache() is False:
            raise EngineError("vLLM did not empty its prefix cache: wait until no sample is running")

    async def aclose(self) -> None:
        self._is_closed = True
        running = tuple(self._running)
        for sample in running:
            sample.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        async with self._lock:
            engine, self._engine = self._engine, None
            if engine is not None:
                await silence(engine)
                await self._in_thread(vllm_loading.shut_down, engine)
                await asyncio.sleep(0)  # the loop closes its sockets
                vllm_loading.release(engine)
        self._thread.shutdown(wait=False)

    async def _load(self) -> EngineInfo:
        loading = asyncio.ensure_future(self._in_thread(vllm_loading.load, self._model, self._arguments))
        try:
            engine = await asyncio.shield(loading)
        except asyncio.CancelledError:
            loading.add_done_callback(_abandon)
            raise
        try:
            self._chat = tokens.Chat(engine.get_tokenizer(), self._name)
        except ModelError:
            vllm_loading.shut_down(engine)
            raise
        self._engine = engine
        if blocks := vllm_loading.split_blocks(engine):
            self._prefills = Prefills(*blocks)
        return EngineInfo(
            "vllm",
            self._name,
            slots=engine.vllm_config.scheduler_config.max_num_seqs,
            max_context=engine.vllm_config.model_config.max_model_len,
            special_tokens=self._chat.special_tokens,
            opens_reasoning=self._chat.opens_reasoning,
        )

    def _tokenise(self, request: SampleRequest) -> tuple[list[int], dict[tokens.Tokens, str]]:
        return self._chat.tokens(request), self._chat.options(request)

    async def _take(
        self, request: SampleRequest, prompt: list[int], options: dict[tokens.Tokens, str], parameters: Any, offset: int
    ) -> Completion:
        """One sample, awaited to its end; cancelling it aborts it in vLLM."""
        seeded = parameters.clone()
        seeded.seed = request.sample_seed + offset
        try:
            if options:
                return await self._choose(request, prompt, options, seeded, offset)
            return _completion(request, offset, [await self._generate(prompt, seeded)])
        except asyncio.CancelledError:
            self._refuse_if_closed()
            raise
        except EngineError:
            raise
        except Exception as error:
            raise failure(error) from error

    async def _choose(
        self, request: SampleRequest, prompt: list[int], options: dict[tokens.Tokens, str], parameters: Any, offset: int
    ) -> Completion:
        """One of the choices, for which only the tokens where they part are sampled."""
        choosing, outputs = tokens.choosing(list(options)), []
        try:
            shared, following = next(choosing)
            while True:
                step = parameters.clone()
                step.max_tokens, step.allowed_token_ids = 1, following
                if step.logprobs is not None and hasattr(step, "logprob_token_ids"):
                    # else only those of the likeliest tokens are reported, among which a choice need not be
                    step.logprobs, step.logprob_token_ids = len(following), following
                outputs.append(await self._generate([*prompt, *shared], step))
                shared, following = choosing.send(_among(following, outputs[-1].outputs[0]))
        except StopIteration as chosen:
            text = list(options.values())[chosen.value]
        return replace(_completion(request, offset, outputs), text=text, finish_reason="stop")

    async def _generate(self, prompt: list[int], parameters: Any) -> Any:
        inputs = {"type": "token", "prompt_token_ids": prompt}
        outputs = []
        async with self._turn(prompt) as computed:
            async for output in self._engine.generate(inputs, parameters, f"rrm-{next(self._numbers)}"):
                computed()
                outputs.append(output)
        return _joined(outputs)

    def _turn(self, prompt: list[int]) -> AbstractAsyncContextManager[Callable[[], None]]:
        return nullcontext(lambda: None) if self._prefills is None else self._prefills.turn(prompt)

    async def _in_thread(self, work: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise EngineClosedError(f"the vLLM engine of {self._name} was closed") from None


def _sampling_parameters(request: SampleRequest, max_tokens: int, info: EngineInfo, *, tells_first: bool) -> Any:
    from vllm.sampling_params import RequestOutputKind, SamplingParams

    try:
        return SamplingParams(
            temperature=request.sampling.temperature,
            top_p=request.sampling.top_p,
            max_tokens=max_tokens,
            logprobs=(_MOST_LOGPROBS if request.choices else request.logprobs) if request.logprobs else None,
            # the first token at once, as a sign that the prompt is computed, and the others in the end
            output_kind=RequestOutputKind.DELTA if tells_first else RequestOutputKind.FINAL_ONLY,
            # where the reasoning tags are special tokens, a verdict can't be told from reasoning without them
            skip_special_tokens="</think>" not in (info.special_tokens or ()),
        )
    except ValueError as error:
        raise EngineRefusedError(f"vLLM refuses the sampling parameters: {error}") from error


def _joined(outputs: Sequence[Any]) -> Any:
    """A sample that vLLM gave in one output, or in parts, of which the last becomes the whole."""
    if len(outputs) > 1:
        parts, whole = [output.outputs[0] for output in outputs], outputs[-1].outputs[0]
        whole.text = "".join(part.text for part in parts)
        if whole.logprobs is not None:
            whole.logprobs = [reported for part in parts for reported in part.logprobs]
        whole.token_ids = [token for part in parts for token in part.token_ids]
    return outputs[-1]


def _completion(request: SampleRequest, offset: int, outputs: Sequence[Any]) -> Completion:
    """A sample that vLLM gave in one output, or a choice that it gave in one for each parting of the ways."""
    samples = [output.outputs[0] for output in outputs]
    if unfinished := [sample.finish_reason for sample in samples if sample.finish_reason not in ("stop", "length")]:
        raise EngineError(f"vLLM ended a sample with {unfinished[0]!r}")
    counts = not offset and outputs
    return Completion(
        request.case,
        request.first_index + offset,
        "".join(sample.text for sample in samples),
        samples[-1].finish_reason if samples else "stop",
        # the first sample's own count: the others find in the cache what the first had to compute
        prompt_tokens=len(outputs[0].prompt_token_ids) if counts else 0,
        cached_tokens=outputs[0].num_cached_tokens or 0 if counts else 0,
        completion_tokens=sum(len(sample.token_ids) for sample in samples),
        logprobs=tuple(logprob for output in outputs for logprob in _logprobs(request, output.outputs[0])),
    )


def _among(allowed: Sequence[int], sample: Any) -> int:
    """The token that was sampled of the allowed ones, which are the only alternatives that it then reports."""
    if sample.logprobs:
        sample.logprobs = [{token: sample.logprobs[0][token] for token in allowed if token in sample.logprobs[0]}]
    return int(sample.token_ids[0])


def _logprobs(request: SampleRequest, sample: Any) -> Iterator[TokenLogprob]:
    """What is reported of a token: itself, and the likeliest, among which it may be."""
    for token_id, reported in kept(list(zip(sample.token_ids, sample.logprobs or (), strict=False))):
        likeliest = sorted(reported.values(), key=lambda entry: -entry.logprob)[: request.logprobs]
        own, top = reported[token_id], tuple((entry.decoded_token, entry.logprob) for entry in likeliest)
        yield TokenLogprob(own.decoded_token, own.logprob, top)


def _abandon(loading: "asyncio.Future[Any]") -> None:
    """End an engine that nobody waits for any more."""
    if not loading.cancelled() and loading.exception() is None:
        vllm_loading.shut_down(loading.result())
