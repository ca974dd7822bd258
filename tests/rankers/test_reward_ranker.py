"""A reward as a ranker: what it is shown, how calls are gathered, what fails, and who closes what."""

import asyncio
import logging
import math
import sys
import threading
import time

import pytest

from rrm import Contest, Judge, ScriptedEngine
from rrm.errors import (
    ContestError,
    EngineClosedError,
    EngineUnreachableError,
    InputError,
    LedgerError,
    UnknownNameError,
)
from rrm.rankers import RewardRanker
from rrm.rankers.gathering import Gathering
from rrm.ranking import RewardInfo
from rrm.rewards import as_reward, cached
from rrm.rewards.base import ScoreDetails
from rrm.types import Poll, Spent, Usage


class Noted:
    """Scores by length, and remembers how it was called."""

    def __init__(self, seconds=0.0):
        self.calls = []
        self.threads = set()
        self.closed = 0
        self._seconds = seconds

    def score(self, conversations):
        self.calls.append(conversations)
        self.threads.add(threading.current_thread())
        time.sleep(self._seconds)
        return [len(conversation[-1]["content"]) for conversation in conversations]

    def close(self):
        self.closed += 1


def test_what_a_reward_is_shown():
    """The query's messages and the response, in plain values; each distinct response once; never the reference."""
    reward = Noted()
    with RewardRanker(reward) as ranker:
        ranking = ranker.rank("Why?", ["bb", "a", "bb"], reference="secret")
        ranker.rank([{"role": "system", "content": "S"}, {"role": "user", "content": "U"}], ["ccc"])
    asked = {"role": "user", "content": "Why?"}
    said = [{"role": "assistant", "content": text} for text in ("bb", "a", "ccc")]
    assert reward.calls[0] == [[asked, said[0]], [asked, said[1]]]
    system = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    assert reward.calls[1] == [[*system, said[2]]]
    assert (ranking.strategy, ranking.order, ranking.scores) == ("score", (0, 2, 1), (2.0, 1.0, 2.0))
    assert [(scoring.responses, scoring.scores) for scoring in ranking.scorings] == [((0,), (2.0,)), ((1,), (1.0,))]
    assert ranking.rewards == (RewardInfo("Noted", "custom", "custom"),)
    assert (ranking.judge, ranking.usage) == (None, Usage(2))


def test_equal_scores_are_in_a_drawn_order():
    """By the seed, and the same for the same seed."""
    texts = list("abcdefgh")
    orders = []
    for seed in range(6):
        with RewardRanker(Noted(), seed=seed) as ranker:
            orders.append(ranker.rank("q", texts).order)
            assert ranker.rank("q", texts).order == orders[-1]
    assert len(set(orders)) > 1


def test_contests_share_calls_and_never_a_thread():
    """While one call runs the others gather; one call at a time, off the caller's thread."""
    reward = Noted(0.02)
    with RewardRanker(reward) as ranker:
        found = list(ranker.rank_many(Contest(f"q{number}", ["a", "bb"], id=number) for number in range(100)))
    assert [ranking.id for ranking in found] == list(range(100))
    assert sum(map(len, reward.calls)) == 200
    assert len(reward.calls) < 30
    assert threading.main_thread() not in reward.threads
    assert all(len(call) % 2 == 0 for call in reward.calls)


def test_an_async_reward_has_many_contests_in_flight():
    """As many as the window says, each on its own, in whatever order they end; results in the order of the input."""

    class Async(Noted):
        running = most = 0

        async def ascore(self, conversations):
            self.running += 1
            self.most = max(self.most, self.running)
            await asyncio.sleep(0.05 if conversations[0][0]["content"] == "q0" else 0.01)
            self.running -= 1
            return super().score(conversations)

    reward = Async()
    with RewardRanker(reward, window=8) as ranker:
        found = list(ranker.rank_many([Contest(f"q{number}", ["a", "bb"], id=number) for number in range(40)]))
    assert [ranking.id for ranking in found] == list(range(40))
    assert reward.most == 8
    assert len(reward.calls) == 40


def test_a_reward_that_is_sync_behind_its_async_call_is_gathered_too():
    """It says so by `is_sync`."""

    class Wrapped(Noted):
        is_sync = True

        async def ascore(self, conversations):
            raise AssertionError("not in one call")

    reward = Wrapped(0.02)
    with RewardRanker(reward) as ranker:
        list(ranker.rank_many([Contest(f"q{number}", ["a", "bb"]) for number in range(50)]))
    assert len(reward.calls) < 20


def test_details_say_what_a_score_cost():
    """Tokens, and what was cut or altered, where the reward tells them."""

    class Detailed(Noted):
        info = RewardInfo("m", "vllm", "outcome", "family", {"normalise": True, "outputs": (1, 2)})
        spent = Spent(7, 70)
        reused = Spent(3, 30)

        @property
        def settings(self):
            return {"model": "m"}

        async def adetails(self, conversations):
            return [ScoreDetails(float(n), ((0.5,),), 10 + n, n, 2, ("broken up",)) for n in range(len(conversations))]

    with RewardRanker(Detailed()) as ranker:
        ranking = ranker.rank("q", ["a", "b", "c"])
        assert (ranker.spent, ranker.reused) == (Spent(7, 70), Spent(3, 30))
        assert ranker.settings == {"reward": {"model": "m"}, "seed": 0}
        assert ranker.open() == RewardInfo("m", "vllm", "outcome", "family", {"normalise": True, "outputs": [1, 2]})
    assert ranking.scores == (0, 1, 2)
    assert ranking.usage == Usage(3, 33, 6)
    assert ranking.notes == ("2 of 3 conversations were cut to fit the context of the reward 'm'", "broken up")
    assert type(ranking).from_json(ranking.to_json()) == ranking


def test_a_number_that_is_none_fails_its_contest():
    """Though it was scored in one call with others."""

    def score(conversations):
        time.sleep(0.01)
        return [math.nan if conversation[-1]["content"] == "bad" else 1.0 for conversation in conversations]

    contests = [
        Contest(f"q{number}", ["good", "bad" if number % 5 == 3 else "fair"], id=number) for number in range(20)
    ]
    with RewardRanker(score) as ranker:
        found = list(ranker.rank_many(contests))
    assert [ranking.id for ranking in found if ranking.error] == [3, 8, 13, 18]
    assert {ranking.error_type for ranking in found if ranking.error} == {"ContestError"}
    with RewardRanker(score) as ranker, pytest.raises(ContestError, match="returned nan"):
        ranker.rank("q", ["bad"])


def test_a_reward_that_is_gone_fails_contests_and_is_not_asked_again_for_each():
    """What is nobody's fault alone is every contest's error."""
    calls = []

    class Gone:
        def score(self, conversations):
            calls.append(len(conversations))
            time.sleep(0.02)
            raise EngineUnreachableError("nobody answers")

    with RewardRanker(Gone()) as ranker:
        found = list(ranker.rank_many([Contest(f"q{number}", ["a", "b"]) for number in range(40)]))
    assert {ranking.error_type for ranking in found} == {"EngineUnreachableError"}
    assert sum(calls) == 80


class Failing:
    """Scores by length, and raises an error of some responses: of all, or of those that say "bad"."""

    def __init__(self, error, word=""):
        self.error = error
        self.word = word

    def score(self, conversations):
        time.sleep(0.01)  # so that contests gather
        if any(self.word in conversation[-1]["content"] for conversation in conversations):
            raise self.error
        return [len(conversation[-1]["content"]) for conversation in conversations]


class AsyncFailing(Failing):
    """The same, contest by contest."""

    async def ascore(self, conversations):
        return self.score(conversations)


def test_a_ledger_that_fails_is_raised():
    """It is no contest's fault."""
    with RewardRanker(Failing(LedgerError("the disk is full"))) as ranker, pytest.raises(LedgerError):
        list(ranker.rank_many([Contest("q", ["a", "b"])]))


EXITS = [
    (ValueError("no number"), "ValueError: no number"),
    (KeyError("a mistake"), "KeyError: 'a mistake'"),
    (StopIteration(), "RuntimeError: StopIteration was raised"),
    (asyncio.CancelledError(), "RuntimeError: CancelledError was raised"),
    (AssertionError(), "AssertionError"),
    (SystemExit(3), "SystemExit: 3"),
    (KeyboardInterrupt(), "KeyboardInterrupt"),
]


@pytest.mark.parametrize(("error", "said"), EXITS, ids=[said for _, said in EXITS])
def test_what_ones_own_code_raises_fails_its_contest_alone(error, said, caplog):
    """Also where it was scored in one call with others; the failure is logged once, its traceback at debug level."""
    contests = [
        Contest(f"q{number}", ["good", "bad" if number % 40 == 7 else "fair"], id=number) for number in range(90)
    ]
    with caplog.at_level(logging.DEBUG, "rrm"), RewardRanker(Failing(error, "bad")) as ranker:
        found = list(ranker.rank_many(contests))
        (polled,) = ranker.poll_many([Poll(Contest("q", ["bad"]), ((0,),))])
    failed = [ranking for ranking in found if ranking.error]
    assert [ranking.id for ranking in failed] == [7, 47, 87]
    assert {(one.error, one.error_type) for one in (*failed, polled)} == {
        (f"the reward 'Failing' failed: {said}", "ContestError")
    }
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == 1
    assert warned[0].startswith(f"the reward 'Failing' failed: {said} (further failures")
    assert sum(record.exc_info is not None for record in caplog.records) == 4


@pytest.mark.parametrize("error", [ValueError("no number"), SystemExit(3)], ids=["exception", "exit"])
@pytest.mark.parametrize("make", [Failing, AsyncFailing])
def test_one_contest_raises_with_the_cause(make, error):
    """Sync and async rewards; the ranker goes on."""
    with RewardRanker(make(error, "bad")) as ranker:
        with pytest.raises(ContestError, match=f"failed: {type(error).__name__}: {error}") as caught:
            ranker.rank("q", ["good", "bad"])
        assert caught.value.__cause__ is error
        assert ranker.rank("q", ["good", "fine!"]).order == (1, 0)


def test_an_exit_ends_no_thread_that_others_need(tmp_path):
    """Wherever the reward runs: on the ranker's thread, on its own, behind a ledger."""

    def leave(conversations):
        if conversations[0][-1]["content"] == "bad":
            sys.exit("I am leaving")
        return [1.0 for _ in conversations]

    async def later(conversations):
        await asyncio.sleep(0)
        return leave(conversations)

    rewards = [leave, later, as_reward(later), cached(leave, tmp_path / "ledger", name="leave")]
    for reward in rewards:
        with RewardRanker(reward) as ranker:
            bad, good = ranker.rank_many([Contest("q", ["bad"]), Contest("q", ["good"])])
        assert bad.error.endswith("failed: SystemExit: I am leaving")
        assert good.scores == (1.0,)
    for reward in rewards[2:]:
        reward.close()


@pytest.mark.parametrize("scores", [[1.0], [1.0, "2"], "ab", None, 7])
def test_what_is_no_list_of_numbers(scores):
    """The caller's mistake, and the reward is named."""

    class Odd:
        def score(self, conversations):
            return scores

    with RewardRanker(Odd()) as ranker, pytest.raises(InputError, match=r"the reward '.*Odd'"):
        ranker.rank("q", ["a", "b"])


def test_polls_of_single_responses():
    """One opinion each, with the score; what names two responses fails alone."""
    contest = Contest("q", ["a", "bb", "a"], id="c")
    with RewardRanker(Noted()) as ranker:
        good, bad, none = ranker.poll_many(
            [Poll(contest, ((1,), (2,))), Poll(contest, ((0, 1),)), Poll(Contest("q", []), ())]
        )
        assert ranker.votes.scored == 2
    assert [(one.shown, one.index, one.vote, one.scores) for one in good.opinions] == [
        ((1,), 0, None, (2.0,)),
        ((2,), 0, None, (1.0,)),
    ]
    assert (good.id, good.usage.requests) == ("c", 2)
    assert (bad.error_type, none.error_type) == ("ContestError", "ContestError")
    assert "a reward scores one" in bad.error


async def test_async_polls_say_the_same():
    """In a running loop."""
    polls = [Poll(Contest("q", ["a", "bb"]), ((0,), (1,)))]
    with RewardRanker(Noted()) as ranker:
        assert [polled async for polled in ranker.apoll_many(polls)] == list(ranker.poll_many(polls))
        assert await ranker.aopen() == ranker.open()


def test_strategies():
    """There is one; "pointwise" is what trainers call it."""
    with RewardRanker(Noted()) as ranker:
        assert {ranker.rank("q", ["a"], strategy=name).strategy for name in (None, "score", "pointwise")} == {"score"}
        with pytest.raises(InputError, match="'knockout' needs a judge"):
            ranker.rank("q", ["a"], strategy="knockout")
        with pytest.raises(InputError, match="'elo' needs a judge"):
            ranker.rank_many([], strategy="elo")
        with pytest.raises(UnknownNameError, match="unknown strategy 'scoer'. Did you mean 'score'?"):
            ranker.rank("q", ["a"], strategy="scoer")
        with pytest.raises(UnknownNameError, match="unknown strategy 'nockout'. Valid: pointwise, score"):
            ranker.arank_many([], strategy="nockout")


@pytest.mark.parametrize("given", [None, 7, Contest("q", ["a"])])
def test_what_holds_no_contests(given):
    """Said at once."""
    with RewardRanker(Noted()) as ranker:
        for many in (ranker.rank_many, ranker.arank_many):
            with pytest.raises(InputError, match=r"must be an iterable of rrm\.Contest objects, not "):
                many(given)


def test_who_closes_what():
    """What was handed over stays open; what was named is closed; a closed ranker says so, and closing twice is harmless."""
    reward = Noted()
    ranker = RewardRanker(reward)
    ranker.rank("q", ["a"])
    ranker.close()
    ranker.close()
    assert reward.closed == 0
    with pytest.raises(EngineClosedError, match="this ranker was closed"):
        ranker.rank("q", ["a"])
    with pytest.raises(EngineClosedError):
        list(ranker.rank_many([]))
    named = RewardRanker(f"{__name__}:MODULE_LEVEL")
    assert named.rank("q", ["a", "bb"]).order == (1, 0)
    named.close()
    assert MODULE_LEVEL.closed == 1


MODULE_LEVEL = Noted()


def test_functions_classes_and_judges_are_rewards():
    """As `rrm.rewards.as_reward` takes them."""

    def by_length(conversations):
        return [len(conversation[-1]["content"]) for conversation in conversations]

    async def later(conversations):
        await asyncio.sleep(0)
        return by_length(conversations)

    for reward in (by_length, later, Noted):
        with RewardRanker(reward) as ranker:
            assert ranker.rank("q", ["a", "bb"]).scores == (1, 2)
    engine = ScriptedEngine(lambda request, index: f"Rating: [[{len(request.case.responses[0])}]]")
    with Judge(engine=engine, prompt="mt_bench_single") as judge, RewardRanker(judge) as ranker:
        assert ranker.rank("q", ["a", "bb"]).scores == (1, 2)
    with pytest.raises(InputError):
        RewardRanker(object())


def test_settings_that_can_not_be():
    """Windows of no contest, and seeds that are no numbers."""
    with pytest.raises(InputError, match="window must be"):
        RewardRanker(Noted(), window=0)
    with pytest.raises(InputError, match="seed must be"):
        RewardRanker(Noted(), seed="1")
    with RewardRanker(Noted()) as ranker, pytest.raises(InputError, match="window must be"):
        list(ranker.rank_many([], window=0))


def test_an_async_score_without_a_sync_one_is_named():
    """Where an object's `score` gives a coroutine, it says what to do."""

    class Coroutine:
        async def score(self, conversations):
            return [1.0]

    with RewardRanker(Coroutine()) as ranker, pytest.raises(InputError, match="name it `ascore`"):
        ranker.rank("q", ["a"])


def test_a_contest_is_checked_before_anything_is_asked():
    """Nothing is paid for a contest that can't be."""
    reward = Noted()
    with RewardRanker(reward) as ranker, pytest.raises(ContestError, match="response 1 must be"):
        ranker.rank("q", ["a", [{"role": "user", "content": "b"}]])
    assert reward.calls == []


async def test_one_bad_contest_in_a_call_costs_few_calls_more():
    calls: list[int] = []

    def score(conversations):
        calls.append(len(conversations))
        if "bad" in conversations:
            raise ValueError("bad one")
        return [0.0] * len(conversations)

    gathering = Gathering(score, "mine")
    asked = [gathering.score(["fine", "bad" if number == 5 else "fine"]) for number in range(64)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [number for number, one in enumerate(found) if isinstance(one, ValueError)] == [5]
    assert [one for number, one in enumerate(found) if number != 5] == [[0.0, 0.0]] * 63
    # 32 contests in a call; the one with the bad one in halves, and not one by one
    assert calls == [64, 32, 16, 8, 8, 4, 2, 2, 4, 16, 32, 64]
