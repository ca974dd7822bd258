"""A judge behind any server with the OpenAI interface: vLLM, SGLang, llama.cpp, Ollama, a gateway, OpenAI.

Invariants: sample i of a prompt is asked with the seed `sample_seed` says, however a server makes us cut
the request up; what one server does not understand is found out once, said once, and remembered for that
server; nothing runs after a request was cancelled or the engine closed. How the format looks is in
chat.py, how a request gets across in http.py. Keys are handed in: the environment is not read here.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeVar

from rrm.engines.addresses import (
    Listed,
    checked_key,
    checked_patience,
    checked_urls,
    first_model,
    reported,
    require,
)
from rrm.engines.attendance import listing, of_the_live
from rrm.engines.base import EngineInfo
from rrm.engines.chat import Dialect, MalformedReplyError, adapted, body_of, overflow_of, read_reply, singles
from rrm.engines.http import FailedError, RefusedError, Server, Servers
from rrm.engines.token_prompts import TokenPrompts
from rrm.errors import (
    EngineClosedError,
    EngineDeniedError,
    EngineRefusedError,
    PromptTooLongError,
)
from rrm.types import Completion, SampleRequest

__all__ = ["OpenAIEngine"]

_log = logging.getLogger("rrm")

Result = TypeVar("Result")
Answer = tuple[list[Completion], list[SampleRequest]]
"""Completions, and requests for the samples that are still missing."""

_OF_THE_REQUEST = (400, 413, 422)
"""Statuses that refuse this request; another may be taken."""


class OpenAIEngine:
    """Samples from one or several servers of the same model.

    `base_url` is the address up to `/v1`; with several, each request goes to the live server with the least
    to do. `model` is the server's name for it; None takes the first that it lists. `concurrency` bounds the
    samples in flight over all servers, first come first served: a request for n takes n of them, at once, or
    all where it asks for more. `attempts` is how often a request is tried before EngineUnreachableError.
    Times are seconds: `timeout` for one request, `connect_timeout` for its connection, `probe_timeout` for
    finding out at `open` who is there, `wait_initial` and `wait_max` for the pauses between attempts, which
    double. `api_key_env` is only named in messages: the variable that the caller read the key from.

    Raises InputError for arguments that can't work.
    """

    def __init__(
        self,
        base_url: str | Sequence[str],
        *,
        model: str | None = None,
        api_key: str | None = None,
        concurrency: int = 64,
        attempts: int = 6,
        timeout: float = 600.0,
        connect_timeout: float = 10.0,
        probe_timeout: float = 25.0,
        wait_initial: float = 0.5,
        wait_max: float = 30.0,
        api_key_env: str = "OPENAI_API_KEY",
    ) -> None:
        require(concurrency >= 1, f"concurrency must be at least 1, not {concurrency}")
        require(model != "", "model must be a name, or None for the first model that the server lists")
        self._urls = checked_urls(base_url)
        self._key, self._key_env = checked_key(api_key), api_key_env
        self._wanted_model = model
        self._patience = checked_patience(
            attempts=attempts,
            timeout=timeout,
            connect_timeout=connect_timeout,
            probe_timeout=probe_timeout,
            wait_initial=wait_initial,
            wait_max=wait_max,
        )
        self._probe_timeout = probe_timeout
        self._slots = _Slots(concurrency)
        self._dialects: dict[Server, Dialect] = {}
        self._running: set[asyncio.Task[Any]] = set()
        self._opening = asyncio.Lock()
        self._info: EngineInfo | None = None
        self._is_closed = False

    @property
    def unfinished(self) -> int:
        """How many HTTP requests are queued or running."""
        return len(self._running)

    async def open(self) -> EngineInfo:
        self._refuse_if_closed()
        async with self._opening:
            if self._info is None:
                self._info = await self._outcome(self._start(self._probe()))
            return self._info

    async def sample(self, request: SampleRequest) -> AsyncIterator[Completion]:
        await self.open()
        started = [self._start(self._ask(request))] if request.n else []
        running = set(started)
        try:
            while running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    completions, missing = self._result_of(task)
                    more = [self._start(self._ask(part)) for part in missing]
                    started += more
                    running.update(more)
                    for completion in completions:
                        yield completion if completion.index == request.first_index else _without_prompt(completion)
        finally:
            await _end(started)

    async def aclose(self) -> None:
        self._is_closed = True
        await _end(list(self._running))
        if self._info is not None:
            await self._servers.aclose()

    def _start(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Run `work` as a task that `aclose` ends."""
        try:
            self._refuse_if_closed()
        except EngineClosedError:
            work.close()
            raise
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _outcome(self, task: asyncio.Task[Result]) -> Result:
        try:
            await asyncio.wait([task])
            return self._result_of(task)
        finally:
            await _end([task])

    def _result_of(self, task: asyncio.Task[Result]) -> Result:
        # Whoever waits for a task is gone before it cancels it, so a cancelled one was cancelled by `aclose`.
        if task.cancelled():
            self._refuse_if_closed()
        return task.result()

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise EngineClosedError(f"the engine for {', '.join(self._urls)} was closed")

    # Finding out who is there.

    async def _probe(self) -> EngineInfo:
        servers = Servers(self._urls, self._key, self._patience, self._slots.count)
        try:
            listings = await self._listings(servers)
            info = self._info_from(listings)
            prompts = TokenPrompts(servers, self._model, self._probe_timeout)
            opens = await prompts.opens_reasoning(server for server in servers.all if server.url in listings)
        except BaseException:
            await servers.aclose()
            raise
        self._servers, self._token_prompts = servers, prompts
        return replace(info, opens_reasoning=opens)

    async def _listings(self, servers: Servers) -> dict[str, dict[str, Listed]]:
        """What each live server lists. Raises EngineRefusedError, and EngineUnreachableError where none is alive."""
        listings = await of_the_live(servers, servers.all, lambda server: self._listing(servers, server))
        for server, models in listings.items():
            server.models = tuple(models)
        return {server.url: models for server, models in listings.items()}

    async def _listing(self, servers: Servers, server: Server) -> dict[str, Listed]:
        return await listing(servers, server, "/models", self._probe_timeout, self._explained)

    def _info_from(self, listings: Mapping[str, Mapping[str, Listed]]) -> EngineInfo:
        self._model = self._wanted_model or first_model(listings)
        for url, models in listings.items():
            if models and self._model not in models:
                near = get_close_matches(self._model, models, n=3, cutoff=0.3) or list(models)[:3]
                _log.warning("%s does not list the model %r, only such as %s", url, self._model, ", ".join(near))
        contexts = [models[self._model].context for models in listings.values() if self._model in models]
        return EngineInfo(
            "openai",
            reported(self._model),
            self._slots.count,
            min((context for context in contexts if context), default=None),
        )

    # Asking.

    async def _ask(self, part: SampleRequest) -> Answer:
        async with self._slots.held(part.n):
            return await self._servers.ask(partial(self._converse, part), part.n)

    async def _converse(self, part: SampleRequest, server: Server) -> Answer:
        """Ask one server, saying it in other words as long as it refuses the words only."""
        dialect = self._dialects.get(server, Dialect())
        while not (dialect.one_at_a_time and part.n > 1):
            try:
                completions = await self._exchange(part, server, dialect)
            except RefusedError as refusal:
                part, dialect = self._reworded(part, dialect, refusal)
            except MalformedReplyError as error:
                raise FailedError(self._servers.redacted(str(error))) from None
            else:
                return self._answer(completions, part, server, dialect)
        self._learn(server, dialect)
        return [], singles(part)

    async def _exchange(self, part: SampleRequest, server: Server, dialect: Dialect) -> list[Completion]:
        """Ask once: to go on from exact tokens where the server can, else in a chat."""
        if part.continuation:
            completions = await self._token_prompts.go_on(server, part, dialect)
            if completions is not None:
                return completions
        content = body_of(part, self._model, dialect)
        return read_reply(await self._servers.exchange(server, "/chat/completions", content), part)

    def _reworded(self, part: SampleRequest, dialect: Dialect, refusal: RefusedError) -> tuple[SampleRequest, Dialect]:
        """What to ask in place of what was refused. Raises PromptTooLongError or EngineRefusedError if nothing."""
        if refusal.status not in _OF_THE_REQUEST:
            raise self._explained(refusal) from None
        if overflow := overflow_of(refusal.message):
            if 0 < overflow.room < part.sampling.max_tokens:
                return replace(part, sampling=replace(part.sampling, max_tokens=overflow.room)), dialect
            known_limit = self._info.max_context if self._info else None
            raise PromptTooLongError(overflow.length, overflow.limit or known_limit) from None
        other = adapted(dialect, part, refusal.param, refusal.message)
        if other is None:
            raise self._explained(refusal) from None
        return part, other

    def _answer(self, completions: list[Completion], part: SampleRequest, server: Server, dialect: Dialect) -> Answer:
        has_logprobs = any(completion.logprobs or not completion.text for completion in completions)
        self._learn(
            server,
            replace(
                dialect,
                one_at_a_time=dialect.one_at_a_time or len(completions) < part.n,
                gives_logprobs=has_logprobs or not part.logprobs or "logprobs" in dialect.dropped,
            ),
        )
        return completions, singles(part, len(completions))

    def _learn(self, server: Server, dialect: Dialect) -> None:
        known = self._dialects.get(server, Dialect())
        self._dialects[server] = known.merged(dialect)
        for clause in self._dialects[server].news(known):
            _log.warning("%s %s", server.url, clause)

    def _explained(self, refusal: RefusedError) -> EngineRefusedError:
        kind = EngineRefusedError if refusal.status in _OF_THE_REQUEST else EngineDeniedError
        return kind(
            f"{refusal.url} refused the request with status {refusal.status}: {refusal.message.rstrip('.')}. "
            + self._remedy(refusal.status)
        )

    def _remedy(self, status: int) -> str:
        if status in (401, 403):
            fault = "The key that was sent is not accepted" if self._key else "No key was sent"
            return f"{fault}: put a valid one into the environment variable {self._key_env}, or pass api_key."
        if status == 404:
            return f"{self._listed()}A base URL usually ends in /v1."
        if status < 400:
            return "Use the address that it names as the base URL."
        return "Asking again can't help: correct the request, or the server's settings."

    def _listed(self) -> str:
        names = dict.fromkeys(name for server in self._servers.all for name in server.models)
        return f"The server lists these models: {', '.join(names)}. " if names else ""


class _Slots:
    """A bounded number of slots, taken several at a time, first come first served."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = asyncio.Semaphore(count)
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def held(self, wanted: int) -> AsyncIterator[None]:
        """Hold so many slots, or all there are."""
        taken = 0
        try:
            async with self._turn:  # one taker at a time: two that each held a half would wait for ever
                while taken < min(wanted, self.count):
                    await self._free.acquire()
                    taken += 1
            yield
        finally:
            for _ in range(taken):
                self._free.release()


def _without_prompt(completion: Completion) -> Completion:
    """A prompt that a server must be sent once for each sample counts once for a request; see `Completion`."""
    return replace(completion, prompt_tokens=0, cached_tokens=0) if completion.prompt_tokens else completion


async def _end(tasks: Collection[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
