"""Reads the vote out of a judge's text, by the grammar that stands in the prompt's own file.

Total and linear: any text gives some Vote, in one pass, whatever it holds. A verdict is only ever read
from behind the reasoning, only inside the format's own delimiters, and never guessed: a delimited
text with labels of both sides, or of none, is UNPARSED. Knows nothing of which response is which.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from rrm.types import FinishReason, Vote

__all__ = ["Forced", "Grammar", "Reading", "read"]

_LONGEST_VERDICT = 256
"""Characters between the delimiters. What is longer is no label; the bound also keeps the search linear."""


@dataclass(frozen=True, slots=True)
class Forced:
    """How to make a judge say its verdict: `open` is put in its mouth, then it chooses one of `choices`."""

    open: str
    choices: Mapping[str, Vote]


@dataclass(frozen=True, slots=True, eq=False)
class Grammar:
    """Where a verdict stands in a judge's text and what it may say."""

    open: tuple[str, ...]
    close: str
    labels: Mapping[Vote, tuple[str, ...]]
    nouns: tuple[str, ...] = ()
    pick: Literal["last", "first", "unique"] = "last"
    reasoning: tuple[str, str] = ("<think>", "</think>")
    forced: Forced | None = None

    @property
    def allows_ties(self) -> bool:
        return Vote.TIE in self.labels


class Reading(NamedTuple):
    """A vote, where in the text it was read ([start, end) in characters, or None), and why it is that vote."""

    vote: Vote
    span: tuple[int, int] | None
    reason: str


class _Verdict(NamedTuple):
    """A delimited piece of text; `content` is None where the closing delimiter is missing."""

    start: int
    end: int
    content: str | None


def read(text: str, grammar: Grammar, finish_reason: FinishReason = "stop", *, reasoning_open: bool = False) -> Reading:
    """Read the vote out of a judge's text.

    `reasoning_open` says that the prompt ended inside an opened reasoning block (as with chat templates
    that open `<think>`), so that a text without the closing tag is all reasoning.
    """
    opening, closing = grammar.reasoning
    closed_at = text.rfind(closing)
    start = closed_at + len(closing) if closed_at >= 0 else 0
    if text.find(opening, start) >= 0:
        return Reading(Vote.TRUNCATED, None, f"the reasoning was opened by {opening} and never closed")
    if closed_at < 0 and reasoning_open and finish_reason == "length":
        return Reading(Vote.TRUNCATED, None, f"cut by the token limit before {closing}")
    return _read_answer(text, start, grammar, finish_reason)


def _read_answer(text: str, start: int, grammar: Grammar, finish_reason: FinishReason) -> Reading:
    found: Reading | None = None
    for verdict in _pick(text, start, grammar):
        reading = _read_verdict(verdict, grammar, finish_reason)
        if reading.vote.is_lost:
            return reading
        if found and found.vote is not reading.vote:
            return Reading(Vote.UNPARSED, reading.span, f"more than one {_shape(grammar)}, and they contradict")
        found = reading
    return found or _lost(finish_reason, None, f"no {_shape(grammar)} in the answer")


def _pick(text: str, start: int, grammar: Grammar) -> Iterator[_Verdict]:
    if grammar.pick == "last":
        opened_at = max(text.rfind(opening, start) for opening in grammar.open)
        if opened_at >= 0:
            yield _delimited(text, opened_at, grammar)
        return
    for verdict in _delimited_texts(text, start, grammar):
        yield verdict
        if grammar.pick == "first":
            return


def _delimited_texts(text: str, start: int, grammar: Grammar) -> Iterator[_Verdict]:
    for opened in _openings(grammar.open).finditer(text, start):
        yield _delimited(text, opened.start(), grammar)


def _delimited(text: str, opened_at: int, grammar: Grammar) -> _Verdict:
    opening = next(opening for opening in grammar.open if text.startswith(opening, opened_at))
    inside = opened_at + len(opening)
    closed_at = _closed_at(text, inside, grammar.close)
    if closed_at < 0:
        return _Verdict(opened_at, min(len(text), inside + _LONGEST_VERDICT), None)
    return _Verdict(opened_at, closed_at + len(grammar.close), text[inside:closed_at])


def _closed_at(text: str, inside: int, close: str) -> int:
    limit = inside + _LONGEST_VERDICT
    if close != "}":
        return text.find(close, inside, limit)
    depth = 0
    for position in range(inside, min(limit, len(text))):
        depth += (text[position] == "{") - (text[position] == "}")
        if depth < 0:
            return position
    return -1


def _read_verdict(verdict: _Verdict, grammar: Grammar, finish_reason: FinishReason) -> Reading:
    span = (verdict.start, verdict.end)
    if verdict.content is None:
        return _lost(finish_reason, span, f"a verdict was opened and not closed by {grammar.close!r}")
    votes = _votes(_plain(verdict.content), grammar)
    if len(votes) == 1:
        return Reading(votes.pop(), span, f"{_shape(grammar)} says {verdict.content!r}")
    problem = "contradictory labels" if votes else "no known label"
    return Reading(Vote.UNPARSED, span, f"{problem} in {verdict.content!r}")


def _lost(finish_reason: FinishReason, span: tuple[int, int] | None, reason: str) -> Reading:
    if finish_reason == "length":
        return Reading(Vote.TRUNCATED, span, f"cut by the token limit: {reason}")
    return Reading(Vote.UNPARSED, span, reason)


_LATEX_COMMAND = re.compile(r"\\[A-Za-z]+")
_HYPHEN_IN_WORD = re.compile(r"(?<=\w)-(?=\w)")
_NEGATION = re.compile(r"\b(?:not|no|nor|neither|never)\b", re.IGNORECASE)
_DECORATION = re.compile(r"[^\w-]|_")


def _plain(content: str) -> str:
    """The words of a delimited text, without LaTeX, markup and punctuation; full-width forms folded."""
    folded = unicodedata.normalize("NFKC", content)
    unwrapped = _HYPHEN_IN_WORD.sub(" ", _LATEX_COMMAND.sub(" ", folded))
    return " ".join(_DECORATION.sub(" ", unwrapped).split())


def _votes(plain: str, grammar: Grammar) -> set[Vote]:
    """Every vote that the words speak for.

    A label alone counts; in a longer text it counts only behind one of the format's nouns ("Assistant 2
    is better"), since "a" and "1" are also ordinary words. A bare label of the other side then contradicts.
    """
    labels = _labels(grammar)
    if whole := labels.whole.fullmatch(plain):
        return {labels.vote[whole[1].casefold()]}
    if _NEGATION.search(plain):
        return set()
    named = {labels.vote[match[1].casefold()] for match in labels.named.finditer(plain)}
    bare = {vote for word in plain.split() if (vote := labels.bare.get(word))}
    return named | bare if named else set()


class _Labels(NamedTuple):
    whole: re.Pattern[str]
    named: re.Pattern[str]
    vote: Mapping[str, Vote]
    bare: Mapping[str, Vote]


@lru_cache(maxsize=64)
def _labels(grammar: Grammar) -> _Labels:
    bare = {label: vote for vote, labels in grammar.labels.items() for label in labels}
    label = "(" + _alternatives(bare) + ")"
    noun = "(?:" + _alternatives(grammar.nouns) + r")\s*" if grammar.nouns else r"(?!)"
    return _Labels(
        re.compile(f"(?:{noun})?{label}", re.IGNORECASE),
        re.compile(rf"\b{noun}{label}\b", re.IGNORECASE),
        {label.casefold(): vote for label, vote in bare.items()},
        bare,
    )


@lru_cache(maxsize=64)
def _openings(openings: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(_alternatives(openings))


def _alternatives(texts: Mapping[str, Vote] | tuple[str, ...]) -> str:
    return "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))


def _shape(grammar: Grammar) -> str:
    return f"{grammar.open[0]}...{grammar.close}"
