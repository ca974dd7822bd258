"""Functions, objects, classes, references and pointwise judges as rewards."""

import asyncio
import copy
import math
import pickle
import threading
from pathlib import Path

import numpy
import pytest

from rrm import Judge, ScriptedEngine
from rrm.errors import ContestError, EngineClosedError, InputError, ModelError, UnknownNameError
from rrm.ranking import RewardInfo
from rrm.rewards import OutcomeReward, as_reward, load_reward, resolve_reward
from rrm.types import Message, Spent
from tests.ledger.working import ended, program
from tests.reward_wire import RewardServer
from tests.rewards import own_rewards
from tests.rewards.own_rewards import ByLength, by_length, slowly
from tests.rewards.scoring import FakeScorer, conversation

CONVERSATIONS = [conversation(text) for text in ("a", "bbb", "cc")]


@pytest.mark.parametrize(
    "own", [by_length, slowly, ByLength(), ByLength, ByLength().score, "tests.rewards.own_rewards:by_length"]
)
async def test_whatever_scores_is_a_reward(own):
    async with as_reward(own) as scoring:
        assert scoring.score(CONVERSATIONS) == [1.0, 3.0, 2.0]
        assert await scoring.ascore(CONVERSATIONS) == [1.0, 3.0, 2.0]
        assert scoring.score([]) == await scoring.ascore([]) == []
        assert scoring.kind == "custom"
        assert scoring.spent == scoring.reused == Spent()


def test_arrays_are_numbers_too():
    with as_reward(lambda conversations: numpy.array(by_length(conversations), dtype=numpy.float32)) as scoring:
        scores = scoring.score(CONVERSATIONS)
    assert scores == [1.0, 3.0, 2.0]
    assert {type(score) for score in scores} == {float}


def test_own_code_sees_mappings():
    own = ByLength()
    turns = [Message("user", "q"), Message("assistant", "so")]
    given = conversation("a")
    with as_reward(own) as scoring:
        scoring.score([turns, given])
    assert own.asked == [[{"role": "user", "content": "q"}, {"role": "assistant", "content": "so"}], given]
    assert own.asked[1] is not given  # what it changes is its own
    assert own.is_closed


class OnOneLoop:
    """Has what belongs to an event loop, as a client of a server has."""

    def __init__(self) -> None:
        self.loops: set[asyncio.AbstractEventLoop] = set()
        self.closed_on: asyncio.AbstractEventLoop | None = None

    async def ascore(self, conversations):
        self.loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return by_length(conversations)

    async def aclose(self) -> None:
        self.closed_on = asyncio.get_running_loop()


def test_what_is_asynchronous_runs_on_one_loop():
    own = OnOneLoop()
    scoring = as_reward(own)
    assert scoring.score(CONVERSATIONS) == [1.0, 3.0, 2.0]
    assert asyncio.run(scoring.ascore(CONVERSATIONS)) == [1.0, 3.0, 2.0]
    scoring.close()
    scoring.close()
    assert own.loops == {own.closed_on}
    with pytest.raises(EngineClosedError, match="this reward was closed"):
        scoring.score(CONVERSATIONS)


def test_the_async_way_is_taken_where_there_are_both():
    class Both(OnOneLoop):
        def score(self, conversations):
            return [0.0 for _ in conversations]

    with as_reward(Both()) as scoring:
        assert asyncio.run(scoring.ascore(CONVERSATIONS)) == [1.0, 3.0, 2.0]
        assert scoring.score(CONVERSATIONS) == [0.0, 0.0, 0.0]


async def test_a_sync_reward_is_awaited_one_call_at_a_time():
    """On a thread that is not the caller's."""
    at_once = most = 0
    threads = set()
    lock = threading.Lock()

    def score(conversations):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threads.add(threading.get_ident())
        threading.Event().wait(0.01)
        with lock:
            at_once -= 1
        return by_length(conversations)

    async with as_reward(score) as scoring:
        await asyncio.gather(*(scoring.ascore(CONVERSATIONS) for _ in range(10)))
    assert most == 1
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(
    ("own", "error", "said"),
    [
        (lambda _: [1.0, 2.0], InputError, "returned 2 scores for 3 conversations"),
        (lambda _: 1.0, InputError, "must return a list of 3 numbers, not float"),
        (lambda _: None, InputError, "must return a list of 3 numbers, not NoneType"),
        (lambda _: [1.0, "good", 2.0], InputError, "returned 'good' for conversation 1, which is no number"),
        (lambda _: [1.0, math.nan, 2.0], ContestError, "returned nan for conversation 1"),
        (lambda conversations: slowly(conversations), InputError, "is asynchronous: make it an `async def`, or ascore"),
        (lambda _: 1 / 0, ZeroDivisionError, "division by zero"),
    ],
)  # fmt: skip
def test_what_gives_no_numbers(own, error, said):
    with as_reward(own, name="mine") as scoring:
        with pytest.raises(error, match=said):
            scoring.score(CONVERSATIONS)
        with pytest.raises(error, match=said):
            asyncio.run(scoring.ascore(CONVERSATIONS))


@pytest.mark.parametrize(
    ("conversations", "error", "said"),
    [
        (conversation("a"), InputError, "put one conversation into a list"),
        ("text", InputError, "takes a list of conversations"),
        ([conversation("a"), []], ContestError, "conversation 1 is empty"),
    ],
)
def test_what_is_no_conversation(conversations, error, said):
    with as_reward(by_length) as scoring, pytest.raises(error, match=said):
        scoring.score(conversations)


@pytest.mark.parametrize(
    ("own", "error", "said"),
    [
        (7, InputError, "'int' is no reward: it has no score"),
        (own_rewards.NeedsMore, InputError, "the reward class NeedsMore can't be made without arguments .*weight"),
        ("tests.rewards.own_rewards:NUMBER", InputError, "'tests.rewards.own_rewards:NUMBER' is no reward"),
        ("tests.rewards.own_rewards:by_lenght", UnknownNameError, "attribute 'by_lenght'. Did you mean 'by_length'"),
        ("tests.rewards.none_such:score", InputError, "can't be imported .ModuleNotFoundError: No module named"),
        ("none/such", ModelError, "none/such"),
        ("nonesuch", ModelError, "no model 'nonesuch'"),
    ],
)  # fmt: skip
def test_what_is_no_reward(own, error, said, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(error, match=said):
        as_reward(own)


def test_names():
    assert as_reward(by_length).info == RewardInfo("by_length", "custom", "custom")
    assert as_reward(ByLength()).info.model == "ByLength"
    assert as_reward(ByLength(), name="mine").settings == {"reward": "mine", "kind": "custom"}
    assert (
        as_reward("tests.rewards.own_rewards:ByLength.score").info.model == "tests.rewards.own_rewards:ByLength.score"
    )


def test_a_reward_stays_what_it_is():
    with load_reward(engine=FakeScorer(), family="sequence_classifier") as scoring:
        assert as_reward(scoring) is scoring
        assert resolve_reward(scoring) is scoring


IN_A_FOLDER = """
import sys
from rrm.errors import RRMError
from rrm.rewards import resolve_reward
try:
    with resolve_reward(sys.argv[1]) as reward:
        print(reward.score([[{"role": "assistant", "content": "abc"}]]))
except RRMError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("score = lambda conversations: [len(conversations)]", "[1.0]"),
        ("import helper\nscore = helper.score", "[7.0]"),
        ("import nothing_of_the_kind", "can't be imported (ModuleNotFoundError: No module named 'nothing_of_the_kind')"),
        ("raise RuntimeError('no key')", "can't be imported (RuntimeError: no key)"),
        ("score = (", "can't be imported (SyntaxError"),
    ],
)  # fmt: skip
def test_a_module_in_the_current_folder(module, said, tmp_path: Path):
    """Whatever else is on the path; and what goes wrong in it is told."""
    (tmp_path / "my_reward.py").write_text(module)
    (tmp_path / "helper.py").write_text("score = lambda conversations: [7.0 for _ in conversations]")
    root = str(Path(__file__).parents[2])
    code, out, err = ended(program(f"import sys; sys.path[:] = [p for p in sys.path if p] + [{root!r}]\n{IN_A_FOLDER}",
                                   "my_reward:score", cwd=tmp_path))  # fmt: skip
    assert (code, err) == (0, "")
    assert said in out


def test_options_are_for_models():
    with resolve_reward("tests.rewards.own_rewards:by_length", normalise=False, kind=None, engine_args={}) as scoring:
        assert scoring.score(CONVERSATIONS) == [1.0, 3.0, 2.0]
    with pytest.raises(
        InputError, match="normalise is for reward models, and 'tests.rewards.own_rewards:by_length' is"
    ):
        resolve_reward("tests.rewards.own_rewards:by_length", normalise=True)
    with pytest.raises(UnknownNameError, match="unknown option of rewards 'normalize'. Did you mean 'normalise'"):
        resolve_reward("tests.rewards.own_rewards:by_length", normalize=True)


def test_a_servers_model_may_be_called_as_it_likes():
    """Also as a module and an attribute."""
    with RewardServer(models=("llama3:latest", "tests.rewards.own_rewards:by_length")) as server:
        for name in ("llama3:latest", "tests.rewards.own_rewards:by_length"):
            with resolve_reward(name, base_url=server.url, family="sequence_classifier") as scoring:
                assert isinstance(scoring, OutcomeReward)
                assert scoring.info.model == name
    with resolve_reward("llama3:latest", engine=FakeScorer(), family="sequence_classifier") as scoring:
        assert isinstance(scoring, OutcomeReward)
    with pytest.raises(InputError, match="the engine 'server' needs a base URL"):
        resolve_reward("llama3:latest", engine="server")


def not_to_be_copied():
    yield as_reward(by_length)
    yield load_reward(engine=FakeScorer(), family="sequence_classifier")


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_reward_belongs_to_its_process(way):
    for scoring in not_to_be_copied():
        with scoring, pytest.raises(TypeError, match="a reward .* can't be pickled or copied: make it in the process"):
            way(scoring)


def test_a_folder_is_a_folder_whatever_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a:b").mkdir()
    with pytest.raises(ModelError, match="holds no complete model"):
        resolve_reward("a:b")


# Judges


def grading(**options) -> Judge:
    """A pointwise judge whose score is the length of the response, up to 10; it says nothing of those with a question mark."""

    def script(request, index):
        response = request.case.responses[0]
        return "hm" if "?" in response else f"Rating: [[{min(len(response), 10)}]]"

    return Judge(engine=ScriptedEngine(script, **options), prompt="mt_bench_single")


async def test_a_pointwise_judge_is_a_reward():
    async with as_reward(grading()) as scoring:
        assert scoring.score([*CONVERSATIONS, CONVERSATIONS[1]]) == [1.0, 3.0, 2.0, 3.0]
        assert await scoring.ascore([conversation("aaaa", "q")]) == [4.0]
        assert scoring.spent.samples == 4
        assert scoring.info.kind == "custom"
        assert scoring.info.model == "scripted"
        assert scoring.settings["prompt"] == scoring.info.family


def test_a_judge_that_gives_no_score():
    with as_reward(grading()) as scoring:
        with pytest.raises(ContestError, match="conversation 1: the judge gave no score in 1 votes"):
            scoring.score([conversation("a"), conversation("b?")])
        with pytest.raises(
            ContestError, match="conversation 1: prompt 'mt_bench_single' takes a query of one user message"
        ):
            scoring.score([conversation("a"), conversation("a", "q", "a", "q2")])


def test_a_judge_that_is_gone():
    judge = grading()
    scoring = as_reward(judge)
    scoring.close()
    with pytest.raises(EngineClosedError):
        scoring.score(CONVERSATIONS)


def test_a_judge_of_pairs_gives_no_scores():
    with Judge(engine="scripted") as judge, pytest.raises(InputError, match="a judge that is pairwise gives no scores"):
        as_reward(judge)


def test_a_loaded_reward_is_no_custom_one():
    assert isinstance(load_reward(engine=FakeScorer(), family="sequence_classifier"), OutcomeReward)


@pytest.mark.parametrize(
    ("found", "scores"),
    [([True, False], [1.0, 0.0]), ([[0.5], [1]], [0.5, 1.0]), (((0.25,), (2,)), [0.25, 2.0])],
)
def test_verdicts_and_columns_are_numbers(found, scores):
    with as_reward(lambda _: found) as scoring:
        assert scoring.score([conversation("a"), conversation("b")]) == scores


def test_a_number_beyond_all_numbers_is_an_error():
    with as_reward(lambda _: [10**400]) as scoring, pytest.raises(ContestError, match="conversation 0"):
        scoring.score([conversation("a")])


def test_own_code_is_handed_what_ends_with_a_response():
    said = "conversation 1 must end with the assistant's message.*'user'"
    with as_reward(lambda asked: [0.0] * len(asked)) as scoring, pytest.raises(ContestError, match=said):
        scoring.score([conversation("a"), conversation("a")[:1]])


async def test_a_closed_reward_of_ones_own_refuses():
    scoring = as_reward(lambda _: [0.0])
    scoring.close()
    with pytest.raises(EngineClosedError):
        scoring.score([conversation("a")])
    with pytest.raises(EngineClosedError):
        await scoring.ascore([conversation("a")])


def test_own_code_may_change_what_it_is_handed():
    def greedy(conversations):
        for turns in conversations:
            turns[-1]["content"] = ""
            turns.append({"role": "user", "content": "more"})
        return [0.0] * len(conversations)

    mine = conversation("a")
    with as_reward(greedy) as scoring:
        assert scoring.score([mine]) == scoring.score([mine]) == [0.0]
    assert mine == conversation("a")


@pytest.mark.parametrize("reference", ["mine", "mine:", "./mine.py:length", "mine.length", "mine:length:x"])
def test_a_reference_that_nearly_names_own_code_is_told_how(reference, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("")
    with pytest.raises(ModelError, match=r"A reward of your own in mine.py is called mine:NAME"):
        resolve_reward(reference)
