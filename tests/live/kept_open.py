"""Laws over one loaded engine: most close the engine that they were given, and loading takes long."""

from collections.abc import AsyncIterator

from rrm.engines.base import Engine, EngineInfo
from rrm.types import Completion, SampleRequest
from tests.laws import engine_laws
from tests.laws.engine_laws import LAWS, Law

CLOSING_LAWS: list[Law] = [
    engine_laws.closing_twice_is_harmless,
    engine_laws.a_closed_engine_refuses,
    engine_laws.closing_ends_what_is_in_flight,
]
"""Those that are about closing, and need an engine of their own."""

OPEN_LAWS: list[Law] = [law for law in LAWS if law not in CLOSING_LAWS]


class KeptOpen:
    """An engine whose `aclose` does nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def unfinished(self) -> int:
        return int(getattr(self._engine, "unfinished"))  # noqa: B009 - no part of the protocol

    async def open(self) -> EngineInfo:
        return await self._engine.open()

    def sample(self, request: SampleRequest) -> AsyncIterator[Completion]:
        return self._engine.sample(request)

    async def aclose(self) -> None:
        pass
