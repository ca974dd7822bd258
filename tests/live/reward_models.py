"""Tiny reward models of every architecture that transformers and vLLM both have, and what transformers reads of each.

Heads of models whose code is not in transformers are computed here from their published descriptions, over transformers'
backbones; InternLM2 altogether. Nothing here comes from rrm.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention, silu

from rrm.engines.scorers.base import Readout
from tests.live import tiny_models as tiny

Expected = Callable[[tuple[int, ...]], Any]
"""Tokens in, raw outputs of shape (tokens, outputs) out, or (1, outputs) of a whole sequence: alone and without padding."""

CLASSIFY, TOKENS, LIKELIHOOD = Readout("classify"), Readout("token_classify"), Readout("likelihood")
SIGNS = Readout("token_classify", ("+", "-"))


@dataclass(frozen=True)
class Case:
    """A model that can be made, and how it is read."""

    readout: Readout
    make: Callable[[Path], Expected]
    vllm_arguments: Mapping[str, Any] = field(default_factory=dict)


_TWO_HEADS = {"num_key_value_heads": 2}
_GPT = _TWO_HEADS | {"n_embd": 128, "n_layer": 2, "n_head": 2, "n_positions": 512, "n_inner": 256}
_MOE = {"moe_intermediate_size": 64, "num_experts_per_tok": 2}
_FULL = {"layer_types": ["full_attention"] * 2}
_GEMMA = {"query_pre_attn_scalar": 64, "sliding_window": 64, "layer_types": ["sliding_attention", "full_attention"]}
_ENCODER = _TWO_HEADS | {"type_vocab_size": 1}
_ROBERTA = _ENCODER | {"max_position_embeddings": 512 + tiny.VOCABULARY}  # positions begin behind the padding token

CLASSIFIERS: dict[str, dict[str, Any]] = {
    "Arcee": {},
    "Bert": _ENCODER,
    "Exaone4": _FULL | {"sliding_window": None},
    "Falcon": {"multi_query": True, "new_decoder_architecture": False, "alibi": False},
    "Gemma": {},
    "Gemma2": _GEMMA | {"attn_implementation": "eager"},  # the only one that squeezes attention's logits
    "Gemma3Text": _GEMMA,
    "Glm": {"partial_rotary_factor": 0.5},
    "Glm4": {"partial_rotary_factor": 0.5},
    "GPT2": _GPT,
    "GPTBigCode": _GPT | {"num_key_value_heads": 1},
    "GPTJ": _GPT | {"rotary_dim": 32},
    "GPTNeoX": _TWO_HEADS,
    "GptOss": _TWO_HEADS | {"num_local_experts": 4, "layer_types": ["sliding_attention", "full_attention"]},
    "HunYuanDenseV1": {},
    "HunYuanMoEV1": {"num_experts": 4, "moe_topk": 2},
    "Llama": {},
    "Ministral3": {"sliding_window": None},
    "Mistral": {"sliding_window": None},
    "Mixtral": {"num_local_experts": 4, "sliding_window": None},
    "ModernBert": _ENCODER,
    "Nemotron": {},
    "Olmo": {"clip_qkv": None},
    "Olmo2": {},
    "Olmo3": _FULL,
    "OPT": _TWO_HEADS | {"ffn_dim": 256, "word_embed_proj_dim": 128, "do_layer_norm_before": True},
    "Phi": _TWO_HEADS,
    "Phi3": {},
    "Qwen2": {},
    "Qwen2Moe": _MOE | {"num_experts": 4, "shared_expert_intermediate_size": 128, "decoder_sparse_step": 1},
    "Qwen3": {},
    "Qwen3Moe": _MOE | {"num_experts": 4, "decoder_sparse_step": 1},
    "Roberta": _ROBERTA,
    "SeedOss": {},
    "SmolLM3": {},
    "StableLm": {},
    "Starcoder2": {},
    "XLMRoberta": _ROBERTA,
}
"""`...ForSequenceClassification`, and what must be set of each for two heads of 64."""

GAPS: dict[str, str] = {
    "AXK1": "vLLM wants a weight that the checkpoint of transformers has not (post_mlp_layernorm)",
    "Bloom": "vLLM does not find the head in a checkpoint of transformers",
    "DeepseekV2": "vLLM reads other numbers on a CPU",
    "DeepseekV3": "vLLM reads other numbers on a CPU",
    "Gemma3": "not tried: a model of images and texts (that of texts alone, Gemma3Text, is tried)",
    "Gte": "vLLM takes the configuration of the checkpoint's own code, not that of transformers",
    "Jamba": "vLLM has no kernel for state-space layers on a CPU",
    "MiniCPM3": "vLLM reads other numbers where the model scales its embeddings or residuals",
    "NomicBert": "vLLM takes the configuration of the checkpoint's own code, not that of transformers",
    "Qwen3_5": "not tried: a model of images and texts",
    "Qwen3Next": "vLLM reads linear attention in bfloat16 only, on a CPU",
    "Zamba2": "no tiny one was made that vLLM starts",
}
"""`...ForSequenceClassification` that both have, and why what vLLM reads of them is not verified here."""


def classifier(kind: str, folder: Path, **settings: Any) -> Expected:
    """`...ForSequenceClassification` of transformers, one output by default."""
    given = {"num_labels": 1, "pad_token_id": 258, "head_dim": 64} | settings
    if kind == "Falcon":
        given.pop("head_dim")
    model = tiny.save_model(folder, f"{kind}ForSequenceClassification", **given)
    return lambda tokens: model(torch.tensor([tokens])).logits


def hidden_states(backbone: Any, tokens: tuple[int, ...]) -> Any:
    return backbone(input_ids=torch.tensor([tokens]), use_cache=False).last_hidden_state[0]


def qwen_math(architecture: str, outputs: int, folder: Path, **settings: Any) -> Expected:
    """Qwen2.5-Math-RM and -PRM: two linear layers with ReLU between them, on every token."""
    size = tiny.HIDDEN
    head = tiny.random_head(
        ("score.0.weight", (size, size)),
        ("score.0.bias", (size,)),
        ("score.2.weight", (outputs, size)),
        ("score.2.bias", (outputs,)),
    )
    backbone = tiny.save_with_head(folder, "Qwen2ForCausalLM", architecture, head, pad_token_id=258, **settings)
    tiny.change_config(folder, auto_map={"AutoModel": f"modeling_qwen2_rm.{architecture}"})

    def expected(tokens: tuple[int, ...]) -> Any:
        inner = torch.relu(hidden_states(backbone, tokens) @ head["score.0.weight"].T + head["score.0.bias"])
        return inner @ head["score.2.weight"].T + head["score.2.bias"]

    return expected


def skywork_prm(folder: Path, *, pickled: bool = False, **settings: Any) -> Expected:
    """Skywork-o1-Open-PRM: a linear layer with a bias to one number, on every token; its first release is a pickle."""
    head = tiny.random_head(("v_head.summary.weight", (1, tiny.HIDDEN)), ("v_head.summary.bias", (1,)))
    backbone = tiny.save_with_head(
        folder, "Qwen2ForCausalLM", "Qwen2ForPrmModel", head, tie_word_embeddings=True, pad_token_id=258, **settings
    )
    if pickled:
        weights = tiny.load_file(folder / "model.safetensors")
        (folder / "model.safetensors").unlink()
        torch.save(weights, folder / "pytorch_model.bin")
    return lambda tokens: (
        hidden_states(backbone, tokens) @ head["v_head.summary.weight"].T + head["v_head.summary.bias"]
    )


def internlm2(folder: Path) -> Expected:
    """InternLM2's reward model: a linear layer without a bias on every token of a decoder with packed matrices."""
    tiny.save_internlm2(folder, tiny.random_head(("v_head.weight", (1, tiny.HIDDEN))))
    code = "from transformers import PretrainedConfig\n\n\nclass Configuration(PretrainedConfig):\n    model_type = 'internlm2'\n"
    (folder / "configuration.py").write_text(code)
    tiny.change_config(
        folder, auto_map={"AutoConfig": "configuration.Configuration"}, rope_theta=10000.0, pad_token_id=258
    )
    config = json.loads((folder / "config.json").read_text())
    weights = tiny.load_file(folder / "model.safetensors")
    return lambda tokens: _internlm2_states(weights, config, tokens) @ weights["v_head.weight"].T


def _internlm2_states(weights: Mapping[str, Any], config: Mapping[str, Any], tokens: tuple[int, ...]) -> Any:
    """The decoder as https://github.com/InternLM/InternLM describes it: shape (tokens, hidden)."""
    groups, size = config["num_key_value_heads"], config["head_dim"]
    shared = config["num_attention_heads"] // groups

    def norm(states: Any, name: str) -> Any:
        return states * torch.rsqrt(states.pow(2).mean(-1, keepdim=True) + config["rms_norm_eps"]) * weights[name]

    def turned(states: Any) -> Any:
        """Rotary position embedding; states of shape (heads, tokens, size)."""
        frequencies = config["rope_theta"] ** (-torch.arange(0, size, 2).float() / size)
        angles = torch.outer(torch.arange(len(tokens)).float(), frequencies).repeat(1, 2)
        left, right = states.chunk(2, -1)
        return states * angles.cos() + torch.cat([-right, left], -1) * angles.sin()

    states = weights["model.tok_embeddings.weight"][list(tokens)]
    for number in range(config["num_hidden_layers"]):
        layer = f"model.layers.{number}"
        packed = norm(states, f"{layer}.attention_norm.weight") @ weights[f"{layer}.attention.wqkv.weight"].T
        parts = packed.view(len(tokens), groups, shared + 2, size).permute(1, 2, 0, 3)
        queries, keys, values = parts[:, :shared].flatten(0, 1), parts[:, shared], parts[:, shared + 1]
        keys, values = keys.repeat_interleave(shared, 0), values.repeat_interleave(shared, 0)
        attended = scaled_dot_product_attention(turned(queries), turned(keys), values, is_causal=True)
        states = states + attended.transpose(0, 1).flatten(1) @ weights[f"{layer}.attention.wo.weight"].T
        inner = norm(states, f"{layer}.ffn_norm.weight")
        gate = silu(inner @ weights[f"{layer}.feed_forward.w1.weight"].T)
        states = (
            states
            + (gate * (inner @ weights[f"{layer}.feed_forward.w3.weight"].T))
            @ weights[f"{layer}.feed_forward.w2.weight"].T
        )
    return norm(states, "model.norm.weight")


def signed(kind: str, folder: Path, **settings: Any) -> Expected:
    """`...ForCausalLM`: the next token's logits of "+" and "-", which are tokens of one byte."""
    model = tiny.save_model(folder, f"{kind}ForCausalLM", pad_token_id=258, head_dim=64, **settings)
    columns = list(sign_ids(folder))
    return lambda tokens: model(torch.tensor([tokens])).logits[0][:, columns]


def sign_ids(folder: Path) -> tuple[int, int]:
    """The tokens "+" and "-"."""
    vocabulary = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    return vocabulary["+"], vocabulary["-"]


def generative(kind: str, folder: Path, **settings: Any) -> Expected:
    """`...ForCausalLM`: at each position the log-probability of the token there; 0 at the first one."""
    model = tiny.save_model(folder, f"{kind}ForCausalLM", pad_token_id=258, head_dim=64, **settings)

    def expected(tokens: tuple[int, ...]) -> Any:
        logprobs = model(torch.tensor([tokens])).logits[0].log_softmax(-1)
        return torch.cat([torch.zeros(1, 1), logprobs[:-1].gather(-1, torch.tensor(tokens[1:])[:, None])])

    return expected


def _classifying(kind: str, settings: dict[str, Any]) -> Case:
    return Case(CLASSIFY, lambda folder: classifier(kind, folder, **settings))


_CAPPED = _GEMMA | {"attn_implementation": "eager", "final_logit_softcapping": 3.0}

CASES: dict[str, Case] = {
    **{f"{kind}ForSequenceClassification": _classifying(kind, settings) for kind, settings in CLASSIFIERS.items()},
    "LlamaForSequenceClassification, five outputs": _classifying("Llama", {"num_labels": 5}),
    "LlamaForSequenceClassification, regression": _classifying("Llama", {"problem_type": "regression"}),
    "Qwen2ForRewardModel": Case(TOKENS, lambda folder: qwen_math("Qwen2ForRewardModel", 1, folder)),
    "Qwen2ForProcessRewardModel": Case(TOKENS, lambda folder: qwen_math("Qwen2ForProcessRewardModel", 2, folder)),
    "Qwen2ForPrmModel": Case(TOKENS, skywork_prm),
    "Qwen2ForPrmModel, pickled": Case(TOKENS, lambda folder: skywork_prm(folder, pickled=True)),
    "InternLM2ForRewardModel": Case(TOKENS, internlm2, {"trust_remote_code": True}),
    "LlamaForCausalLM, labels": Case(SIGNS, lambda folder: signed("Llama", folder)),
    "MistralForCausalLM, labels": Case(SIGNS, lambda folder: signed("Mistral", folder, sliding_window=None)),
    "Qwen3ForCausalLM, tied, labels": Case(SIGNS, lambda folder: signed("Qwen3", folder, tie_word_embeddings=True)),
    "Gemma2ForCausalLM, capped, labels": Case(SIGNS, lambda folder: signed("Gemma2", folder, **_CAPPED)),
    "Gemma2ForCausalLM, capped, likelihood": Case(LIKELIHOOD, lambda folder: generative("Gemma2", folder, **_CAPPED)),
    "Qwen3ForCausalLM, likelihood": Case(LIKELIHOOD, lambda folder: generative("Qwen3", folder)),
}
"""Everything that both engines read."""
