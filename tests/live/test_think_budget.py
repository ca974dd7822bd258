"""Thinking budgets on real engines: no verdict of a judge that never closes its reasoning is lost to truncation.

The embedded model does not know reasoning tags. A turn that begins inside an opened reasoning block is one that it never
ends, in process and behind a server that goes on from a partial message.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rrm import Contest, Judge
from rrm.types import Poll
from tests.live.test_rankings import RESPONSES, vllm_server

pytest.importorskip("vllm")
pytestmark = [
    pytest.mark.live,
    pytest.mark.filterwarnings("default"),  # torch and vLLM warn as they please
]

BUDGET = 12
VOTES = 4
PAIRS = ((0, 1), (1, 0), (2, 3), (3, 2), (4, 0), (0, 4))
PROMPT = r"""---
name: thinking
description: Begins the turn inside opened reasoning.
source: Written for this test
licence: Apache-2.0
kind: pairwise
roles: [user]
ties: false
reasoning: opened
begin: "<think>\n"
sampling: {max_tokens: 400, temperature: 0.6}
verdict:
  kind: labels
  open: '<winner>'
  close: '</winner>'
  labels: {first: [A], second: [B]}
  forced:
    open: '<winner>'
    choices: {first: A, second: B}
examples: []
---
{% block user %}Which answer to the question "{{ query }}" is better? Think at length, step by step.

A: {{ first }}

B: {{ second }}{% endblock %}
"""


@pytest.fixture(scope="module")
def prompt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prompts") / "thinking.jinja"
    path.write_text(PROMPT, encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=["vllm", "openai"])
def judge(
    request: pytest.FixtureRequest, embedded: str, prompt: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Judge]:
    """One judge for each engine, one after the other, with nothing but the budget to force verdicts."""
    settings = {"prompt": prompt, "votes": VOTES, "think_budget": BUDGET, "force_verdict": False, "resamples": 0}
    if request.param == "openai":
        log = tmp_path_factory.mktemp("server") / "log"
        with vllm_server(embedded, log) as url, Judge(base_url=url, **settings) as judge:
            yield judge
    else:
        with Judge(embedded, engine="vllm", **settings) as judge:
            yield judge


def test_no_verdict_is_truncated(judge: Judge) -> None:
    """Every sample that was cut at the budget has a verdict, at the end of its whole text; its tokens are counted."""
    (polled,) = judge.poll_many([Poll(_contest(), PAIRS)])
    assert polled.error is None
    assert not any("forced" in note for note in polled.notes)
    assert len(polled.opinions) == len(PAIRS) * VOTES
    forced = [opinion for opinion in polled.opinions if opinion.forced]
    assert len(forced) > len(polled.opinions) / 2
    for opinion in forced:
        assert opinion.text.rpartition("\n</think>\n\n<winner>")[2] in ("A", "B")
        assert opinion.vote is not None
    assert all(opinion.finish_reason == "stop" for opinion in polled.opinions if opinion.is_lost)
    assert polled.usage.requests == len(PAIRS) + len(forced)
    longest = (BUDGET + 2) * len(polled.opinions)
    assert BUDGET * len(forced) < polled.usage.completion_tokens <= longest


def _contest() -> Contest:
    return Contest("How do I boil an egg?", RESPONSES)
