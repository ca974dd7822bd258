"""A solution as steps.

A `Split` gives the pieces of a response that are laid, in order. Those that are blank are no steps.
"""

import re
from collections.abc import Callable

from rrm.errors import InputError

__all__ = ["Split", "at_tags", "split_steps", "with_blanks", "without_tags"]

Split = Callable[[str, str], tuple[str, ...]]
"""A response and a delimiter -> pieces. Raises InputError for an empty delimiter."""


def split_steps(response: str, delimiter: str) -> tuple[str, ...]:
    """The steps of a response, in order; blank ones are dropped, so that many blank lines are as one.

    A step is kept as it was written but for line breaks at its ends: indentation stays. A blank response has no steps.
    Raises InputError for an empty delimiter.
    """
    return tuple(piece.strip("\r\n") for piece in with_blanks(response, delimiter) if piece.strip())


def with_blanks(response: str, delimiter: str) -> tuple[str, ...]:
    """All pieces as they were written, blank ones too, also that behind a delimiter at the end. Raises InputError."""
    if not delimiter:
        raise InputError("a response can't be split into steps on an empty delimiter: give one, such as '\\n\\n'")
    return tuple(_with_line_feeds(response, delimiter).split(delimiter))


def without_tags(tag: str) -> Split:
    """As `split_steps`, of a response that may be tagged already: a tag that ends a step as a word of its own is taken away."""

    def split(response: str, delimiter: str) -> tuple[str, ...]:
        bare = (_without_tag(step, tag) for step in split_steps(response, delimiter))
        return tuple(step for step in bare if step)

    return split


def at_tags(tag: str) -> Split:
    """Where the tag ends lines, as a word of its own, it ends the steps, whatever lines they have; else as `split_steps`.

    Behind the last step a tag without a line break stays, as in the published code. A delimiter that is no line break is
    the caller's, and goes before tags.
    """
    ended = re.compile(rf"(?<!\S){re.escape(tag)}\n")
    tagged = re.compile(rf"(?<!\S){re.escape(tag)}$", re.MULTILINE)

    def split(response: str, delimiter: str) -> tuple[str, ...]:
        text = _with_line_feeds(response, delimiter)
        if delimiter != "\n" or not tagged.search(text):
            return split_steps(text, delimiter)
        return tuple(piece.strip("\n") for piece in ended.split(text) if piece.strip())

    return split


def _with_line_feeds(response: str, delimiter: str) -> str:
    """Texts of other systems have the same blank lines."""
    return response if "\r" in delimiter else response.replace("\r\n", "\n")


def _without_tag(step: str, tag: str) -> str:
    while (words := step.rsplit(maxsplit=1)) and words[-1] == tag:
        step = words[0] if len(words) > 1 else ""
    return step
