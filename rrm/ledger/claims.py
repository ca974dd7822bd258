"""Claims on a ledger, from an event loop: nothing stays claimed for one who has gone.

Whoever claims gives up what it did not keep, however it ends; a claim that is being made when its asker is
cancelled is given up as soon as it is made. What others claim is waited for with growing pauses; what a caller further
up claims, who waits for the one that asks, is refused, because it would be waited for without end.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from rrm.errors import InputError, LedgerError
from rrm.ledger.desk import Ledger
from rrm.ledger.store import Claim

__all__ = ["Claims", "Wanted", "pauses"]

Wanted = tuple[bytes, int, int]
"""Samples of a prompt: its key, the first one's index, and how many."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5

_held: ContextVar[frozenset[tuple[str, bytes]]] = ContextVar("held", default=frozenset())
"""What this call and those that it is part of have claimed: by the ledger's file, and the prompt's key."""


def pauses() -> Iterator[float]:
    """Seconds between looks at what others are asking for, without end."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE)


class Claims:
    """What is claimed in a ledger by one who may be cancelled at any moment."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._place = str(ledger.path.resolve())

    async def claim(self, key: bytes, first: int = 0, count: int = 1) -> Claim:
        """What there is of these samples, and who makes the others. Raises LedgerError."""
        (found,) = await self.claim_all([(key, first, count)])
        return found

    async def claim_all(self, wanted: Sequence[Wanted]) -> Sequence[Claim]:
        """The same of several prompts, in one transaction.

        Raises LedgerError, and InputError for a prompt that a caller further up is asking for.
        """
        held = _held.get()
        if any((self._place, key) in held for key, _, _ in wanted):
            raise InputError(
                f"what is being asked for is asked for again inside itself, both times with the ledger {self._ledger.path}: "
                "something that keeps its results there stands inside another one of the same name. Keep them once"
            )
        claiming = self._ledger.ask(lambda store: [store.claim(*samples) for samples in wanted])
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # They may be ours by now, and nobody is left to ask for them.
            claiming.add_done_callback(lambda done: self._give_up(wanted, done))
            raise

    @contextmanager
    def holding(self, keys: Iterable[bytes]) -> Iterator[None]:
        """What is called inside is done for these prompts, which we have claimed: it must not wait for them."""
        before = _held.set(_held.get() | {(self._place, key) for key in keys})
        try:
            yield
        finally:
            _held.reset(before)

    def release(self, key: bytes, indices: Collection[int]) -> None:
        """Give up claims of ours, soon."""
        if indices:
            given_up = tuple(indices)
            # Where the ledger is closed, its claims have ended with it.
            with suppress(LedgerError):
                self._ledger.ask(lambda store: store.release(key, given_up))

    def _give_up(self, wanted: Sequence[Wanted], claiming: "asyncio.Future[list[Claim]]") -> None:
        if not claiming.cancelled() and claiming.exception() is None:
            for (key, _, _), claim in zip(wanted, claiming.result(), strict=True):
                self.release(key, claim.ours)
