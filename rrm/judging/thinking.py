"""What is put into a judge's mouth to go on from: the end of its reasoning, the beginning of its verdict, a second thought.

Texts only: where reasoning is open and where it was closed follows from the tags of the format and from how the prompt
ends, as in `rrm.judging.verdicts`. Knows nothing of requests, tokens or budgets.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rrm.judging.places import Delimited, Each
from rrm.judging.verdicts import Grammar, Reading

__all__ = ["SECOND_THOUGHT", "Mouth"]

SECOND_THOUGHT = "Wait"
"""What a judge that has closed its reasoning goes on with in its place (s1, arXiv 2501.19393)."""

_FORCED = "it was made to choose"


@dataclass(frozen=True, slots=True)
class Mouth:
    """How the turns of a judge that answers in this format are gone on with. A turn is its text behind the prompt's begin."""

    grammar: Grammar
    reasoning_open: bool = False
    """Whether the prompt ends inside an opened reasoning block."""

    def is_thinking(self, text: str) -> bool:
        """Whether the text ends inside its reasoning. Without any tags nobody can tell: then it does not."""
        opening, closing = self.grammar.reasoning
        return text.rfind(opening) > text.rfind(closing) or (self.reasoning_open and closing not in text)

    def has_thought(self, text: str) -> bool:
        """Whether the text has reasoning, and behind it an answer, or the place of one."""
        return self.grammar.reasoning[1] in text and not self.is_thinking(text)

    def answering(self, text: str) -> str:
        """The text, ready for the answer: reasoning that is open is closed."""
        return f"{text}\n{self.grammar.reasoning[1]}\n\n" if self.is_thinking(text) else text

    def deciding(self, text: str) -> str:
        """The text with its reasoning closed and the verdict opened, to go on with one of the `choices`, or with a number."""
        gap = "" if self.is_thinking(text) else "\n\n"
        return f"{self.answering(text)}{gap}{self.opening}"

    def thinking_again(self, text: str) -> str:
        """The text before its reasoning was closed, and a second thought; for one that `has_thought`."""
        thought = text[: text.rfind(self.grammar.reasoning[1])]
        gap = "" if not thought or thought[-1].isspace() else "\n"
        return thought + gap + SECOND_THOUGHT

    @property
    def opening(self) -> str:
        """What a verdict begins with; empty where the format does not say, or has no such beginning (lines, JSON)."""
        if self.grammar.forced:
            return self.grammar.forced.open
        place = self.grammar.readers[0].place
        if isinstance(place, Each) and place.names is None:
            place = place.place
        return place.open[0] if isinstance(place, Delimited) else ""

    @property
    def choices(self) -> Mapping[str, Reading]:
        """What may be said where the verdict was opened, and what it then means; empty where the format has no labels for it."""
        forced = self.grammar.forced
        votes = forced.choices.items() if forced else ()
        scores = forced.scores.items() if forced else ()
        return {label: Reading(vote, None, _FORCED) for label, vote in votes} | {
            label: Reading(None, None, _FORCED, (score,)) for label, score in scores
        }
