"""Families that give each step of a solution the probability that it is right, in one pass over the solution."""

from dataclasses import replace

from rrm.engines.scorers.base import Readout
from rrm.rewards.families.base import Family
from rrm.rewards.families.outcome import GENERATIVE, QWEN_MATH_SYSTEM
from rrm.rewards.families.readings import positive, sigmoid_of_first_label, sigmoid_of_only
from rrm.rewards.layouts.process import apart, marked, signed_turns, tagged, trained_apart
from rrm.rewards.layouts.splitting import at_tags, with_blanks, without_tags

__all__ = ["PROCESS_FAMILIES", "TRAINED_WITH_TRL"]

_TOKENS = Readout("token_classify")

_RLHFLOW = Family(
    name="rlhflow_prm",
    kind="process",
    readout=Readout("token_classify", ("+", "-")),
    read=sigmoid_of_first_label,
    models=("*llama3.1-8b-prm-deepseek*",),
    admits=GENERATIVE,
    delimiter="\n\n",
    lay_steps=signed_turns(("+", "-")),
    source="https://github.com/RLHFlow/RLHF-Reward-Modeling (math-rm/README.md, math-rm/prm_evaluate.py)",
)

TRAINED_WITH_TRL = Family(
    name="trl_prm",
    kind="process",
    readout=_TOKENS,
    read=positive,
    # a token classifier may be anything; one that is called a process reward model was trained as TRL trains them
    hints=("*prm*",),
    admits=("ForTokenClassification",),
    delimiter="\n",
    lay_steps=trained_apart("\n"),
    source="https://github.com/huggingface/trl (PRMTrainer.tokenize_row, with its default step_separator)",
    licence="Apache-2.0",
)

PROCESS_FAMILIES = (
    Family(
        name="qwen2.5_math_prm",
        kind="process",
        readout=_TOKENS,
        read=positive,
        # Under another name it is one that was tuned further: a tokenizer without its marker is refused.
        architectures=("Qwen2ForProcessRewardModel",),
        models=("*qwen2.5-math-prm*", "*qwen2.5-math-7b-prm800k*"),
        admits=("Qwen2ForProcessRewardModel",),
        markers=("<extra_0>",),
        delimiter="\n\n",
        lay_steps=marked("<extra_0>", QWEN_MATH_SYSTEM),
        source="model card of Qwen/Qwen2.5-Math-PRM-7B",
        licence="qwen (the model's)",
    ),
    Family(
        name="math_shepherd",
        kind="process",
        # as the vocabulary spells the ids 648 and 387 of the card, which begin a word
        readout=Readout("token_classify", ("▁+", "▁-")),
        read=sigmoid_of_first_label,
        models=("*math-shepherd-mistral*",),
        admits=GENERATIVE,
        words=("ки",),
        delimiter="\n",
        split=without_tags("ки"),
        lay_steps=tagged("ки", "+"),
        source="model card of peiyi9979/math-shepherd-mistral-7b-prm, arXiv 2312.08935",
    ),
    Family(
        name="skywork_o1_prm",
        kind="process",
        readout=_TOKENS,
        read=sigmoid_of_only,
        architectures=("Qwen2ForPrmModel",),
        models=("*skywork-o1-open-prm*",),
        # the second is the class that their code names
        admits=("Qwen2ForPrmModel", "Qwen2ForRewardModel"),
        delimiter="\n",
        split=with_blanks,
        # <|im_start|> is what the models' tokenizer calls its BOS token
        lay_steps=apart("<|im_start|>", "\n"),
        source="https://github.com/SkyworkAI/skywork-o1-prm-inference (model_utils/io_utils.py)",
        licence="Skywork Community License (the models')",
    ),
    _RLHFLOW,
    # its generator writes one step a line, and ends it by a tag, at which prm_evaluate.py splits
    replace(
        _RLHFLOW,
        name="rlhflow_prm_mistral",
        models=("*llama3.1-8b-prm-mistral*",),
        delimiter="\n",
        split=at_tags("ки"),
    ),
    TRAINED_WITH_TRL,
)
