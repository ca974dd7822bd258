"""An event loop whose clock jumps to the next timer instead of waiting for it.

What runs on it is the real code with its real order of events; only the waiting costs nothing. Computing
takes no time at all, so what is measured is scheduling alone, and the same figures come out every time.
"""

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

__all__ = ["run"]

Result = TypeVar("Result")

_PATIENCE = 10.0
"""Real seconds to wait for another thread, where no timer is left to jump to."""


def run(job: Coroutine[Any, Any, Result]) -> tuple[Result, float]:
    """Run a coroutine to its end; returns its result and how many virtual seconds went by."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(job), runner.get_loop().time()


class _Selector(selectors.BaseSelector):
    """Where a selector would wait until a timer is due, this one moves the clock there."""

    def __init__(self) -> None:
        self.now = 0.0
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(_PATIENCE if timeout is None else 0)
        if not ready and timeout is None:
            raise RuntimeError("nothing is left to wait for: the simulation is stuck")
        if not ready:
            self.now += max(0.0, timeout or 0.0)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now
