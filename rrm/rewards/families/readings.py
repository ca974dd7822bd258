"""What the raw outputs of a head mean: a vector becomes a score or a probability.

Nothing overflows: any finite outputs give a finite number. What is not finite stays so, for those who check scores.
"""

import math
from collections.abc import Sequence

from rrm.errors import ContestError, ModelError
from rrm.rewards.families.base import Read

__all__ = [
    "first_label",
    "gated_sum",
    "objective",
    "only",
    "output",
    "positive",
    "sigmoid",
    "sigmoid_of_first_label",
    "sigmoid_of_only",
]

Vectors = Sequence[Sequence[float]]


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit))."""
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    grown = math.exp(logit)
    return grown / (1 + grown)


def only(vectors: Vectors) -> float:
    """The one output there is."""
    (vector,) = vectors
    if len(vector) != 1:
        raise ModelError(
            f"the model has {len(vector)} outputs and no rule which is the score: choose one from 0 to {len(vector) - 1} (output=, --output-index)"
        )
    return vector[0]


def output(index: int) -> Read:
    """Output number `index`, from 0."""

    def read(vectors: Vectors) -> float:
        (vector,) = vectors
        return _numbered(vector, index)

    return read


def gated_sum(vectors: Vectors) -> float:
    """The objectives at the second position, weighed by the gate at the first.

    A position's vector is k rewards, then the k weights that the gate gives there, then the k rewards before their
    transformation. Raises ContestError where a position was cut off, ModelError for vectors of another form.
    """
    gate, end = _two(vectors)
    count = len(end) // 3
    return math.fsum(weight * reward for weight, reward in zip(gate[count : 2 * count], end[:count], strict=True))


def objective(index: int) -> Read:
    """Of the vectors that `gated_sum` reads, objective number `index` as the model was trained to predict it."""

    def read(vectors: Vectors) -> float:
        end = _two(vectors)[1]
        return _numbered(end[len(end) // 3 * 2 :], index)

    return read


def sigmoid_of_only(vectors: Vectors) -> float:
    """The probability that a value head gives in one number."""
    _check_length(vectors, 1)
    return sigmoid(vectors[0][0])


def positive(vectors: Vectors) -> float:
    """The second class of a softmax over two."""
    _check_length(vectors, 2)
    negative, good = vectors[0]
    return sigmoid(good - negative)


def first_label(vectors: Vectors) -> float:
    """The log-odds of the first label against the others together; its logit where it is the only one."""
    (vector,) = vectors
    good, *others = vector
    if not others:
        return good
    most = max(others)
    return good - most - math.log(math.fsum(math.exp(other - most) for other in others))


def sigmoid_of_first_label(vectors: Vectors) -> float:
    """The first label's share of a softmax over all of them."""
    return sigmoid(first_label(vectors))


def _numbered(outputs: Sequence[float], index: int) -> float:
    if index >= len(outputs):
        raise ModelError(f"the model has {len(outputs)} outputs, and output={index} is none: they count from 0")
    return outputs[index]


def _two(vectors: Vectors) -> Vectors:
    if len(vectors) != 2:
        raise ContestError(
            "the place where the prompt is judged was cut off: shorten the conversation, or cut its other end"
        )
    lengths = [len(vector) for vector in vectors]
    if lengths[0] != lengths[1] or lengths[0] < 3 or lengths[0] % 3:
        raise ModelError(
            f"the model has {' and '.join(map(str, sorted(set(lengths))))} outputs where this family has three for each "
            "objective: it is of another family, say which (family=)"
        )
    return vectors


def _check_length(vectors: Vectors, outputs: int) -> None:
    (vector,) = vectors
    if len(vector) != outputs:
        raise ModelError(
            f"the model has {len(vector)} outputs where this family has {outputs}: it is of another family, say which (family=)"
        )
