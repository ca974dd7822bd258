"""vLLM as a scorer: the laws, what it refuses, and what becomes of it when it is cancelled or killed.

An engine takes long to start, so one of each kind serves most tests. That the numbers are right is tested in
tests/live/test_reward_parity.py.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rrm.engines.scorers.base import Pass, Readout, Scorer, Task
from rrm.engines.scorers.vllm import VLLMScorer
from rrm.engines.scorers.vllm_arguments import arguments_for
from rrm.errors import EngineDiedError, InputError, ModelError, UnknownNameError
from tests.laws import scorer_laws
from tests.laws.scorer_laws import KeptOpen, Law, Subject, laws_for, name_of

pytest.importorskip("vllm")
torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
from tests.live import reward_models as models  # noqa: E402 - imports torch
from tests.live import tiny_models as tiny  # noqa: E402

pytestmark = [
    pytest.mark.live,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("default"),  # torch and vLLM warn as they please
]

CONTEXT = 512
TASKS: tuple[Task, ...] = ("classify", "token_classify", "likelihood")


def scorer_of(folder: Path, readout: Readout, **arguments: Any) -> VLLMScorer:
    return VLLMScorer(str(folder), readout, **{"max_context": CONTEXT} | arguments)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Task, Path]:
    made: dict[Task, Path] = {task: tmp_path_factory.mktemp(task) for task in TASKS}
    models.classifier("Qwen3", made["classify"], num_labels=3)
    models.qwen_math("Qwen2ForProcessRewardModel", 2, made["token_classify"])
    models.generative("Llama", made["likelihood"])
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scorers(folders: dict[Task, Path]) -> AsyncIterator[dict[Task, VLLMScorer]]:
    """A scorer of each kind, kept open for all laws."""
    opened = {task: scorer_of(folder, Readout(task), name="tiny") for task, folder in folders.items()}
    yield opened
    for scorer in opened.values():
        await scorer.aclose()


@pytest.mark.parametrize(
    ("task", "law"),
    [(task, law) for task in TASKS for law in laws_for(task)],
    ids=lambda value: value if isinstance(value, str) else name_of(value),
)
async def test_it_keeps_the_law(task: Task, law: Law, scorers: dict[Task, VLLMScorer]) -> None:
    await law(Subject(lambda: KeptOpen(scorers[task]), task))


async def test_it_says_what_the_model_is(scorers: dict[Task, VLLMScorer]) -> None:
    infos = {task: await scorer.open() for task, scorer in scorers.items()}
    assert {task: info.outputs for task, info in infos.items()} == {
        "classify": 3,
        "token_classify": 2,
        "likelihood": 1,
    }
    # the token that is sampled behind a likelihood needs room
    assert {task: info.max_context for task, info in infos.items()} == {
        "classify": CONTEXT,
        "token_classify": CONTEXT,
        "likelihood": CONTEXT - 1,
    }
    assert {(info.engine, info.model) for info in infos.values()} == {("vllm", "tiny")}
    assert set(infos["classify"].special_tokens or ()) == set(tiny.SPECIAL)


async def test_a_repeated_prefix_is_not_computed_again(scorers: dict[Task, VLLMScorer]) -> None:
    """Where only the end is read; the number is the same."""
    asked = Pass(tuple(place % 200 for place in range(400)))
    first, second = [await scorers["classify"].score(asked) for _ in range(2)]
    assert first.cached_tokens == 0
    assert 0 < second.cached_tokens < len(asked.tokens)
    assert scorer_laws.near(first.values, second.values, 1e-4)


async def test_every_position_is_read_though_the_prefix_is_known(scorers: dict[Task, VLLMScorer]) -> None:
    """Cached tokens have no vectors, and positions in them are read all the same."""
    tokens = tuple(place % 200 for place in range(400))
    for task in ("token_classify", "likelihood"):
        asked = Pass(tokens, (1, 2, 150, 399))
        first, second = [await scorers[task].score(asked) for _ in range(2)]
        assert scorer_laws.near(first.values, second.values, 1e-4)


@pytest.mark.parametrize("task", TASKS)
async def test_a_cancelled_pass_is_aborted_in_vllm(task: Task, scorers: dict[Task, VLLMScorer]) -> None:
    scorer, at = scorers[task], () if task == "classify" else (5,)
    doomed = [asyncio.create_task(scorer.score(Pass((number,) * 500, at))) for number in range(64)]
    while not scorer._engine.output_processor.get_num_unfinished_requests():
        await asyncio.sleep(0)
    for one in doomed:
        one.cancel()
    done = await asyncio.gather(*doomed, return_exceptions=True)
    assert any(isinstance(one, asyncio.CancelledError) for one in done)
    assert scorer._engine.output_processor.get_num_unfinished_requests() == 0
    assert (await scorer.score(Pass((1, 2, 3), at[:0] if task == "classify" else (2,)))).values


# What is refused without an engine.


async def refuses_to_open(scorer: Scorer, error: type[Exception], named: str) -> None:
    with pytest.raises(error, match=named):
        await scorer.open()
    await scorer.aclose()


@pytest.mark.parametrize("task", ["classify", "token_classify"])
async def test_a_generative_model_has_no_head(task: Task, folders: dict[Task, Path]) -> None:
    named = "LlamaForCausalLM, which has no head that scores: use a reward model, or name the labels"
    await refuses_to_open(scorer_of(folders["likelihood"], Readout(task)), ModelError, named)


@pytest.mark.parametrize(
    ("kind", "task", "head"),
    [
        ("LlamaForSequenceClassification", "classify", "score"),
        ("BertForSequenceClassification", "classify", "classifier"),
        ("Qwen2ForTokenClassification", "token_classify", "score"),
    ],
)
async def test_a_head_without_weights_is_refused(kind: str, task: Task, head: str, tmp_path: Path) -> None:
    """vLLM itself would read whatever stood in the memory."""
    tiny.save_model(tmp_path, kind, head_dim=64)
    weights = tiny.load_file(tmp_path / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if not name.startswith(head)}
    assert len(kept) < len(weights)
    tiny.save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    await refuses_to_open(
        scorer_of(tmp_path, Readout(task)), ModelError, f"{kind}.*lacks the weights of its head.*random"
    )


async def test_unknown_arguments_are_refused(folders: dict[Task, Path]) -> None:
    scorer = scorer_of(folders["classify"], models.CLASSIFY, tensor_paralel_size=2)
    await refuses_to_open(scorer, UnknownNameError, "'tensor_parallel_size'")
    with pytest.raises(InputError, match="same setting"):
        VLLMScorer("anything", models.CLASSIFY, max_context=100, max_model_len=200)


@pytest.mark.parametrize(
    ("kind", "settings", "named"),
    [
        ("Phi", {"num_key_value_heads": 2}, "a bias or a scale"),
        ("Cohere", {"logit_scale": 0.5}, "a bias or a scale"),
        ("Granite", {"logits_scaling": 4.0}, "a bias or a scale"),
        ("Llama", {}, "'yes' is 3 tokens"),
    ],
)
async def test_labels_that_vllm_would_misread_are_refused(
    kind: str, settings: dict[str, Any], named: str, tmp_path: Path
) -> None:
    models.signed(kind, tmp_path, **settings)
    labels = ("yes", "-") if kind == "Llama" else ("+", "-")
    await refuses_to_open(scorer_of(tmp_path, Readout("token_classify", labels)), ModelError, named)


async def test_what_the_user_gave_stands(folders: dict[Task, Path]) -> None:
    model, given = str(folders["likelihood"]), {"pooler_config": {"task": "embed"}, "hf_overrides": {"method": "none"}}
    arguments, cap = arguments_for(model, "tiny", Readout("token_classify", ("+", "-")), given)
    assert cap is None
    assert arguments["pooler_config"] == {"task": "embed"}
    assert arguments["hf_overrides"] == {"method": "none", "classifier_from_token": ["+", "-"]}
    converted = {"convert": "classify"}
    assert arguments_for(model, "tiny", models.CLASSIFY, converted)[0] == {"runner": "pooling", "convert": "classify"}
    assert arguments_for(model, "tiny", models.LIKELIHOOD, converted)[0] == converted


# What vLLM itself has to say.


async def test_an_embedding_model_is_told_apart(tmp_path: Path) -> None:
    tiny.save_model(tmp_path, "LlamaModel", head_dim=64)
    await refuses_to_open(scorer_of(tmp_path, models.CLASSIFY), ModelError, "embedding model.*labels=")


async def test_a_model_of_another_task_is_told_apart(folders: dict[Task, Path]) -> None:
    scorer = scorer_of(folders["token_classify"], models.CLASSIFY)
    await refuses_to_open(scorer, ModelError, r"Qwen2ForProcessRewardModel.*token_classify, not for 'classify'")


async def test_an_architecture_that_vllm_lacks(folders: dict[Task, Path], tmp_path: Path) -> None:
    """ArmoRM: the family is for transformers alone, and whoever asks vLLM for it is told so."""
    shutil.copytree(folders["likelihood"], tmp_path, dirs_exist_ok=True)
    weights = tiny.load_file(tmp_path / "model.safetensors") | tiny.random_head(("score.weight", (1, tiny.HIDDEN)))
    tiny.save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    tiny.change_config(tmp_path, architectures=["LlamaForRewardModelWithGating"])
    await refuses_to_open(scorer_of(tmp_path, models.TOKENS), ModelError, "LlamaForRewardModelWithGating")


CLOSING: list[Law] = [scorer_laws.closing_ends_what_is_in_flight, scorer_laws.a_closed_scorer_refuses]


@pytest.mark.parametrize("law", [*CLOSING, scorer_laws.closing_twice_is_harmless], ids=name_of)
async def test_it_keeps_the_law_of_closing(law: Law, folders: dict[Task, Path]) -> None:
    await law(Subject(lambda: scorer_of(folders["classify"], models.CLASSIFY), "classify"))


async def test_a_scorer_that_is_killed_says_so(scorers: dict[Task, VLLMScorer]) -> None:
    """The last test of the shared scorers."""
    scorer = scorers["token_classify"]
    await scorer.open()
    in_flight = [asyncio.create_task(scorer.score(Pass((number,) * 500, (5,)))) for number in range(64)]
    while not scorer.unfinished:
        await asyncio.sleep(0)
    (core,) = scorer._engine.engine_core.resources.engine_manager.processes
    os.kill(core.pid, signal.SIGKILL)
    ended = await asyncio.gather(*in_flight, return_exceptions=True)
    assert any(isinstance(one, EngineDiedError) for one in ended)
    with pytest.raises(EngineDiedError):
        await scorer.score(Pass((1, 2, 3), (2,)))
