"""Rewards as users write them, to be found by name."""

from collections.abc import Sequence
from typing import Any


def by_length(conversations: Sequence[Any]) -> list[int]:
    return [len(conversation[-1]["content"]) for conversation in conversations]


async def slowly(conversations: Sequence[Any]) -> list[int]:
    return by_length(conversations)


class ByLength:
    """Counts its calls and what it was asked for."""

    def __init__(self) -> None:
        self.calls = 0
        self.asked: list[Any] = []
        self.is_closed = False

    def score(self, conversations: Sequence[Any]) -> list[float]:
        self.calls += 1
        self.asked += conversations
        return [float(number) for number in by_length(conversations)]

    def close(self) -> None:
        self.is_closed = True


class NeedsMore:
    def __init__(self, weight: float) -> None:
        self.weight = weight

    def score(self, conversations: Sequence[Any]) -> list[float]:
        return [self.weight for _ in conversations]


ready = ByLength()
NUMBER = 7
