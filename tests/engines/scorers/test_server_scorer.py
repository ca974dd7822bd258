"""The scorer for servers over a real wire: what it asks, what it reads, who fails, and what the errors say."""

import asyncio
import math
import random
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rrm.engines.scorers.base import Pass, Readout, Scorer, Task, Vectors
from rrm.engines.scorers.server import PASSES_A_REQUEST, ServerScorer
from rrm.errors import (
    EngineClosedError,
    EngineDeniedError,
    EngineRefusedError,
    EngineUnreachableError,
    InputError,
    MissingExtraError,
    ModelError,
    PromptTooLongError,
)
from rrm.types import Message
from tests.laws.scorer_laws import CLOSING_LAWS, Law, Subject, laws_for, name_of
from tests.reward_wire import CRASH, NOT_A_NUMBER, VOCABULARY, RewardServer, likelihoods_of, rendered, vectors_of
from tests.token_wire import tokens_of
from tests.wire import Fault

QUICK: dict[str, Any] = {"wait_initial": 0.001, "wait_max": 0.01}
SECRET = "sk-very-secret"
TAG = 2


@asynccontextmanager
async def opened(
    *servers: RewardServer, task: Task = "classify", labels: tuple[str, ...] = (), **options: Any
) -> AsyncIterator[ServerScorer]:
    scorer = ServerScorer([server.url for server in servers], Readout(task, labels), **(QUICK | options))
    try:
        await scorer.open()
        yield scorer
    finally:
        await scorer.aclose()


async def scored(server: RewardServer, *asked: Pass, **options: Any) -> list[Any]:
    """What each pass gave, or raised, when all were asked at once."""
    async with opened(server, **options) as scorer:
        return await asyncio.gather(*map(scorer.score, asked), return_exceptions=True)


async def denied(server: RewardServer, **options: Any) -> str:
    with pytest.raises(EngineDeniedError) as error:
        async with opened(server, **options):
            pass
    return str(error.value)


def whole(count: int, seed: int = 0, longest: int = 30) -> list[Pass]:
    chance = random.Random(seed)
    return [Pass(tuple(chance.choices(range(3, 60_000), k=chance.randint(1, longest)))) for _ in range(count)]


def expected(asked: Pass, outputs: int = 1) -> tuple[tuple[float, ...], ...]:
    vectors = vectors_of(asked.tokens, outputs)
    return tuple(tuple(vectors[place]) for place in asked.at or (-1,))


def values(found: Sequence[Any]) -> list[object]:
    return [one.values if isinstance(one, Vectors) else type(one) for one in found]


# The laws.


@pytest.fixture(scope="module", params=["classify", "token_classify", "likelihood"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    task = request.param
    kind = {"likelihood": "generate"}.get(task, task)
    with RewardServer(kind, outputs=2, latency=0.02, max_model_len=600) as server:

        def make() -> Scorer:
            return ServerScorer(server.url, Readout(task), **QUICK)

        yield Subject(make, task)


@pytest.mark.parametrize("law", [*laws_for("likelihood"), *CLOSING_LAWS], ids=name_of)
async def test_keeps_the_law(law: Law, subject: Subject) -> None:
    if law in (*laws_for(subject.task), *CLOSING_LAWS):
        await law(subject)


# What is asked.


async def test_asks_for_raw_numbers_of_exact_tokens() -> None:
    with RewardServer(outputs=3) as server:
        asked = whole(1)[0]
        assert values(await scored(server, asked)) == [expected(asked, 3)]
    assert server.bodies() == [
        {
            "model": "reward",
            "input": [list(asked.tokens)],
            "use_activation": False,
            "task": "classify",
            "encoding_format": "base64",
            "embed_dtype": "float32",
            "endianness": "little",
        }
    ]


@pytest.mark.parametrize("count", [7, 32, 33, 1000])
async def test_passes_asked_together_travel_together(count: int) -> None:
    asked = whole(count)
    with RewardServer() as server:
        assert values(await scored(server, *asked)) == [expected(one) for one in asked]
    assert len(server.sizes()) == -(-count // PASSES_A_REQUEST)
    assert sum(server.sizes()) == count


async def test_a_request_has_no_more_than_64k_tokens() -> None:
    """A longer one goes alone."""
    asked = [Pass((5,) * length) for length in (30_000, 30_000, 30_000, 70_000, 10, 10)]
    with RewardServer() as server:
        await scored(server, *asked)
    assert sorted(server.sizes()) == [1, 1, 2, 2]
    assert max(sum(map(len, body["input"])) for body in server.bodies() if len(body["input"]) > 1) == 60_000


async def test_passes_that_come_before_the_server_is_known_travel_together() -> None:
    asked = whole(20)
    with RewardServer(latency=0.02) as server:
        scorer = ServerScorer(server.url, Readout("classify"))
        found = await asyncio.gather(*map(scorer.score, asked))
        await scorer.aclose()
    assert values(found) == [expected(one) for one in asked]
    assert server.sizes() == [20]
    assert server.probes == 1


async def test_no_more_requests_at_once_than_asked_for() -> None:
    with RewardServer(latency=0.02) as server:
        await scored(server, *whole(300), concurrency=3)
    assert server.peak == 3


async def test_several_servers_share_what_is_asked_at_once() -> None:
    asked = whole(40)
    with RewardServer(latency=0.01) as one, RewardServer(latency=0.01) as other:
        async with opened(one, other) as scorer:
            found = await asyncio.gather(*map(scorer.score, asked))
    assert values(found) == [expected(each) for each in asked]
    assert (sum(one.sizes()), sum(other.sizes())) == (20, 20)


async def test_the_address_may_end_in_v1_or_not() -> None:
    with RewardServer() as server:
        for url in (server.url, server.url.removesuffix("/v1"), server.url + "/"):
            scorer = ServerScorer(url, Readout("classify"))
            assert (await scorer.open()).outputs == 1
            await scorer.aclose()


async def test_says_what_the_server_tells_of_itself() -> None:
    with RewardServer(outputs=4, root="/models/Some-Reward", max_model_len=77, models=["alias"]) as server:
        async with opened(server, concurrency=2) as scorer:
            info = await scorer.open()
    assert (info.engine, info.model, info.slots, info.max_context) == ("server", "Some-Reward", 64, 77)
    assert (info.special_tokens, info.outputs, info.dtype) == (None, 4, None)


async def test_tells_folders_of_one_name_apart() -> None:
    """By a hash, which gives the folder away to nobody; a hub name is its own."""
    revisions = []
    for root in ("/one/reward", "/two/reward", "/one/reward", "Org/reward", None):
        with RewardServer(root=root, models=["reward"]) as server:
            async with opened(server) as scorer:
                revisions.append((await scorer.open()).revision)
    one, two, again, hub, untold = revisions
    assert one == again != two
    assert re.fullmatch("[0-9a-f]{16}", one)
    assert (hub, untold) == (None, None)


# What is read.


async def test_reads_positions() -> None:
    asked = Pass((5, 6, 7, 8), (0, 2, 3))
    with RewardServer("token_classify", outputs=2) as server:
        assert values(await scored(server, asked, task="token_classify")) == [expected(asked, 2)]


async def test_no_position_is_no_vector() -> None:
    with RewardServer("token_classify") as server:
        assert values(await scored(server, Pass((5, 6)), task="token_classify")) == [()]
    assert not server.bodies()


async def test_not_a_number_is_handed_on() -> None:
    tokens = (5, NOT_A_NUMBER, 6)
    with RewardServer("token_classify", outputs=2) as server:
        [found] = await scored(server, Pass(tokens, (0, 1)), task="token_classify")
        assert list(map(math.isnan, found.values[0] + found.values[1])) == [False, False, True, True]
    for encodings in (["float"], ["float", "base64"]):
        with RewardServer(encodings=encodings) as server:
            [found] = await scored(server, Pass(tokens))
            assert math.isnan(found.values[0][0])


@pytest.mark.parametrize("task", ["classify", "token_classify"])
async def test_reads_json_where_the_server_knows_no_other(task: Task) -> None:
    asked = Pass((5, 6, 7), (1, 2) if task == "token_classify" else ())
    with RewardServer(task, outputs=2, encodings=["float"]) as server:
        assert values(await scored(server, asked, task=task)) == [expected(asked, 2)]


@pytest.mark.parametrize("outputs", [1, 2])
async def test_reads_the_vectors_of_step_tags(outputs: int) -> None:
    """Passes with 1, 2 and 3 tags, asked at these."""
    asked = [
        Pass((*(5, TAG, 6, 7, TAG, 8)[:length], TAG), at) for length, at in ((1, (1,)), (2, (1, 2)), (6, (1, 4, 6)))
    ]
    with RewardServer("token_classify", outputs=outputs, step_tag=TAG) as server:
        found = await scored(server, *asked, task="token_classify")
    assert values(found) == [expected(one, outputs) for one in asked]


@pytest.mark.parametrize(
    "asked",
    [
        Pass((5, TAG, 6, TAG), (3,)),
        Pass((5, TAG, 6, TAG), (0, 2)),
        Pass((5, 6, TAG), (0, 1)),
        Pass((5, 6, TAG, 6), (1, 2)),
        Pass((5, 6, 7), (2,)),
    ],
)
async def test_other_positions_than_tags_can_not_be_read(asked: Pass) -> None:
    """Too few of the tags, other tokens, several tokens, none: each of it in company of one that can."""
    good = Pass((5, TAG), (1,))
    with RewardServer("token_classify", step_tag=TAG) as server:
        found = await scored(server, good, asked, task="token_classify")
    assert values(found) == [expected(good), EngineDeniedError]
    assert '"tok_pooling_type": "ALL"' in str(found[1])


async def test_as_many_vectors_as_tokens_are_those_of_the_tokens() -> None:
    asked = Pass((TAG, TAG), (0, 1))
    with RewardServer("token_classify", step_tag=TAG) as server:
        assert values(await scored(server, asked, task="token_classify")) == [expected(asked)]


async def test_likelihoods_are_those_of_the_prompts_own_tokens() -> None:
    asked = Pass((5, 6, 7, 8), (1, 3))
    with RewardServer("generate") as server:
        [found] = await scored(server, asked, task="likelihood")
    chances = likelihoods_of(asked.tokens)
    assert found == Vectors(((chances[1],), (chances[3],)), 4)
    [body] = server.bodies("/v1/completions")
    assert (body["prompt"], body["max_tokens"], body["prompt_logprobs"]) == ([[5, 6, 7, 8]], 1, 0)


async def test_what_can_not_be_has_no_likelihood() -> None:
    choice = {"index": 0, "prompt_logprobs": [None, {"6": {"logprob": -9999.0}}]}
    with RewardServer(
        "generate", mishaps={"/v1/completions": [Fault.none(), Fault.reply({"choices": [choice]})]}
    ) as server:
        [found] = await scored(server, Pass((5, 6), (1,)), task="likelihood")
    assert found.values == ((-math.inf,),)


async def test_falls_back_to_classify() -> None:
    asked = whole(40)
    with RewardServer(outputs=2, paths=["/classify"]) as server:
        assert values(await scored(server, *asked)) == [expected(one, 2) for one in asked]
    assert server.sizes("/classify") == [32, 8]
    assert set(server.bodies("/classify")[0]) == {"model", "input", "use_activation"}


# Tokens.


async def test_the_server_makes_the_tokens() -> None:
    messages = [Message("user", "Why?"), Message("assistant", "So – “that”.")]
    turns = [message._asdict() for message in messages]
    with RewardServer() as server:
        async with opened(server) as scorer:
            for prompted in (True, False):
                text = rendered(turns, add_generation_prompt=prompted)
                assert await scorer.chat(messages, add_generation_prompt=prompted) == tuple(tokens_of(text))
            assert await scorer.tokens("ab") == (97, 98)
            assert await scorer.tokens("ab", add_special_tokens=True) == (1, 97, 98)
            assert await scorer.tokens("") == ()
            assert await scorer.tokens("a\ud800") == (97, ord("?"))
            assert await scorer.bos() == (1,)


async def test_a_template_that_is_missing() -> None:
    with RewardServer(template=False) as server:
        async with opened(server) as scorer:
            with pytest.raises(ModelError, match="--chat-template"):
                await scorer.chat([Message("user", "?")])


async def test_a_template_that_refuses() -> None:
    refusal = Fault.status(400, "Conversation roles must alternate")
    with RewardServer(mishaps={"/tokenize": [refusal]}) as server:
        async with opened(server) as scorer:
            with pytest.raises(EngineRefusedError, match="roles must alternate"):
                await scorer.chat([Message("user", "?")])


async def test_a_proxy_without_tokenize() -> None:
    with RewardServer(paths=["/pooling"]) as server:
        async with opened(server) as scorer:
            with pytest.raises(EngineDeniedError, match="tokenizer="):
                await scorer.tokens("a")
            assert (await scorer.score(Pass((5,)))).values


async def test_a_tokenizer_that_is_none() -> None:
    with RewardServer() as server, pytest.raises((ModelError, MissingExtraError), match="/no/such/folder|transformers"):
        async with opened(server, tokenizer="/no/such/folder"):
            pass


# Who fails.


async def test_one_of_many_fails_alone() -> None:
    """A token that is none (400), one that the server dies of (500), and a context that the server kept to itself."""
    asked = whole(30)
    asked[3], asked[17] = Pass((VOCABULARY + 1,)), Pass((CRASH,))
    with RewardServer() as server:
        async with opened(server, attempts=2) as scorer:
            server.max_model_len = 40
            asked[20] = Pass((5,) * 50)
            found = await asyncio.gather(*map(scorer.score, asked), return_exceptions=True)
    wanted = [expected(one) for one in asked]
    wanted[3], wanted[17], wanted[20] = EngineRefusedError, EngineUnreachableError, PromptTooLongError  # type: ignore[call-overload]
    assert values(found) == wanted
    assert found[20].args == (50, 40)
    assert "out of vocabulary" in str(found[3])


async def test_too_long_is_known_before_asking() -> None:
    with RewardServer(max_model_len=40) as server:
        found = await scored(server, Pass((5,) * 41), Pass((5,) * 40))
    assert values(found) == [PromptTooLongError, expected(Pass((5,) * 40))]
    assert found[0].args == (41, 40)
    assert server.sizes() == [1]


async def test_a_prompt_of_a_likelihood_leaves_room_for_a_token() -> None:
    with RewardServer("generate", max_model_len=40) as server:
        found = await scored(server, Pass((5,) * 40, (1,)), Pass((5,) * 39, (1,)), task="likelihood")
    assert found[0].args == (40, 39)
    assert isinstance(found[1], Vectors)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(500),
        Fault.status(503),
        Fault.status(429, retry_after="0"),
        Fault.drop(),
        Fault.drop_mid_body(),
        Fault.cut_json(),
        Fault.html(),
        Fault.reply({}),
        Fault.reply({"data": []}),
        Fault.reply({"data": [{"index": 0}]}),
        Fault.reply({"data": [{"index": 0, "data": "no base64!"}]}),
        Fault.reply({"data": [{"index": 1, "data": [0.5]}]}),
        Fault.reply({"data": "?"}),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.code}-{fault.body[:30]}",
)
async def test_what_may_pass_is_asked_again(fault: Fault) -> None:
    asked = whole(1)[0]
    with RewardServer(mishaps={"/pooling": [Fault.none(), fault, fault]}) as server:
        assert values(await scored(server, asked)) == [expected(asked)]
    assert len(server.sizes()) == 3


async def test_another_server_takes_over() -> None:
    asked = whole(60)
    with RewardServer() as one, RewardServer() as other:
        async with opened(one, other) as scorer:
            one.mishaps["/pooling"] = [Fault.status(503)] * 100
            found = await asyncio.gather(*map(scorer.score, asked))
    assert values(found) == [expected(each) for each in asked]


async def test_a_server_that_was_away_is_looked_at_when_it_is_back() -> None:
    """It answers at /classify only, which the other does not."""
    asked = whole(8)
    with RewardServer() as one, RewardServer(paths=["/classify"], model_faults=[Fault.status(503)] * 3) as other:
        async with opened(one, other) as scorer:
            one.mishaps["/pooling"] = [Fault.status(503, retry_after="120")]
            scorer._servers.all[1].recover()
            found = await asyncio.gather(*map(scorer.score, asked))
    assert values(found) == [expected(each) for each in asked]
    assert sum(other.sizes("/classify")) == 8


async def test_a_dead_server_is_named() -> None:
    with RewardServer() as server:
        pass
    with pytest.raises(EngineUnreachableError, match="Is the server running"):
        async with opened(server):
            pass


async def test_html_in_place_of_json_is_shown() -> None:
    with (
        RewardServer(mishaps={"/pooling": [Fault.html()] * 3}) as server,
        pytest.raises(EngineUnreachableError, match="not with JSON.*Bad gateway"),
    ):
        async with opened(server):
            pass


async def test_positions_that_are_none() -> None:
    with RewardServer("token_classify") as server:
        for at in ((3,), (1, 0), (1, 1), (-1,)):
            assert values(await scored(server, Pass((5, 6, 7), at), task="token_classify")) == [InputError]


async def test_what_is_cancelled_while_it_waits_is_not_asked() -> None:
    with RewardServer(latency=0.05) as server:
        async with opened(server, concurrency=1) as scorer:
            first = asyncio.create_task(scorer.score(Pass((5,))))
            await asyncio.sleep(0.01)
            waiting = [asyncio.create_task(scorer.score(Pass((token,)))) for token in range(10, 20)]
            await asyncio.sleep(0)
            for task in waiting[:9]:
                task.cancel()
            assert (await waiting[9]).values == expected(Pass((19,)))
            assert (await first).values == expected(Pass((5,)))
            assert scorer.unfinished == 0
    assert server.sizes() == [1, 1]


async def test_a_request_of_which_nobody_waits_any_more_is_ended() -> None:
    """While one of several waits, it goes on."""
    with RewardServer(mishaps={"/pooling": [Fault.none(), Fault.hang()]}) as server:
        async with opened(server) as scorer:
            tasks = [asyncio.create_task(scorer.score(Pass((token,)))) for token in (5, 6, 7)]
            while not server.bodies():
                await asyncio.sleep(0.001)
            for task in tasks[:2]:
                task.cancel()
            await asyncio.wait(tasks[:2])
            assert (scorer.unfinished, server.disconnects) == (1, 0)
            tasks[2].cancel()
            await asyncio.wait(tasks)
            assert scorer.unfinished == 0
            async with asyncio.timeout(5):
                while not server.disconnects:
                    await asyncio.sleep(0.001)
            assert (await scorer.score(Pass((5,)))).values == expected(Pass((5,)))


async def test_one_who_waits_for_the_opening_may_go() -> None:
    with RewardServer(latency=0.05) as server:
        scorer = ServerScorer(server.url, Readout("classify"))
        first, second = (asyncio.create_task(scorer.score(Pass((5,)))) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        assert (await second).values == expected(Pass((5,)))
        await scorer.aclose()
    assert server.probes == 1


async def test_an_opening_that_nobody_waits_for_ends() -> None:
    with RewardServer(latency=0.05) as server:
        scorer = ServerScorer(server.url, Readout("classify"))
        task = asyncio.create_task(scorer.open())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert scorer.unfinished == 0
        assert (await scorer.open()).outputs == 1
        await scorer.aclose()


async def test_closing_ends_an_opening_and_a_tokenisation() -> None:
    with RewardServer(mishaps={"/tokenize": [Fault.hang()]}, model_faults=[Fault.none(), Fault.hang()]) as server:
        async with opened(server) as scorer:
            tokenising = asyncio.create_task(scorer.tokens("a"))
            await asyncio.sleep(0.05)
            await scorer.aclose()
            with pytest.raises(EngineClosedError):
                await tokenising
        scorer = ServerScorer(server.url, Readout("classify"))
        opening = asyncio.create_task(scorer.open())
        await asyncio.sleep(0.05)
        await scorer.aclose()
        with pytest.raises(EngineClosedError):
            await opening


# What the errors say.


async def test_a_wrong_key() -> None:
    with RewardServer(require_key="another") as server:
        said = await denied(server, api_key=SECRET, api_key_env="REWARD_KEY")
        assert "REWARD_KEY" in said
        assert "not accepted" in said
        assert SECRET not in said
        assert "No key was sent" in await denied(server)
    with RewardServer(require_key=SECRET) as server:
        async with opened(server, api_key=SECRET) as scorer:
            assert (await scorer.score(Pass((5,)))).values
            assert await scorer.tokens("a") == (97,)


async def test_a_wrong_name() -> None:
    with RewardServer(models=["small", "large"]) as server:
        said = await denied(server, model="huge")
    assert "'huge', only small, large" in said


async def test_a_wrong_name_where_nothing_is_listed() -> None:
    refusal = Fault.status(404, "The model `huge` does not exist.")
    with RewardServer(no_models=True, mishaps={"/pooling": [refusal]}) as server:
        assert "The model `huge` does not exist" in await denied(server, model="huge")


async def test_no_name_where_nothing_is_listed() -> None:
    with RewardServer(no_models=True) as server:
        with pytest.raises(InputError, match="model="):
            async with opened(server):
                pass
        async with opened(server, model="reward") as scorer:
            assert (await scorer.score(Pass((5,)))).values == expected(Pass((5,)))


@pytest.mark.parametrize(
    ("served", "task", "clues"),
    [
        ("generate", "classify", ["no /pooling and no /classify", "vllm serve Org/Name --runner pooling"]),
        ("generate", "token_classify", ["no /pooling", '"task": "token_classify"', '"tok_pooling_type": "ALL"']),
        ("classify", "token_classify", ["Unsupported task", '"task": "token_classify"']),
        ("token_classify", "classify", ["Unsupported task", '"task": "classify"']),
        ("embed", "classify", ["Unsupported task", "--runner pooling"]),
        ("classify", "likelihood", ["no /v1/completions", "vllm serve Org/Name"]),
    ],
)
async def test_a_server_of_another_task(served: str, task: Task, clues: list[str]) -> None:
    with RewardServer(served, root="Org/Name") as server:
        said = await denied(server, task=task)
    assert all(clue in said for clue in [server.url.removesuffix("/v1"), *clues])


async def test_embeddings_are_no_scores() -> None:
    """A server that does not look at the task that is asked for."""
    with RewardServer(outputs=384) as server:
        assert "vectors of 384 numbers" in await denied(server)


async def test_a_server_that_tells_no_likelihoods() -> None:
    with RewardServer("generate", likelihoods=False) as server:
        said = await denied(server, task="likelihood")
    assert "no log-probabilities of the prompt's own tokens" in said


@pytest.mark.parametrize("task", ["classify", "token_classify"])
async def test_labels_are_counted(task: Task) -> None:
    with RewardServer(task, outputs=1) as server:
        said = await denied(server, task=task, labels=("yes", "né"))
        assert "vectors of 1 for the labels yes, né" in said
        assert '--convert classify --hf-overrides \'{"method": "no_post_processing"' in said
        assert '"classifier_from_token": ["yes", "né"]}' in said
    asked = Pass((5, 6), (1,) if task == "token_classify" else ())
    with RewardServer(task, outputs=2) as server:
        assert values(await scored(server, asked, task=task, labels=("yes", "no"))) == [expected(asked, 2)]


async def test_labels_are_counted_at_step_tags() -> None:
    with RewardServer("token_classify", outputs=3, step_tag=TAG) as server:
        [found] = await scored(server, Pass((5, TAG), (1,)), task="token_classify", labels=("+", "-"))
    assert isinstance(found, EngineDeniedError)
    assert "vectors of 3 for the labels" in str(found)


async def test_one_server_of_another_task_is_an_error_at_once() -> None:
    with (
        RewardServer() as one,
        RewardServer("token_classify") as other,
        pytest.raises(EngineDeniedError, match=str(other.port)),
    ):
        async with opened(one, other):
            pass


@pytest.mark.parametrize(
    "options", [{"concurrency": 0}, {"model": ""}, {"attempts": 0}, {"timeout": 0}, {"base_url": []}, {"base_url": "x"}]
)
def test_arguments_that_can_not_work(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        ServerScorer(**{"base_url": "http://127.0.0.1/v1", "readout": Readout("classify")} | options)
