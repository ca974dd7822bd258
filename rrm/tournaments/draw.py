"""Where all chance of a contest comes from: its seed and its texts, and nothing else.

An order is made by hashing, so that it depends on what the responses say and not on how they are
numbered: the same responses in another order are the same contest, with the same matches and the same
samples. It does not depend on the strategy either, so two strategies ask the same questions.
"""

import hashlib
from collections.abc import Sequence

__all__ = ["is_second_shown_first", "seeded_order"]


def seeded_order(seed: int, purpose: str, query: str, texts: Sequence[str]) -> tuple[int, ...]:
    """The numbers of the texts in an order drawn by seed, purpose and query. The texts must be distinct."""
    start = hashlib.blake2b(f"{seed}\0{purpose}\0{query}\0".encode("utf-8", "surrogatepass"), digest_size=16)

    def rank(number: int) -> tuple[bytes, str]:
        digest = start.copy()
        digest.update(texts[number].encode("utf-8", "surrogatepass"))
        return digest.digest(), texts[number]

    return tuple(sorted(range(len(texts)), key=rank))


def is_second_shown_first(place: Sequence[int], first: int, second: int) -> bool:
    """Which of a pair is shown first when both orders can't be asked equally often.

    `place` has each contestant's place on a ring. Each stands first against those on the half of the ring
    behind it, so that over a round robin everyone is first in half its games (or one more or less).
    """
    size = len(place)
    behind = (place[second] - place[first]) % size
    if 2 * behind == size:
        return (min(place[first], place[second]) % 2 == 0) != (place[first] < place[second])
    return 2 * behind > size
