"""Tokens as a vLLM server makes them: /tokenize, which stands beside /v1, so that no tokenizer is needed here.

Invariants: nothing is cut; a text that stands in the middle of something gets no special tokens added. The server
takes one text a request: whoever scores many texts from far away is served better by a tokenizer of his own.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from rrm.engines.scorers.formats import MalformedReplyError
from rrm.engines.scorers.tokenising import LocalTokens
from rrm.engines.tokens import first_line
from rrm.errors import MissingExtraError, ModelError
from rrm.types import Message

__all__ = ["ServerTokens", "local_tokens"]

Json = dict[str, Any]
Tokens = tuple[int, ...]

_ANY = "a"
"""A text that any tokenizer knows."""


class ServerTokens:
    """What `Tokenising` asks for, of a `model`. `ask` sends a body to /tokenize and reads the reply with a function."""

    def __init__(self, model: str, ask: Callable[[bytes, Callable[[Json], Tokens]], Awaitable[Tokens]]) -> None:
        self._model, self._ask = model, ask

    async def chat(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> Tokens:
        turns = [{"role": role, "content": content} for role, content in messages]
        body: Json = {"messages": turns, "add_generation_prompt": add_generation_prompt, "add_special_tokens": False}
        return await self._tokens(body)

    async def tokens(self, text: str, *, add_special_tokens: bool = False) -> Tokens:
        """Lone surrogates become `?`, as in process."""
        if not text and not add_special_tokens:
            return ()
        return await self._tokens({"prompt": text, "add_special_tokens": add_special_tokens})

    async def bos(self) -> Tokens:
        """What the server puts before a text: of a BOS token that its tokenizer has and never adds it tells nothing."""
        bare = await self.tokens(_ANY)
        begun = await self.tokens(_ANY, add_special_tokens=True)
        return begun[: begun.index(bare[0])] if bare[0] in begun else ()

    async def _tokens(self, body: Json) -> Tokens:
        content = json.dumps({"model": self._model, **body}, ensure_ascii=False).encode("utf-8", "replace")
        return await self._ask(content, _tokens_in)


def _tokens_in(reply: Json) -> Tokens:
    """The tokens; some servers answer a question that they do not understand with none."""
    tokens = reply.get("tokens")
    if isinstance(tokens, list) and tokens and all(isinstance(token, int) for token in tokens):
        return tuple(tokens)
    raise MalformedReplyError("no tokens in the answer of /tokenize")


async def local_tokens(tokenizer: str) -> LocalTokens:
    """The tokens of a folder's or hub model's tokenizer. Raises MissingExtraError and ModelError."""
    return await asyncio.to_thread(_load, tokenizer)


def _load(name: str) -> LocalTokens:
    try:
        from transformers import AutoTokenizer
    except ImportError:
        raise MissingExtraError("a tokenizer of one's own", "transformers") from None
    try:
        return LocalTokens(AutoTokenizer.from_pretrained(name), name)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{name!r} leads to no tokenizer ({first_line(error)}): give a folder or a hub name"
        ) from error
