"""Generative models as scorers: what the next token would be, of a few labels.

There is no head to train: the logits of the labels' tokens are the outputs (vLLM's `--convert classify` with
`classifier_from_token` reads the same).
"""

from collections.abc import Sequence

from rrm.engines.scorers.base import Readout
from rrm.errors import InputError
from rrm.rewards.families.base import Family, Kind
from rrm.rewards.families.readings import first_label, sigmoid_of_first_label
from rrm.rewards.layouts.outcome import asked_afterwards
from rrm.rewards.layouts.process import signed_turns

__all__ = ["labelled"]

# How vocabularies write the space or the beginning of a word.
_SPACES = str.maketrans("▁Ġ", "  ")


def labelled(kind: Kind, labels: Sequence[str], *, question: str | None = None, delimiter: str = "\n\n") -> Family:
    """A family for a generative model that says how good something is with one of `labels`, the good one first.

    Labels are spelled as in the vocabulary. "outcome": behind the conversation a user's turn asks `question`, by default
    whether the response is right, to be answered with a label; "" asks nothing. The score is the log-odds of the first label
    against the others, or its logit where it is the only one. "process": each step is a user's turn that is answered with a
    label, as in the RLHFlow models, and its probability is the first label's share.

    Raises InputError for no labels, a blank or repeated one, and fewer than two of a process model.
    """
    texts = [label.translate(_SPACES).strip() for label in labels]
    if isinstance(labels, str) or not texts or not all(texts) or len(set(labels)) < len(labels):
        raise InputError(
            f"labels must be a list of different tokens, the good one first, such as ['yes', 'no'], not {labels!r}"
        )
    return _outcome(labels, texts, question) if kind == "outcome" else _process(labels, texts, delimiter)


def _outcome(labels: Sequence[str], texts: Sequence[str], question: str | None) -> Family:
    choices = " or ".join(f'"{text}"' for text in texts)
    asked = f"Is the last response right and good? Answer with one word: {choices}." if question is None else question
    return Family(
        name="labelled",
        kind="outcome",
        readout=Readout("token_classify", tuple(labels)),
        read=first_label,
        lay_outcome=asked_afterwards(asked),
        source="the caller's labels",
    )


def _process(labels: Sequence[str], texts: Sequence[str], delimiter: str) -> Family:
    if len(texts) < 2:
        raise InputError(f"a process model needs a good and a bad label, such as ['+', '-'], not {list(labels)}")
    return Family(
        name="labelled",
        kind="process",
        readout=Readout("token_classify", tuple(labels)),
        read=sigmoid_of_first_label,
        delimiter=delimiter,
        lay_steps=signed_turns((texts[0], texts[1])),
        source="the caller's labels",
    )
