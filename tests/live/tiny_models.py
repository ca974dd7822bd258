"""Tiny models with random weights, saved as their makers save them, and a tokenizer of one token a byte.

Weights are large enough that a wrong position, a lost norm or a forgotten bias changes the first digits.
"""

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

HIDDEN = 128
SPECIAL = ("<|begin|>", "<|end|>", "<|pad|>", "<extra_0>")
VOCABULARY = 256 + len(SPECIAL)
TEMPLATE = (
    "{{ '<|begin|>' }}{% for message in messages %}{% if message['role'] == 'tool' %}{{ raise_exception('no tools') }}"
    "{% endif %}{{ message['role'] + ': ' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
    "bos_token_id": 256,
    "eos_token_id": 257,
}


def save_tokenizer(folder: Path, template: str | None = TEMPLATE) -> None:
    """A token for each byte; the special tokens come after them, from 256."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: place for place, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=SPECIAL[0], eos_token=SPECIAL[1], pad_token=SPECIAL[2]
    )
    fast.chat_template = template
    fast.save_pretrained(folder)


def save_model(folder: Path, kind: str, *, seed: int = 0, **settings: Any) -> Any:
    """A model of a class of transformers, with random weights; returned in evaluation mode."""
    torch.manual_seed(seed)
    model_class = getattr(transformers, kind)
    model = model_class(model_class.config_class(**SIZES | settings)).eval()
    if getattr(model.config, "attn_logit_softcapping", None):
        model.set_attn_implementation("eager")  # the others leave the caps out
    _roughen(model)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return model


def save_with_head(folder: Path, base: str, architecture: str, head: dict[str, torch.Tensor], **settings: Any) -> Any:
    """A backbone and a head of its own in one checkpoint, under the names of that architecture; returns the backbone."""
    whole = save_model(folder, base, **settings)
    weights = {
        name: tensor for name, tensor in load_file(folder / "model.safetensors").items() if "lm_head" not in name
    }
    save_file({**weights, **head}, folder / "model.safetensors", {"format": "pt"})
    change_config(folder, architectures=[architecture])
    return whole.model


def change_config(folder: Path, **settings: Any) -> None:
    """Change config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | settings), "utf-8")


def random_head(*shapes: tuple[str, tuple[int, ...]], seed: int = 1) -> dict[str, torch.Tensor]:
    """Weights of these names and shapes."""
    generator = torch.Generator().manual_seed(seed)
    return {name: 0.2 * torch.randn(shape, generator=generator) for name, shape in shapes}


def save_internlm2(folder: Path, head: dict[str, torch.Tensor]) -> Any:
    """A Llama under InternLM2's names, with queries, keys and values in one; returns it as the Llama that it is."""
    llama = save_model(folder, "LlamaForCausalLM", num_attention_heads=4, num_key_value_heads=2, head_dim=32).model
    weights = dict(head)
    for name, tensor in llama.state_dict().items():
        if "self_attn" not in name or "o_proj" in name:
            weights[f"model.{_internlm2_name(name)}"] = tensor.clone()
    for number, layer in enumerate(llama.layers):
        weights[f"model.layers.{number}.attention.wqkv.weight"] = _joined(layer.self_attn, group=2)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    change_config(folder, architectures=["InternLM2ForRewardModel"], model_type="internlm2", bias=False)
    return llama


def _joined(attention: Any, *, group: int) -> torch.Tensor:
    """For each head of keys: its queries' heads, the keys', the values'."""
    queries, keys, values = (
        getattr(attention, f"{part}_proj").weight.detach().split(attention.head_dim) for part in "qkv"
    )
    rows = []
    for head, (key, value) in enumerate(zip(keys, values, strict=True)):
        rows += [*queries[head * group : (head + 1) * group], key, value]
    return torch.cat(rows)


def _internlm2_name(name: str) -> str:
    for ours, theirs in {
        "embed_tokens": "tok_embeddings",
        "self_attn.o_proj": "attention.wo",
        "mlp.gate_proj": "feed_forward.w1",
        "mlp.up_proj": "feed_forward.w3",
        "mlp.down_proj": "feed_forward.w2",
        "input_layernorm": "attention_norm",
        "post_attention_layernorm": "ffn_norm",
    }.items():
        name = name.replace(ours, theirs)
    return name


def _roughen(model: Any) -> None:
    """Norms and biases that begin as ones and zeros would hide that they were not loaded."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
