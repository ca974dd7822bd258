"""What can be closed: by a call, at the end of a block, sync and async. Knows nothing of what is closed."""

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

__all__ = ["Closing"]


class Closing(ABC):
    """May stand in `with` and `async with`. A subclass says how it is closed."""

    @abstractmethod
    def close(self) -> None:
        """Release what this stands on. Calls that still run end with EngineClosedError. Closing twice is harmless."""

    async def aclose(self) -> None:
        """The async twin of `close`."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
