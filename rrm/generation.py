"""Candidates for best-of-N: several responses to a query, sampled from a policy model on the judge's engines.

Response i to a query is sample i of the query under the generator's seed, so asking for eight responses after
four samples four more of the same series. The query reaches the model as it stands: it is the user's own prompt,
and its special tokens are meant. Nothing here knows of judges.
"""

import math
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rrm.backends import Backend, Choice
from rrm.contests import check_at_least, normalise_query
from rrm.engines.base import Engine, EngineInfo
from rrm.errors import ContestError, InputError, LedgerError, PromptTooLongError, RRMError
from rrm.host import Host
from rrm.ledger import Ledger
from rrm.play import Gate, Stream
from rrm.types import Case, Completion, FinishReason, Message, Query, SampleRequest, Sampling, Usage

__all__ = ["Generation", "Generator", "GeneratorInfo"]

_OVERSUBSCRIPTION = 1.25
"""A little more in flight than the engine has slots, so that no slot waits for us."""


@dataclass(frozen=True, slots=True)
class GeneratorInfo:
    """Who wrote responses, and how: enough to ask for the same again."""

    model: str
    engine: str
    sampling: Sampling
    seed: int


@dataclass(frozen=True, slots=True)
class Generation:
    """The responses to one query, with why each ended and what they cost; or the error there was instead."""

    responses: tuple[str, ...] = ()
    finish_reasons: tuple[FinishReason, ...] = ()
    usage: Usage = Usage()
    generator: GeneratorInfo | None = None
    error: str | None = None
    error_type: str | None = None
    """The name of the error's class in `rrm.errors`."""

    @classmethod
    def failed(cls, error: Exception) -> Self:
        """The generation of a query that could not be answered."""
        return cls(error=str(error) or type(error).__name__, error_type=type(error).__name__)

    @property
    def cut(self) -> tuple[int, ...]:
        """Indices of the responses that `max_tokens` or the model's context cut."""
        return tuple(index for index, reason in enumerate(self.finish_reasons) if reason == "length")


class Generator(Host["_Writer"]):
    """A policy model that writes the responses to choose from.

    `model`: as for a `Judge`, but it must be named (RRM_MODEL and the config file name the judge), except for the
    engine "scripted", which writes canned responses, and an `Engine` of your own. `engine`, `base_url`,
    `api_key_env`, `concurrency`, `engine_args`: as for a `Judge`. `temperature` is 1 by default, and `top_p` too:
    the model's own distribution, since candidates that hardly differ leave a judge nothing to choose. `max_tokens`
    is the longest response. `seed`: the same seed asks for the same responses. `ledger`: as for a `Judge`, and it
    may be the judge's own. An engine object of your own belongs to one generator, which closes it.

    Nothing is loaded until the first call. A generator and a judge that both run vLLM in this process share one
    GPU's memory only if each is given its part (`engine_args={"gpu_memory_utilization": 0.4}`).
    Raises InputError for arguments that can't be used.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        engine: str | Engine | None = None,
        base_url: str | Sequence[str] | None = None,
        api_key_env: str = "OPENAI_API_KEY",
        max_tokens: int = 1024,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int = 0,
        concurrency: int | None = None,
        ledger: str | Path | Ledger | None = None,
        engine_args: Mapping[str, object] | None = None,
    ) -> None:
        name = engine if isinstance(engine, str) else None
        if model is None and (engine is None or name not in (None, "scripted")):
            raise InputError("a generator needs a model: name it (--generate; RRM_MODEL is for the judge)")
        self._sampling = _sampling(max_tokens, temperature, top_p)
        self._seed = _seed(seed)
        super().__init__(Choice(model, name, base_url, api_key_env, concurrency, engine_args or {}), engine, ledger)

    def generate(self, query: object, n: int) -> Generation:
        """`n` responses to a query (a string or a list of chat messages), in the order of their samples.

        Raises ContestError for a query that can't be answered, EngineError where the model can't be asked.
        """
        check_at_least("n", n, 1)
        return self._thread.run(self._generate(query, n))

    async def agenerate(self, query: object, n: int) -> Generation:
        """The async twin of `generate`."""
        check_at_least("n", n, 1)
        return await self._thread.arun(self._generate(query, n))

    def generate_many(self, queries: Iterable[object], n: int, *, window: int | None = None) -> Iterator[Generation]:
        """`n` responses to each of many queries, in the order of the input, as they get done.

        A query that fails is a generation with its `error` set; the others go on. At most `window` queries
        (default: twice the engine's slots) are read and not yet yielded. Raises EngineError where the model
        can't be opened at all.
        """
        _check_many(n, window)
        yield from self._thread.stream(self._stream(queries, n, window))

    async def agenerate_many(
        self, queries: Iterable[object], n: int, *, window: int | None = None
    ) -> AsyncIterator[Generation]:
        """The async twin of `generate_many`."""
        _check_many(n, window)
        async with aclosing(self._thread.astream(self._stream(queries, n, window))) as generations:
            async for generation in generations:
                yield generation

    def open(self) -> GeneratorInfo:
        """Load the model now, or reach its server. Raises EngineError, ModelError or MissingExtraError."""
        return self._thread.run(self._open()).info

    async def aopen(self) -> GeneratorInfo:
        """The async twin of `open`."""
        return (await self._thread.arun(self._open())).info

    def _make(self) -> Backend:
        return self._choice.make()

    def _seat(self, backend: Backend, engine: Engine, info: EngineInfo) -> "_Writer":  # noqa: ARG002 - any backend writes alike
        return _Writer(engine, info, self._sampling, self._seed)

    async def _generate(self, query: object, n: int) -> Generation:
        asked = _checked(query)
        return await (await self._open()).write(asked, n)

    async def _generate_or_fail(self, query: object, n: int) -> Generation:
        try:
            return await self._generate(query, n)
        except LedgerError:
            raise
        except RRMError as error:
            return Generation.failed(error)

    async def _stream(self, queries: Iterable[object], n: int, window: int | None) -> Stream[object, Generation]:
        writer = await self._open()
        return Stream(queries, lambda query: self._generate_or_fail(query, n), writer.gate, window or writer.window)


class _Writer:
    """An opened policy model. Lives on one event loop."""

    def __init__(self, engine: Engine, engine_info: EngineInfo, sampling: Sampling, seed: int) -> None:
        self.info = GeneratorInfo(engine_info.model, engine_info.engine, sampling, seed)
        self.window = 2 * engine_info.slots
        self.gate = Gate(math.ceil(_OVERSUBSCRIPTION * engine_info.slots))
        self._engine = engine

    async def write(self, query: Query, n: int) -> Generation:
        messages = (Message("user", query),) if isinstance(query, str) else query
        request = SampleRequest(Case(query, ()), messages, self.info.sampling, self.info.seed, n=n)
        try:
            completions = await self._sample(request)
        except PromptTooLongError as error:
            raise _too_long(error) from error
        completions.sort(key=lambda completion: completion.index)
        return Generation(
            tuple(completion.text for completion in completions),
            tuple(completion.finish_reason for completion in completions),
            _usage(completions),
            self.info,
        )

    async def _sample(self, request: SampleRequest) -> list[Completion]:
        completions = []
        with self.gate.holding(request.n) as release:
            async for completion in self._engine.sample(request):
                completions.append(completion)
                release()
        return completions


def _checked(query: object) -> Query:
    """Raises ContestError for what is no query, and for one in which the assistant has had the last word."""
    asked = normalise_query(query)
    if not isinstance(asked, str) and asked[-1].role == "assistant":
        raise ContestError("the query ends with an assistant message, so there is nothing to respond to")
    return asked


def _usage(completions: Sequence[Completion]) -> Usage:
    return Usage(
        1,
        sum(completion.prompt_tokens for completion in completions),
        sum(completion.cached_tokens for completion in completions),
        sum(completion.completion_tokens for completion in completions),
    )


def _too_long(error: PromptTooLongError) -> ContestError:
    length, limit = error.args[:2]
    return ContestError(
        f"the query has {length or 'too many'} tokens and the generator's context holds {limit or 'fewer'}: "
        "shorten it, or use a model with a longer context"
    )


def _check_many(n: int, window: int | None) -> None:
    check_at_least("n", n, 1)
    if window is not None:
        check_at_least("window", window, 1)


def _seed(seed: object) -> int:
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise InputError(f"seed must be a whole number, not {seed!r}")
    return seed


def _sampling(max_tokens: int, temperature: float, top_p: float) -> Sampling:
    check_at_least("max_tokens", max_tokens, 1)
    if not 0 <= temperature < math.inf:
        raise InputError(f"temperature must be 0 or more, not {temperature}")
    if not 0 < top_p <= 1:
        raise InputError(f"top_p must be above 0 and at most 1, not {top_p}")
    return Sampling(max_tokens, temperature, top_p)
