"""Which log-probabilities engines keep and ask for, and how a script tells them."""

import asyncio
import math
from dataclasses import replace

import pytest

from rrm.engines.chat import Dialect, adapted, body_of, read_reply
from rrm.engines.logprobs import KEPT, kept
from rrm.engines.scripted import ScriptedEngine, Spoken, answering, leaning
from rrm.judging.readout import chosen_probability
from rrm.judging.verdicts import read
from rrm.promptfiles import load_prompt
from rrm.types import SampleRequest, TokenLogprob, Vote
from tests.laws.engine_laws import a_request


def test_the_first_and_the_last_tokens_are_kept():
    numbers = list(range(1000))
    assert list(kept(numbers)) == [*range(8), *range(976, 1000)]
    assert list(kept(numbers[:KEPT])) == numbers[:KEPT]


def test_what_is_kept_may_go_on():
    """As it is kept of the whole."""
    so_far: list[int] = []
    for number in range(500):
        so_far = [*kept(so_far), number]
    assert list(kept(so_far)) == list(kept(range(500)))


def test_a_long_reply_keeps_few():
    content = [{"token": str(at), "logprob": -0.1, "top_logprobs": []} for at in range(300)]
    reply = {"choices": [{"message": {"content": "x"}, "logprobs": {"content": content}}]}
    (completion,) = read_reply(reply, a_request(logprobs=20))
    assert [token.token for token in completion.logprobs] == [str(at) for at in (*range(8), *range(276, 300))]


@pytest.mark.parametrize(
    ("message", "most"),
    [
        ("Requested sample logprobs of 20, which is greater than max allowed: 5", 5),
        ("Invalid value for 'top_logprobs': must be less than or equal to 5.", 5),
        ("top_logprobs must be between 0 and 8, got 20", 8),
        ("top_logprobs: at most 10 are supported", 10),
        ("top_logprobs must be <= 5", 5),
        ("top_logprobs must be in [0, 5]", 5),
    ],
)
def test_a_server_that_reports_fewer_is_asked_for_fewer(message, most):
    request = a_request(logprobs=20)
    other = adapted(Dialect(), request, None, message)
    assert other == Dialect(most_logprobs=most)
    assert f'"top_logprobs": {most}'.encode() in body_of(request, "m", other)
    assert list(other.news(Dialect())) == [f"reports at most {most} alternatives to a token: no more are asked for"]
    # The same refusal again is one of the parameter itself.
    again = adapted(other, request, None, message)
    assert again is not None
    assert again.dropped
    assert other.merged(Dialect(most_logprobs=most - 1)) == Dialect(most_logprobs=most - 1)


def test_a_limit_that_is_none_drops_the_parameter():
    assert adapted(Dialect(), a_request(logprobs=20), None, "top_logprobs is not supported") == Dialect(
        dropped=frozenset({"top_logprobs"})
    )


def sampled(script, request: SampleRequest):
    async def collect():
        return [one async for one in ScriptedEngine(script).sample(request)]

    return asyncio.run(collect())


def test_a_script_says_how_likely_its_votes_are():
    request = a_request(n=400, logprobs=20)
    grammar = load_prompt("skywork_pairwise").grammar
    readings = [read(one.text, grammar, logprobs=one.logprobs) for one in sampled(leaning(lambda *_: 0.7), request)]
    assert {round(reading.probability or 0, 12) for reading in readings} == {0.7}
    share = sum(reading.vote is Vote.FIRST for reading in readings) / 400
    assert abs(share - 0.7) < 4 * math.sqrt(0.21 / 400)


@pytest.mark.parametrize(
    "choices", [("1", "2"), ("Response 1", "Response 2", "Tie"), ("A>B", "B>A", "A=B"), ("-1", "1")]
)
def test_a_scripted_choice_has_its_probability(choices):
    votes = dict(zip(choices, (Vote.FIRST, Vote.SECOND, Vote.TIE), strict=False))
    for one in sampled(leaning(lambda *_: 0.3), replace(a_request(n=6, logprobs=20), choices=choices)):
        assert one.text in choices[:2]
        assert chosen_probability(one.text, votes, one.logprobs) == pytest.approx(0.3)


@pytest.mark.parametrize(("chance", "expected"), [(2.0, 1.0), (-1.0, 0.0)])
def test_a_certain_script_is_certain(chance, expected):
    (one,) = sampled(leaning(lambda *_: chance), a_request(logprobs=20))
    assert read(one.text, load_prompt("skywork_pairwise").grammar, logprobs=one.logprobs).probability == expected


def test_probabilities_are_told_where_they_are_asked_for():
    logprobs = (TokenLogprob("so", -0.5),)
    assert sampled(lambda *_: Spoken("so", logprobs), a_request(logprobs=1))[0].logprobs == logprobs
    assert sampled(lambda *_: Spoken("so", logprobs), a_request())[0].logprobs == ()
    assert sampled(answering(lambda *_: Vote.FIRST), a_request(logprobs=1))[0].logprobs == ()
