"""Claims on a ledger, from an event loop: nothing stays claimed for one who has gone.

Whoever claims gives up what it did not keep, however it ends; a claim that is being made when its asker is
cancelled is given up as soon as it is made. What others claim is waited for with growing pauses.
"""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress

from rrm.errors import LedgerError
from rrm.ledger.desk import Ledger
from rrm.ledger.store import Claim

__all__ = ["Claims", "Wanted", "pauses"]

Wanted = tuple[bytes, int, int]
"""Samples of a prompt: its key, the first one's index, and how many."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5


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

    async def claim(self, key: bytes, first: int = 0, count: int = 1) -> Claim:
        """What there is of these samples, and who makes the others. Raises LedgerError."""
        (found,) = await self.claim_all([(key, first, count)])
        return found

    async def claim_all(self, wanted: Sequence[Wanted]) -> Sequence[Claim]:
        """The same of several prompts, in one transaction. Raises LedgerError."""
        claiming = self._ledger.ask(lambda store: [store.claim(*samples) for samples in wanted])
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # They may be ours by now, and nobody is left to ask for them.
            claiming.add_done_callback(lambda done: self._give_up(wanted, done))
            raise

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
