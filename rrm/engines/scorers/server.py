"""A reward model behind a vLLM server: raw logits of /pooling or /classify, likelihoods of /v1/completions.

Invariants: what is read is what a scorer in process reads of the same tokens; passes asked at the same time travel
together, and fail alone; nothing runs after a pass was cancelled or the scorer closed, but for a request that
carries others too. How a server answers is found out in `server_looks`, who is asked and how often is known in
`rrm.engines.http`, how it looks on the wire in `formats`, what a refusal means in `refusals`. Keys are handed in: the
environment is not read here.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rrm.engines.addresses import checked_key, checked_patience, checked_urls, reported, require
from rrm.engines.http import FailedError, RefusedError, Server, Servers
from rrm.engines.scorers.base import Pass, Readout, ScorerInfo, Tokenising, Vectors
from rrm.engines.scorers.formats import MalformedReplyError, NoVectorsError, body_of, check, vectors_in
from rrm.engines.scorers.refusals import OF_THE_REQUEST, Advice
from rrm.engines.scorers.running import Running, Shared
from rrm.engines.scorers.server_looks import Looks
from rrm.engines.scorers.server_tokens import ServerTokens, local_tokens
from rrm.engines.scorers.travelling import ApartError, Bounds, Travelling
from rrm.errors import PromptTooLongError
from rrm.types import Message

__all__ = ["ServerScorer"]

Json = dict[str, Any]
Tokens = tuple[int, ...]

PASSES_A_REQUEST = 32
TOKENS_A_REQUEST = 65_536
"""Of passes that travel together; enough that HTTP costs little, and few enough that a lost answer is no great loss."""

_INTERNAL_ERROR = 500


class ServerScorer:
    """Reads a model on one or several vLLM servers that serve it.

    `base_url` is the address, with or without `/v1`; with several, each request goes to the live server with the
    least to do. `model` is the server's name for it; None takes the first that it lists. `concurrency` bounds the
    requests at once over all servers, each of which carries up to 32 passes. `tokenizer`, a folder or a hub name, makes
    the tokens here, with transformers; without it the server makes them, with one request for each text. The rest is as
    for `OpenAIEngine`: times are seconds, `api_key_env` is only named in messages.

    A server must have been started for what is to be read: `vllm serve MODEL --runner pooling` for the scores of a
    reward model, with `--pooler-config` for those of steps; the errors have the command. Where a server pools by
    step tags, positions that hold its tag can be read, all of them at once: it gives as many vectors as there are
    tags. That is sound where a tag stands at the positions asked for and nowhere else, which is checked.

    Raises InputError for arguments that can't work.
    """

    def __init__(
        self,
        base_url: str | Sequence[str],
        readout: Readout,
        *,
        model: str | None = None,
        api_key: str | None = None,
        api_key_env: str = "OPENAI_API_KEY",
        concurrency: int = 16,
        attempts: int = 6,
        timeout: float = 600.0,
        connect_timeout: float = 10.0,
        probe_timeout: float = 25.0,
        wait_initial: float = 0.5,
        wait_max: float = 30.0,
        tokenizer: str | None = None,
    ) -> None:
        require(concurrency >= 1, f"concurrency must be at least 1, not {concurrency}")
        require(model != "", "model must be a name, or None for the first model that the server lists")
        self._urls = tuple(dict.fromkeys(url.removesuffix("/v1") for url in checked_urls(base_url)))
        self._patience = checked_patience(
            attempts=attempts,
            timeout=timeout,
            connect_timeout=connect_timeout,
            probe_timeout=probe_timeout,
            wait_initial=wait_initial,
            wait_max=wait_max,
        )
        self._key = checked_key(api_key)
        self._readout, self._task = readout, readout.task
        self._wanted_model, self._tokenizer = model, tokenizer
        self._probe_timeout, self._concurrency = probe_timeout, concurrency
        self._first_advice = Advice(readout, api_key_env, has_key=bool(self._key))
        self._running = Running(f"the scorer for {', '.join(self._urls)}")
        self._opening = Shared(self._running, self._probe)
        self._info: ScorerInfo | None = None
        bounds = Bounds(concurrency, PASSES_A_REQUEST, TOKENS_A_REQUEST, shares=len(self._urls))
        self._travelling = Travelling(self._carry, bounds, self._running.closed_error)

    @property
    def unfinished(self) -> int:
        """How many passes and other requests are queued or running."""
        return self._travelling.unfinished + len(self._running)

    async def open(self) -> ScorerInfo:
        self._running.refuse_if_closed()
        if self._info is None:
            self._info = await self._opening.outcome()
        return self._info

    async def score(self, asked: Pass) -> Vectors:
        info = await self.open()
        check(asked, self._task)
        if info.max_context is not None and len(asked.tokens) > info.max_context:
            raise PromptTooLongError(len(asked.tokens), info.max_context)
        if self._task != "classify" and not asked.at:
            return Vectors((), 0)
        return await self._travelling.score(asked)

    async def chat(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> Tokens:
        await self.open()
        return await self._running.outcome(self._chat(messages, add_generation_prompt))

    async def tokens(self, text: str, *, add_special_tokens: bool = False) -> Tokens:
        await self.open()
        return await self._running.outcome(self._tokens_of(text, add_special_tokens))

    async def bos(self) -> Tokens:
        """With a `tokenizer` of one's own its BOS token; else what the server puts before a text, as it tells no more."""
        await self.open()
        return await self._running.outcome(self._bos())

    async def aclose(self) -> None:
        await self._travelling.close()
        await self._running.close()
        if self._info is not None:
            await self._servers.aclose()

    async def _chat(self, messages: Sequence[Message], add_generation_prompt: bool) -> Tokens:
        return await self._tokenising.chat(messages, add_generation_prompt=add_generation_prompt)

    async def _tokens_of(self, text: str, add_special_tokens: bool) -> Tokens:
        return await self._tokenising.tokens(text, add_special_tokens=add_special_tokens)

    async def _bos(self) -> Tokens:
        return await self._tokenising.bos()

    # Opening.

    async def _probe(self) -> ScorerInfo:
        # Tokens are asked for beside the passes.
        servers = Servers(self._urls, self._key, self._patience, 2 * self._concurrency)
        try:
            looks = Looks(servers, self._readout, self._wanted_model, self._probe_timeout, self._first_advice)
            await looks.find()
            tokenising = await self._tokeniser(servers, looks)
        except BaseException:
            await servers.aclose()
            raise
        self._servers, self._looks, self._tokenising = servers, looks, tokenising
        return self._info_of(looks, getattr(tokenising, "special_tokens", None))

    def _info_of(self, looks: Looks, special_tokens: tuple[str, ...] | None) -> ScorerInfo:
        context = looks.context
        if context and self._task == "likelihood":
            context -= 1  # a token must be sampled behind a prompt whose likelihood is read
        return ScorerInfo(
            "server",
            reported(looks.advice.weights),
            self._concurrency * PASSES_A_REQUEST,
            context,
            special_tokens,
            revision=looks.revision,
            outputs=looks.outputs,
        )

    async def _tokeniser(self, servers: Servers, looks: Looks) -> Tokenising:
        if self._tokenizer is not None:
            return await local_tokens(self._tokenizer)
        turns = asyncio.Semaphore(self._concurrency)

        async def ask(content: bytes, read: Callable[[Json], Tokens]) -> Tokens:
            async with turns:
                return await servers.ask(partial(_tokenised, servers, looks.advice, content, read), 0)

        return ServerTokens(looks.model, ask)

    # Asking.

    async def _carry(self, passes: Sequence[Pass]) -> list[Vectors]:
        return await self._servers.ask(partial(self._converse, passes), len(passes))

    async def _converse(self, passes: Sequence[Pass], server: Server) -> list[Vectors]:
        """Ask one server once. Raises FailedError, ApartError for several that fail, and errors for what can't be."""
        manner = await self._looks.manner_of(server)
        content = body_of(passes, self._looks.model, self._task, manner)
        try:
            reply = await self._servers.exchange(server, manner.path, content)
            return self._checked(vectors_in(reply, passes, self._task, manner), server.url + manner.path)
        except (RefusedError, FailedError, NoVectorsError) as error:
            if len(passes) > 1 and _may_be_of_one(error):
                raise ApartError from None
            raise self._error_for(error, server.url + manner.path) from None
        except MalformedReplyError as error:
            raise FailedError(self._servers.redacted(str(error))) from None

    def _error_for(self, error: RefusedError | FailedError | NoVectorsError, url: str) -> Exception:
        if isinstance(error, RefusedError):
            return self._looks.advice.refused(error, self._looks.context)
        return error if isinstance(error, FailedError) else self._looks.advice.unread(url, str(error))

    def _checked(self, found: list[Vectors], url: str) -> list[Vectors]:
        """What was found, unless a vector has another length than what is to be read."""
        for outputs in {len(vector) for vectors in found for vector in vectors.values}:
            if misfit := self._looks.advice.misfit(url, outputs):
                raise misfit
        return found


def _may_be_of_one(error: RefusedError | FailedError | NoVectorsError) -> bool:
    """Whether one pass of several can have brought an error about."""
    if isinstance(error, NoVectorsError):
        return True
    return error.status in OF_THE_REQUEST or error.status == _INTERNAL_ERROR


async def _tokenised(
    servers: Servers, advice: Advice, content: bytes, read: Callable[[Json], Tokens], server: Server
) -> Tokens:
    try:
        return read(await servers.exchange(server, "/tokenize", content))
    except RefusedError as refusal:
        raise advice.untokenised(refusal) from None
    except MalformedReplyError as error:
        raise FailedError(servers.redacted(str(error))) from None
