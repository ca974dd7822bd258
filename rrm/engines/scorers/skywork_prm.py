"""Skywork-o1-Open-PRM for vLLM: a Qwen2 model with a value head on every token, which vLLM itself does not have.

The architecture (`Qwen2ForPrmModel` in config.json) and the head (`v_head.summary`, a linear layer to one number, with a
bias) are those of SkyworkAI/skywork-o1-prm-inference, model_utils/prm_model.py and modeling_base.py, whose inference has no
dropout; this is written for vLLM's own interfaces. Outputs are raw: the sigmoid is the caller's. Imported by vLLM only.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from vllm.model_executor.layers.pooler.tokwise import pooler_for_token_classify
from vllm.model_executor.models.interfaces import SupportsPP
from vllm.model_executor.models.interfaces_base import default_pooling_type
from vllm.model_executor.models.qwen2 import Qwen2Model
from vllm.model_executor.models.utils import AutoWeightsLoader, WeightsMapper, maybe_prefix

__all__ = ["Qwen2ForPrmModel"]


class ValueHead(nn.Module):  # type: ignore[misc]
    """One number of each hidden state; computed in the head's own precision, which vLLM keeps at float32."""

    def __init__(self, hidden_size: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.summary = nn.Linear(hidden_size, 1, dtype=dtype)

    def forward(self, hidden: Any) -> Any:
        return self.summary(hidden.to(self.summary.weight.dtype))


@default_pooling_type(tok_pooling_type="ALL")
class Qwen2ForPrmModel(nn.Module, SupportsPP):  # type: ignore[misc]
    """Hidden states of Qwen2, pooled token by token through the value head."""

    is_pooling_model = True
    packed_modules_mapping = {"qkv_proj": ["q_proj", "k_proj", "v_proj"], "gate_up_proj": ["gate_proj", "up_proj"]}  # noqa: RUF012 - vLLM's interface
    # value heads that trl saved keep the model under a name of its own
    hf_to_vllm_mapper = Qwen2Model.hf_to_vllm_mapper | WeightsMapper(orig_to_new_prefix={"pretrained_model.": ""})

    def __init__(self, *, vllm_config: Any, prefix: str = "") -> None:
        super().__init__()
        model_config = vllm_config.model_config
        self.config, self.quant_config = model_config.hf_config, vllm_config.quant_config
        self.model = Qwen2Model(vllm_config=vllm_config, prefix=maybe_prefix(prefix, "model"))
        self.v_head = ValueHead(self.config.hidden_size, model_config.head_dtype)
        self.make_empty_intermediate_tensors = self.model.make_empty_intermediate_tensors
        self.pooler = pooler_for_token_classify(model_config.pooler_config, classifier=self.v_head)

    def embed_input_ids(self, input_ids: Any) -> Any:
        return self.model.embed_input_ids(input_ids)

    def forward(
        self, input_ids: Any, positions: Any, intermediate_tensors: Any = None, inputs_embeds: Any = None
    ) -> Any:
        return self.model(input_ids, positions, intermediate_tensors, inputs_embeds)

    def load_weights(self, weights: Iterable[tuple[str, Any]]) -> set[str]:
        loader = AutoWeightsLoader(self, ignore_unexpected_prefixes=["lm_head."])
        loaded: set[str] = loader.load_weights(weights, mapper=self.hf_to_vllm_mapper)
        return loaded
