"""Which passes can't be what was meant, found before a model is asked. Knows no model."""

from collections.abc import Sequence
from itertools import pairwise

from rrm.engines.scorers.base import Pass, Task
from rrm.errors import InputError, PromptTooLongError

__all__ = ["end_of", "refuse_misfits"]


def end_of(tokens: Sequence[int], padding: object) -> int:
    """How many of the tokens a classifier of whole sequences reads: all up to the last one that is no padding.

    transformers' classifiers, by which such models are trained, read there, also where padding is the token that ends turns.
    """
    end = len(tokens)
    while end > 1 and tokens[end - 1] == padding:
        end -= 1
    return end


def refuse_misfits(asked: Pass, task: Task, *, context: int | None = None, vocabulary: int | None = None) -> None:
    """Raise PromptTooLongError for more than `context` tokens, InputError for tokens or positions that are none.

    `vocabulary` is the number of tokens that the model knows: on an accelerator a token beyond it would end the process's
    use of the device. None: not known.
    """
    if not asked.tokens:
        raise InputError("a pass needs at least one token")
    if context is not None and len(asked.tokens) > context:
        raise PromptTooLongError(len(asked.tokens), context)
    if min(asked.tokens) < 0 or (vocabulary is not None and max(asked.tokens) >= vocabulary):
        raise InputError(
            f"a pass has the token {max(asked.tokens)}, and the model knows {vocabulary}: use the model's own tokenizer"
        )
    if task == "classify" and asked.at:
        raise InputError(f"a whole sequence is read at no position, not at {asked.at}")
    _refuse_positions(asked, first=1 if task == "likelihood" else 0)


def _refuse_positions(asked: Pass, *, first: int) -> None:
    if not asked.at:
        return
    if asked.at[0] < first or asked.at[-1] >= len(asked.tokens):
        raise InputError(f"positions must be from {first} to {len(asked.tokens) - 1} here, not {asked.at}")
    if any(left >= right for left, right in pairwise(asked.at)):
        raise InputError(f"positions must be rising, not {asked.at}")
