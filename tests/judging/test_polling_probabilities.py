"""Samples whose verdicts are read as probabilities: what is asked for, and what becomes of what the engine gives."""

import math

import pytest

from rrm.errors import EngineRefusedError
from rrm.judging.asking import Rules
from rrm.judging.calibration import Calibration
from rrm.judging.polling import poll
from rrm.promptfiles import load_prompt
from rrm.types import Case, Completion, Sampling, TokenLogprob, Vote

CASE = Case("q", ("a", "b"))


def rules(prompt="skywork_pairwise", **settings):
    given = {"readout": "probability", "reasoning_open": True} | settings
    return Rules(load_prompt(prompt), Sampling(100, 1.0), **given)


def token(likely):
    logprobs = {text: math.log(chance) for text, chance in likely.items()}
    return TokenLogprob(next(iter(logprobs)), next(iter(logprobs.values())), tuple(logprobs.items()))


def spoken(request, *texts, index=0, reason="stop"):
    """A completion of these tokens."""
    logprobs = tuple(token({text: 1.0}) if isinstance(text, str) else token(text) for text in texts)
    text = "".join(one.token for one in logprobs)
    return Completion(request.case, index, text, reason, logprobs=logprobs)


def opinions(asking, *waves):
    """What is told when each wave's only request is answered by these tokens, and the requests."""
    asked, answer = [], None
    waves = iter(waves)
    with pytest.raises(StopIteration) as done:
        while True:
            (request,) = asking.send(answer)
            asked.append(request)
            answer = [spoken(request, *next(waves))]
    return done.value.value.opinions, asked


def test_a_verdict_has_its_probability():
    (said,), (request,) = opinions(
        poll(CASE, (0, 1), rules(), 1), ("so</think>\\boxed{Assistant ", {"2": 0.3, "1": 0.6}, "}")
    )
    assert request.logprobs == 20
    assert (said.vote, said.probability) == (Vote.SECOND, pytest.approx(2 / 3))


def test_it_is_calibrated_where_it_is_read():
    """In terms of what is shown: log-odds log(2), halved, less 1."""
    calibrated = rules(calibration=Calibration(0.5, -1.0))
    (said,), _ = opinions(poll(CASE, (1, 0), calibrated, 1), ("</think>\\boxed{", {"1": 0.6, "2": 0.3}, "}"))
    assert said.probability == pytest.approx(1 / (1 + math.exp(1 - math.log(2) / 2)))
    assert said.vote is Vote.FIRST


def test_a_forced_choice_has_one_too():
    (said,), (_, request) = opinions(
        poll(CASE, (0, 1), rules(force=True, calibration=Calibration(1.0, math.log(2))), 1),
        ("so long",),
        ({"2": 0.02, "1": 0.06},),
    )
    assert (request.choices, request.logprobs) == (("1", "2"), 20)
    assert (said.vote, said.forced) == (Vote.SECOND, True)
    assert said.probability == pytest.approx(6 / 7)


def test_what_goes_on_is_read_from_its_own_tokens():
    """An answer that the budget cut and that ends by itself: the probabilities are those of its end."""
    budget = rules(think_budget=10)
    asking = poll(CASE, (0, 1), budget, 1)
    (request,) = next(asking)
    (following,) = asking.send([spoken(request, "hm</think>\n\\boxed{", reason="length")])
    assert following.logprobs == 20
    with pytest.raises(StopIteration) as done:
        asking.send([spoken(following, "Assistant ", {"1": 0.9, "2": 0.1}, "}")])
    (said,) = done.value.value.opinions
    assert (said.vote, said.probability) == (Vote.FIRST, pytest.approx(0.9))


def test_votes_ask_for_no_probabilities():
    """Neither for samples nor for what is put in their mouths; and what comes unasked is read as it stands."""
    voting = rules(readout="vote", force=True)
    (said,), asked = opinions(poll(CASE, (0, 1), voting, 1), ("so long",), ("1",))
    assert [request.logprobs for request in asked] == [0, 0]
    assert said.vote is Vote.FIRST


def test_an_engine_without_probabilities_gives_votes():
    asking = poll(CASE, (0, 1), rules(force=True), 2)
    (request,) = next(asking)
    verdict = "</think>\\boxed{Assistant 1}"
    with pytest.raises(StopIteration) as done:
        asking.send([Completion(CASE, index, verdict, "stop") for index in range(request.n)])
    assert [(said.vote, said.probability) for said in done.value.value.opinions] == [(Vote.FIRST, None)] * 2


def test_an_engine_that_refuses_the_choice_leaves_it_lost():
    asking = poll(CASE, (0, 1), rules(force=True), 1)
    (request,) = next(asking)
    asking.send([spoken(request, "hm")])
    with pytest.raises(StopIteration) as done:
        asking.throw(EngineRefusedError("no"))
    (said,) = done.value.value.opinions
    assert (said.vote, said.probability) == (Vote.TRUNCATED, None) or said.is_lost
