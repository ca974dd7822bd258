"""Text that is safe and right to show on a terminal."""

import re

from rrm.types import Spent

__all__ = ["counted", "printable", "spending"]

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves a terminal's cursor, changes its colours or the direction of its text, or is no text at all."""


def printable(text: str) -> str:
    """The text with control characters shown as escapes: responses are untrusted and must not drive a terminal."""
    return _CONTROLS.sub(_escape, text)


def _escape(control: re.Match[str]) -> str:
    return control[0].encode("unicode_escape", "surrogatepass").decode("ascii")


def counted(count: int, singular: str, plural: str = "") -> str:
    """A count with its noun: "1 match", "2 matches"."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def spending(made: Spent, reused: Spent, noun: str = "sample") -> str:
    """What was sampled and what came out of a ledger. `noun`: what was made, where that is no sample."""
    return (
        f"{counted(made.samples, noun)} made ({made.tokens} tokens), "
        f"{reused.samples} from the ledger ({reused.tokens} tokens)"
    )
