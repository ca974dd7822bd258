"""Small reward models with random weights and a tokenizer that knows the words of these benchmarks, for measuring what is not the model."""

from pathlib import Path
from typing import Any

from engine import WORDS

__all__ = ["save_classifier", "save_step_classifier"]

_SPECIAL = ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<extra_0>")
_VOCABULARY = 512
_BREAK = "\n\n"
"""One token, as Qwen's tokenizers have it."""

_TEXTS = [*WORDS, "system", "user", "assistant"]
_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def save_classifier(folder: Path, *, hidden: int, layers: int) -> Path:
    """An outcome model: a Qwen3 with one output for the sequence."""
    import torch
    from transformers import Qwen3Config, Qwen3ForSequenceClassification

    torch.manual_seed(0)
    Qwen3ForSequenceClassification(Qwen3Config(num_labels=1, head_dim=64, **_sizes(hidden, layers))).save_pretrained(
        folder
    )
    _save_tokenizer(folder)
    return folder


def save_step_classifier(folder: Path, *, hidden: int, layers: int) -> Path:
    """A process model as Qwen2.5-Math-PRM is: a head of two layers, two outputs for each token."""
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import Qwen2Config, Qwen2Model

    torch.manual_seed(0)
    model = Qwen2Model(Qwen2Config(**_sizes(hidden, layers)))
    model.config.architectures = ["Qwen2ForProcessRewardModel"]
    model.save_pretrained(folder)
    shapes = {"0.weight": (hidden, hidden), "0.bias": (hidden,), "2.weight": (2, hidden), "2.bias": (2,)}
    head = {f"score.{name}": 0.1 * torch.randn(shape) for name, shape in shapes.items()}
    backbone = {f"model.{name}": weight for name, weight in load_file(folder / "model.safetensors").items()}
    save_file(backbone | head, folder / "model.safetensors", {"format": "pt"})
    config = (folder / "config.json").read_text("utf-8")
    (folder / "config.json").write_text(config.replace('"Qwen2Model"', '"Qwen2ForProcessRewardModel"'), "utf-8")
    _save_tokenizer(folder)
    return folder


def _sizes(hidden: int, layers: int) -> dict[str, Any]:
    heads = max(1, hidden // 64)
    return {
        "vocab_size": _VOCABULARY + len(_SPECIAL) + 1,
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "max_position_embeddings": 8192,
    }


def _save_tokenizer(folder: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([f"{text} {text}" for text in _TEXTS], trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in _SPECIAL])
    tokenizer.add_tokens([AddedToken(_BREAK, normalized=False)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=_SPECIAL[1], pad_token=_SPECIAL[2])
    fast.chat_template = _TEMPLATE
    fast.save_pretrained(folder)
