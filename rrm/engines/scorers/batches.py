"""What is read together: passes of similar lengths, as many as a batch may hold. Knows no model."""

from collections.abc import Sequence

__all__ = ["batches_of"]

_FILLED = 0.7
"""The share of a batch that must not be padding: a batch of its own is cheaper for what is much shorter."""


def batches_of(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """The places of all lengths, longest first, cut where a batch would have more than `budget` tokens with padding.

    What is longer than the budget is a batch of its own.
    """
    batches: list[list[int]] = []
    filled = 0
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        padded = (len(batches[-1]) + 1) * lengths[batches[-1][0]] if batches else budget + 1
        if padded > budget or filled + lengths[place] < _FILLED * padded:
            batches.append([])
            filled = 0
        batches[-1].append(place)
        filled += lengths[place]
    return batches
