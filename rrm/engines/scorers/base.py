"""What every scorer is: a model that is read in one forward pass, where an engine (`rrm.engines.base`) samples.

A scorer knows token ids and vectors of raw numbers. It knows nothing of conversations, steps, rewards or
probabilities: what to lay before the model, where to read, and what the numbers mean is `rrm.rewards`' matter.
It never applies an activation: all backends give the same logits for the same tokens. Scorers are driven from
one event loop and batch whatever is asked at the same time; they may be created anywhere.

The laws (tests/laws/scorer_laws.py): one vector for each position asked for, in the order asked; alone or in
company, in any order, the same numbers; too many tokens are PromptTooLongError; a cancelled pass leaves
nothing running; a closed scorer refuses with EngineClosedError; closing twice and opening twice are harmless.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from rrm.types import Message

__all__ = ["Pass", "Readout", "Scorer", "ScorerInfo", "Task", "Tokenising", "Vectors"]

Task = Literal["classify", "token_classify", "likelihood"]
"""What is read of a model.

"classify": the outputs of its sequence-classification head, one vector for the whole sequence. "token_classify": the
outputs of its token-level head at any position. "likelihood": of a generative model, the natural log-probability of
each token given those before it.
"""


@dataclass(frozen=True, slots=True)
class Readout:
    """What a scorer is loaded to read.

    `labels`: for "token_classify" and "classify" with a generative model that has no head: the tokens, spelled as in its
    vocabulary, whose next-token logits are the outputs, in this order.
    """

    task: Task
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pass:
    """One forward pass over `tokens`. `at` are the positions to read, from 0 and rising; none with "classify".

    With "likelihood" what is read at a position is the log-probability of the token that stands there, so that 0 can't be
    asked for.
    """

    tokens: tuple[int, ...]
    at: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Vectors:
    """What was read: one vector of raw outputs for each position asked for, or one for the sequence."""

    values: tuple[tuple[float, ...], ...]
    prompt_tokens: int
    """As the engine counts them."""
    cached_tokens: int = 0
    """Of these, those that were not computed anew."""


@dataclass(frozen=True, slots=True)
class ScorerInfo:
    """What an opened scorer says of itself."""

    engine: str
    """Kind of engine: vllm, server, transformers."""
    model: str
    """The model's name as results should report it: a hub name or a folder's own name, never a path."""
    slots: int
    """How many passes it works on at once; more are queued."""
    max_context: int | None = None
    """Tokens of one pass; None where a server hides it."""
    special_tokens: tuple[str, ...] | None = None
    """The tokenizer's special tokens as text; None where a server hides them."""
    revision: str | None = None
    """Which weights the model's name stands for here; None where the scorer can't say."""
    outputs: int | None = None
    """Length of a vector, where it is known before a pass."""
    dtype: str | None = None
    """What the model computes in, such as "bfloat16"; None where the scorer can't say."""


class Tokenising(Protocol):
    """The part of a scorer that makes tokens of texts. Special tokens in a text count as such: clean what is untrusted."""

    async def chat(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> tuple[int, ...]:
        """A conversation by the model's chat template. Raises ModelError without one, EngineRefusedError where it refuses."""
        ...

    async def tokens(self, text: str, *, add_special_tokens: bool = False) -> tuple[int, ...]:
        """A text; `add_special_tokens`: as the tokenizer begins and ends a text of its own."""
        ...

    async def bos(self) -> tuple[int, ...]:
        """The tokenizer's BOS token, whether it puts that before a text or not; nothing where it has none."""
        ...


@runtime_checkable
class Scorer(Tokenising, Protocol):
    """A model that can be read."""

    async def open(self) -> ScorerInfo:
        """Load or probe the model; the first call does the work, later ones return the same.

        Raises ModelError for a model that has not what is to be read, EngineUnreachableError, EngineDeniedError for a
        server that serves another task, MissingExtraError; EngineClosedError after `aclose`.
        """
        ...

    async def score(self, asked: Pass) -> Vectors:
        """One pass; cancelling it ends it. Raises PromptTooLongError, EngineError for anything that repeating did not mend."""
        ...

    async def aclose(self) -> None:
        """Release the model; passes in flight end with EngineClosedError."""
        ...
