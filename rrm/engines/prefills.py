"""Whose prompt is being computed: a request that shares a prefix with one under way waits for it, and no other does.

vLLM enters the blocks of a prompt into its prefix cache when it schedules them, so what it computes in one step is
computed once even for requests that start in that very step. Where it splits a prefill over steps while others run,
the blocks of the later steps are not there yet when a follower looks, and the follower computes them again. There
each prompt registers its whole blocks until its first token is there, and a prompt whose next block is registered by
another one waits for that. So prompts go in the order of their prefix tree (query, first answer, second answer,
samples of one prompt) without a hint from who asks.

Invariants: a block is registered by one prompt at a time; nobody waits who shares less than a whole block, and nobody
waits for one that waits, so there is no deadlock; one that fails or is cancelled lets its followers go. Blocks are
known by a hash: two that collide cost a needless wait, and nothing else. A block that the engine's cache has dropped
since is computed again, as it would be anyway. Lives on one event loop; knows no engine and no request.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager

__all__ = ["Prefills", "chain"]


def chain(tokens: Sequence[int], block: int) -> Iterator[int]:
    """A number for each whole block of so many tokens, which stands for it and all that precedes it."""
    link = 0
    for start in range(0, len(tokens) - block + 1, block):
        link = hash((link, *tokens[start : start + block]))
        yield link


class Prefills:
    """The prompts that are being computed, by blocks of `block` tokens, and the last `capacity` blocks that were."""

    def __init__(self, block: int, capacity: int) -> None:
        self._block = block
        self._capacity = capacity
        self._computing: dict[int, asyncio.Event] = {}
        self._computed: dict[int, None] = {}
        """In the order in which they were last of use."""

    @asynccontextmanager
    async def turn(self, tokens: Sequence[int]) -> AsyncIterator[Callable[[], None]]:
        """Wait until no other computes what this prompt needs. To be told when the prompt is computed.

        Leaving the block untold means that it was not, and lets the followers go.
        """
        links = list(chain(tokens, self._block))
        while (leader := self._leader(links)) is not None:
            await leader.wait()
        over = asyncio.Event()
        own = {link for link in links if link not in self._computed and link not in self._computing}
        self._computing |= dict.fromkeys(own, over)

        def computed() -> None:
            if not over.is_set():
                self._end(own, over)
                self._remember(links)

        try:
            yield computed
        finally:
            if not over.is_set():
                self._end(own, over)

    def forget(self) -> None:
        """The engine's cache was emptied."""
        self._computed.clear()

    def _leader(self, links: Sequence[int]) -> asyncio.Event | None:
        """Who computes the first block that is not there yet."""
        return next((self._computing.get(link) for link in links if link not in self._computed), None)

    def _end(self, own: Iterable[int], over: asyncio.Event) -> None:
        for link in own:
            del self._computing[link]
        over.set()

    def _remember(self, links: Sequence[int]) -> None:
        for link in reversed(links):  # what precedes a block outlives it, as in vLLM's cache
            self._computed.pop(link, None)
            self._computed[link] = None
        while len(self._computed) > self._capacity:
            del self._computed[next(iter(self._computed))]
