"""vLLM in this process as a scorer: pooling models, and the likelihood of texts under generative ones.

Invariants: no activation is ever applied; positions are chosen here out of the vectors of all tokens, so that no token
in a text can be taken for a step's; a pass that is cancelled is aborted in vLLM; vLLM and torch are imported on `open`
only. What is asked at the same time is batched by vLLM's own scheduler.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import Any

from rrm.engines import vllm_loading
from rrm.engines.scorers.base import Pass, Readout, ScorerInfo, Vectors
from rrm.engines.scorers.passes import end_of, refuse_misfits
from rrm.engines.scorers.running import Running
from rrm.engines.scorers.tokenising import LocalTokens
from rrm.engines.scorers.vllm_arguments import arguments_for
from rrm.engines.transformers_loading import in_thread
from rrm.engines.vllm_failures import failure, silence
from rrm.errors import EngineError, InputError, ModelError
from rrm.types import Message

__all__ = ["VLLMScorer"]

_PROBE = (1, 2)
"""A pass that any model takes."""


class VLLMScorer:
    """A model loaded into vLLM, to be read as `readout` says.

    `model` is a folder or hub name and `name` what reports call it. `max_context` is in tokens, by default the model's own,
    on a CPU at most 8192. `engine_args` are vLLM's (AsyncEngineArgs: tensor_parallel_size, gpu_memory_utilization, dtype,
    pooler_config, hf_overrides, trust_remote_code, ...); unknown ones are refused on `open`. Programs need an
    `if __name__ == "__main__":` guard, because vLLM spawns processes.
    """

    def __init__(
        self,
        model: str,
        readout: Readout,
        *,
        name: str | None = None,
        max_context: int | None = None,
        **engine_args: Any,
    ) -> None:
        vllm_loading.refuse_unguarded_main()
        if max_context is not None and engine_args.setdefault("max_model_len", max_context) != max_context:
            raise InputError("max_context and max_model_len are the same setting: pass one of them")
        self._model, self._readout, self._arguments = model, readout, engine_args
        self._name = name or model
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "rrm-vllm")
        """For what would block the event loop: loading, closing and tokenising, one at a time."""
        self._running = Running(f"the vLLM scorer of {self._name}")
        self._numbers = count()
        self._engine: Any = None
        self._tokens: LocalTokens
        self._info: ScorerInfo | None = None
        self._cap: float | None = None
        """Some models squeeze their logits, which vLLM leaves out where it reads labels."""

    @property
    def unfinished(self) -> int:
        """How many passes are queued or running, here or in vLLM."""
        in_vllm = self._engine.output_processor.get_num_unfinished_requests() if self._engine else 0
        return max(len(self._running), in_vllm)

    async def open(self) -> ScorerInfo:
        vllm_loading.refuse_unguarded_main()
        async with self._lock:
            self._running.refuse_if_closed()
            if self._info is None:
                self._info = await self._load()
            return self._info

    async def chat(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> tuple[int, ...]:
        await self.open()
        work = partial(self._tokens.chat_now, messages, add_generation_prompt=add_generation_prompt)
        return await in_thread(self._thread, work)

    async def tokens(self, text: str, *, add_special_tokens: bool = False) -> tuple[int, ...]:
        await self.open()
        work = partial(self._tokens.tokens_now, text, add_special_tokens=add_special_tokens)
        return await in_thread(self._thread, work)

    async def bos(self) -> tuple[int, ...]:
        await self.open()
        return await self._tokens.bos()

    async def score(self, asked: Pass) -> Vectors:
        info = await self.open()
        refuse_misfits(asked, self._readout.task, context=info.max_context, vocabulary=self._vocabulary)
        return await self._running.outcome(self._read(asked))

    async def aclose(self) -> None:
        await self._running.close()
        async with self._lock:
            engine, self._engine = self._engine, None
            if engine is not None:
                await self._release(engine)
        self._thread.shutdown(wait=False)

    async def _release(self, engine: Any) -> None:
        await silence(engine)
        await in_thread(self._thread, vllm_loading.shut_down, engine)
        await asyncio.sleep(0)  # the loop closes its sockets
        vllm_loading.release(engine)

    @property
    def _vocabulary(self) -> int:
        return int(self._engine.model_config.get_vocab_size())

    async def _load(self) -> ScorerInfo:
        arguments, self._cap = await in_thread(
            self._thread, arguments_for, self._model, self._name, self._readout, self._arguments
        )
        loading = asyncio.ensure_future(in_thread(self._thread, vllm_loading.load, self._model, arguments))
        try:
            engine = await asyncio.shield(loading)
        except asyncio.CancelledError:
            loading.add_done_callback(_abandon)
            raise
        self._engine, self._tokens = engine, LocalTokens(engine.get_tokenizer(), self._name)
        try:
            return self._describe(engine, await self._probed(engine))
        except BaseException:
            self._engine = None
            await self._release(engine)
            raise

    async def _probed(self, engine: Any) -> int:
        """Length of a vector. Raises ModelError for a model that vLLM does not read as asked."""
        task = self._readout.task
        if task == "likelihood":
            return 1
        tasks = await engine.get_supported_tasks()
        if task not in tasks:
            raise ModelError(
                f"vLLM reads {self._name} ({engine.model_config.architecture}) for {', '.join(tasks)}, not for {task!r}: "
                + _advice(task, tasks)
            )
        outputs = len((await self._read(Pass(_PROBE, () if task == "classify" else (1,)))).values[0])
        if self._readout.labels and outputs != len(self._readout.labels):
            raise ModelError(
                f"vLLM gives {outputs} numbers a token for {len(self._readout.labels)} labels of {self._name}"
            )
        return outputs

    def _describe(self, engine: Any, outputs: int) -> ScorerInfo:
        # the likelihood of a text is asked for by sampling a token behind it
        room = 1 if self._readout.task == "likelihood" else 0
        return ScorerInfo(
            "vllm",
            self._name,
            slots=engine.vllm_config.scheduler_config.max_num_seqs,
            max_context=engine.model_config.max_model_len - room,
            special_tokens=self._tokens.special_tokens,
            outputs=outputs,
            dtype=str(engine.model_config.dtype).removeprefix("torch."),
        )

    async def _read(self, asked: Pass) -> Vectors:
        try:
            async for output in self._stream(asked):
                found = output
        except EngineError:
            raise
        except Exception as error:
            raise failure(error) from error
        values = _logprobs(asked, found) if self._readout.task == "likelihood" else self._vectors(asked, found)
        return Vectors(values, len(asked.tokens), found.num_cached_tokens or 0)

    def _stream(self, asked: Pass) -> AsyncIterator[Any]:
        inputs = {"type": "token", "prompt_token_ids": list(asked.tokens[: self._end(asked)])}
        name = f"rrm-{next(self._numbers)}"
        if self._readout.task == "likelihood":
            return self._engine.generate(inputs, _listening(), name)  # type: ignore[no-any-return]
        from vllm import PoolingParams

        parameters = PoolingParams(task=self._readout.task, use_activation=False)
        return self._engine.encode(inputs, parameters, name)  # type: ignore[no-any-return]

    def _end(self, asked: Pass) -> int:
        """How many tokens are laid before the model: a classifier reads the last one that it gets."""
        if self._readout.task != "classify":
            return len(asked.tokens)
        return end_of(asked.tokens, getattr(self._engine.model_config.hf_config, "pad_token_id", None))

    def _vectors(self, asked: Pass, output: Any) -> tuple[tuple[float, ...], ...]:
        data = output.outputs.data.float()
        if self._readout.task == "classify":
            vectors = [data.reshape(-1).tolist()]
        elif len(data) != len(asked.tokens):
            raise EngineError(
                f"vLLM gave {len(data)} vectors for {len(asked.tokens)} tokens: its pooler_config must pool all tokens"
            )
        else:
            vectors = data[list(asked.at)].tolist()
        return tuple(tuple(map(self._squeezed, vector)) for vector in vectors)

    def _squeezed(self, logit: float) -> float:
        return logit if self._cap is None else self._cap * math.tanh(logit / self._cap)


def _listening() -> Any:
    """A sample of one token that nobody wants, for the sake of the prompt's log-probabilities."""
    from vllm.sampling_params import RequestOutputKind, SamplingParams

    return SamplingParams(
        max_tokens=1, temperature=0.0, prompt_logprobs=0, detokenize=False, output_kind=RequestOutputKind.FINAL_ONLY
    )


def _logprobs(asked: Pass, output: Any) -> tuple[tuple[float, ...], ...]:
    reported: Sequence[Mapping[int, Any] | None] = output.prompt_logprobs
    return tuple((_own(reported[place], asked.tokens[place]),) for place in asked.at)


def _own(reported: Mapping[int, Any] | None, token: int) -> float:
    if reported is None or token not in reported:
        raise EngineError("vLLM did not report the log-probability of a token of the prompt")
    return float(reported[token].logprob)


def _advice(task: str, tasks: Sequence[str]) -> str:
    if "embed" in tasks or "token_embed" in tasks:
        return (
            "it takes the model for an embedding model, since there is no head that it knows in it: name a reward model, or "
            "the labels whose logits are the score (labels=)"
        )
    return f"its kind is another one (kind=), or its head is read otherwise than as {task!r}"


def _abandon(loading: "asyncio.Future[Any]") -> None:
    """End an engine that nobody waits for any more."""
    if not loading.cancelled() and loading.exception() is None:
        vllm_loading.shut_down(loading.result())
