"""Where in a text its tokens stand, by what they spell.

Tokens are put side by side from the end of the text, else from its start, as long as they spell it: what stands in front
of a text and is none of it (reasoning that a server returns apart), and what was left out of a long sample's tokens, do
no harm then. Blanks between tokens may be missing, as some tokenizers have it, and so may what only ends a turn. Where a
token does not spell the text, nothing is known of what lies beyond it. Total and linear.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rrm.types import TokenLogprob

__all__ = ["Placed", "placed"]


class Placed(NamedTuple):
    """A token and where it stands in a text, [start, end) in characters."""

    token: TokenLogprob
    start: int
    end: int


def placed(text: str, logprobs: Sequence[TokenLogprob], at: int) -> list[Placed]:
    """The tokens from the one on that holds character `at`, as far as they spell the text; none where they don't.

    `logprobs` are those of the text's last tokens, or of its first ones.
    """
    return _from_end(text, logprobs, at) or _from_start(text, logprobs, at)


def _from_end(text: str, logprobs: Sequence[TokenLogprob], at: int) -> list[Placed]:
    found: list[Placed] = []
    end = len(text)
    for token in reversed(logprobs):
        spelled = token.token if found else _last_spelled(text, token.token)
        if not spelled:
            continue
        begin = _begins(text, spelled, end)
        if begin is None:
            return []
        found.append(Placed(token, begin, begin + len(spelled)))
        if (end := begin) <= at:
            return found[::-1] if found[-1].end > at else []
    return []


def _last_spelled(text: str, token: str) -> str:
    """What the text has of its last token: nothing of one that only ends the turn."""
    is_special = token.startswith("<") and token.endswith(">") and not text.endswith(token)
    return "" if is_special else token.rstrip()


def _begins(text: str, token: str, end: int) -> int | None:
    """Where a token begins that ends at `end`, or before the blanks there, which some tokenizers leave out."""
    if text.endswith(token, 0, end):
        return end - len(token)
    while end and text[end - 1].isspace():
        end -= 1
    return end - len(token) if text.endswith(token, 0, end) else None


def _from_start(text: str, logprobs: Sequence[TokenLogprob], at: int) -> list[Placed]:
    found: list[Placed] = []
    end = 0
    for token in logprobs:
        spelled = token.token if end else token.token.lstrip()
        begin = _follows(text, spelled, end)
        if begin is None:
            break
        if (end := begin + len(spelled)) > at:
            found.append(Placed(token, begin, end))
    return found if found and found[0].start <= at else []


def _follows(text: str, token: str, begin: int) -> int | None:
    """Where a token begins that follows at `begin`, or behind the blanks there."""
    if text.startswith(token, begin):
        return begin
    while begin < len(text) and text[begin].isspace():
        begin += 1
    return begin if text.startswith(token, begin) else None
