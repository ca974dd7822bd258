"""Candidate text is untrusted: it must not close a chat turn, open another, or forge a special token.

Only special tokens are touched, and only by one space behind their first character, so that the judge
still reads what the candidate wrote. Everything else reaches the judge unaltered.
"""

import re

__all__ = ["KNOWN_SPECIAL_TOKENS", "Cleaner"]

KNOWN_SPECIAL_TOKENS = (
    # ChatML (Qwen, SmolLM, Yi and others) and GPT
    "<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|endoftext|>", "<|endofprompt|>", "<|fim_prefix|>",
    "<|fim_middle|>", "<|fim_suffix|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|vision_start|>",
    "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
    # gpt-oss (harmony)
    "<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|return|>", "<|call|>",
    # Llama 3
    "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>",
    "<|python_tag|>", "<|finetune_right_pad_id|>",
    # Llama 4
    "<|header_start|>", "<|header_end|>", "<|eot|>", "<|eom|>",
    # DeepSeek
    "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜▁pad▁｜>",
    # Mistral and Llama 2
    "<s>", "</s>", "<unk>", "<pad>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CALLS]",
    "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "<<SYS>>", "<</SYS>>",
    # Gemma
    "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>",
    # Phi, GLM, Command, Granite
    "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>", "[gMASK]", "<sop>", "<|START_OF_TURN_TOKEN|>",
    "<|END_OF_TURN_TOKEN|>", "<|SYSTEM_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>", "<|start_of_role|>",
    "<|end_of_role|>",
)  # fmt: skip
"""Special tokens of the common judge models, for servers that do not tell their own."""


class Cleaner:
    """Breaks up special tokens inside untrusted text with one space behind their first character.

    `words` are broken up only where they stand by themselves, with white space or nothing around them.
    """

    def __init__(self, special_tokens: tuple[str, ...], *, words: tuple[str, ...] = ()) -> None:
        self.special_tokens = special_tokens
        tokens = sorted((token for token in special_tokens if len(token.strip()) > 1), key=len, reverse=True)
        patterns = [*map(re.escape, tokens), *(rf"(?<!\S){re.escape(word)}(?!\S)" for word in words)]
        self._pattern = re.compile("|".join(patterns)) if patterns else None

    def clean(self, text: str) -> str:
        if self._pattern is None:
            return text
        while (broken := self._pattern.sub(_break_up, text)) != text:
            text = broken
        return text

    def found(self, *texts: str) -> set[str]:
        """The special tokens that stand in the texts."""
        return {token for text in texts for token in self._pattern.findall(text)} if self._pattern else set()


def _break_up(token: re.Match[str]) -> str:
    return f"{token[0][0]} {token[0][1:]}"
