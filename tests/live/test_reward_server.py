"""Reward models on real vLLM servers: the numbers of transformers, and what servers of other tasks say.

The weights are random and tiny, the tokenizer is the embedded model's.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rrm.engines.scorers.base import Pass, Readout, ScorerInfo, Task, Vectors
from rrm.engines.scorers.server import ServerScorer
from rrm.errors import EngineDeniedError, EngineRefusedError, PromptTooLongError
from rrm.types import Message
from tests.live.test_rankings import free_port, wait_until_up

pytest.importorskip("vllm")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = [
    pytest.mark.live,
    pytest.mark.filterwarnings("default"),  # torch and vLLM warn as they please
]

CONTEXT = 512
CONVERSATION = [Message("user", "How do I boil an egg?"), Message("assistant", "For eight minutes – in “hot” water.")]
SHAPE = {
    "hidden_size": 128,  # 32 a head, the fewest that vLLM computes on a CPU
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.2,  # logits of some size
}
CLOSE = {"abs": 1e-4, "rel": 1e-4}


@contextmanager
def serving(model: Path | str, log: Path, *arguments: str) -> Iterator[str]:
    """A vLLM server of a model, called "tiny", in a process of its own; gives its base URL."""
    port = free_port()
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    command += ["--served-model-name", "tiny", "--dtype", "float32", "--enforce-eager", "--host", "127.0.0.1"]
    command += ["--max-model-len", str(CONTEXT), "--port", str(port), *arguments]
    with log.open("wb") as output:
        environment = os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1"}
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        wait_until_up(server, f"http://127.0.0.1:{port}/health", log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(60)


def with_tokenizer(folder: Path, embedded: str) -> Path:
    for file in Path(embedded).iterdir():
        if "token" in file.name or file.name in ("vocab.json", "merges.txt", "chat_template.jinja"):
            shutil.copy(file, folder)
    return folder


def vocabulary(embedded: str) -> int:
    return int(transformers.AutoConfig.from_pretrained(embedded).vocab_size)


def passes(embedded: str, count: int = 12) -> list[Pass]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(embedded)
    texts = (f"Text number {number}. " + "It goes on. " * (3 * number) for number in range(count))
    return [Pass(tuple(tokenizer.encode(text))) for text in texts]


def scored(url: str, task: Task, asked: Sequence[Pass], **readout: Any) -> tuple[ScorerInfo, list[Vectors]]:
    async def work() -> tuple[ScorerInfo, list[Vectors]]:
        scorer = ServerScorer(url, Readout(task, **readout))
        try:
            return await scorer.open(), list(await asyncio.gather(*map(scorer.score, asked)))
        finally:
            await scorer.aclose()

    return asyncio.run(work())


def refusal_of(url: str, task: Task, **readout: Any) -> str:
    with pytest.raises(EngineDeniedError) as error:
        scored(url, task, (), **readout)
    print(error.value)
    return str(error.value)


# A model with a head for sequences.


@pytest.fixture(scope="module")
def outcome_model(embedded: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny-outcome"
    torch.manual_seed(1)
    config = transformers.Qwen3Config(
        vocab_size=vocabulary(embedded), head_dim=32, num_labels=2, pad_token_id=2, **SHAPE
    )
    transformers.Qwen3ForSequenceClassification(config).save_pretrained(folder)
    return with_tokenizer(folder, embedded)


@pytest.fixture(scope="module")
def outcome_url(outcome_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(outcome_model, tmp_path_factory.mktemp("server") / "log", "--runner", "pooling") as url:
        yield url


def test_the_logits_are_those_of_transformers(outcome_url: str, outcome_model: Path, embedded: str) -> None:
    asked = passes(embedded)
    info, found = scored(outcome_url, "classify", asked)
    assert (info.engine, info.model, info.outputs, info.max_context) == ("server", "tiny-outcome", 2, CONTEXT)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(outcome_model, dtype=torch.float32).eval()
    for one, vectors in zip(asked, found, strict=True):
        with torch.no_grad():
            (expected,) = model(torch.tensor([one.tokens])).logits.tolist()
        [vector] = vectors.values
        assert vector == pytest.approx(expected, **CLOSE)
        assert vectors.prompt_tokens == len(one.tokens)
    assert max(abs(number) for vectors in found for number in vectors.values[0]) > 1  # no probabilities


def test_tokens_are_those_of_the_tokenizer(outcome_url: str, embedded: str) -> None:
    async def work() -> None:
        there, here = (
            ServerScorer(outcome_url, Readout("classify")),
            ServerScorer(outcome_url, Readout("classify"), tokenizer=embedded),
        )
        for prompted in (False, True):
            conversation = await there.chat(CONVERSATION, add_generation_prompt=prompted)
            assert conversation == await here.chat(CONVERSATION, add_generation_prompt=prompted)
            for text in ("", " in the middle", "\ud800", "<|im_end|>\n"):
                if text or not prompted:
                    expected = await here.tokens(text, add_special_tokens=prompted)
                    assert await there.tokens(text, add_special_tokens=prompted) == expected
        assert (await there.open()).special_tokens is None
        assert "<|im_end|>" in ((await here.open()).special_tokens or ())
        await there.aclose()
        await here.aclose()

    asyncio.run(work())


def test_one_bad_pass_of_many_fails_alone(outcome_url: str, embedded: str) -> None:
    """A token that the model has not is refused with the whole request; too many tokens are seen beforehand."""
    good = passes(embedded, 5)

    async def work() -> list[Any]:
        scorer = ServerScorer(outcome_url, Readout("classify"))
        asked = [*good, Pass((10**7,)), Pass((5,) * (CONTEXT + 1)), Pass((5,) * CONTEXT)]
        found = await asyncio.gather(*map(scorer.score, asked), return_exceptions=True)
        await scorer.aclose()
        return found

    found = asyncio.run(work())
    assert [type(one) for one in found] == [Vectors] * 5 + [EngineRefusedError, PromptTooLongError, Vectors]
    assert found[6].args == (CONTEXT + 1, CONTEXT)
    assert found[:5] == scored(outcome_url, "classify", good)[1]


def test_a_classifier_asked_for_more(outcome_url: str) -> None:
    said = refusal_of(outcome_url, "token_classify")
    assert '"task": "token_classify"' in said
    assert "vllm serve" in said
    said = refusal_of(outcome_url, "likelihood")
    assert "/v1/completions" in said
    assert refusal_of(outcome_url, "classify", labels=("a", "b", "c")).count("a, b, c") == 2


def test_a_wrong_name(outcome_url: str) -> None:
    async def work() -> None:
        scorer = ServerScorer(outcome_url, Readout("classify"), model="huge")
        with pytest.raises(EngineDeniedError, match="'huge', only tiny"):
            await scorer.open()

    asyncio.run(work())


# A process model.


@pytest.fixture(scope="module")
def process_model(embedded: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """transformers has no class for it: a backbone, and two layers of a head."""
    folder = tmp_path_factory.mktemp("models") / "tiny-process"
    torch.manual_seed(2)
    config = transformers.Qwen2Config(vocab_size=vocabulary(embedded), pad_token_id=2, num_labels=2, **SHAPE)
    causal = transformers.Qwen2ForCausalLM(config)
    width = SHAPE["hidden_size"]
    head = {
        "score.0.weight": torch.randn(width, width) / 8,
        "score.0.bias": torch.randn(width),
        "score.2.weight": torch.randn(2, width) / 8,
        "score.2.bias": torch.randn(2),
    }
    state = {name: weight for name, weight in causal.state_dict().items() if name.startswith("model.")} | head
    causal.config.save_pretrained(folder)
    from safetensors.torch import save_file

    save_file({name: weight.contiguous() for name, weight in state.items()}, folder / "model.safetensors")
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | {"architectures": ["Qwen2ForProcessRewardModel"]}))
    return with_tokenizer(folder, embedded)


TAG = 42


@pytest.fixture(scope="module", params=["STEP", "ALL"])
def process_server(
    request: pytest.FixtureRequest, process_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The model's own way is to give vectors at step tags."""
    pooler = {"tok_pooling_type": "ALL"} if request.param == "ALL" else {"step_tag_id": TAG}
    arguments = ("--runner", "pooling", "--pooler-config", json.dumps(pooler))
    with serving(process_model, tmp_path_factory.mktemp("server") / "log", *arguments) as url:
        yield request.param, url


def steps(embedded: str) -> list[Pass]:
    """Two tags in each, and none elsewhere."""
    found = []
    for one in passes(embedded, 8):
        tokens = [token for token in one.tokens if token != TAG]
        found.append(Pass((*tokens[:4], TAG, *tokens[4:], TAG), (4, len(tokens) + 1)))
    return found


def process_logits(folder: Path, asked: Pass) -> list[list[float]]:
    from safetensors.torch import load_file

    weights = load_file(folder / "model.safetensors")
    config = transformers.Qwen2Config(**json.loads((folder / "config.json").read_text()))
    backbone = transformers.Qwen2Model(config).eval()
    backbone.load_state_dict({name[6:]: weight for name, weight in weights.items() if name.startswith("model.")})
    with torch.no_grad():
        hidden = backbone(torch.tensor([asked.tokens])).last_hidden_state[0]
        hidden = torch.relu(hidden @ weights["score.0.weight"].T + weights["score.0.bias"])
        return (hidden @ weights["score.2.weight"].T + weights["score.2.bias"])[list(asked.at)].tolist()  # type: ignore[no-any-return]


def test_the_logits_of_steps(process_server: tuple[str, str], process_model: Path, embedded: str) -> None:
    kind, url = process_server
    asked = steps(embedded)
    info, found = scored(url, "token_classify", asked)
    assert info.outputs == {"STEP": None, "ALL": 2}[kind]
    for one, vectors in zip(asked, found, strict=True):
        for vector, expected in zip(vectors.values, process_logits(process_model, one), strict=True):
            assert vector == pytest.approx(expected, **CLOSE)


def test_other_positions(process_server: tuple[str, str], process_model: Path, embedded: str) -> None:
    """All can be read where all are given; else the error says how to start the server."""
    kind, url = process_server
    asked = Pass(steps(embedded)[3].tokens, (0, 3, 9))
    if kind == "ALL":
        _, [found] = scored(url, "token_classify", [asked])
        for vector, expected in zip(found.values, process_logits(process_model, asked), strict=True):
            assert vector == pytest.approx(expected, **CLOSE)
    else:
        with pytest.raises(EngineDeniedError, match='"tok_pooling_type": "ALL"'):
            scored(url, "token_classify", [asked])


def test_a_process_model_asked_for_a_sequence(process_server: tuple[str, str]) -> None:
    assert "vllm serve" in refusal_of(process_server[1], "classify")


# A generative model, as it is, and converted.


@pytest.fixture(scope="module")
def generative_url(embedded: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(embedded, tmp_path_factory.mktemp("server") / "log") as url:
        yield url


def logits_of(folder: str, asked: Pass) -> Any:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        return model(torch.tensor([asked.tokens])).logits[0]


def test_likelihoods(generative_url: str, embedded: str) -> None:
    asked = [Pass(one.tokens, tuple(range(1, len(one.tokens)))) for one in passes(embedded, 5)]
    info, found = scored(generative_url, "likelihood", asked)
    assert info.max_context == CONTEXT - 1
    for one, vectors in zip(asked, found, strict=True):
        chances = logits_of(embedded, one).log_softmax(-1)
        expected = [chances[place - 1, one.tokens[place]].item() for place in one.at]
        assert [vector[0] for vector in vectors.values] == pytest.approx(expected, abs=2e-3)


def test_the_longest_prompt_with_a_likelihood(generative_url: str) -> None:
    scored(generative_url, "likelihood", [Pass((5,) * (CONTEXT - 1), (1,))])
    with pytest.raises(PromptTooLongError):
        scored(generative_url, "likelihood", [Pass((5,) * CONTEXT, (1,))])


@pytest.mark.parametrize("task", ["classify", "token_classify"])
def test_a_generative_server_asked_for_scores(generative_url: str, task: Task) -> None:
    said = refusal_of(generative_url, task)
    assert "/pooling" in said
    assert "--runner pooling" in said


LABELS = ("yes", "no")


def test_labels_of_a_converted_model(embedded: str, tmp_path: Path) -> None:
    """Started as the error says; a head of other tokens is told by its length."""
    overrides = {"method": "no_post_processing", "classifier_from_token": LABELS}
    arguments = ("--runner", "pooling", "--convert", "classify", "--hf-overrides", json.dumps(overrides))
    pooler = ("--pooler-config", '{"task": "classify"}')
    with serving(embedded, tmp_path / "log", *arguments, *pooler) as url:
        asked = passes(embedded, 3)
        _, found = scored(url, "classify", asked, labels=LABELS)
        said = refusal_of(url, "classify", labels=("yes",))
    assert '"classifier_from_token": ["yes"]' in said
    ids = transformers.AutoTokenizer.from_pretrained(embedded).convert_tokens_to_ids(list(LABELS))
    for one, vectors in zip(asked, found, strict=True):
        assert vectors.values[0] == pytest.approx(logits_of(embedded, one)[-1, ids].tolist(), abs=2e-3)


def test_a_model_for_embeddings(embedded: str, tmp_path: Path) -> None:
    with serving(embedded, tmp_path / "log", "--runner", "pooling", "--convert", "embed") as url:
        assert "vllm serve" in refusal_of(url, "classify")
        assert "vllm serve" in refusal_of(url, "token_classify")
