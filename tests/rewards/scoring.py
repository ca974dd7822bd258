"""A scorer for tests: its tokens are words, and its numbers follow from the tokens that it was shown."""

import asyncio
import hashlib
import re
import zlib
from collections.abc import Sequence

from rrm.engines.scorers.base import Pass, Readout, ScorerInfo, Vectors
from rrm.errors import EngineClosedError, EngineRefusedError, PromptTooLongError
from rrm.types import Message

SPECIAL = ("<|im_start|>", "<|im_end|>", "<extra_0>")
_PIECES = re.compile("|".join([*map(re.escape, SPECIAL), r"\w+", r"\s+", "."]))


def tokens_of(text: str) -> tuple[int, ...]:
    """One token a word, a run of white space, or another character; a special token is one."""
    return tuple(zlib.crc32(piece.encode("utf-8", "replace")) for piece in _PIECES.findall(text))


def chat_text(messages: Sequence[Message], *, add_generation_prompt: bool = False) -> str:
    turns = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in messages)
    return turns + ("<|im_start|>assistant\n" if add_generation_prompt else "")


def number_of(*parts: object) -> float:
    """Between -4 and 4."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**32 * 8 - 4


class FakeScorer:
    """Keeps the laws of scorers. `numbers` are what it gives instead where they are given; `latency` is in seconds."""

    def __init__(
        self,
        readout: Readout | None = None,
        *,
        outputs: int = 1,
        name: str = "fake-model",
        max_context: int | None = None,
        special_tokens: tuple[str, ...] | None = SPECIAL,
        latency: float = 0.0,
        revision: str | None = "r1",
        numbers: float | None = None,
        refuses: str | None = None,
        own_limit: int | None = None,
    ) -> None:
        self.task = (readout or Readout("classify")).task
        self.outputs = outputs
        self.info = ScorerInfo("fake", name, 8, max_context, special_tokens, revision, outputs)
        self.latency = latency
        self.numbers = numbers
        self.refuses = refuses
        self.own_limit = own_limit
        self.opened = 0
        self.closed = 0
        self.asked: list[Pass] = []
        self.in_flight = self.most_in_flight = 0
        self._is_closed = False
        self._running: set[asyncio.Task[None]] = set()

    async def open(self) -> ScorerInfo:
        self._refuse_if_closed()
        self.opened += 1
        return self.info

    async def chat(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> tuple[int, ...]:
        if self.refuses is not None and any(self.refuses in content for _, content in messages):
            raise EngineRefusedError("the chat template refuses it")
        return tokens_of(chat_text(messages, add_generation_prompt=add_generation_prompt))

    async def tokens(self, text: str, *, add_special_tokens: bool = False) -> tuple[int, ...]:
        return tokens_of(text)

    async def bos(self) -> tuple[int, ...]:
        return ()

    async def score(self, asked: Pass) -> Vectors:
        self._refuse_if_closed()
        self.asked.append(asked)
        if self.own_limit is not None and len(asked.tokens) > self.own_limit:
            raise PromptTooLongError(len(asked.tokens), self.own_limit)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self._wait()
        finally:
            self.in_flight -= 1
        return Vectors(tuple(self._vectors(asked)), len(asked.tokens))

    async def aclose(self) -> None:
        self._is_closed = True
        self.closed += 1
        for waiting in self._running:
            waiting.cancel()

    async def _wait(self) -> None:
        waiting = asyncio.ensure_future(asyncio.sleep(self.latency))
        self._running.add(waiting)
        try:
            await waiting
        except asyncio.CancelledError:
            if self._is_closed:
                raise EngineClosedError("the fake scorer was closed") from None
            raise
        finally:
            waiting.cancel()
            self._running.discard(waiting)

    def _vectors(self, asked: Pass):
        for place in asked.at if self.task != "classify" else (len(asked.tokens) - 1,):
            numbers = [number_of(asked.tokens[: place + 1], output) for output in range(self.outputs)]
            if self.task == "likelihood":
                numbers = [-abs(numbers[0])]
            yield tuple(numbers) if self.numbers is None else (self.numbers,) * self.outputs

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise EngineClosedError("the fake scorer was closed")


def conversation(response: str, *prompt: str) -> list[dict[str, str]]:
    """A conversation that ends with the response."""
    roles = ["user", "assistant"]
    asked = [{"role": roles[place % 2], "content": text} for place, text in enumerate(prompt or ("why?",))]
    return [*asked, {"role": "assistant", "content": response}]
