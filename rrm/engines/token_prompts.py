"""Samples of a server that go on from exact tokens: vLLM's /tokenize, which stands beside /v1, and its /v1/completions.

Invariants: the prompt is the server's own rendering of the messages, the continuation is tokenised apart from it, and
the sample goes on from the tokens of both, as in process (`rrm.engines.tokens`). No chat template sees the
continuation: those of reasoning judges cut the reasoning out of it, and add no `<think>` where none is asked for.
Whether a server can do so is found out once. Who is asked, how often, and what a refusal means is known elsewhere.
"""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from rrm.engines.chat import OPENING, Dialect, Json, MalformedReplyError, parameters, read_reply
from rrm.engines.encoding import encoded
from rrm.engines.http import FailedError, RefusedError, Server, Servers
from rrm.types import Completion, SampleRequest

__all__ = ["TokenPrompts"]

_NO_SUCH_PATH = (404, 405)

_QUESTION = [{"role": "user", "content": "?"}]


class TokenPrompts:
    """What the `servers` of a `model` tell of its tokens. `seconds` bound each look at a server that is not known yet."""

    def __init__(self, servers: Servers, model: str, seconds: float) -> None:
        self._servers, self._model, self._seconds = servers, model, seconds
        self._opens: dict[Server, bool | None] = {}

    async def opens_reasoning(self, servers: Iterable[Server]) -> bool | None:
        """Whether the chat template ends a prompt inside an opened `<think>`; None where a server does not tell, or two differ."""
        found = set(await asyncio.gather(*map(self._opening_of, servers)))
        return found.pop() if len(found) == 1 else None

    async def go_on(self, server: Server, request: SampleRequest, dialect: Dialect) -> list[Completion] | None:
        """The completions of a request with a continuation; None where the server can't go on from tokens.

        Raises RefusedError, FailedError and MalformedReplyError, and ContestError for text that UTF-8 can't carry.
        """
        if (opens := await self._opening_of(server)) is None:
            return None
        try:
            prompt = await self._prompt(server, request, opens=opens)
            content = encoded(_body_of(request, prompt, self._model, dialect), request)
            return read_reply(_as_chat(await self._servers.exchange(server, "/completions", content)), request)
        except RefusedError as refusal:
            if refusal.status not in _NO_SUCH_PATH:
                raise
            self._opens[server] = None  # a proxy that hands on some paths only
            return None

    async def _prompt(self, server: Server, request: SampleRequest, *, opens: bool) -> list[int]:
        messages = [message._asdict() for message in request.messages]
        # What comes from a server that takes reasoning out begins with a tag that the prompt has already.
        continuation = request.continuation.removeprefix(OPENING) if opens else request.continuation
        prompt = await self._tokens(server, request, _chat_of(messages))
        return prompt + (await self._tokens(server, request, {"prompt": continuation}) if continuation else [])

    async def _tokens(self, server: Server, request: SampleRequest, body: Json) -> list[int]:
        content = encoded(self._asked(body), request)
        return _tokens_in(await self._servers.exchange(_root_of(server), "/tokenize", content))

    async def _opening_of(self, server: Server) -> bool | None:
        if server not in self._opens:
            self._opens[server] = await self._look(server)
        return self._opens[server]

    async def _look(self, server: Server) -> bool | None:
        try:
            tokens = _tokens_in(await self._probe(server, "/tokenize", _chat_of(_QUESTION)))
            text = (await self._probe(server, "/detokenize", {"tokens": tokens})).get("prompt")
        except (RefusedError, FailedError, MalformedReplyError):
            return None
        return text.rstrip().endswith(OPENING.rstrip()) if isinstance(text, str) and text else None

    async def _probe(self, server: Server, path: str, body: Json) -> Json:
        content = json.dumps(self._asked(body)).encode()
        return await self._servers.probe(_root_of(server), path, self._seconds, content)

    def _asked(self, body: Json) -> Json:
        return {"model": self._model, "add_special_tokens": False, **body}


def _root_of(server: Server) -> Server:
    return Server(server.url.removesuffix("/v1"))


def _chat_of(messages: list[dict[str, str]]) -> Json:
    return {"messages": messages, "add_generation_prompt": True}


def _tokens_in(reply: Json) -> list[int]:
    """The tokens; some servers answer a question that they do not understand with none."""
    tokens = reply.get("tokens")
    if isinstance(tokens, list) and tokens and all(isinstance(token, int) for token in tokens):
        return tokens
    raise MalformedReplyError("no tokens in the answer of /tokenize")


def _body_of(request: SampleRequest, prompt: list[int], model: str, dialect: Dialect) -> Json:
    """As for a chat, but for the prompt, and the logprobs, which are a number here."""
    sent = {name: value for name, value in parameters(request, dialect) if name not in dialect.dropped}
    body: Json = {"model": model, "prompt": prompt, **sent}
    if "logprobs" in body:
        body["logprobs"] = body.pop("top_logprobs", 0)
    if dialect.limit_name in body:
        body["max_tokens"] = body.pop(dialect.limit_name)
    if request.choices:
        body["structured_outputs"] = {"choice": list(request.choices)}
    return body


def _as_chat(reply: Json) -> Json:
    """A reply of /completions in the form of a chat's. Raises MalformedReplyError."""
    try:
        return {**reply, "choices": [_chat_choice(choice) for choice in reply["choices"]]}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise MalformedReplyError("no completions in the answer of /completions") from None


def _chat_choice(choice: Json) -> Json:
    logprobs = choice.get("logprobs")
    return {
        "index": choice.get("index"),
        "message": {"content": choice["text"]},
        "finish_reason": choice.get("finish_reason"),
        "logprobs": logprobs and {"content": _chat_logprobs(logprobs)},
    }


def _chat_logprobs(logprobs: Json) -> list[dict[str, Any]]:
    tokens, chances = logprobs["tokens"], logprobs["token_logprobs"]
    alternatives = logprobs.get("top_logprobs") or [None] * len(tokens)
    return [
        {
            "token": token,
            "logprob": chance,
            "top_logprobs": [{"token": other, "logprob": value} for other, value in (others or {}).items()],
        }
        for token, chance, others in zip(tokens, chances, alternatives, strict=True)
    ]
