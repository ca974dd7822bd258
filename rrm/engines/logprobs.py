"""Which log-probabilities of a long sample are kept.

A verdict stands at the end of an answer, or at its beginning. Twenty alternatives to each of thousands of tokens would
take more memory, and more of a ledger, than all else that is known of a sample.
"""

from collections.abc import Sequence
from typing import TypeVar

__all__ = ["KEPT", "kept"]

T = TypeVar("T")

_FIRST, _LAST = 8, 24

KEPT = _FIRST + _LAST
"""How many tokens of a sample keep theirs, at most."""


def kept(tokens: Sequence[T]) -> Sequence[T]:
    """The first tokens of a sample and the last ones. What is kept may be added to, and kept again."""
    return tokens if len(tokens) <= KEPT else [*tokens[:_FIRST], *tokens[-_LAST:]]
