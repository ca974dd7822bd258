"""vLLM and transformers read the same numbers of the same models, and the numbers are those that the models publish.

What is right is computed by transformers' own classes, or for models whose code is not in transformers from their published
descriptions (tests/live/reward_models.py). Breadth is read with vLLM inside one process (tests/live/reward_breadth.py);
a family of each kind goes the whole way from `load_reward` to a spawned engine.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rrm.engines.scorers.base import Pass
from rrm.rewards import LikelihoodRatio, OutcomeReward, ProcessReward, load_reward

pytest.importorskip("vllm")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from tests.live import reward_models as models  # noqa: E402 - imports torch
from tests.live.reward_breadth import ARCHITECTURES, conversations  # noqa: E402
from tests.live.test_reward_server import scored, serving  # noqa: E402

pytestmark = [
    pytest.mark.live,
    pytest.mark.filterwarnings("default"),  # torch and vLLM warn as they please
]

TOLERANCE = 1e-4
CONVERSATIONS = conversations()
QUESTION = "How many birds are 3 ducks and 4 hens?"
STEPS = [f"Step {number}: {number} + 1 = {number + 1}" for number in range(20)]


# Breadth: every architecture that both have.


@pytest.fixture(scope="session")
def breadth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what each model gave."""
    folder = tmp_path_factory.mktemp("breadth")
    environment = os.environ | {"PYTHONWARNINGS": "ignore", "TORCH_LOGS": "-torch._library.triton"}
    command = [sys.executable, "-m", "tests.live.reward_breadth", str(folder)]
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1800, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


@pytest.mark.parametrize("name", models.CASES)
def test_both_engines_read_what_is_right(name: str, breadth: Path) -> None:
    """32 conversations: alone, in a batch, and in a batch in another order."""
    found = json.loads((breadth / f"{name}.json").read_text())
    assert "error" not in found, found["error"]
    assert found["spread"] > 0.1, "the model says the same of everything"
    assert len(set(found["lengths"])) > 20
    for engine in ("vllm", "transformers"):
        assert "error" not in found[engine], found[engine]["error"]
        assert set(found[engine]) == {"alone", "together", "shuffled"}
        assert max(found[engine].values()) < TOLERANCE, found[engine]


def test_no_architecture_of_both_is_forgotten(breadth: Path) -> None:
    """Of those that vLLM has code for; others go through its general wrapper around transformers."""
    both = set(json.loads((breadth / ARCHITECTURES).read_text()))
    known = {f"{kind}ForSequenceClassification" for kind in (*models.CLASSIFIERS, *models.GAPS)}
    assert both <= known, sorted(both - known)
    assert not set(models.CLASSIFIERS) & set(models.GAPS)


# The whole way: from load_reward to a spawned engine.


def same_in_any_company(reward: OutcomeReward | LikelihoodRatio, wanted: Sequence[float]) -> None:
    order = random.Random(3).sample(range(len(CONVERSATIONS)), len(CONVERSATIONS))
    together = reward.score(CONVERSATIONS)
    alone = [reward.score([conversation])[0] for conversation in CONVERSATIONS[:6]]
    shuffled = reward.score([CONVERSATIONS[place] for place in order])
    assert together == pytest.approx(list(wanted), abs=TOLERANCE, rel=0)
    assert alone == pytest.approx(list(wanted[:6]), abs=TOLERANCE, rel=0)
    assert shuffled == pytest.approx([wanted[place] for place in order], abs=TOLERANCE, rel=0)


def chat_ids(folder: Path, messages: Sequence[Mapping[str, str]]) -> tuple[int, ...]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    text = tokenizer.apply_chat_template(list(messages), tokenize=False)
    return tuple(tokenizer.encode(text, add_special_tokens=False))


def process_reward(folder: Path, **arguments: Any) -> ProcessReward:
    reward = load_reward(folder, engine="vllm", max_context=2048, **arguments)
    assert isinstance(reward, ProcessReward)
    return reward


@torch.inference_mode()
def test_skywork_reward_v2(tmp_path: Path) -> None:
    """The whole conversation by the chat template; the score is the one logit."""
    folder = tmp_path / "Skywork-Reward-V2-Qwen3-tiny"
    expected = models.classifier("Qwen3", folder)
    wanted = [float(expected(chat_ids(folder, conversation))) for conversation in CONVERSATIONS]
    with load_reward(folder, engine="vllm", max_context=512) as reward:
        assert isinstance(reward, OutcomeReward)
        info = reward.open()
        assert (info.family, info.engine) == ("skywork_reward_v2", "vllm")
        same_in_any_company(reward, wanted)


def prompt_tokens() -> float:
    """As vLLM counts those that it was given, in this process."""
    from prometheus_client import REGISTRY

    families = [family for family in REGISTRY.collect() if family.name == "vllm:prompt_tokens"]
    return sum(sample.value for family in families for sample in family.samples if sample.name.endswith("_total"))


@torch.inference_mode()
def test_qwen_math_prm_reads_twenty_steps_in_one_prefill(tmp_path: Path) -> None:
    """Its card: the steps, each with <extra_0> behind it, in one assistant's turn; the second class of a softmax there."""
    folder = tmp_path / "Qwen2.5-Math-PRM-tiny"
    expected = models.qwen_math("Qwen2ForProcessRewardModel", 2, folder, max_position_embeddings=2048)
    system = "Please reason step by step, and put your final answer within \\boxed{}."
    marker = transformers.AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids("<extra_0>")

    def wanted(steps: Sequence[str]) -> tuple[int, list[float]]:
        told = "".join(f"{step}<extra_0>" for step in steps)
        turns = [("system", system), ("user", QUESTION), ("assistant", told)]
        tokens = chat_ids(folder, [{"role": role, "content": content} for role, content in turns])
        at = [place for place, token in enumerate(tokens) if token == marker]
        return len(tokens), expected(tokens)[at].softmax(-1)[:, 1].tolist()

    solutions = [STEPS[:count] for count in (20, 1, 7, 13, 2)]
    with process_reward(folder, engine_args={"disable_log_stats": False}) as reward:
        reward.open()
        before, (tokens, probabilities) = prompt_tokens(), wanted(STEPS)
        scored = reward.score_steps(QUESTION, "\n\n".join(STEPS))
        assert scored.probabilities == pytest.approx(probabilities, abs=TOLERANCE, rel=0)
        assert len(scored.probabilities) == 20
        assert prompt_tokens() - before == tokens == scored.tokens
        together = reward.score_steps_many([(QUESTION, "\n\n".join(steps)) for steps in solutions])
        for steps, found in zip(solutions, together, strict=True):
            assert found.probabilities == pytest.approx(wanted(steps)[1], abs=TOLERANCE, rel=0)


@torch.inference_mode()
def test_skywork_o1_prm_by_the_plugin(tmp_path: Path) -> None:
    """prepare_input of its inference code, and the value head; vLLM's own process must know the architecture."""
    folder = tmp_path / "Skywork-o1-Open-PRM-tiny"
    expected = models.skywork_prm(folder, max_position_embeddings=2048)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    def wanted(steps: Sequence[str]) -> list[float]:
        tokens, at = tokenizer.encode("<|im_start|>" + QUESTION + "\n"), []
        for step in steps:
            tokens = tokens + tokenizer.encode(step) + tokenizer.encode("\n")[-1:]
            at.append(len(tokens) - 1)
        return expected(tuple(tokens))[at, 0].sigmoid().tolist()  # type: ignore[no-any-return]

    solutions = [STEPS[:count] for count in (20, 1, 7, 13, 2)]
    with process_reward(folder) as reward:
        assert reward.open().family == "skywork_o1_prm"
        for steps in solutions[:2]:
            alone = reward.score_steps(QUESTION, "\n".join(steps)).probabilities
            assert alone == pytest.approx(wanted(steps), abs=TOLERANCE, rel=0)
        together = reward.score_steps_many([(QUESTION, "\n".join(steps)) for steps in solutions])
        for steps, found in zip(solutions, together, strict=True):
            assert found.probabilities == pytest.approx(wanted(steps), abs=TOLERANCE, rel=0)


@torch.inference_mode()
def test_a_server_has_the_plugin_too(tmp_path: Path) -> None:
    """Nothing but rrm's being installed where it is started makes it known there."""
    expected = models.skywork_prm(tmp_path / "model")
    asked = [Pass(tuple((seed * place) % 250 for place in range(1, 100, seed)), (0, 1, 5)) for seed in range(1, 9)]
    with serving(tmp_path / "model", tmp_path / "log", "--runner", "pooling") as url:
        info, found = scored(url, "token_classify", asked)
    assert info.outputs == 1
    for one, vectors in zip(asked, found, strict=True):
        torch.testing.assert_close(
            torch.tensor(vectors.values), expected(one.tokens)[list(one.at)], rtol=0, atol=TOLERANCE
        )


@torch.inference_mode()
def test_rlhflow_prm_by_labels(tmp_path: Path) -> None:
    """Its published code: a pass for each step, in a dialogue answered with "+", read at the third token from behind."""
    folder = tmp_path / "Llama3.1-8B-PRM-Deepseek-Data-tiny"
    expected = models.signed("Llama", folder, max_position_embeddings=2048)

    def wanted(steps: Sequence[str]) -> Iterator[float]:
        conversation = []
        for step in steps:
            asked = step if conversation else f"{QUESTION} {step}"
            conversation += [{"role": "user", "content": asked}, {"role": "assistant", "content": "+"}]
            yield float(expected(chat_ids(folder, conversation))[-3].softmax(-1)[0])

    with process_reward(folder) as reward:
        assert reward.open().family == "rlhflow_prm"
        for count in (20, 3):
            found = reward.score_steps(QUESTION, "\n\n".join(STEPS[:count]))
            assert found.probabilities == pytest.approx(list(wanted(STEPS[:count])), abs=TOLERANCE, rel=0)


@torch.inference_mode()
def test_likelihood_ratio(tmp_path: Path) -> None:
    """log p(response | prompt) of one model less that of another, from where the conversation leaves the prompt."""
    expected = {
        "strong": models.generative("Qwen3", tmp_path / "strong"),
        "weak": models.generative("Llama", tmp_path / "weak", seed=5),
    }

    def likelihood(name: str, conversation: Sequence[Mapping[str, str]]) -> float:
        tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / name)
        prompt = tokenizer.apply_chat_template(conversation[:-1], tokenize=False, add_generation_prompt=True)
        start = len(tokenizer.encode(prompt, add_special_tokens=False))
        return float(expected[name](chat_ids(tmp_path / name, conversation))[start:].double().sum())

    wanted = [likelihood("strong", each) - likelihood("weak", each) for each in CONVERSATIONS]
    with LikelihoodRatio(tmp_path / "strong", tmp_path / "weak", engine="vllm", max_context=512) as reward:
        found = reward.score(CONVERSATIONS)
        details = reward.details(CONVERSATIONS[:3])
    for one, right in zip(found, wanted, strict=True):
        assert one == pytest.approx(right, abs=2e-3, rel=0)  # a sum of hundreds of log-probabilities
    assert [one.score for one in details] == pytest.approx(found[:3], abs=TOLERANCE)
