"""The transformers scorer against transformers' own classifiers and against heads written out here, on tiny models."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rrm.engines.scorers.base import Pass, Readout, Scorer, Task
from rrm.engines.scorers.transformers import TransformersScorer
from rrm.errors import EngineError, EngineRefusedError, InputError, ModelError, UnknownNameError
from rrm.types import Message
from tests.laws.scorer_laws import CLOSING_LAWS, KeptOpen, Law, Subject, laws_for, name_of

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
from tests.live import tiny_models as tiny  # noqa: E402 - imports torch

pytestmark = [
    pytest.mark.live,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("default"),  # torch and transformers warn as they please
]

CLASSIFY, TOKENS, LIKELIHOOD = Readout("classify"), Readout("token_classify"), Readout("likelihood")
TOLERANCE = 1e-5

Expected = Callable[[tuple[int, ...]], Any]
"""Tokens in, vectors of shape (tokens, outputs) out: alone and without padding."""


def passes(task: Task, count: int = 32) -> list[Pass]:
    """Passes of many lengths; the padding token and 0 are usual tokens in some, also at the end."""
    chance = random.Random(0)
    made = []
    for number in range(count):
        tokens = [chance.randrange(tiny.VOCABULARY) for _ in range(chance.choice([2, 3, 5, 17, 40, 90]))]
        tokens[-1] = (258, 0, 257, tokens[-1])[number % 4]
        at = sorted(chance.sample(range(1, len(tokens)), chance.randint(1, len(tokens) - 1)))
        made.append(Pass(tuple(tokens), () if task == "classify" else tuple(at)))
    return made


async def reads_as(expected: Expected, scorer: TransformersScorer, task: Task) -> None:
    """Alone, all together, and together in another order, a scorer reads what is expected."""
    asked = passes(task)
    with torch.inference_mode():
        wanted = [expected(one.tokens)[list(one.at) or [-1]] for one in asked]
    order = random.Random(1).sample(range(len(asked)), len(asked))
    try:
        alone = [await scorer.score(one) for one in asked[:4]]
        together = await asyncio.gather(*map(scorer.score, asked))
        shuffled = await asyncio.gather(*(scorer.score(asked[place]) for place in order))
    finally:
        await scorer.aclose()
    for found, place in [
        *zip(alone, range(4), strict=True),
        *zip(together, range(32), strict=True),
        *zip(shuffled, order, strict=True),
    ]:
        torch.testing.assert_close(torch.tensor(found.values), wanted[place], rtol=TOLERANCE, atol=TOLERANCE)


def states(backbone: Any, tokens: Sequence[int]) -> Any:
    return backbone(input_ids=torch.tensor([tokens]), use_cache=False).last_hidden_state[0]


@pytest.mark.parametrize("padding", [None, 258])
@pytest.mark.parametrize("kind", ["Llama", "Qwen2", "Qwen3", "Gemma2"])
async def test_decoders_that_classify_read_as_transformers_does(kind: str, padding: int | None, tmp_path: Path) -> None:
    """At the last token, or before those at the end that its configuration takes for padding."""
    model = tiny.save_model(tmp_path, f"{kind}ForSequenceClassification", num_labels=3, head_dim=64)
    model.config.pad_token_id = model.config.get_text_config().pad_token_id = padding
    tiny.change_config(tmp_path, pad_token_id=padding)
    await reads_as(
        lambda tokens: model(torch.tensor([tokens])).logits, TransformersScorer(str(tmp_path), CLASSIFY), "classify"
    )


async def test_decoders_that_classify_can_be_read_anywhere(tmp_path: Path) -> None:
    model = tiny.save_model(tmp_path, "LlamaForSequenceClassification", num_labels=1)
    await reads_as(
        lambda tokens: model.score(states(model.model, tokens)),
        TransformersScorer(str(tmp_path), TOKENS, batch_tokens=128),
        "token_classify",
    )


async def test_decoders_that_classify_tokens_keep_their_bias(tmp_path: Path) -> None:
    model = tiny.save_model(tmp_path, "Qwen2ForTokenClassification", num_labels=2)
    await reads_as(
        lambda tokens: model(torch.tensor([tokens])).logits[0],
        TransformersScorer(str(tmp_path), TOKENS),
        "token_classify",
    )


@pytest.mark.parametrize("kind", ["Bert", "DebertaV2", "Roberta", "ModernBert"])
async def test_encoders_that_classify_read_as_transformers_does(kind: str, tmp_path: Path) -> None:
    """These place their positions by the padding token, so that it can't be a usual one of theirs."""
    model = tiny.save_model(
        tmp_path, f"{kind}ForSequenceClassification", num_labels=1, pad_token_id=258, type_vocab_size=1
    )
    scorer = TransformersScorer(str(tmp_path), CLASSIFY)
    asked = [Pass(tuple(token for token in one.tokens if token != 258) or (1,)) for one in passes("classify")]
    found = await asyncio.gather(*map(scorer.score, asked))
    await scorer.aclose()
    with torch.inference_mode():
        wanted = [model(torch.tensor([one.tokens])).logits[0] for one in asked]
    for vectors, logits in zip(found, wanted, strict=True):
        torch.testing.assert_close(torch.tensor(vectors.values[0]), logits, rtol=TOLERANCE, atol=TOLERANCE)


async def test_encoders_that_classify_tokens_read_as_transformers_does(tmp_path: Path) -> None:
    model = tiny.save_model(tmp_path, "BertForTokenClassification", num_labels=2, pad_token_id=258)
    await reads_as(
        lambda tokens: model(torch.tensor([tokens])).logits[0],
        TransformersScorer(str(tmp_path), TOKENS),
        "token_classify",
    )


@pytest.mark.parametrize(("architecture", "outputs"), [("Qwen2ForRewardModel", 1), ("Qwen2ForProcessRewardModel", 2)])
async def test_qwen_reward_models_have_two_layers(architecture: str, outputs: int, tmp_path: Path) -> None:
    size = tiny.HIDDEN
    head = tiny.random_head(
        ("score.0.weight", (size, size)),
        ("score.0.bias", (size,)),
        ("score.2.weight", (outputs, size)),
        ("score.2.bias", (outputs,)),
    )
    backbone = tiny.save_with_head(tmp_path, "Qwen2ForCausalLM", architecture, head)

    def expected(tokens: tuple[int, ...]) -> Any:
        inner = torch.relu(states(backbone, tokens) @ head["score.0.weight"].T + head["score.0.bias"])
        return inner @ head["score.2.weight"].T + head["score.2.bias"]

    await reads_as(expected, TransformersScorer(str(tmp_path), TOKENS), "token_classify")
    await reads_as(expected, TransformersScorer(str(tmp_path), CLASSIFY), "classify")


async def test_skyworks_process_model_has_a_value_head(tmp_path: Path) -> None:
    head = tiny.random_head(("v_head.summary.weight", (1, tiny.HIDDEN)), ("v_head.summary.bias", (1,)))
    backbone = tiny.save_with_head(tmp_path, "Qwen2ForCausalLM", "Qwen2ForPrmModel", head, tie_word_embeddings=True)
    # its first release is a pickle
    weights = tiny.load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "pytorch_model.bin")

    def expected(tokens: tuple[int, ...]) -> Any:
        return states(backbone, tokens) @ head["v_head.summary.weight"].T + head["v_head.summary.bias"]

    await reads_as(expected, TransformersScorer(str(tmp_path), TOKENS), "token_classify")


async def test_internlm2_is_read_as_the_llama_that_it_is(tmp_path: Path) -> None:
    head = tiny.random_head(("v_head.weight", (1, tiny.HIDDEN)))
    backbone = tiny.save_internlm2(tmp_path, head)
    await reads_as(
        lambda tokens: states(backbone, tokens) @ head["v_head.weight"].T,
        TransformersScorer(str(tmp_path), CLASSIFY),
        "classify",
    )


async def test_armorm_has_rewards_and_the_weights_of_its_gate(tmp_path: Path) -> None:
    size, inner, count = tiny.HIDDEN, 32, 5
    gate = [(f"gating.layers.{number}.weight", (inner, size if number == 0 else inner)) for number in range(3)]
    head = tiny.random_head(
        ("regression_layer.weight", (count, size)),
        ("reward_transform_matrix", (count, count)),
        ("gating.logit_scale", (1,)),
        *gate,
        *((f"gating.layers.{number}.bias", (inner,)) for number in range(3)),
        ("gating.layers.3.weight", (count, inner)),
        ("gating.layers.3.bias", (count,)),
    )
    backbone = tiny.save_with_head(tmp_path, "LlamaForCausalLM", "LlamaForRewardModelWithGating", head)
    tiny.change_config(tmp_path, num_objectives=count, gating_temperature=7)

    def expected(tokens: tuple[int, ...]) -> Any:
        hidden = states(backbone, tokens)
        rewards = hidden @ head["regression_layer.weight"].T
        for number in range(4):
            hidden = hidden @ head[f"gating.layers.{number}.weight"].T + head[f"gating.layers.{number}.bias"]
            hidden = torch.relu(hidden) if number < 3 else hidden
        weights = torch.softmax(hidden / 7, -1) * head["gating.logit_scale"]
        return torch.cat([rewards @ head["reward_transform_matrix"], weights, rewards], -1)

    scorer = TransformersScorer(str(tmp_path), TOKENS)
    assert (await scorer.open()).outputs == 3 * count
    await reads_as(expected, scorer, "token_classify")


@pytest.mark.parametrize("kind", ["Llama", "Gemma2", "Cohere", "Granite"])
async def test_labels_are_logits_of_these_tokens_alone(kind: str, tmp_path: Path) -> None:
    """Also where an architecture caps or scales its logits."""
    more = (
        {"final_logit_softcapping": 3.0} if kind == "Gemma2" else {"logits_scaling": 4.0} if kind == "Granite" else {}
    )
    model = tiny.save_model(tmp_path, f"{kind}ForCausalLM", **more)
    plus, minus = (ids[0] for ids in await _ids(tmp_path, "+", "-"))
    scorer = TransformersScorer(str(tmp_path), Readout("token_classify", ("+", "-")))
    assert (await scorer.open()).outputs == 2
    await reads_as(lambda tokens: model(torch.tensor([tokens])).logits[0][:, [plus, minus]], scorer, "token_classify")


@pytest.mark.parametrize("kind", ["Qwen3", "Gemma2"])
async def test_likelihoods_are_of_the_tokens_that_stand_there(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the vocabulary's logits are made in many parts."""
    monkeypatch.setattr("rrm.engines.scorers.readers._CHUNK", 3 * tiny.VOCABULARY)
    model = tiny.save_model(tmp_path, f"{kind}ForCausalLM", head_dim=64)

    def expected(tokens: tuple[int, ...]) -> Any:
        logprobs = model(torch.tensor([tokens])).logits[0].log_softmax(-1)
        following = logprobs[:-1].gather(-1, torch.tensor(tokens[1:])[:, None])
        return torch.cat([torch.zeros(1, 1), following])

    await reads_as(expected, TransformersScorer(str(tmp_path), LIKELIHOOD), "likelihood")


async def test_weights_in_shards_are_found(tmp_path: Path) -> None:
    model = tiny.save_model(tmp_path, "LlamaForSequenceClassification", num_labels=1)
    (tmp_path / "model.safetensors").unlink()
    model.save_pretrained(tmp_path, max_shard_size="300KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    scorer = TransformersScorer(str(tmp_path), CLASSIFY)
    found = await scorer.score(Pass((1, 2, 3)))
    await scorer.aclose()
    assert found.values[0][0] == pytest.approx(model(torch.tensor([[1, 2, 3]])).logits.item(), abs=TOLERANCE)


@pytest.mark.parametrize(
    ("saved", "architecture", "readout", "named"),
    [
        (
            "LlamaModel",
            "LlamaForSequenceClassification",
            CLASSIFY,
            "lacks weights, which would be random: score.weight",
        ),
        ("BertModel", "BertForSequenceClassification", CLASSIFY, "BertForSequenceClassification.*classifier.bias"),
        ("LlamaForCausalLM", "LlamaForCausalLM", CLASSIFY, "LlamaForCausalLM, and its checkpoint has no head"),
        ("LlamaForCausalLM", "LlamaForCausalLM", TOKENS, "no head that scores single tokens"),
        ("BertForSequenceClassification", "BertForSequenceClassification", TOKENS, "no head that scores single tokens"),
        ("LlamaForSequenceClassification", "LlamaForSequenceClassification", LIKELIHOOD, "predicts no tokens"),
        ("LlamaModel", "LlamaForCausalLM", LIKELIHOOD, "lacks weights, which would be random: lm_head.weight"),
        ("LlamaForCausalLM", "LlamaForCausalLM", Readout("token_classify", ("yes", "-")), "'yes' is 3 tokens"),
    ],
    ids=str,
)
async def test_what_is_not_in_a_checkpoint_is_an_error(
    saved: str, architecture: str, readout: Readout, named: str, tmp_path: Path
) -> None:
    tiny.save_model(tmp_path, saved)
    tiny.change_config(tmp_path, architectures=[architecture])
    await _refuses_to_open(TransformersScorer(str(tmp_path), readout), ModelError, named)


async def test_weights_that_the_backbone_lacks_are_an_error(tmp_path: Path) -> None:
    tiny.save_model(tmp_path, "LlamaForSequenceClassification")
    weights = tiny.load_file(tmp_path / "model.safetensors")
    del weights["model.norm.weight"]
    tiny.save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    await _refuses_to_open(TransformersScorer(str(tmp_path), CLASSIFY), ModelError, "lacks weights.*norm.weight")


async def test_models_that_are_none_are_errors(tmp_path: Path) -> None:
    await _refuses_to_open(TransformersScorer(str(tmp_path / "nowhere"), CLASSIFY), ModelError, "nowhere")
    tiny.save_model(tmp_path, "LlamaForSequenceClassification")
    await _refuses_to_open(TransformersScorer(str(tmp_path), CLASSIFY, batch_sise=4), UnknownNameError, "batch_sise")
    tiny.change_config(tmp_path, model_type="unheard_of")
    await _refuses_to_open(TransformersScorer(str(tmp_path), CLASSIFY), ModelError, "'unheard_of', which transformers")
    (tmp_path / "model.safetensors").unlink()
    await _refuses_to_open(
        TransformersScorer(str(tmp_path), CLASSIFY), ModelError, "no weights that can be read by name"
    )


@pytest.mark.parametrize("arguments", [{}, {"trust_remote_code": True}], ids=["by default", "trusted"])
async def test_a_checkpoints_own_code_is_not_run(arguments: dict[str, Any], tmp_path: Path) -> None:
    """Reward models name code of their own, also for architectures that transformers has."""
    model = tiny.save_model(tmp_path, "Qwen2ForSequenceClassification", num_labels=1)
    tiny.change_config(tmp_path, auto_map={"AutoModel": "evil.Model"})
    (tmp_path / "evil.py").write_text("raise SystemExit('this was run')")
    scorer = TransformersScorer(str(tmp_path), CLASSIFY, **arguments)
    found = await scorer.score(Pass((1, 2, 3)))
    await scorer.aclose()
    assert found.values[0][0] == pytest.approx(model(torch.tensor([[1, 2, 3]])).logits.item(), abs=TOLERANCE)


async def test_a_failing_batch_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Running out of memory is said in plain words, and the passes of other batches are read."""
    tiny.save_model(tmp_path, "LlamaForSequenceClassification")
    scorer = TransformersScorer(str(tmp_path), CLASSIFY, batch_tokens=100)
    await scorer.open()
    from rrm.engines.scorers import readers

    usual = readers._batch

    def full(passes: Sequence[Pass], device: Any, **more: Any) -> dict[str, Any]:
        if len(passes[0].tokens) > 50:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        return usual(passes, device, **more)

    monkeypatch.setattr(readers, "_batch", full)
    long, *short = await asyncio.gather(
        *(scorer.score(Pass((1,) * length)) for length in (60, 10, 20)), return_exceptions=True
    )
    await scorer.aclose()
    assert isinstance(long, EngineError)
    assert "use a smaller batch_tokens" in str(long)
    assert all(len(one.values) == 1 for one in short)  # type: ignore[union-attr]


async def test_cancelled_passes_that_wait_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.save_model(tmp_path, "LlamaForSequenceClassification")
    scorer = TransformersScorer(str(tmp_path), CLASSIFY, batch_tokens=10)
    await scorer.open()
    from rrm.engines.scorers import readers

    usual, read = readers._batch, []

    def noted(passes: Sequence[Pass], device: Any, **more: Any) -> dict[str, Any]:
        read.extend(len(one.tokens) for one in passes)
        return usual(passes, device, **more)

    monkeypatch.setattr(readers, "_batch", noted)
    tasks = [asyncio.create_task(scorer.score(Pass((1,) * length))) for length in (9, 8, 7)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await scorer.aclose()
    assert read == [9, 7]


async def test_it_says_what_the_model_is(tmp_path: Path) -> None:
    tiny.save_model(tmp_path, "LlamaForSequenceClassification", num_labels=3)
    scorer = TransformersScorer(str(tmp_path), CLASSIFY, name="tiny", max_context=100)
    info = await scorer.open()
    await scorer.aclose()
    assert (info.engine, info.model, info.max_context, info.outputs) == ("transformers", "tiny", 100, 3)
    assert set(info.special_tokens or ()) == set(tiny.SPECIAL)


async def test_a_batch_holds_at_least_a_token() -> None:
    with pytest.raises(InputError, match="batch_tokens"):
        TransformersScorer("anything", CLASSIFY, batch_tokens=0)


async def test_conversations_are_laid_out_by_the_template(tmp_path: Path) -> None:
    tiny.save_model(tmp_path, "LlamaForSequenceClassification")
    scorer = TransformersScorer(str(tmp_path), CLASSIFY)
    found = await scorer.chat((Message("user", "hi"), Message("assistant", "ho")))
    assert found == (256, *await scorer.tokens("user: hi"), 257, *await scorer.tokens("assistant: ho"), 257)
    with pytest.raises(EngineRefusedError, match="no tools"):
        await scorer.chat((Message("tool", "hi"),))
    await scorer.aclose()


async def test_a_template_is_missed_only_where_it_is_used(tmp_path: Path) -> None:
    tiny.save_model(tmp_path, "LlamaForSequenceClassification")
    (tmp_path / "chat_template.jinja").unlink()
    scorer = TransformersScorer(str(tmp_path), CLASSIFY)
    assert await scorer.tokens("hi")
    with pytest.raises(ModelError, match="no usable chat template"):
        await scorer.chat((Message("user", "hi"),))
    await scorer.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scorers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[Task, Scorer]]:
    """A scorer of each kind, kept open for all laws."""
    folders = {task: tmp_path_factory.mktemp(task) for task in ("classify", "token_classify", "likelihood")}
    tiny.save_model(folders["classify"], "Qwen3ForSequenceClassification", num_labels=1)
    tiny.save_model(folders["token_classify"], "Qwen2ForTokenClassification", num_labels=2)
    tiny.save_model(folders["likelihood"], "LlamaForCausalLM")
    opened: dict[Task, Scorer] = {
        task: TransformersScorer(str(folder), Readout(task)) for task, folder in folders.items()
    }
    yield opened
    for scorer in opened.values():
        await scorer.aclose()


@pytest.mark.parametrize(
    ("task", "law"),
    [(task, law) for task in ("classify", "token_classify", "likelihood") for law in laws_for(task)],
    ids=lambda value: value if isinstance(value, str) else name_of(value),
)
async def test_it_keeps_the_law(task: Task, law: Law, scorers: dict[Task, Scorer]) -> None:
    await law(Subject(lambda: KeptOpen(scorers[task]), task))


@pytest.mark.parametrize("law", CLOSING_LAWS, ids=name_of)
async def test_it_keeps_the_law_of_closing(law: Law, tmp_path: Path) -> None:
    tiny.save_model(tmp_path, "LlamaForSequenceClassification")
    await law(Subject(lambda: TransformersScorer(str(tmp_path), CLASSIFY), "classify"))


async def _ids(folder: Path, *texts: str) -> list[tuple[int, ...]]:
    scorer = TransformersScorer(str(folder), LIKELIHOOD)
    found = [await scorer.tokens(text) for text in texts]
    await scorer.aclose()
    return found


async def _refuses_to_open(scorer: TransformersScorer, error: type[Exception], named: str) -> None:
    with pytest.raises(error, match=named):
        await scorer.open()
    await scorer.aclose()
