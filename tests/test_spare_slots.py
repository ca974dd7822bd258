"""How much room the gate says there is, and that nobody who waits to be let in loses it."""

import asyncio
import threading

from rrm.play import Gate, Stream


def test_spare_is_what_the_engine_could_work_on_at_once():
    """Slots and not what may be in flight; never less than none."""
    gate = Gate(5, slots=4)
    assert gate.spare() == 4
    gate.enter(3)
    assert gate.spare() == 1
    gate.enter(2)
    assert gate.spare() == 0
    gate.leave(5)
    assert gate.spare() == 4
    assert Gate(5).spare() == 5


async def collect(stream):
    results = []
    while taken := await stream.take():
        results += taken
    return results


async def test_nothing_is_spare_while_an_item_waits_for_the_gate():
    """Samples that come back one by one are the next item's, not those of the items that are running."""
    gate, spare, count = Gate(3), [], 30

    async def work(number):
        with gate.holding(3) as release:
            for _ in range(3):
                await asyncio.sleep(0.001)
                release()
                spare.append((number, gate.spare()))

    await collect(Stream(range(count), work, gate, 100))
    while_others_wait = [room for number, room in spare if number < count - 2]
    assert while_others_wait == [0] * (3 * (count - 2))
    assert spare[-1] == (count - 1, 3)


async def test_a_full_window_leaves_the_slots_to_those_who_run():
    """Items that wait because the results are not taken claim nothing."""
    gate, spare, done = Gate(100), [], asyncio.Event()

    async def work(number):
        with gate.holding(1):
            await done.wait()
            spare.append(gate.spare())

    stream = Stream(range(9), work, gate, 2)
    await asyncio.sleep(0.05)
    done.set()
    await asyncio.sleep(0.01)
    assert spare == [98, 99]
    await collect(stream)
    assert len(spare) == 9


async def test_a_source_that_is_waited_for_claims_nothing():
    """What is not there yet can't be let in."""
    gate, more = Gate(10), threading.Event()

    def items():
        yield 1
        more.wait(10)
        yield 2

    async def work(number):
        await asyncio.sleep(0.02)
        return gate.spare()

    stream = Stream(items(), work, gate, 10)
    first = await stream.take()
    more.set()
    assert first + await collect(stream) == [10, 10]


async def test_a_stream_that_is_closed_claims_nothing():
    """Its item does not wait at the gate for ever."""
    gate = Gate(1)
    gate.enter(1)
    stream = Stream([1, 2], asyncio.sleep, gate, 10)
    await asyncio.sleep(0.02)
    gate.leave(1)
    gate.enter(1)
    assert gate.spare() == 0
    await stream.aclose()
    gate.leave(1)
    assert gate.spare() == 1
