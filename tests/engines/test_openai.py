"""The engine for OpenAI-compatible servers, over a real wire: each test's docstring is what is promised."""

import asyncio
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import stamina
import stamina.instrumentation

from rrm.engines.chat import overflow_of
from rrm.engines.openai import OpenAIEngine
from rrm.errors import (
    ContestError,
    EngineClosedError,
    EngineRefusedError,
    EngineUnreachableError,
    InputError,
    PromptTooLongError,
)
from rrm.types import Completion, Message, SampleRequest, Sampling
from tests.laws.engine_laws import a_request, collect
from tests.wire import Body, Fault, WireServer

QUICK: dict[str, Any] = {"wait_initial": 0.001, "wait_max": 0.01}


@asynccontextmanager
async def opened(*servers: WireServer, **options: Any) -> AsyncIterator[OpenAIEngine]:
    engine = OpenAIEngine([server.url for server in servers], **(QUICK | options))
    try:
        await engine.open()
        yield engine
    finally:
        await engine.aclose()


async def sampled(server: WireServer, request: SampleRequest | None = None, **options: Any) -> list[Completion]:
    async with opened(server, **options) as engine:
        return await collect(engine, request or a_request())


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.005)


def seeded(body: Body) -> list[str]:
    """Each sample tells its own seed."""
    return [str(body.get("seed", 0) + place) for place in range(body.get("n", 1))]


def answering(message: str | dict[str, Any]) -> Callable[[Body], list[str | dict[str, Any]]]:
    return lambda body: [message] * body.get("n", 1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# What is asked.


async def test_sends_every_sampling_parameter() -> None:
    """The body holds the messages, n, the sample's seed, temperature, top_p, max_tokens and the logprobs asked for."""
    request = a_request(n=3, first_index=2, sampling=Sampling(77, 0.6, 0.9), logprobs=5)
    with WireServer() as server:
        await sampled(server, request)
    assert server.requests == [
        {
            "model": "judge",
            "messages": [{"role": role, "content": content} for role, content in request.messages],
            "n": 3,
            "seed": request.sample_seed,
            "temperature": 0.6,
            "top_p": 0.9,
            "max_tokens": 77,
            "logprobs": True,
            "top_logprobs": 5,
        }
    ]


async def test_reads_logprobs() -> None:
    """A sample's logprobs carry each token and its alternatives."""
    with WireServer(answering("good")) as server:
        [completion] = await sampled(server, a_request(logprobs=2))
    [token] = completion.logprobs
    assert (token.token, token.logprob) == ("good", -0.25)
    assert token.top == (("good", -0.25), ("other", -1.5))


async def test_usage_stands_on_the_first_completion() -> None:
    """Prompt, cached and completion tokens of a response stand on its first completion and on no other."""
    with WireServer(answering("x" * 40), cached_tokens=3) as server:
        first, *others = await sampled(server, a_request(n=3))
    assert first.prompt_tokens > 0
    assert (first.cached_tokens, first.completion_tokens) == (3, 30)
    assert {(other.prompt_tokens, other.cached_tokens, other.completion_tokens) for other in others} == {(0, 0, 0)}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "B", "reasoning_content": "why"}, "<think>\nwhy\n</think>\n\nB"),
        ({"content": "B", "reasoning": "why"}, "<think>\nwhy\n</think>\n\nB"),
        ({"content": None, "reasoning": "why"}, "<think>\nwhy"),
        ({"content": "", "reasoning_content": "why"}, "<think>\nwhy"),
        ({"content": "B", "reasoning": None, "reasoning_content": ""}, "B"),
        ({"content": None}, ""),
        ({"content": [{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]}, "in parts"),
    ],
)
async def test_puts_reasoning_back_in_front(message: dict[str, Any], text: str) -> None:
    """Reasoning that a server took out stands in front again, and stays open where no answer followed it."""
    with WireServer(answering(message)) as server:
        [completion] = await sampled(server)
    assert completion.text == text


async def test_says_what_was_cut() -> None:
    """A finish reason of "length" is kept, and any other is "stop"."""
    message = {"role": "assistant", "content": "x"}
    with WireServer() as server:
        for reason, expected in (("length", "length"), ("content_filter", "stop"), (None, "stop")):
            server.faults = [Fault.reply({"choices": [{"message": message, "finish_reason": reason}]})]
            [completion] = await sampled(server)
            assert completion.finish_reason == expected


async def test_goes_on_from_a_partial_answer() -> None:
    """A continuation is sent as the assistant's open turn, choices as a structured output, and the choice comes back bare."""
    request = a_request(continuation="Hm.\n</think>\n\n", choices=("A", "B"))
    with WireServer(answering("B")) as server:
        [completion] = await sampled(server, request)
    [body] = server.requests
    assert body["messages"][-1] == {"role": "assistant", "content": "Hm.\n</think>\n\n"}
    assert (body["add_generation_prompt"], body["continue_final_message"]) == (False, True)
    assert body["structured_outputs"] == {"choice": ["A", "B"]}
    assert completion.text == "B"


@pytest.mark.parametrize("message", [{"content": None, "reasoning": "B"}, {"content": " B\n"}])
async def test_a_choice_is_found_wherever_the_server_put_it(message: dict[str, Any]) -> None:
    """A forced label that a reasoning parser took for reasoning, or that came with spaces, is still that label."""
    with WireServer(answering(message)) as server:
        [completion] = await sampled(server, a_request(continuation="Hm.", choices=("A", "B")))
    assert completion.text == "B"


async def test_a_refused_continuation_is_an_error() -> None:
    """A server that can't go on from a partial answer gives EngineRefusedError, and is asked once."""
    with (
        WireServer(refuse=["continue_final_message"]) as server,
        pytest.raises(EngineRefusedError, match="continue_final_message"),
    ):
        await sampled(server, a_request(continuation="Hm."))
    assert len(server.requests) == 1


async def test_half_a_character_is_named() -> None:
    """Text that UTF-8 can't carry is a ContestError that says where it stands, and nothing is sent."""
    request = SampleRequest(a_request().case, (Message("user", "ab\udc80c"),), Sampling(8, 0.0))
    with WireServer() as server, pytest.raises(ContestError, match=r"the user text holds '\\udc80' at character 2"):
        await sampled(server, request)
    assert not server.requests


# Trying again.

PASSING = {
    "500": Fault.status(500),
    "503": Fault.status(503),
    "408": Fault.status(408),
    "409": Fault.status(409),
    "425": Fault.status(425),
    "429": Fault.status(429),
    "web page": Fault.html(),
    "bad gateway": Fault.html(502),
    "cut JSON": Fault.cut_json(),
    "no choices": Fault.reply({"error": {"message": "upstream"}}),
    "empty choices": Fault.reply({"choices": []}),
    "odd choices": Fault.reply({"choices": ["x"]}),
    "odd content": Fault.reply({"choices": [{"message": {"content": 7}}]}),
    "a list": Fault.reply([]),
    "drop": Fault.drop(),
    "drop in the middle": Fault.drop_mid_body(),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
async def test_tries_again_after(fault: Fault) -> None:
    """What may pass is tried again, with the same body."""
    with WireServer(faults=[fault, fault]) as server:
        [completion] = await sampled(server)
    assert completion.text
    assert len(server.requests) == 3
    assert server.requests[0] == server.requests[1] == server.requests[2]


async def test_tries_again_after_a_timeout() -> None:
    """A request that takes longer than `timeout` is dropped and tried again."""
    with WireServer(faults=[Fault.hang()]) as server:
        assert await sampled(server, timeout=0.1)
        await until(lambda: server.disconnects == 1)


async def test_gives_up_after_the_attempts() -> None:
    """When the attempts are used up the error names the address, their number and the last failure."""
    with (
        WireServer(faults=[Fault.status(500)] * 5 + [Fault.status(503, "overloaded")]) as server,
        pytest.raises(EngineUnreachableError) as error,
    ):
        await sampled(server)
    assert len(server.requests) == 6
    for part in (server.url, "6 attempts", "503", "overloaded"):
        assert part in str(error.value)


async def test_retries_are_no_news(caplog: pytest.LogCaptureFixture) -> None:
    """Retries are not logged by stamina, which stays active for the rest of the program."""
    with WireServer(faults=[Fault.status(500)] * 2) as server:
        await sampled(server)
    assert not warnings_in(caplog)
    assert stamina.is_active()


async def test_the_programs_own_retries_are_still_reported(caplog: pytest.LogCaptureFixture) -> None:
    """Stamina's log of retries that are not the engine's is left as it was."""
    with WireServer() as server:
        await sampled(server)
    tries = []

    @stamina.retry(on=KeyError, wait_initial=0, wait_jitter=0)
    def flaky() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise KeyError

    flaky()
    assert warnings_in(caplog) == ["stamina.retry_scheduled"]


def http_date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("retry_after", ["0", http_date(-5)], ids=["seconds", "date"])
async def test_retry_after_nothing(retry_after: str) -> None:
    """Retry-After of 0, or a moment gone by, is followed in place of the exponential wait."""
    with WireServer(faults=[Fault.status(429, retry_after=retry_after)] * 2) as server:
        began = time.monotonic()
        await sampled(server, wait_initial=5.0, wait_max=5.0)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("retry_after", [lambda: "0.4", lambda: http_date(2)], ids=["seconds", "date"])
async def test_retry_after_some_time(retry_after: Callable[[], str]) -> None:
    """Retry-After is waited for, whether seconds or a date."""
    with WireServer(faults=[Fault.status(503, retry_after=retry_after())]) as server:
        began = time.monotonic()
        await sampled(server)
    assert 0.35 < time.monotonic() - began < 4


async def test_a_senseless_retry_after_is_ignored() -> None:
    """A Retry-After that is neither a number nor a date leaves the exponential wait."""
    with WireServer(faults=[Fault.status(503, retry_after="soon")]) as server:
        assert await sampled(server)


# Refusals.


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 418, 422, 307])
async def test_a_refusal_is_not_repeated(code: int) -> None:
    """What can't succeed is asked once; the error names the status, the address and the server's message."""
    with (
        WireServer(faults=[Fault.status(code, "the server's own words")]) as server,
        pytest.raises(EngineRefusedError) as error,
    ):
        await sampled(server)
    assert len(server.requests) == 1
    for part in (str(code), server.url, "the server's own words"):
        assert part in str(error.value)


async def test_an_empty_account_is_not_asked_again() -> None:
    """A 429 that says that the quota is used up is a refusal."""
    reply = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    with WireServer(faults=[Fault.reply(reply, 429)]) as server, pytest.raises(EngineRefusedError, match="quota"):
        await sampled(server)


async def test_an_unknown_model_names_those_that_are_listed() -> None:
    """A 404 names the models that the server lists."""
    with WireServer(models=["RRM-7B", "RRM-32B"]) as server, pytest.raises(EngineRefusedError, match="RRM-7B, RRM-32B"):
        await sampled(server, model="RRM-70B")


async def test_a_model_that_is_not_listed_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """A named model that is not listed gives a warning with near names, and is asked for all the same."""
    with WireServer(models=["RRM-7B", "other"]) as server:
        server.faults = [Fault.reply({"choices": [{"message": {"content": "alias"}}]})]
        [completion] = await sampled(server, model="RRM-7b")
    assert completion.text == "alias"
    assert "RRM-7B" in warnings_in(caplog)[0]


@pytest.mark.parametrize("key", [None, "sk-wrong-key"])
async def test_a_wrong_key_names_its_variable_and_never_itself(
    key: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """A 401 is known at `open`; the error names the variable to set, and no message or log holds the key."""
    caplog.set_level(logging.DEBUG)
    with WireServer(require_key="sk-right-key") as server, pytest.raises(EngineRefusedError) as error:
        await sampled(server, api_key=key, api_key_env="MY_JUDGE_KEY")
    assert "MY_JUDGE_KEY" in str(error.value)
    assert "401" in str(error.value)
    assert "sk-" not in str(error.value) + caplog.text


async def test_the_right_key_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    """The key goes into the Authorization header, and without a key there is none."""
    caplog.set_level(logging.DEBUG)
    with WireServer(require_key="sk-right-key") as server:
        await sampled(server, api_key="sk-right-key\n")
        server.require_key = None
        await sampled(server)
    assert [headers.get("authorization") for headers in server.headers] == ["Bearer sk-right-key", None]
    assert "sk-right-key" not in caplog.text


TOO_LONG = {
    "vllm": (
        (
            "This model's maximum context length is 4096 tokens. However, your prompt contains at least 5000 input tokens, "
            "which exceeds this limit even without any output tokens. Please reduce the length of the input prompt."
        ),
        (5000, 4096),
    ),
    "vllm, by its characters": (
        (
            "This model's maximum context length is 4096 tokens. However, your prompt contains 99999 characters (more than "
            "32768 characters, which is the upper bound for 4090 input tokens). Please reduce the length."
        ),
        (None, 4096),
    ),
    "vllm engine": ("The decoder prompt (length 5000) is longer than the maximum model length of 4096.", (5000, 4096)),
    "vllm server": ("Input length (5000) exceeds model's maximum context length (4096).", (5000, 4096)),
    "openai": (
        (
            "This model's maximum context length is 4096 tokens. However, you requested 6000 tokens (5000 in the messages, "
            "1000 in the completion). Please reduce the length of the messages or completion."
        ),
        (5000, 4096),
    ),
    "openai, newer": (
        "This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens.",
        (5000, 4096),
    ),
    "openai, newest": (
        "Input tokens exceed the configured limit of 4096 tokens. Your messages resulted in 5000 tokens.",
        (5000, 4096),
    ),
    "sglang": (
        "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
        (5000, 4096),
    ),
    "llama.cpp": (
        "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
        (5000, 4096),
    ),
    "gateway": ("prompt is too long: 5000 tokens > 4096 maximum", (5000, 4096)),
    "no numbers": ("the request exceeds the available context size", (None, None)),
}


@pytest.mark.parametrize(("message", "numbers"), TOO_LONG.values(), ids=TOO_LONG.keys())
async def test_a_prompt_that_is_too_long(message: str, numbers: tuple[int | None, int | None]) -> None:
    """A 400 about the context is PromptTooLongError with the numbers that the message holds."""
    with WireServer(faults=[Fault.status(400, message)]) as server, pytest.raises(PromptTooLongError) as error:
        await sampled(server)
    assert error.value.args == numbers
    assert len(server.requests) == 1


def test_other_refusals_say_nothing_of_the_context() -> None:
    """A message about something else is not taken for one about the context."""
    assert overflow_of("max_tokens must be at least 1, got 0.") is None


async def test_an_answer_that_does_not_fit_is_asked_shorter() -> None:
    """Where the prompt fits and max_tokens does not, what room is left is asked for."""
    message = (
        "'max_tokens' or 'max_completion_tokens' is too large: 9000. This model's maximum context length is 4096 tokens "
        "and your request has 4000 input tokens (9000 > 4096 - 4000)."
    )
    with WireServer(faults=[Fault.status(400, message, param="max_tokens")]) as server:
        assert await sampled(server, a_request(sampling=Sampling(9000, 0.0)), attempts=1)
    assert [body["max_tokens"] for body in server.requests] == [9000, 96]


# What servers do not understand.


@pytest.mark.parametrize("name", ["seed", "top_p", "temperature", "logprobs", "top_logprobs"])
async def test_a_refused_parameter_is_dropped(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """A parameter that a server refuses is dropped for good, at no attempt's cost, and that is said once."""
    with WireServer(refuse=[name]) as server:
        async with opened(server, attempts=1) as engine:
            for _ in range(3):
                await collect(engine, a_request(logprobs=1))
    assert [name in body for body in server.requests] == [True, False, False, False]
    assert len(warnings_in(caplog)) == 1
    assert name in warnings_in(caplog)[0]


async def test_a_refused_seed_costs_reproducibility(caplog: pytest.LogCaptureFixture) -> None:
    """Without a seed the warning says that samples are not reproducible."""
    with WireServer(refuse=["seed"]) as server:
        await sampled(server)
    assert "not reproducible" in warnings_in(caplog)[0]


async def test_max_tokens_is_renamed(caplog: pytest.LogCaptureFixture) -> None:
    """A server that refuses max_tokens gets max_completion_tokens from then on."""
    message = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    )
    with WireServer(refuse=["max_tokens"], faults=[Fault.status(400, message)]) as server:
        async with opened(server, attempts=1) as engine:
            for _ in range(2):
                await collect(engine, a_request())
    assert [body.get("max_completion_tokens") for body in server.requests] == [None, 16, 16]
    assert "max_tokens" not in server.requests[-1]
    assert len(warnings_in(caplog)) == 1


async def test_a_longest_answer_is_remembered(caplog: pytest.LogCaptureFixture) -> None:
    """A server's limit on the length of an answer is kept to from then on."""
    message = "max_tokens is too large: 9000. This model supports at most 4096 completion tokens."
    with WireServer(faults=[Fault.status(400, message, param="max_tokens")]) as server:
        async with opened(server) as engine:
            for _ in range(2):
                await collect(engine, a_request(sampling=Sampling(9000, 0.0)))
    assert [body["max_tokens"] for body in server.requests] == [9000, 4096, 4096]
    assert len(warnings_in(caplog)) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        Fault.status(400, "n must be 1"),
        Fault.status(400, "`n` > 1 is not supported"),
        Fault.reply({"detail": [{"loc": ["body", "n"], "msg": "Extra inputs are not permitted"}]}, 422),
    ],
    ids=["words", "quoted", "FastAPI"],
)
async def test_a_parameter_is_recognised_in_the_text(refusal: Fault) -> None:
    """A refusal without `param` is understood by its words, or by FastAPI's location."""
    with WireServer(seeded, faults=[refusal]) as server:
        completions = await sampled(server, a_request(n=2), attempts=1)
    assert len(completions) == 2
    assert ["n" in body for body in server.requests] == [True, False, False]


async def test_a_hopeless_refusal_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A parameter dropped in vain is sent again with the next request."""
    with WireServer(faults=[Fault.status(400, "bad seed or weather")] * 2) as server:
        async with opened(server) as engine:
            with pytest.raises(EngineRefusedError):
                await collect(engine, a_request())
            await collect(engine, a_request())
    assert ["seed" in body for body in server.requests] == [True, False, True]
    assert not warnings_in(caplog)


def seeds_of(request: SampleRequest) -> list[int]:
    return [request.sample_seed + place for place in range(request.n)]


@pytest.mark.parametrize("switch", [{"refuse": ["n"]}, {"ignore_n": True}], ids=["refused", "ignored"])
async def test_samples_are_asked_one_by_one(switch: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """Where n is refused or ignored each sample is asked for with its own seed, at once, remembered and said once."""
    request = a_request(n=5, first_index=3)
    with WireServer(seeded, latency=0.05, **switch) as server:
        async with opened(server, attempts=1) as engine:
            completions = await collect(engine, request)
            already = len(server.requests)
            assert len(await collect(engine, request)) == 5
    assert [completion.text for completion in completions] == [str(seed) for seed in seeds_of(request)]
    assert [completion.index for completion in completions] == [3, 4, 5, 6, 7]
    assert [completion.prompt_tokens > 0 for completion in completions] == [True] + [False] * 4
    assert server.peak >= 4
    assert all("n" not in body for body in server.requests[already:])
    assert len(warnings_in(caplog)) == 1


@pytest.mark.parametrize("given", [1, 2, 3])
async def test_the_rest_is_asked_for(given: int) -> None:
    """Where fewer choices come than were asked for, the missing ones are asked for with their seeds."""
    request = a_request(n=4)
    with WireServer(seeded, faults=[Fault.fewer(given)]) as server:
        completions = await sampled(server, request)
    assert [completion.text for completion in completions] == [str(seed) for seed in seeds_of(request)]
    assert sorted(body["seed"] for body in server.requests[1:]) == seeds_of(request)[given:]


async def test_too_many_choices_are_cut() -> None:
    """Where more choices come than were asked for, n are taken, in the server's order."""
    choices = [{"index": place, "message": {"content": str(place)}} for place in (3, 1, 0, 2)]
    with WireServer(faults=[Fault.reply({"choices": choices})]) as server:
        completions = await sampled(server, a_request(n=2))
    assert [completion.text for completion in completions] == ["0", "1"]


async def test_ignored_logprobs_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """An answer without the logprobs that were asked for is used, and that is said once."""
    reply = Fault.reply({"choices": [{"message": {"content": "x"}}]})
    with WireServer(faults=[reply, reply]) as server:
        async with opened(server) as engine:
            for _ in range(2):
                [completion] = await collect(engine, a_request(logprobs=1))
    assert completion.logprobs == ()
    assert len(warnings_in(caplog)) == 1
    assert "logprobs" in warnings_in(caplog)[0]


async def test_each_server_has_its_own_dialect() -> None:
    """What one server refuses is still sent to the others."""
    with WireServer(refuse=["seed"]) as poor, WireServer() as rich:
        async with opened(poor, rich) as engine:
            for _ in range(4):
                await collect(engine, a_request())
    assert all("seed" in body for body in rich.requests)
    assert ["seed" in body for body in poor.requests] == [True, False, False]


# Opening.


async def test_takes_the_first_model_listed() -> None:
    """Without a name the first model listed is asked, and its context is reported."""
    with WireServer(models=["first", "second"], max_model_len=4096) as server:
        async with opened(server, concurrency=7) as engine:
            info = await engine.open()
            await collect(engine, a_request())
    assert (info.engine, info.model, info.slots, info.max_context) == ("openai", "first", 7, 4096)
    assert (info.special_tokens, info.opens_reasoning) == (None, None)
    assert server.requests[0]["model"] == "first"
    assert server.probes == 1


async def test_a_path_is_not_reported() -> None:
    """A server that calls its model by a folder is asked by that name, and results get the folder's own name."""
    with WireServer(models=["/srv/models/RRM-7B/"]) as server:
        async with opened(server) as engine:
            assert (await engine.open()).model == "RRM-7B"
            assert await collect(engine, a_request())


async def test_no_list_needs_a_name() -> None:
    """A server that lists no models is accepted where the model is named, and else that is asked for."""
    with WireServer(no_models=True) as server:
        assert await sampled(server, model="judge")
        with pytest.raises(InputError, match="name the model"):
            await sampled(server)


async def test_a_rate_limit_at_the_probe_is_a_sign_of_life() -> None:
    """A server that answers the probe with 429 is alive."""
    with WireServer(model_faults=[Fault.status(429)] * 3) as server:
        assert await sampled(server, model="judge")


async def test_a_probe_is_tried_again() -> None:
    """One failure at the probe is forgiven."""
    with WireServer(model_faults=[Fault.drop()]) as server:
        assert await sampled(server)


async def test_a_refused_connection_is_known_quickly() -> None:
    """A server that is down is known in a few seconds with the default waits, and named."""
    url = f"http://127.0.0.1:{free_port()}/v1"
    began = time.monotonic()
    with pytest.raises(EngineUnreachableError, match=url):
        await OpenAIEngine(url).open()
    assert time.monotonic() - began < 5


async def test_a_server_that_hangs_is_known_in_time() -> None:
    """A server that accepts and never answers is known after `probe_timeout`."""
    with (
        WireServer(model_faults=[Fault.hang()]) as server,
        pytest.raises(EngineUnreachableError, match=r"no answer within 0\.2 s"),
    ):
        await sampled(server, probe_timeout=0.2)


async def test_a_web_page_is_no_engine() -> None:
    """A server whose list of models is no JSON is not taken for an engine."""
    with (
        WireServer(model_faults=[Fault.html()] * 3) as server,
        pytest.raises(EngineUnreachableError, match="not with JSON"),
    ):
        await sampled(server)


async def test_opening_again_after_a_failure() -> None:
    """An engine whose server was down can be opened when it is up."""
    port = free_port()
    engine = OpenAIEngine(f"http://127.0.0.1:{port}/v1", **QUICK)
    with pytest.raises(EngineUnreachableError):
        await engine.open()
    with WireServer(port=port):
        assert len(await collect(engine, a_request())) == 1
        await engine.aclose()


BAD_ARGUMENTS: Sequence[tuple[Any, dict[str, Any]]] = [
    ("localhost:8000/v1", {}),
    ("ftp://host/v1", {}),
    ("http://", {}),
    ("http://host:port/v1", {}),
    ([], {}),
    ("http://host/v1", {"concurrency": 0}),
    ("http://host/v1", {"attempts": 0}),
    ("http://host/v1", {"timeout": 0}),
    ("http://host/v1", {"wait_initial": -1}),
    ("http://host/v1", {"wait_initial": 5, "wait_max": 1}),
    ("http://host/v1", {"model": ""}),
    ("http://host/v1?key=sk-secret", {}),
    ("http://user:sk-secret@host/v1", {}),
    ("http://user:sk-secret@host:port/v1", {}),
    ("http://host/v1", {"api_key": "sk-secret\nX: y"}),
]


@pytest.mark.parametrize(("base_url", "options"), BAD_ARGUMENTS)
def test_bad_arguments(base_url: Any, options: dict[str, Any]) -> None:
    """Arguments that can't work are refused when the engine is made, without quoting a key."""
    with pytest.raises(InputError) as error:
        OpenAIEngine(base_url, **options)
    assert "sk-secret" not in str(error.value)


# Several servers.


async def test_the_load_is_spread() -> None:
    """Requests go to the server with the least in flight, and in turn where that is equal."""
    with WireServer(latency=0.03) as one, WireServer(latency=0.03) as two:
        async with opened(one, two) as engine:
            await asyncio.gather(*(collect(engine, a_request(str(place))) for place in range(20)))
    assert (len(one.requests), len(two.requests)) == (10, 10)


async def test_a_retry_prefers_another_server() -> None:
    """What fails on one server is asked of the other at once, whatever the first one's Retry-After."""
    with WireServer(faults=[Fault.status(503, retry_after="60")] * 9) as bad, WireServer() as good:
        async with opened(bad, good, wait_initial=5.0, wait_max=5.0) as engine:
            began = time.monotonic()
            for place in range(6):
                await collect(engine, a_request(str(place)))
            assert time.monotonic() - began < 2
    assert len(bad.requests) == 1
    assert len(good.requests) == 6


async def test_dead_servers_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """A server that is dead at the probe is named in a warning, and the others are used."""
    dead = f"http://127.0.0.1:{free_port()}/v1"
    with WireServer() as alive:
        engine = OpenAIEngine([dead, alive.url], **QUICK)
        for place in range(3):
            await collect(engine, a_request(str(place)))
        await engine.aclose()
    assert len(alive.requests) == 3
    assert len(warnings_in(caplog)) == 1
    assert dead in warnings_in(caplog)[0]


async def test_all_dead() -> None:
    """Where no server is alive the error names each."""
    urls = [f"http://127.0.0.1:{free_port()}/v1" for _ in range(2)]
    with pytest.raises(EngineUnreachableError) as error:
        await OpenAIEngine(urls, **QUICK).open()
    assert all(url in str(error.value) for url in urls)


async def test_a_server_that_rested_is_asked_again() -> None:
    """A server that failed is asked again after a while."""
    with WireServer(faults=[Fault.status(500)]) as one, WireServer() as two:
        async with opened(one, two) as engine:
            for place in range(10):
                await collect(engine, a_request(str(place)))
                await asyncio.sleep(0.005)
    assert len(one.requests) > 1


# Concurrency, cancelling, closing.


async def test_concurrency_counts_samples() -> None:
    """At most `concurrency` samples are in flight, and a request for more than that goes alone."""
    with WireServer(latency=0.02) as server:
        async with opened(server, concurrency=4) as engine:
            await asyncio.gather(*(collect(engine, a_request(str(place), n=2)) for place in range(8)))
            assert server.peak == 2
            server.peak = 0
            await asyncio.gather(*(collect(engine, a_request(str(place), n=9)) for place in range(3)))
            assert server.peak == 1


async def test_first_come_first_served() -> None:
    """Requests are sent in the order in which they came, large ones included."""
    with WireServer(latency=0.01) as server:
        async with opened(server, concurrency=2) as engine:
            requests = [a_request(str(place), n=1 + place % 2) for place in range(8)]
            await asyncio.gather(*(collect(engine, request) for request in requests))
    assert [body["seed"] for body in server.requests] == [request.sample_seed for request in requests]


async def test_cancelling_closes_the_request() -> None:
    """Cancelling drops the HTTP request, which the server sees, and frees the slot."""
    with WireServer(faults=[Fault.hang()]) as server:
        async with opened(server, concurrency=1) as engine:
            doomed = asyncio.create_task(collect(engine, a_request()))
            await until(lambda: server.in_flight)
            doomed.cancel()
            with pytest.raises(asyncio.CancelledError):
                await doomed
            await until(lambda: server.disconnects == 1)
            assert engine.unfinished == 0
            assert await collect(engine, a_request())


async def test_cancelling_the_wait_for_a_slot() -> None:
    """A request that is cancelled while it waits its turn sends nothing and takes no slot with it."""
    with WireServer(latency=0.05) as server:
        async with opened(server, concurrency=2) as engine:
            running = asyncio.create_task(collect(engine, a_request("a")))
            await until(lambda: server.in_flight)
            waiting = asyncio.create_task(collect(engine, a_request("b", n=2)))
            await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await running
            await collect(engine, a_request("c", n=2))
    assert len(server.requests) == 2


async def test_closing_ends_a_wait_for_the_next_attempt() -> None:
    """A request that waits to be tried again ends with EngineClosedError at once."""
    with WireServer(faults=[Fault.status(503, retry_after="60")]) as server:
        async with opened(server) as engine:
            waiting = asyncio.create_task(collect(engine, a_request()))
            await until(lambda: server.requests and not server.in_flight)
            await asyncio.sleep(0.02)
            await engine.aclose()
            with pytest.raises(EngineClosedError):
                await asyncio.wait_for(waiting, 1)


async def test_closing_ends_an_opening() -> None:
    """An `open` that waits for a silent server ends with EngineClosedError."""
    with WireServer(model_faults=[Fault.hang()]) as server:
        engine = OpenAIEngine(server.url)
        opening = asyncio.create_task(engine.open())
        await until(lambda: server.probes)
        await engine.aclose()
        with pytest.raises(EngineClosedError):
            await asyncio.wait_for(opening, 1)


async def test_one_cancelled_opener_leaves_the_other() -> None:
    """Cancelling the call of `open` that does the work leaves the other callers their engine."""
    with WireServer(model_faults=[Fault.hang()]) as server:
        engine = OpenAIEngine(server.url)
        first, second = (asyncio.create_task(engine.open()) for _ in range(2))
        await until(lambda: server.probes)
        first.cancel()
        assert (await second).model == "judge"
        await engine.aclose()


async def test_what_is_sent_is_json_in_utf8() -> None:
    """Text in any script arrives as it was."""
    text = "naïve 漢字 🦜 \x00 {{ }} </think>"
    request = SampleRequest(a_request().case, (Message("user", text),), Sampling(8, 0.0))
    with WireServer(lambda body: [json.dumps(body["messages"][0]["content"])]) as server:
        await sampled(server, request)
    assert server.requests[0]["messages"] == [{"role": "user", "content": text}]
