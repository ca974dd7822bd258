"""Passes that travel together: how large batches are, who is told what, and what is left after cancelling."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.engines.scorers.base import Pass, Vectors
from rrm.engines.scorers.travelling import ApartError, Bounds, Travelling
from rrm.errors import EngineClosedError, EngineError

BAD = 13


class Carrier:
    """Carries passes, and keeps what it carried; one whose first token is BAD fails, its batch with it."""

    def __init__(self, moments: int = 1) -> None:
        self.moments = moments
        self.batches: list[list[Pass]] = []
        self.busy = self.busiest = 0

    async def carry(self, passes: Sequence[Pass]) -> list[Vectors]:
        self.batches.append(list(passes))
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            for _ in range(self.moments):
                await asyncio.sleep(0)
            if any(asked.tokens[0] == BAD for asked in passes):
                raise ApartError if len(passes) > 1 else EngineError("bad")
            return [answer(asked) for asked in passes]
        finally:
            self.busy -= 1


def answer(asked: Pass) -> Vectors:
    return Vectors(((float(sum(asked.tokens)),),), len(asked.tokens))


def travelling(carrier: Carrier, bounds: Bounds) -> Travelling:
    return Travelling(carrier.carry, bounds, lambda: EngineClosedError("closed"))


@given(
    asked=st.lists(st.lists(st.integers(10, 20), min_size=1, max_size=9), max_size=40),
    cancelled=st.sets(st.integers(0, 39)),
    bounds=st.builds(
        Bounds, st.integers(1, 4), passes=st.integers(1, 8), tokens=st.integers(1, 30), shares=st.integers(1, 3)
    ),
    moments=st.integers(0, 3),
    pause=st.integers(0, 6),
)
def test_everyone_is_told_the_truth_within_bounds(
    asked: list[list[int]], cancelled: set[int], bounds: Bounds, moments: int, pause: int
) -> None:
    """Whatever is asked, fails, and is cancelled at whatever moment."""
    passes = [Pass(tuple(tokens)) for tokens in asked]
    carrier = Carrier(moments)

    async def work() -> list[object]:
        together = travelling(carrier, bounds)
        tasks = [asyncio.create_task(together.score(one)) for one in passes]
        for _ in range(pause):
            await asyncio.sleep(0)
        for place in cancelled & set(range(len(tasks))):
            tasks[place].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert together.unfinished == 0
        return list(found)

    for place, (one, found) in enumerate(zip(passes, asyncio.run(work()), strict=True)):
        if not (isinstance(found, asyncio.CancelledError) and place in cancelled):
            assert isinstance(found, EngineError) if one.tokens[0] == BAD else found == answer(one)
    assert carrier.busiest <= bounds.carriers
    for batch in carrier.batches:
        assert 1 <= len(batch) <= bounds.passes
        assert len(batch) == 1 or sum(len(one.tokens) for one in batch) <= bounds.tokens


async def test_first_come_first_served() -> None:
    carrier = Carrier()
    together = travelling(carrier, Bounds(1, passes=3, tokens=100))
    passes = [Pass((place + 100,)) for place in range(7)]
    await asyncio.gather(*map(together.score, passes))
    assert carrier.batches == [passes[:3], passes[3:6], passes[6:]]


async def test_what_waits_is_shared_out_evenly() -> None:
    carrier = Carrier()
    together = travelling(carrier, Bounds(9, passes=32, tokens=100, shares=3))
    await asyncio.gather(*(together.score(Pass((place + 100,))) for place in range(10)))
    assert [len(batch) for batch in carrier.batches] == [4, 4, 2]


async def test_a_failure_of_all_is_told_to_all_and_not_tried_again() -> None:
    carried = []

    async def fail(passes: Sequence[Pass]) -> list[Vectors]:
        carried.append(len(passes))
        raise EngineError("nobody is there")

    together = Travelling(fail, Bounds(2, passes=8, tokens=100), lambda: EngineClosedError("closed"))
    found = await asyncio.gather(*(together.score(Pass((1,))) for _ in range(5)), return_exceptions=True)
    assert [str(one) for one in found] == ["nobody is there"] * 5
    assert carried == [5]


async def test_an_answer_for_too_few_is_an_error_for_all() -> None:
    async def forget(passes: Sequence[Pass]) -> list[Vectors]:
        return [answer(asked) for asked in passes[1:]]

    together = Travelling(forget, Bounds(2, passes=8, tokens=100), lambda: EngineClosedError("closed"))
    found = await asyncio.gather(*(together.score(Pass((1,))) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in found] == [ValueError] * 3


async def test_closing_tells_those_that_wait_and_those_on_their_way() -> None:
    carrier = Carrier(moments=10**6)
    together = travelling(carrier, Bounds(1, passes=2, tokens=100))
    tasks = [asyncio.create_task(together.score(Pass((place + 100,)))) for place in range(5)]
    await asyncio.sleep(0.01)
    await together.close()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in found] == [EngineClosedError] * 5
    assert (carrier.busy, len(carrier.batches)) == (0, 1)
    with pytest.raises(EngineClosedError):
        await together.score(Pass((1,)))
