"""How vLLM must be started so that a model can be read: its arguments, for a readout.

Invariants: what the user gave stands; a model without the head that is to be read is refused before it is loaded, because
vLLM would read a head of unset weights; labels are handed over as vLLM wants them spelled, or refused where it would read
other numbers than the model's own. Runs in a worker thread; loads a tokenizer, a configuration and the names of weights
at most, no weights.
"""

from collections.abc import Mapping
from typing import Any

from rrm.engines.scorers.base import Readout
from rrm.engines.scorers.tokenising import LocalTokens
from rrm.engines.scorers.weights import Checkpoint
from rrm.engines.transformers_loading import explained, imported, shared
from rrm.errors import ModelError

__all__ = ["arguments_for"]

_WHAT = "reading a reward model with vLLM"

_GENERATIVE = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")

_HEADED = ("ForSequenceClassification", "ForTokenClassification", "RewardModel", "PrmModel")
"""Endings of architectures whose checkpoints have a head."""

_HEADS = {"score", "classifier", "v_head", "classification_head", "logits_proj"}
"""Parts of the names that heads' weights have."""

_LAYERS = {key: {"score.0.weight", "score.2.weight"} for key in ("Qwen2ForRewardModel", "Qwen2ForProcessRewardModel")}
"""Weights of heads of several layers, each of which vLLM would leave unset."""

_REMAKING = {"architectures", "classifier_from_token", "method", "num_labels"}
"""Overrides of a configuration that make another head of a model."""

_OTHER_NAMES = {"Gemma3TextForSequenceClassification": "Gemma3ForSequenceClassification"}
"""Architectures that vLLM loads under another name only."""

_PLACES = {"download_dir": "cache_dir", "hf_token": "token"}
"""vLLM's arguments that say where a model is, and transformers' names for them."""


def arguments_for(
    model: str, name: str, readout: Readout, arguments: Mapping[str, Any]
) -> tuple[dict[str, Any], float | None]:
    """The arguments, and what logits are to be squeezed by afterwards (None: by nothing).

    Raises ModelError for a model without a head, and for labels that vLLM can't read of this model.
    """
    if readout.task == "likelihood":
        return dict(arguments), None
    started = {"runner": "pooling"} | dict(arguments)
    if readout.task == "token_classify":
        # a step's tokens are chosen by position, not by what they are
        started.setdefault("pooler_config", {"tok_pooling_type": "ALL"})
    if readout.labels:
        labels, cap = _labels(model, name, readout, arguments)
        read = {"method": "no_post_processing", "classifier_from_token": labels}
        return {"convert": "classify"} | _overridden(started, read), cap
    if "convert" in arguments or not _REMAKING.isdisjoint(arguments.get("hf_overrides") or {}):
        return started, None  # the user makes something else of the model
    architecture = _headed(model, name, arguments)
    known_as = _OTHER_NAMES.get(architecture)
    return (_overridden(started, {"architectures": [known_as]}) if known_as else started), None


def _overridden(started: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {**started, "hf_overrides": {**overrides, **(started.get("hf_overrides") or {})}}


def _headed(model: str, name: str, arguments: Mapping[str, Any]) -> str:
    """The model's architecture. Raises ModelError where it has no head, or the checkpoint not its weights."""
    transformers, _ = imported(_WHAT)
    place = _place(arguments)
    with explained(transformers, model, place):
        config, _ = transformers.PretrainedConfig.get_config_dict(model, **place)
        architecture = str((config.get("architectures") or [""])[0])
        if architecture.endswith(_GENERATIVE):
            raise ModelError(
                f"{name} is a {architecture}, which has no head that scores: use a reward model, or name the labels whose "
                "logits are the score (labels=)"
            )
        if architecture.endswith(_HEADED) and not _has_head(Checkpoint(model, place), architecture):
            raise ModelError(
                f"the checkpoint of {name} ({architecture}) lacks the weights of its head (score, classifier, v_head), which "
                "would be random: use a checkpoint that was saved with its head"
            )
    return architecture


def _has_head(checkpoint: Checkpoint, architecture: str) -> bool:
    """Whether there is a head, or weights that only vLLM can read."""
    try:
        weights = checkpoint.names
    except ModelError:
        return True
    has_layers = _LAYERS.get(architecture, set()).issubset(weights)
    return has_layers and any(not _HEADS.isdisjoint(weight.split(".")) for weight in weights)


def _labels(model: str, name: str, readout: Readout, arguments: Mapping[str, Any]) -> tuple[list[str], float | None]:
    """The labels as they are spelled in the vocabulary, and the squeezing of logits that vLLM would leave out."""
    transformers, _ = imported(_WHAT)
    place = _place(arguments)
    with explained(transformers, model, place):
        config, _ = transformers.PretrainedConfig.get_config_dict(model, **place)
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(arguments.get("tokenizer", model)), **place)
        has_bias = "lm_head.bias" in Checkpoint(model, place).names
    if has_bias or config.get("logit_scale") or config.get("logits_scaling"):
        raise ModelError(
            f"vLLM reads the labels of {name} without what the model does to its logits (a bias or a scale), which would be "
            "other numbers: use the engine transformers"
        )
    ids = LocalTokens(tokenizer, name).label_ids(readout.labels)
    return list(map(str, tokenizer.convert_ids_to_tokens(ids))), config.get("final_logit_softcapping")


def _place(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Where the model is, as transformers is told; it asks at the terminal about foreign code unless told not to run it."""
    renamed = {ours: arguments[theirs] for theirs, ours in _PLACES.items() if arguments.get(theirs) is not None}
    return {"trust_remote_code": False} | shared(arguments) | renamed
