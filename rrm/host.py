"""What a judge and a generator have in common: one engine, opened once, on an event loop of its own.

Sync and async calls alike are sent to that loop, so one engine serves both, from any thread and any loop. What is
done with the open engine is the subclass's matter.
"""

import asyncio
import weakref
from abc import abstractmethod
from pathlib import Path
from typing import Generic, TypeVar

from rrm.backends import Backend, Choice
from rrm.closing import Closing
from rrm.engines.base import Engine, EngineInfo
from rrm.engines.counting import CountingEngine
from rrm.ledger import Ledger
from rrm.loop import LoopThread
from rrm.records import Records
from rrm.types import Spent

__all__ = ["Host"]

S = TypeVar("S")
R = TypeVar("R")


class Host(Closing, Generic[S]):
    """Owns an engine. A subclass says how it is made (`_make`) and what stands on it when it is open (`_seat`)."""

    def __init__(self, choice: Choice, engine: str | Engine | None, ledger: str | Path | Ledger | None) -> None:
        choice.check()
        self._choice = choice
        self._backend = None if engine is None or isinstance(engine, str) else Backend(engine)
        self._records = Records(ledger)
        self._counting: CountingEngine | None = None
        self._is_draining = False
        self._seated: S | None = None
        self._opening = asyncio.Lock()
        self._thread = LoopThread()
        self._closer = weakref.finalize(self, _end, self._thread, self._records)

    @abstractmethod
    def _make(self) -> Backend:
        """The engine, not opened; may take long."""

    @abstractmethod
    def _seat(self, backend: Backend, engine: Engine, info: EngineInfo) -> S:
        """What uses the engine now that it is open."""

    @property
    def spent(self) -> Spent:
        """What was really sampled so far, in samples and tokens, failed requests included."""
        return self._counting.spent if self._counting else Spent()

    @property
    def reused(self) -> Spent:
        """What came out of the ledger instead: what it had cost when it was sampled."""
        return self._records.reused

    def drain(self) -> None:
        """Ask the engine for nothing more, from now on: samples in flight are finished and kept.

        What needs more fails with EngineStoppedError. May be called from any thread.
        """
        self._is_draining = True
        if self._counting is not None:
            self._counting.drain()

    def close(self) -> None:
        """Release the engine. Calls that still run end with EngineClosedError. Closing twice is harmless."""
        if self._closer.alive:
            try:
                self._thread.run(self._close_engine())
            finally:
                self._closer()

    async def _open(self) -> S:
        async with self._opening:
            if self._seated is None:
                if self._backend is None:
                    self._backend = await asyncio.to_thread(self._make)
                self._counting = CountingEngine(self._backend.engine)
                if self._is_draining:
                    self._counting.drain()
                engine = await self._records.before(self._counting, self._backend.revision)
                self._seated = self._seat(self._backend, engine, await engine.open())
            return self._seated

    async def _close_engine(self) -> None:
        if self._backend is not None:
            await self._backend.engine.aclose()


def _end(thread: LoopThread, records: Records) -> None:
    """Stop what a host keeps running. Knows no host, which may be gone."""
    thread.close()
    records.close()
