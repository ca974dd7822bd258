"""Families that score a whole conversation with one number: the raw output of a head, higher is better.

A conversation is laid by the checkpoint's own chat template, which brings the one BOS token that the published code
arrives at by taking the template's away and letting the tokenizer add its own.
"""

from rrm.engines.scorers.base import Readout
from rrm.rewards.families.base import Family
from rrm.rewards.families.readings import first_label, gated_sum, only
from rrm.rewards.layouts.outcome import closed_with, gated, last_token, sole_turn, whole_chat

__all__ = ["GENERATIVE", "OUTCOME_FAMILIES", "QWEN_MATH_SYSTEM", "SEQUENCE_CLASSIFIER", "TOKEN_CLASSIFIER"]

# Verbatim from https://github.com/QwenLM/Qwen2.5-Math (README.md), where the reward model is asked with it, and from the
# model card of Qwen/Qwen2.5-Math-PRM-7B (licence: "qwen").
QWEN_MATH_SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."

GENERATIVE = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForMaskedLM")
"""How the architectures of models end that give the next token."""

_SEQUENCE_HEADS = ("ForSequenceClassification",)
_SEQUENCE, _TOKENS = Readout("classify"), Readout("token_classify")

SEQUENCE_CLASSIFIER = Family(
    name="sequence_classifier",
    kind="outcome",
    readout=_SEQUENCE,
    read=only,
    lay_outcome=whole_chat(),
    source="any model with a sequence-classification head (*ForSequenceClassification) that was trained on its chat template",
)

TOKEN_CLASSIFIER = Family(
    name="token_classifier",
    kind="outcome",
    readout=_TOKENS,
    read=only,
    lay_outcome=last_token(),
    source="any model with a token-level head, read at the last token of its chat template",
)

OUTCOME_FAMILIES = (
    Family(
        name="skywork_reward_v2",
        kind="outcome",
        readout=_SEQUENCE,
        read=only,
        models=("*skywork-reward-v2*",),
        admits=_SEQUENCE_HEADS,
        lay_outcome=whole_chat(),
        source="model cards of Skywork/Skywork-Reward-V2-* (Qwen3, Llama)",
        licence="Apache-2.0 (Qwen3), Llama 3.1 and 3.2 community licences (Llama)",
    ),
    Family(
        name="skywork_reward",
        kind="outcome",
        readout=_SEQUENCE,
        read=only,
        models=("*skywork-reward-*",),
        admits=_SEQUENCE_HEADS,
        lay_outcome=whole_chat(),
        source="model cards of Skywork/Skywork-Reward-Llama-3.1-8B and Skywork-Reward-Gemma-2-27B",
        licence="Skywork Community License",
    ),
    Family(
        name="internlm2_reward",
        kind="outcome",
        readout=_TOKENS,
        read=only,
        # POLAR, which wants a reference answer, has the same class: the name must fit too
        models=("*internlm2-*reward*",),
        admits=("InternLM2ForRewardModel",),
        # the token that the reward is read at, which must end the sequence and stand nowhere else
        markers=("<|reward|>", "[UNUSED_TOKEN_130]"),
        lay_outcome=closed_with("<|reward|>"),
        source="https://github.com/InternLM/InternLM (model_cards/internlm2_reward.md), get_score in the models' own code",
        licence="other (the model's)",
    ),
    Family(
        name="qwen2.5_math_rm",
        kind="outcome",
        readout=_TOKENS,
        read=only,
        # process models have the same class: the name must fit too
        models=("*qwen2.5-math-rm*",),
        admits=("Qwen2ForRewardModel",),
        lay_outcome=last_token(QWEN_MATH_SYSTEM),
        source="https://github.com/QwenLM/Qwen2.5-Math (README.md)",
        licence="qwen (the model's)",
    ),
    Family(
        name="fsfairx",
        kind="outcome",
        readout=_SEQUENCE,
        read=only,
        models=("*fsfairx-llama3*",),
        admits=_SEQUENCE_HEADS,
        lay_outcome=whole_chat(),
        source="model card of sfairXC/FsfairX-LLaMA3-RM-v0.1",
        licence="CC-BY-NC-4.0",
    ),
    Family(
        name="armorm",
        kind="outcome",
        readout=_TOKENS,
        read=gated_sum,
        architectures=("LlamaForRewardModelWithGating",),
        models=("*armorm-llama3*",),
        admits=("LlamaForRewardModelWithGating",),
        # the gate stands at the end of the prompt: token_pattern in modeling_custom.py
        lay_outcome=gated("<|eot_id|><|start_header_id|>assistant<|end_header_id|>", "\n\n"),
        engines=("transformers",),
        source="https://github.com/RLHFlow/RLHF-Reward-Modeling (armo-rm), modeling_custom.py of RLHFlow/ArmoRM-Llama3-8B-v0.1",
        licence="Llama 3 (the model's)",
    ),
    Family(
        name="jamba_reward",
        kind="outcome",
        readout=_SEQUENCE,
        # its card names three outputs and no score of them
        read=only,
        architectures=("JambaForSequenceClassification",),
        models=("*jamba*reward*",),
        admits=("JambaForSequenceClassification",),
        lay_outcome=whole_chat(),
        source="model card of ai21labs/Jamba-tiny-reward-dev",
        licence="Apache-2.0",
    ),
    Family(
        name="rlhflow_orm",
        kind="outcome",
        readout=Readout("token_classify", ("+", "-")),
        read=first_label,
        models=("*llama3.1-8b-orm-*",),
        admits=GENERATIVE,
        lay_outcome=sole_turn(("+", "-")),
        source="https://github.com/RLHFlow/RLHF-Reward-Modeling (math-rm/README.md)",
        licence="",
    ),
    SEQUENCE_CLASSIFIER,
    TOKEN_CLASSIFIER,
)
