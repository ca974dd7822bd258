"""Prefills: who waits for whom, and that every block is computed once. No engine, and no time that passes."""

import asyncio
import random
import time
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.engines.prefills import Prefills, chain

BLOCK = 4
A, B, C, D = ([number] * BLOCK for number in range(4))
TAIL = [9]


class Script:
    """Prompts that start in order; each is computed, or fails, when the test says so."""

    def __init__(self, *prompts, capacity=1000):
        self.prefills = Prefills(BLOCK, capacity)
        self.prompts = prompts
        self.started = []
        self.ends = [asyncio.get_running_loop().create_future() for _ in prompts]
        self.tasks = [asyncio.create_task(self._play(number)) for number in range(len(prompts))]

    async def _play(self, number):
        async with self.prefills.turn(self.prompts[number]) as computed:
            self.started.append(number)
            await self.ends[number]
            computed()

    async def turn(self):
        """What has started once nothing can go on by itself."""
        for _ in range(20):
            await asyncio.sleep(0)
        return list(self.started)

    async def computed(self, number):
        self.ends[number].set_result(None)
        return await self.turn()


def test_a_link_stands_for_a_block_and_all_before_it():
    whole = list(chain([*A, *B, *C], BLOCK))
    assert len(set(whole)) == 3
    assert list(chain([*A, *B, *D, *TAIL], BLOCK))[:2] == whole[:2]
    assert list(chain([*B, *B], BLOCK))[1] != whole[1]
    assert list(chain(TAIL, BLOCK)) == []


async def test_nobody_waits_who_shares_less_than_a_block():
    script = Script([0, 0, 0, 1, *B], [0, 0, 0, 2, *B], [0, 0], [0, 0])
    assert await script.turn() == [0, 1, 2, 3]


async def test_a_follower_waits_for_the_first_token_and_not_for_the_end():
    prefills, order = Prefills(BLOCK, 10), []

    async def lead(first_token, end):
        async with prefills.turn([*A, *B]) as computed:
            await first_token.wait()
            computed()
            await end.wait()
            order.append("leader ends")

    async def follow():
        async with prefills.turn([*A, *C]):
            order.append("follower starts")

    first_token, end = asyncio.Event(), asyncio.Event()
    tasks = [asyncio.create_task(lead(first_token, end)), asyncio.create_task(follow())]
    for event in (first_token, end):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        event.set()
    await asyncio.gather(*tasks)
    assert order == ["follower starts", "leader ends"]


async def test_prompts_go_in_the_order_of_their_prefix_tree():
    """Query A; first answers B and C; under each a pair of pairs; and two samples of the first pair."""
    script = Script([*A, *B, *C], [*A, *B, *D], [*A, *C, *B], [*A, *C, *D], [*A, *B, *C, *TAIL])
    assert await script.turn() == [0]
    assert await script.computed(0) == [0, 1, 2, 4]
    assert await script.computed(2) == [0, 1, 2, 4, 3]


async def test_what_was_computed_is_not_waited_for_again():
    script = Script([*A], [*A, *B], [*A, *C])
    await script.turn()
    assert await script.computed(0) == [0, 1, 2]


async def test_a_leader_that_fails_lets_one_follower_lead():
    script = Script([*A, *B], [*A, *C], [*A, *D])
    await script.turn()
    script.ends[0].set_exception(RuntimeError("refused"))
    assert await script.turn() == [0, 1]
    assert await script.computed(1) == [0, 1, 2]
    with pytest.raises(RuntimeError, match="refused"):
        await script.tasks[0]


async def test_a_cancelled_leader_lets_its_followers_go():
    script = Script([*A], [*A], [*B])
    assert await script.turn() == [0, 2]
    script.tasks[0].cancel()
    assert await script.turn() == [0, 2, 1]


async def test_a_cancelled_follower_leaves_the_leader_and_the_others():
    script = Script([*A], [*A], [*A])
    await script.turn()
    script.tasks[1].cancel()
    assert await script.turn() == [0]
    assert script.tasks[1].cancelled()
    assert await script.computed(0) == [0, 2]


async def test_a_forgotten_prefix_is_computed_again():
    script = Script([*A, *B])
    await script.turn()
    await script.computed(0)
    script.prefills.forget()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(script.prefills.turn([*A]))
        follower = asyncio.create_task(stack.enter_async_context(script.prefills.turn([*A])))
        await script.turn()
        assert not follower.done()
        follower.cancel()


async def test_what_precedes_a_block_is_remembered_longer():
    script = Script([*A, *B, *C], [*A, *B, *D], [*A, *C], capacity=1)
    await script.turn()
    # A alone is remembered: 1 computes B again, and 2, which needs only A, does not wait for it
    assert await script.computed(0) == [0, 1, 2]
    assert await script.computed(1) == [0, 1, 2]


prompts = st.lists(st.lists(st.integers(0, 1), max_size=6 * 2), max_size=20)


@given(prompts, st.integers(0, 1 << 30))
def test_every_block_is_computed_once(prompts, seed):
    """Whatever the prompts and whoever is computed first: by a cache that has a block once its prompt is computed."""
    asyncio.run(_play_all(prompts, random.Random(seed)))


async def _play_all(prompts, chance):
    prefills, cache, computed_blocks, running = Prefills(2, 10_000), set(), [], []

    async def ask(prompt):
        async with prefills.turn(prompt) as computed:
            blocks = [tuple(prompt[: end + 2]) for end in range(0, len(prompt) - 1, 2)]
            missing = [block for block in blocks if block not in cache]
            first_token = asyncio.Event()
            running.append(first_token)
            await first_token.wait()
            computed_blocks.extend(missing)
            cache.update(blocks)
            computed()

    tasks = [asyncio.create_task(ask(prompt)) for prompt in prompts]
    while not all(task.done() for task in tasks):
        for _ in range(3):
            await asyncio.sleep(0)
        assert running or all(task.done() for task in tasks), "somebody waits for nobody"
        if running:
            running.pop(chance.randrange(len(running))).set()
    wanted = {tuple(prompt[: end + 2]) for prompt in prompts for end in range(0, len(prompt) - 1, 2)}
    assert sorted(computed_blocks) == sorted(wanted)


async def test_a_turn_costs_little():
    """A prompt of 2,000 tokens in blocks of 16; a generous bound, since machines differ."""
    prefills, chance = Prefills(16, 100_000), random.Random(0)
    prompts = [[chance.randrange(100_000) for _ in range(2_000)] for _ in range(50)]
    began = time.perf_counter()
    for prompt in prompts:
        async with prefills.turn(prompt) as computed:
            computed()
    assert (time.perf_counter() - began) / len(prompts) < 0.005
