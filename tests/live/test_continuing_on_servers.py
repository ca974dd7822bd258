"""A reasoning judge's template on a vLLM server: it opens the reasoning, and strips it from what an assistant said.

Its samples go on from exact tokens there, so that budgets and forced verdicts do what they do in process.
"""

import shutil
from collections.abc import Iterator

import httpx
import pytest

from rrm import Contest, Judge
from rrm.ranking import Polled
from rrm.types import Poll, Vote
from tests.live.test_rankings import QUERY, RESPONSES, vllm_server

pytest.importorskip("vllm")
pytestmark = [
    pytest.mark.live,
    pytest.mark.filterwarnings("default"),  # torch and vLLM warn as they please
]

TEMPLATE = """\
{%- for message in messages %}
{%- set content = message.content %}
{%- if message.role == 'assistant' and '</think>' in content %}
{%- set content = content.split('</think>')[-1] %}
{%- endif %}
{{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{% endif %}
"""

PAIRS = ((0, 1), (1, 0), (2, 4), (4, 2))
BUDGET = 12
VOTES = 2


@pytest.fixture(scope="module")
def model(embedded: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The embedded model with the template of another."""
    folder = tmp_path_factory.mktemp("models") / "reasoning"
    shutil.copytree(embedded, folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def url(model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with vllm_server(model, tmp_path_factory.mktemp("server") / "log") as url:
        yield url


def polled(judge: Judge) -> Polled:
    (polled,) = judge.poll_many([Poll(Contest(QUERY, RESPONSES), PAIRS)])
    assert polled.error is None
    assert not any("continue a sample" in note for note in polled.notes)
    return polled


def test_a_chat_can_not_go_on_from_reasoning_there(url: str) -> None:
    """What is replaced: the server finds no final message behind such a template, or another one."""
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hm.\n</think>\n\nHello"}]
    body = {"model": "embedded", "messages": messages, "continue_final_message": True, "add_generation_prompt": False}
    reply = httpx.post(f"{url}/chat/completions", json=body, timeout=60, trust_env=False)
    assert reply.status_code == 400


def test_a_budget_truncates_no_verdict(url: str) -> None:
    """Every sample that was cut in its reasoning is made to choose, behind all that it has said."""
    with Judge(base_url=url, votes=VOTES, think_budget=BUDGET, max_tokens=400, resamples=0) as judge:
        found = polled(judge)
    assert len(found.opinions) == VOTES * len(PAIRS)
    assert Vote.TRUNCATED not in [opinion.vote for opinion in found.opinions]
    forced = [opinion for opinion in found.opinions if opinion.forced]
    assert len(forced) > len(found.opinions) / 2
    for opinion in forced:
        assert "\n</think>\n\n" in opinion.text
        assert "<think>" not in opinion.text


def test_probabilities_are_those_of_the_model_in_process(url: str, model: str) -> None:
    """Of the same verdict behind the same tokens: their number, and what is then likely, are equal."""
    found = {}
    settings = {"readout": "probability", "temperature": 0.0, "max_tokens": 8, "force_verdict": True}
    for name, where in {"server": {"base_url": url}, "here": {"model": model, "engine": "transformers"}}.items():
        with Judge(**where, **settings) as judge:
            found[name] = polled(judge)
    chances = {name: [opinion.probability for opinion in found[name].opinions] for name in found}
    print(chances)
    assert all(opinion.forced for opinion in found["server"].opinions)
    assert chances["server"] == pytest.approx(chances["here"], abs=1e-3)
    assert found["server"].usage.prompt_tokens == found["here"].usage.prompt_tokens
    assert [opinion.text for opinion in found["server"].opinions] == [
        opinion.text for opinion in found["here"].opinions
    ]
