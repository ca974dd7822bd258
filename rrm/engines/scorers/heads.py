"""What reads vectors off hidden states: the heads of reward models, straight from a checkpoint's weights.

A head is found by the weights that are there, because architectures' names don't tell: two models of one name have had
different heads. Invariants: heads work in float32 whatever the model's own precision, on vectors of shape
(positions, hidden); their outputs are raw numbers. Knows no tokens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rrm.engines.scorers.weights import Checkpoint
from rrm.errors import ModelError

__all__ = ["Gated", "Head", "Layers", "head_of"]

Head = Callable[[Any], Any]
"""Hidden states of shape (positions, hidden) in, outputs of shape (positions, outputs) out."""

_PREFIXES = ("score", "v_head.summary", "v_head")
"""Names that layers are stored under: of most classifiers and Qwen2's reward models, of value heads as trl and
Skywork-o1-PRM have them, of InternLM2's."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Linear layers, each a weight of shape (out, in) and a bias or None, with ReLU between them."""

    layers: Sequence[tuple[Any, Any]]

    def __call__(self, hidden: Any) -> Any:
        from torch.nn.functional import linear

        for place, (weight, bias) in enumerate(self.layers):
            hidden = linear(hidden.relu() if place else hidden, weight, bias)
        return hidden

    def to(self, device: Any) -> "Layers":
        return Layers([(weight.to(device), None if bias is None else bias.to(device)) for weight, bias in self.layers])


@dataclass(frozen=True, slots=True)
class Gated:
    """ArmoRM's head: k objectives, and a network that weighs them by the prompt.

    A position's vector is k adjusted rewards, then the k weights that the gate gives there, then the k rewards as they
    are. A score is the adjusted rewards of one position times the weights of another.
    """

    rewards: Layers
    transform: Any
    gate: Layers
    temperature: float
    scale: Any

    def __call__(self, hidden: Any) -> Any:
        import torch

        rewards = self.rewards(hidden)
        weights = (self.gate(hidden) / self.temperature).softmax(-1) * self.scale
        return torch.cat([rewards @ self.transform, weights, rewards], -1)

    def to(self, device: Any) -> "Gated":
        return Gated(
            self.rewards.to(device),
            self.transform.to(device),
            self.gate.to(device),
            self.temperature,
            self.scale.to(device),
        )


def head_of(checkpoint: Checkpoint, config: Mapping[str, Any]) -> Layers | Gated | None:
    """The head that is in a checkpoint; None where there is none of a known form."""
    if "regression_layer.weight" in checkpoint.names and "reward_transform_matrix" in checkpoint.names:
        return _gated(checkpoint, config)
    return next((layers for prefix in _PREFIXES if (layers := _layers(checkpoint, prefix)) is not None), None)


def _gated(checkpoint: Checkpoint, config: Mapping[str, Any]) -> Gated:
    rewards, gate = _layers(checkpoint, "regression_layer"), _layers(checkpoint, "gating.layers")
    scale, transform = checkpoint.get("gating.logit_scale"), checkpoint.get("reward_transform_matrix")
    if rewards is None or gate is None or scale is None:
        raise ModelError(
            "the checkpoint has a regression_layer to be gated, but not gating.layers and gating.logit_scale"
        )
    return Gated(rewards, transform, gate, float(config.get("gating_temperature", 10)), scale)


def _layers(checkpoint: Checkpoint, prefix: str) -> Layers | None:
    """One layer of that name, or those that are numbered under it (activations have numbers too, and no weights)."""
    if f"{prefix}.weight" in checkpoint.names:
        return Layers([_layer(checkpoint, prefix)])
    parts = (name.removeprefix(f"{prefix}.").split(".") for name in checkpoint.names if name.startswith(f"{prefix}."))
    numbers = sorted(int(part[0]) for part in parts if part[0].isdigit() and part[1:] == ["weight"])
    return Layers([_layer(checkpoint, f"{prefix}.{number}") for number in numbers]) if numbers else None


def _layer(checkpoint: Checkpoint, name: str) -> tuple[Any, Any]:
    return checkpoint.get(f"{name}.weight"), checkpoint.get(f"{name}.bias")
