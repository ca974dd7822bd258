"""Rewards of the user's own with their scores kept in a ledger."""

import asyncio
import math
from pathlib import Path

import pytest

from rrm.errors import ContestError, EngineClosedError, InputError
from rrm.ledger import Ledger
from rrm.rewards import ManagedReward, as_reward, cached, load_reward, resolve_reward
from rrm.types import Message, Spent
from tests.ledger.working import count, ended, program, rows
from tests.rewards.own_rewards import ByLength, by_length
from tests.rewards.scoring import FakeScorer, conversation

CONVERSATIONS = [conversation(text) for text in ("a", "bbb", "cc")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def test_the_second_run_asks_for_nothing(path: Path):
    for run in range(2):
        own = ByLength()
        with cached(own, path, name="length") as scoring:
            assert isinstance(scoring, ManagedReward)
            assert scoring.score(CONVERSATIONS) == [1.0, 3.0, 2.0]
            assert (scoring.spent.samples, scoring.reused.samples) == ((0, 3) if run else (3, 0))
        assert own.calls == (0 if run else 1)
        assert own.is_closed


def test_only_what_is_missing_is_asked_for_and_all_of_it_at_once(path: Path):
    own = ByLength()
    with cached(own, path, name="length") as scoring:
        scoring.score(CONVERSATIONS[1:2])
        assert scoring.score([*CONVERSATIONS, *CONVERSATIONS]) == [1.0, 3.0, 2.0] * 2
        assert scoring.score([]) == []
    assert own.asked == [CONVERSATIONS[1], CONVERSATIONS[0], CONVERSATIONS[2]]
    assert own.calls == 2


def test_another_name_or_revision_asks_anew(path: Path):
    for number, (name, revision) in enumerate([("a", ""), ("b", ""), ("a", "2"), ("a", "")]):
        with cached(
            lambda given, number=number: [number for _ in given], path, name=name, revision=revision
        ) as scoring:
            assert scoring.score(CONVERSATIONS) == [number % 3] * 3
    assert rows(path, "SELECT name, revision FROM models ORDER BY id") == [("a", ""), ("b", ""), ("a", "2")]


def test_what_makes_another_conversation(path: Path):
    """Whatever a message has: a reward may look at it."""
    plain = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    others = [
        [plain[0], {**plain[1], "name": "x"}],
        [plain[0], {"role": "assistant", "content": [{"type": "text", "text": "a"}]}],
        [plain[0], plain[0], plain[1]],
        [{**plain[0], "content": "\ud800"}, plain[1]],
    ]
    same = [Message("user", "q"), Message("assistant", "a")]
    own = ByLength()
    with cached(own, path, name="length") as scoring:
        scoring.score([plain, *others])
        scoring.score([same, tuple(plain), [dict(reversed(turn.items())) for turn in plain]])
    assert len(own.asked) == 5
    assert count(path, "completions") == 5


def test_every_bit_of_a_number_comes_back(path: Path):
    numbers = [0.1 + 0.2, 1e-300, -math.pi * 1e20]
    for given in (numbers, [0.0] * 3):
        with cached(lambda _, given=given: given, path, name="numbers") as scoring:
            assert scoring.score(CONVERSATIONS) == numbers


async def test_async_and_at_the_same_time(path: Path):
    calls = []

    async def slowly(conversations):
        calls.append(len(conversations))
        await asyncio.sleep(0.05)
        return by_length(conversations)

    with Ledger(path) as ledger:
        async with cached(slowly, ledger, name="length") as scoring:
            many = await asyncio.gather(*(scoring.ascore(CONVERSATIONS) for _ in range(5)))
            assert scoring.reused.samples == 12
        async with cached(slowly, ledger, name="length") as scoring:
            assert await scoring.ascore(CONVERSATIONS[:1]) == [1.0]
    assert many == [[1.0, 3.0, 2.0]] * 5
    assert sum(calls) == 3


def test_what_fails_is_not_kept_and_not_claimed(path: Path):
    broken = True

    def own(conversations):
        if broken:
            raise ZeroDivisionError
        return by_length(conversations)

    with cached(own, path, name="length") as scoring:
        with pytest.raises(ZeroDivisionError):
            scoring.score(CONVERSATIONS)
        broken = False
        assert scoring.score(CONVERSATIONS) == [1.0, 3.0, 2.0]
    with cached(lambda _: [math.nan], path, name="other") as scoring, pytest.raises(ContestError, match="returned nan"):
        scoring.score(CONVERSATIONS[:1])
    assert (count(path, "completions"), count(path, "claims")) == (3, 0)


SCORES = """
import sys, time
from tests.rewards.scoring import conversation
from rrm.rewards import cached
asked = []
def score(conversations):
    asked.extend(conversations)
    time.sleep(0.001 * len(conversations))
    return [len(turns[-1]["content"]) for turns in conversations]
with cached(score, sys.argv[1], name="length") as reward:
    scores = []
    for start in range(0, 200, 10):
        scores += reward.score([conversation("x" * number) for number in range(start, start + 10)])
print(len(asked), scores == list(range(200)))
"""


def test_two_processes_share_the_work(path: Path):
    both = [program(SCORES, path) for _ in range(2)]
    outcomes = [ended(process) for process in both]
    assert [(code, err) for code, _, err in outcomes] == [(0, "")] * 2
    (one, right), (other, also_right) = (out.split() for _, out, _ in outcomes)
    assert (right, also_right) == ("True", "True")
    assert int(one) + int(other) == 200
    assert count(path, "completions") == 200


def test_what_it_says_of_itself(path: Path):
    with cached(ByLength(), path, name="length") as scoring:
        assert (scoring.kind, scoring.info.model, scoring.open().engine) == ("custom", "length", "custom")
        assert scoring.settings == {"reward": "length", "kind": "custom"}


def test_a_reward_model_may_be_cached_too(path: Path):
    """By conversation, and by what decides its scores."""
    for normalise in (False, True, False):
        scorer = FakeScorer()
        with cached(
            load_reward(engine=scorer, family="sequence_classifier", normalise=normalise), path, name="model"
        ) as scoring:
            scoring.score(CONVERSATIONS)
            assert scoring.kind == "outcome"
            assert scoring.spent.samples == len(scorer.asked)
    assert count(path, "completions") == 6
    assert scorer.asked == []


def test_an_object_with_a_ledger(path: Path):
    with resolve_reward(ByLength(), ledger=path, name="length") as scoring:
        assert scoring.score(CONVERSATIONS) == [1.0, 3.0, 2.0]
        assert scoring.info.model == "length"
    assert rows(path, "SELECT name FROM models") == [("length",)]


class NeverOpened(FakeScorer):
    async def open(self):
        raise AssertionError("it was opened")


@pytest.mark.parametrize("given", [ByLength(), by_length, lambda conversations: [0.0] * len(conversations)])
def test_an_object_with_a_ledger_needs_a_name(given, path: Path):
    """Two functions, or two objects of a class, would share their scores."""
    with pytest.raises(InputError, match=r"needs a name to keep them under.* cached\(reward, ledger, name=...\)"):
        resolve_reward(given, ledger=path)
    assert not path.exists()


def test_nothing_is_opened_for_a_name(path: Path):
    model = load_reward(engine=NeverOpened(), family="sequence_classifier")
    with pytest.raises(InputError, match="needs a name"):
        resolve_reward(model, ledger=path)
    resolve_reward(model, ledger=path, name="mine").close()


def test_a_reference_is_its_own_name(path: Path):
    with pytest.raises(InputError, match="name= is for objects, and 'tests.rewards.own_rewards:ready' is a reference"):
        resolve_reward("tests.rewards.own_rewards:ready", ledger=path, name="x")


def test_what_is_cached_already_is_not_cached_again(path: Path):
    with cached(by_length, path, name="length") as scoring:
        assert cached(scoring, str(path), name="length") is scoring
        assert resolve_reward(scoring, ledger=path) is scoring
        for name, revision, ledger in [("other", "", path), ("length", "2", path), ("length", "", path.with_name("b"))]:
            with pytest.raises(InputError, match="the reward 'length' keeps its scores already"):
                cached(scoring, ledger, name=name, revision=revision)
        with pytest.raises(InputError, match="keeps its scores already"):
            resolve_reward(scoring, ledger=path.with_name("b"))
        with Ledger(path) as ledger:
            assert cached(scoring, ledger, name="length") is scoring
        assert scoring.score(CONVERSATIONS) == [1.0, 3.0, 2.0]


@pytest.mark.parametrize("is_async", [False, True])
def test_one_that_asks_itself_is_an_error_and_not_a_wait_without_end(is_async, path: Path):
    """However many threads and loops lie between: a reward of one's own that calls one of the same name."""
    with cached(by_length, path, name="length") as inside:

        def score(conversations):
            return inside.score(conversations)

        async def ascore(conversations):
            return await inside.ascore(conversations)

        with (
            cached(ascore if is_async else score, path, name="length") as outside,
            pytest.raises(InputError, match="is asked for again inside itself"),
        ):
            outside.score(CONVERSATIONS)
        assert inside.score(CONVERSATIONS) == [1.0, 3.0, 2.0]
        with cached(ascore if is_async else score, path, name="another") as outside:
            assert outside.score(CONVERSATIONS) == [1.0, 3.0, 2.0]
    assert (count(path, "completions"), count(path, "claims")) == (6, 0)


@pytest.mark.parametrize(
    ("arguments", "name", "said"),
    [
        ((by_length, None), "x", "say which ledger the scores are to be kept in"),
        ((by_length, 7), "x", "ledger must be a path or a Ledger, not 7"),
        ((by_length, "ledger"), "", "needs a name to keep them under, not ''"),
        ((7, "ledger"), "seven", "'seven' is no reward"),
    ],
)
def test_what_can_not_be_cached(arguments, name, said):
    with pytest.raises(InputError, match=said):
        cached(*arguments, name=name)


def test_what_is_no_conversation(path: Path):
    with cached(by_length, path, name="length") as scoring:
        with pytest.raises(InputError, match="put one conversation into a list"):
            scoring.score(conversation("a"))
        with pytest.raises(ContestError, match="conversation 1 is empty"):
            scoring.score([conversation("a"), []])
        with pytest.raises(InputError, match="conversation 0 can't be kept in a ledger"):
            scoring.score([[{"role": "assistant", "content": object()}]])
    assert count(path, "completions") == 0


def test_a_closed_one_says_so(path: Path):
    scoring = cached(by_length, path, name="length")
    scoring.score(CONVERSATIONS)
    scoring.close()
    scoring.close()
    with pytest.raises(EngineClosedError, match="this reward was closed"):
        scoring.score(CONVERSATIONS)


def test_what_is_cached_is_a_reward(path: Path):
    with cached(by_length, path, name="length") as scoring:
        assert as_reward(scoring) is scoring
        assert scoring.spent == Spent()
