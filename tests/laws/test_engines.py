"""Engines that need no model keep the laws; those that do run the same laws in tests/live."""

import asyncio
from collections.abc import Iterator

import pytest

from rrm.engines.base import Engine
from rrm.engines.openai import OpenAIEngine
from rrm.engines.scripted import CHOOSERS, ScriptedEngine, answering
from rrm.types import SampleRequest
from tests.laws.engine_laws import Capability, Law, laws_for, name_of
from tests.wire import Body, WireServer, longer_answer


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    def seeded(body: Body) -> list[str]:
        seed = body["seed"]
        return [f"{seed + place}: {text}" for place, text in enumerate(longer_answer(body))]

    with WireServer(seeded, latency=0.05, max_model_len=4096) as running:
        yield running


@pytest.mark.parametrize("law", laws_for(Capability.all()), ids=name_of)
async def test_the_openai_engine_keeps_the_law(law: Law, server: WireServer) -> None:
    def make() -> Engine:
        return OpenAIEngine(server.url, attempts=2, wait_initial=0.001)

    await law(make)
    async with asyncio.timeout(5):
        while server.in_flight:  # a connection that was just cut takes the server a moment to notice
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("law", laws_for(Capability.all()), ids=name_of)
async def test_the_scripted_engine_keeps_the_law(law: Law) -> None:
    answer = answering(CHOOSERS["longest"])

    def script(request: SampleRequest, index: int) -> str:
        return answer(request, index) if request.choices else f"sample {index}: {answer(request, index)}"

    await law(lambda: ScriptedEngine(script, latency=lambda _request, _index: 0.05, max_context=4096))
