"""How vLLM must be started so that a model can be read: its arguments, for a readout.

Invariants: what the user gave stands; labels are handed over as vLLM wants them spelled, or refused where it would read
other numbers than the model's own. Runs in a worker thread; loads a tokenizer and a configuration at most, no weights.
"""

from collections.abc import Mapping
from typing import Any

from rrm.engines.scorers.base import Readout
from rrm.engines.scorers.tokenising import LocalTokens
from rrm.engines.scorers.weights import Checkpoint
from rrm.engines.transformers_loading import explained, imported, shared
from rrm.errors import ModelError

__all__ = ["arguments_for"]


def arguments_for(
    model: str, name: str, readout: Readout, arguments: Mapping[str, Any]
) -> tuple[dict[str, Any], float | None]:
    """The arguments, and what logits are to be squeezed by afterwards (None: by nothing).

    Raises ModelError for labels that vLLM can't read of this model.
    """
    if readout.task == "likelihood":
        return dict(arguments), None
    started = {"runner": "pooling"} | dict(arguments)
    if readout.task == "token_classify":
        # a step's tokens are chosen by position, not by what they are
        started.setdefault("pooler_config", {"tok_pooling_type": "ALL"})
    if not readout.labels:
        return started, None
    labels, cap = _labels(model, name, readout, arguments)
    read = {"method": "no_post_processing", "classifier_from_token": labels}
    started["hf_overrides"] = read | dict(arguments.get("hf_overrides") or {})
    return {"convert": "classify"} | started, cap


def _labels(model: str, name: str, readout: Readout, arguments: Mapping[str, Any]) -> tuple[list[str], float | None]:
    """The labels as they are spelled in the vocabulary, and the squeezing of logits that vLLM would leave out."""
    transformers, _ = imported("reading labels with vLLM")
    place = shared(arguments)
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
