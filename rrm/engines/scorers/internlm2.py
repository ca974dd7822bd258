"""InternLM2, which transformers does not have, as the Llama that it is: other names, and three matrices in one.

`wqkv` has, for each head of keys, the queries' heads of its group, then the keys' head, then the values' head.
"""

from collections.abc import Iterator
from typing import Any

from rrm.engines.scorers.weights import Checkpoint

__all__ = ["backbone"]

_NAMES = {
    "model.tok_embeddings.weight": "embed_tokens.weight",
    "model.norm.weight": "norm.weight",
}
_LAYER_NAMES = {
    "attention.wo": "self_attn.o_proj",
    "feed_forward.w1": "mlp.gate_proj",
    "feed_forward.w3": "mlp.up_proj",
    "feed_forward.w2": "mlp.down_proj",
    "attention_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_QKV = "attention.wqkv"
_SAME = (
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    *("num_key_value_heads", "hidden_act", "max_position_embeddings", "rms_norm_eps", "rope_theta", "rope_scaling"),
    *("pad_token_id", "bos_token_id", "eos_token_id"),
)
"""Settings that Llama has under the same names."""


def backbone(transformers: Any, checkpoint: Checkpoint, config: dict[str, Any], dtype: Any) -> Any:
    """A LlamaModel with the weights. Raises KeyError or RuntimeError where they are not InternLM2's."""
    import torch

    options = {name: config[name] for name in _SAME if config.get(name) is not None}
    llama = transformers.LlamaConfig(**options, attention_bias=bool(config.get("bias")))
    with torch.device("meta"):
        model = transformers.LlamaModel(llama)
    weights = {new: weight.to(dtype) for new, weight in _converted(checkpoint, llama)}
    model.load_state_dict(weights, assign=True)
    # what is computed of the configuration alone has no weights to be loaded from
    model.rotary_emb = type(model.rotary_emb)(config=llama)
    return model


def _converted(checkpoint: Checkpoint, llama: Any) -> Iterator[tuple[str, Any]]:
    for name in checkpoint.names:
        if name in _NAMES:
            yield _NAMES[name], checkpoint.read(name)
        elif name.startswith("model.layers."):
            _, layers, number, rest = name.split(".", 3)
            part, kind = rest.rsplit(".", 1)
            prefix = f"{layers}.{number}"
            if part == _QKV:
                yield from _split(checkpoint.read(name), llama, f"{prefix}.self_attn", kind)
            elif part in _LAYER_NAMES:
                yield f"{prefix}.{_LAYER_NAMES[part]}.{kind}", checkpoint.read(name)


def _split(joined: Any, llama: Any, prefix: str, kind: str) -> Iterator[tuple[str, Any]]:
    group = llama.num_attention_heads // llama.num_key_value_heads
    grouped = joined.unflatten(0, (llama.num_key_value_heads, group + 2, llama.head_dim))
    for name, part in zip("qkv", grouped.split([group, 1, 1], 1), strict=True):
        yield f"{prefix}.{name}_proj.{kind}", part.flatten(0, 2).clone()
