"""Samples that go on at a server, over a real wire: from exact tokens where it tells them, else in a chat."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from rrm.engines.chat import Dialect
from rrm.engines.http import Patience, Servers
from rrm.engines.openai import OpenAIEngine
from rrm.engines.token_prompts import TokenPrompts
from rrm.engines.tokens import Chat
from rrm.errors import ContestError, EngineRefusedError, EngineUnreachableError, PromptTooLongError
from rrm.judging.polling import poll
from rrm.judging.rules import Rules
from rrm.promptfiles import load_prompt
from rrm.types import Case, Completion, Opinion, SampleRequest, Sampling, Vote
from tests.laws.engine_laws import a_request, collect
from tests.token_wire import TokenServer, tokens_of
from tests.wire import Fault, WireServer

QUICK: dict[str, Any] = {"wait_initial": 0.001, "wait_max": 0.01}
THOUGHT = "Hm.\n</think>\n\n"
PLAIN = "<assistant>"


@asynccontextmanager
async def opened(*servers: WireServer, **options: Any) -> AsyncIterator[OpenAIEngine]:
    engine = OpenAIEngine([server.url for server in servers], **(QUICK | options))
    try:
        await engine.open()
        yield engine
    finally:
        await engine.aclose()


async def sampled(server: WireServer, request: SampleRequest, **options: Any) -> list[Completion]:
    async with opened(server, **options) as engine:
        return await collect(engine, request)


def going_on(continuation: str = THOUGHT, **more: Any) -> SampleRequest:
    return a_request(continuation=continuation, **more)


class Characters:
    """The tokenizer of a `TokenServer`, for engines in process."""

    all_special_tokens = ()
    eos_token_id = 0

    def __init__(self, server: TokenServer) -> None:
        self.server = server

    def apply_chat_template(self, messages: list[dict[str, str]], **_: bool) -> str:
        return self.server.rendered(messages)

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        return [1] * add_special_tokens + tokens_of(text)


# What is asked.


async def test_sends_the_tokens_and_every_sampling_parameter() -> None:
    """The prompt is tokens, n, seed, temperature, top_p, max_tokens and choices are as in a chat, logprobs a number."""
    request = going_on(n=2, first_index=2, sampling=Sampling(77, 0.6, 0.9), logprobs=5, choices=("A", "B"))
    with TokenServer(lambda *_: ["A", "B"]) as server:
        await sampled(server, request)
    messages = [message._asdict() for message in request.messages]
    assert server.completions() == [
        {
            "model": "judge",
            "prompt": tokens_of(server.rendered(messages) + THOUGHT),
            "n": 2,
            "seed": request.sample_seed,
            "temperature": 0.6,
            "top_p": 0.9,
            "max_tokens": 77,
            "logprobs": 5,
            "structured_outputs": {"choice": ["A", "B"]},
        }
    ]
    assert not server.requests


@pytest.mark.parametrize("opening", [PLAIN, "<assistant><think>\n"])
@pytest.mark.parametrize("continuation", [THOUGHT, "Hm.", "<winner>", "\n\n"])
async def test_the_prompt_is_that_of_an_engine_in_process(opening: str, continuation: str) -> None:
    """Token for token, in two steps: the messages, and what was said so far apart from them."""
    request = going_on(continuation)
    with TokenServer(opening=opening) as server:
        await sampled(server, request)
        expected = Chat(Characters(server), "m").tokens(request)
    assert [body["prompt"] for body in server.completions()] == [expected]


async def test_a_chat_remains_a_chat() -> None:
    """A request without a continuation goes to the chat, whose form reasoning parsers need."""
    with TokenServer() as server:
        await sampled(server, a_request())
    assert len(server.requests) == 1
    assert not server.completions()


async def test_reads_text_reason_usage_and_logprobs() -> None:
    """The samples come back in the order of their indices, with what each reports."""
    with TokenServer(lambda *_: ["good", "longer than that"]) as server:
        first, second = await sampled(server, going_on(n=2, sampling=Sampling(6, 0.0), logprobs=2))
    assert [(done.index, done.text, done.finish_reason) for done in (first, second)] == [
        (0, "good", "stop"),
        (1, "longer", "length"),
    ]
    assert (first.prompt_tokens, first.completion_tokens) == (len(server.prompts[0]), len("good" + "longer than that"))
    assert (second.prompt_tokens, second.completion_tokens) == (0, 0)
    [token] = first.logprobs
    assert (token.token, token.logprob, token.top) == ("g", -0.25, (("g", -0.25), ("other", -1.5)))


async def test_reasoning_comes_raw() -> None:
    """Tags in what is said are text: no parser takes them out."""
    with TokenServer(lambda *_: [" Yes.\n</think>\n\nB"]) as server:
        [completion] = await sampled(server, going_on("Hm.", sampling=Sampling(99, 0.0)))
    assert completion.text == " Yes.\n</think>\n\nB"


async def test_a_choice_comes_back_bare() -> None:
    """A choice with spaces around it is that choice."""
    with TokenServer(lambda *_: [" B\n"]) as server:
        [completion] = await sampled(server, going_on(choices=("A", "B")))
    assert completion.text == "B"


@pytest.mark.parametrize(
    ("opening", "continuation", "ending"),
    [
        ("<assistant><think>\n", "<think>\nHm.", "<assistant><think>\nHm."),
        ("<assistant><think>\n", "<think>\n", "<assistant><think>\n"),
        ("<assistant><think>\n", "Hm. <think>\nagain", "<assistant><think>\nHm. <think>\nagain"),
        (PLAIN, "<think>\nHm.", "<assistant><think>\nHm."),
    ],
)
async def test_reasoning_is_opened_once(opening: str, continuation: str, ending: str) -> None:
    """A tag that stands for what the template has opened is not sent again; any other is."""
    with TokenServer(opening=opening) as server:
        await sampled(server, going_on(continuation))
    [prompt] = server.prompts
    assert prompt.endswith(ending)
    assert prompt.count("<think>") == ending.count("<think>")


@pytest.mark.parametrize("opening", [PLAIN, "<assistant><think>\n"])
async def test_what_a_parser_took_apart_is_gone_on_with_as_it_was(opening: str) -> None:
    """Reasoning that a server returned apart, with its own line ends, makes the very prompt that the model has seen."""
    said = {"content": "\n\nBecause", "reasoning_content": "why\n", "role": "assistant"}
    with TokenServer(judge=lambda _: [said], opening=opening) as server:
        async with opened(server) as engine:
            [first] = await collect(engine, a_request())
            await collect(engine, going_on(first.text))
    assert first.text == "<think>\nwhy\n</think>\n\nBecause"
    assert server.prompts[0].endswith("<assistant><think>\nwhy\n</think>\n\nBecause")


# Whether it can.


@pytest.mark.parametrize(
    ("opening", "opens"), [("<assistant><think>\n", True), (PLAIN, False), ("<think></think>", False)]
)
async def test_sees_whether_the_template_opens_the_reasoning(opening: str, opens: bool) -> None:
    """At the opening, with one small chat that is rendered and never sampled."""
    with TokenServer(opening=opening) as server:
        async with opened(server) as engine:
            assert (await engine.open()).opens_reasoning is opens
            await collect(engine, going_on())
            await collect(engine, going_on())
    assert [path for path, _ in server.asked[:2]] == ["/tokenize", "/detokenize"]
    assert len([path for path, _ in server.asked if path == "/detokenize"]) == 1


UNABLE = {
    "no such path": Fault.status(404),
    "method not allowed": Fault.status(405),
    "another server's parameters": Fault.status(422),
    "another server's answer": Fault.reply({"tokens": []}),
    "no tokens at all": Fault.reply({"detail": "Not Found"}),
    "strings": Fault.reply({"tokens": ["a"]}),
    "a web page": Fault.html(),
    "always broken": Fault.status(500),
}


@pytest.mark.parametrize("path", ["/tokenize", "/detokenize"])
@pytest.mark.parametrize("fault", UNABLE.values(), ids=UNABLE.keys())
async def test_goes_on_in_a_chat_elsewhere(fault: Fault, path: str) -> None:
    """A server that does not tell its tokens is sent the turn so far, and what its template opens stays unknown."""
    with TokenServer(judge=lambda _: ["B"], mishaps={path: [fault] * 3}) as server:
        async with opened(server) as engine:
            assert (await engine.open()).opens_reasoning is None
            [completion] = await collect(engine, going_on())
    assert completion.text == "B"
    [body] = server.requests
    assert body["messages"][-1] == {"role": "assistant", "content": THOUGHT}
    assert (body["add_generation_prompt"], body["continue_final_message"]) == (False, True)
    assert not server.completions()


async def test_a_look_is_tried_again() -> None:
    """One failure at the first look is forgiven."""
    with TokenServer(mishaps={"/tokenize": [Fault.status(503)]}) as server:
        async with opened(server) as engine:
            assert (await engine.open()).opens_reasoning is True


@pytest.mark.parametrize("path", ["/tokenize", "/v1/completions"])
@pytest.mark.parametrize("code", [404, 405])
async def test_a_path_that_is_not_handed_on_is_left_for_good(path: str, code: int) -> None:
    """Where a proxy knows some of the paths only, the chat is used from then on, at no attempt's cost."""
    with TokenServer(judge=lambda _: ["B"]) as server:
        async with opened(server, attempts=1) as engine:
            server.mishaps = {path: [Fault.status(code)]}
            for _ in range(3):
                [completion] = await collect(engine, going_on())
                assert completion.text == "B"
    assert len(server.requests) == 3


async def test_a_refused_chat_is_an_error() -> None:
    """A server that can go on neither way gives EngineRefusedError."""
    with (
        TokenServer(mishaps={"/tokenize": [Fault.status(404)]}, refuse=["continue_final_message"]) as server,
        pytest.raises(EngineRefusedError, match="continue_final_message"),
    ):
        await sampled(server, going_on())
    assert len(server.requests) == 1


async def test_each_server_goes_on_in_its_own_way() -> None:
    """Of several servers each is asked as it can be; what they open is told where all agree."""
    with TokenServer() as exact, WireServer(lambda _: ["B"]) as other, TokenServer(opening=PLAIN) as plain:
        async with opened(exact, other) as engine:
            assert (await engine.open()).opens_reasoning is None
            for place in range(6):
                await collect(engine, going_on(first_index=place))
        async with opened(exact, plain) as engine:
            assert (await engine.open()).opens_reasoning is None
            for place in range(6):
                await collect(engine, going_on("<think>\nHm.", first_index=place))
        async with opened(exact) as engine:
            assert (await engine.open()).opens_reasoning is True
    assert len(exact.prompts) == 6
    assert len(other.requests) == len(plain.prompts) == 3
    assert not exact.requests
    assert exact.prompts[-1] == plain.prompts[-1]


async def test_a_server_that_was_not_looked_at_is_when_it_is_asked() -> None:
    """One that did not answer at the opening goes on from tokens too; what was found out is kept."""
    with TokenServer() as late:
        servers = Servers([late.url], None, Patience(1, 5.0, 5.0, 0.001, 0.01))
        prompts = TokenPrompts(servers, "judge", 5.0)
        for _ in range(2):
            found = await prompts.go_on(servers.all[0], going_on(), Dialect())
            assert [done.text for done in found or ()] == ["so"]
        await servers.aclose()
    assert [path for path, _ in late.asked].count("/detokenize") == 1


async def test_the_key_is_sent_along() -> None:
    """The paths beside /v1 are those of the same server: a key that they want is there."""
    with TokenServer(require_key="sk-right-key") as server:
        assert await sampled(server, going_on(), api_key="sk-right-key")
    assert server.prompts


# What goes wrong.


@pytest.mark.parametrize("path", ["/tokenize", "/v1/completions"])
@pytest.mark.parametrize(
    "fault", [Fault.status(503), Fault.html(), Fault.cut_json(), Fault.reply({"tokens": []}), Fault.drop()]
)
async def test_tries_again(path: str, fault: Fault) -> None:
    """What may pass is tried again, from the beginning, and given up after the attempts."""
    with TokenServer() as server:
        async with opened(server) as engine:
            server.mishaps = {path: [fault] * 2}
            [completion] = await collect(engine, going_on())
            assert completion.text == "so"
            server.mishaps = {path: [fault] * 6}
            with pytest.raises(EngineUnreachableError, match="6 attempts"):
                await collect(engine, going_on())
    assert not server.requests


@pytest.mark.parametrize(
    "choices", [[], ["x"], [{}], [{"text": 7}], [{"text": "x", "logprobs": {"tokens": ["x"]}}]], ids=str
)
async def test_a_malformed_answer_is_tried_again(choices: list[Any]) -> None:
    """An answer that holds no completions is no answer."""
    with TokenServer(mishaps={"/v1/completions": [Fault.reply({"choices": choices})]}) as server:
        [completion] = await sampled(server, going_on(logprobs=1))
    assert completion.text == "so"


@pytest.mark.parametrize("path", ["/tokenize", "/v1/completions"])
async def test_a_refusal_is_not_repeated(path: str) -> None:
    """A template that refuses the messages, or a server the request, is asked once, and named."""
    with TokenServer() as server:
        async with opened(server) as engine:
            server.mishaps = {path: [Fault.status(400, "roles must alternate")]}
            with pytest.raises(EngineRefusedError, match="roles must alternate"):
                await collect(engine, going_on())
    assert not server.requests


async def test_half_a_character_is_named() -> None:
    """Text that UTF-8 can't carry is a ContestError, and no sample is asked for."""
    with (
        TokenServer() as server,
        pytest.raises(ContestError, match=r"the assistant text holds '\\udc80' at character 2"),
    ):
        await sampled(server, going_on("ab\udc80"))
    assert not server.completions()


async def test_what_does_not_fit() -> None:
    """A prompt that is too long says so, and an answer that is gets the room there is."""
    overflow = (
        "This model's maximum context length is 4096 tokens. However, you requested 200 output tokens and your prompt "
        "contains 4000 input tokens."
    )
    with TokenServer(max_model_len=10) as server, pytest.raises(PromptTooLongError):
        await sampled(server, going_on())
    with TokenServer(mishaps={"/v1/completions": [Fault.status(400, overflow)]}) as server:
        await sampled(server, going_on(sampling=Sampling(200, 0.0)), attempts=1)
    assert [body["max_tokens"] for body in server.completions()] == [200, 96]


@pytest.mark.parametrize("name", ["seed", "top_p", "temperature", "logprobs"])
async def test_a_refused_parameter_is_dropped(name: str) -> None:
    """As in a chat, and remembered for both."""
    with TokenServer(refuse=[name]) as server:
        async with opened(server, attempts=1) as engine:
            await collect(engine, going_on(logprobs=1))
            await collect(engine, a_request(logprobs=1))
    assert [name in body for body in server.completions()] == [True, False]
    assert [name in body for body in server.requests] == [False]


async def test_a_chats_own_names_stay_there() -> None:
    """A server whose chat wants max_completion_tokens gets max_tokens with a prompt of tokens."""
    with TokenServer(faults=[Fault.status(400, "Unsupported parameter: 'max_tokens'", param="max_tokens")]) as server:
        async with opened(server) as engine:
            await collect(engine, a_request())
            await collect(engine, going_on())
    assert [sorted({"max_tokens", "max_completion_tokens"} & body.keys()) for body in server.completions()] == [
        ["max_tokens"]
    ]


async def test_samples_are_asked_one_by_one() -> None:
    """Where n is refused each sample has the seed that it would have had."""
    request = going_on(n=3)
    with TokenServer(lambda body, _: [str(body["seed"])], refuse=["n"]) as server:
        completions = await sampled(server, replace(request, sampling=Sampling(100, 0.6)))
    assert [done.text for done in completions] == [str(request.sample_seed + place) for place in range(3)]


# What it is for.


CUT = {"message": {"content": None, "reasoning_content": "thinking"}, "finish_reason": "length"}


async def test_a_budget_ends_in_a_verdict() -> None:
    """A judge whose template opens the reasoning, and whose reasoning is cut, is made to choose behind all it has said."""
    rules = Rules(load_prompt("skywork_pairwise"), Sampling(100, 0.6), reasoning_open=True, think_budget=8)
    with TokenServer(
        lambda body, _: [body["structured_outputs"]["choice"][1]],
        faults=[Fault.reply({"choices": [CUT]})],
        refuse=["continue_final_message"],
    ) as server:
        async with opened(server) as engine:
            [opinion] = await opinions(engine, poll(Case("query", ("answer one", "answer two")), (0, 1), rules, 1))
    assert (opinion.vote, opinion.forced) == (Vote.SECOND, True)
    [prompt] = server.prompts
    assert prompt.endswith("<assistant><think>\nthinking\n</think>\n\n\\boxed{Assistant ")


async def opinions(engine: OpenAIEngine, asking: Any) -> Sequence[Opinion]:
    """What comes of a poll."""
    wave = next(asking)
    try:
        while True:
            found = [await collect(engine, request) for request in wave]
            wave = asking.send([done for part in found for done in part])
    except StopIteration as end:
        return end.value.opinions
