"""A small tokenizer without a model: words, single white space and special tokens, each a piece with a number of its own."""

import re
from collections.abc import Coroutine, Sequence

from rrm.rewards.layouts.base import Laid
from rrm.types import Message

CHATML_TOKENS = ("<|im_start|>", "<|im_end|>", "<extra_0>", "<|reward|>", "<s>")
LLAMA_TOKENS = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")


def chatml(messages: Sequence[Message], *, opens: bool) -> str:
    turns = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in messages)
    return turns + ("<|im_start|>assistant\n" if opens else "")


def llama(messages: Sequence[Message], *, opens: bool) -> str:
    header = "<|start_header_id|>{}<|end_header_id|>\n\n"
    turns = "".join(f"{header.format(role)}{content.strip()}<|eot_id|>" for role, content in messages)
    return "<|begin_of_text|>" + turns + (header.format("assistant") if opens else "")


class Pieces:
    """`Tokenising` whose tokens can be turned back into the text.

    `bos` begins a text that asks for special tokens, unless it is withheld; `word_start` is put before a text as SentencePiece puts a space.
    """

    def __init__(self, special=CHATML_TOKENS, template=chatml, *, bos="", eos="", word_start="", withholds_bos=False):
        self.special = special
        self.template = template
        self.opening, self.eos, self.word_start = bos, eos, word_start
        self.withholds_bos = withholds_bos
        self._numbers: dict[str, int] = {}
        self._split = re.compile("(" + "|".join(map(re.escape, special)) + ")")

    async def chat(self, messages, *, add_generation_prompt=False):
        return self._encoded(self.template(messages, opens=add_generation_prompt))

    async def tokens(self, text, *, add_special_tokens=False):
        found = self._encoded(self.word_start + text)
        if not add_special_tokens:
            return found
        return self._encoded("" if self.withholds_bos else self.opening) + found + self._encoded(self.eos)

    async def bos(self):
        return self._encoded(self.opening)

    def _encoded(self, text: str) -> tuple[int, ...]:
        parts = [
            piece
            for part in self._split.split(text)
            for piece in ([part] if part in self.special else re.findall(r" ?\S+|\s", part))
        ]
        return tuple(self._numbers.setdefault(part, len(self._numbers)) for part in parts)

    def text(self, tokens: Sequence[int]) -> str:
        names = list(self._numbers)
        return "".join(names[token] for token in tokens)

    def read_after(self, laid: Laid) -> list[str]:
        """The text up to each position that is read, and it."""
        return [self.text(laid.tokens[: place + 1]) for place in laid.at]


def done(laying: Coroutine[None, None, Laid]) -> Laid:
    """What comes of a laying that waits for nobody, without an event loop."""
    try:
        laying.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


def conversation(*turns: str) -> tuple[Message, ...]:
    """Turns of the user and the assistant in alternation; `system:` before a text makes it a system prompt."""
    roles = ("user", "assistant")
    system = [Message("system", turn.removeprefix("system:")) for turn in turns if turn.startswith("system:")]
    others = [turn for turn in turns if not turn.startswith("system:")]
    return (*system, *(Message(roles[place % 2], turn) for place, turn in enumerate(others)))
