"""One reward, many callers: threads, event loops, sync and async at once; and what becomes of them when it is closed."""

import asyncio
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rrm.engines.scorers.base import Pass, Readout
from rrm.errors import EngineClosedError, EngineDiedError, ModelError
from rrm.rewards import ProcessReward, load_reward
from tests.rewards.scoring import FakeScorer, conversation


def reward(scorer: FakeScorer, **options):
    return load_reward(engine=scorer, family="sequence_classifier", **options)


def mine(number: int) -> list[object]:
    return [conversation(f"response {number} {place}") for place in range(5)]


def test_many_threads_share_one_model():
    scorer = FakeScorer(latency=0.02)
    with reward(FakeScorer()) as alone:
        wanted = [alone.score(mine(number)) for number in range(40)]
    with reward(scorer) as scoring, ThreadPoolExecutor(40) as threads:
        assert list(threads.map(lambda number: scoring.score(mine(number)), range(40))) == wanted
        assert scoring.spent.samples == 200
    assert scorer.opened == 1
    assert scorer.most_in_flight > 5


async def test_sync_and_async_at_once():
    """From this loop, from another one, and from threads, inside a running loop as in a notebook."""
    scorer = FakeScorer(latency=0.01)
    async with reward(scorer) as scoring:
        wanted = scoring.score(mine(0))
        async_here = [scoring.ascore(mine(0)) for _ in range(10)]
        sync_elsewhere = [asyncio.to_thread(scoring.score, mine(0)) for _ in range(10)]
        other_loops = [asyncio.to_thread(lambda: asyncio.run(scoring.ascore(mine(0)))) for _ in range(5)]
        assert await asyncio.gather(*async_here, *sync_elsewhere, *other_loops) == [wanted] * 25
    assert scorer.opened == 1


async def test_a_cancelled_call_ends_what_it_asked_for():
    scorer = FakeScorer(latency=60.0)
    async with reward(scorer) as scoring:
        call = asyncio.create_task(scoring.ascore(mine(0)))
        while scorer.in_flight < 5:
            await asyncio.sleep(0.005)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        while scorer.in_flight:
            await asyncio.sleep(0.005)
        scorer.latency = 0.0
        assert len(await scoring.ascore(mine(1))) == 5


def until(condition) -> None:
    patience = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < patience
        time.sleep(0.005)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_closing_ends_calls_in_flight(way):
    scorer = FakeScorer(latency=60.0)
    scoring, errors = reward(scorer), []

    def call() -> None:
        try:
            scoring.score(mine(0)) if way == "sync" else asyncio.run(scoring.ascore(mine(0)))
        except EngineClosedError as error:
            errors.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    until(lambda: scorer.in_flight == 5)
    scoring.close()
    caller.join(20)
    assert not caller.is_alive()
    assert len(errors) == 1
    assert scorer.in_flight == 0


def test_a_closed_reward_says_so():
    scorer = FakeScorer()
    scoring = reward(scorer)
    scoring.score(mine(0))
    scoring.close()
    scoring.close()
    assert scorer.closed == 1
    with pytest.raises(EngineClosedError, match="this reward was closed"):
        scoring.score(mine(0))
    with pytest.raises(EngineClosedError, match="this reward was closed"):
        asyncio.run(scoring.ascore(mine(0)))
    assert scoring.spent.samples == 5


def test_closing_what_was_never_opened():
    scorer = FakeScorer()
    reward(scorer).close()
    assert (scorer.opened, scorer.closed) == (0, 0)


def test_a_forgotten_reward_leaves_no_thread():
    before = threading.active_count()
    scoring = reward(FakeScorer())
    scoring.score(mine(0))
    assert threading.active_count() > before
    del scoring
    gc.collect()
    until(lambda: threading.active_count() <= before)


class Dying(FakeScorer):
    """Dies at one of many passes."""

    async def score(self, asked: Pass):
        if len(self.asked) == 3:
            raise EngineDiedError("it died")
        return await super().score(asked)


def test_the_first_failure_ends_the_others():
    scorer = Dying(latency=30.0)
    with reward(scorer) as scoring:
        begun = time.monotonic()
        with pytest.raises(EngineDiedError, match="^it died$"):
            scoring.score(mine(0))
        assert time.monotonic() - begun < 10
        assert scorer.in_flight == 0


class Reluctant(FakeScorer):
    """Can be opened only the second time."""

    async def open(self):
        if not self.opened:
            self.opened += 1
            raise ModelError("the disk is away")
        return await super().open()


def test_what_could_not_be_opened_is_tried_again():
    with reward(Reluctant()) as scoring:
        with pytest.raises(ModelError, match="the disk is away"):
            scoring.score(mine(0))
        assert len(scoring.score(mine(0))) == 5


def test_steps_and_scores_at_once():
    scorer = FakeScorer(Readout("token_classify"), outputs=2, latency=0.01)
    with load_reward(engine=scorer, family="qwen2.5_math_prm") as scoring, ThreadPoolExecutor(8) as threads:
        assert isinstance(scoring, ProcessReward)
        steps = threads.map(lambda _: scoring.score_steps("why?", "a\n\nb").aggregate("min"), range(20))
        scores = threads.map(lambda _: scoring.score([conversation("a\n\nb")])[0], range(20))
        assert set(steps) == set(scores)
