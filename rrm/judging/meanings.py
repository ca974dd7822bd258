"""What a verdict says, once it is found: a vote, or scores of the responses shown.

Total: any content says something, and what can't be read is lost with a reason. Nothing is guessed: labels of
both sides, a number too few, or an ordering that leaves a response out are no verdict.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from rrm.judging.criteria import Criterion, weighted_mean
from rrm.judging.numerals import Loose, numbers
from rrm.judging.pieces import Content
from rrm.judging.words import Base, FoldedWords, Match, Words, alternatives, named, numbered, words
from rrm.types import Vote

__all__ = ["Criteria", "Grades", "Index", "Labels", "Meaning", "Order", "Said", "Scores"]


class Said(NamedTuple):
    """What a verdict says: a vote and how much it counts, or scores, or both; UNPARSED and why where it says nothing."""

    vote: Vote | None
    scores: tuple[float, ...] = ()
    weight: float = 1.0
    problem: str = ""
    criteria: tuple[tuple[str, float], ...] = ()
    """The number for each criterion, by its name, where scores rest on some."""


class Meaning(Protocol):
    """What a format's verdicts say."""

    @property
    def allows_ties(self) -> bool:
        """Whether a vote may be a tie."""

    @property
    def is_closed(self) -> bool:
        """Whether a verdict that the end of the text cuts is known to be whole."""

    def said(self, content: Content, count: int) -> Said:
        """What the content of a piece says of `count` responses."""


def _lost(problem: str, scores: tuple[float, ...] = ()) -> Said:
    return Said(Vote.UNPARSED, scores, problem=problem)


def _as_text(content: Content) -> str:
    return content if isinstance(content, str) else ", ".join(content)


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """A label of one of the votes."""

    labels: Mapping[Vote, tuple[str, ...]]
    words: Words
    votes: Mapping[str, Vote]
    weights: Mapping[str, int]
    is_closed: bool = False

    @classmethod
    def of(
        cls,
        labels: Mapping[Vote, tuple[str, ...]],
        nouns: tuple[str, ...] = (),
        *,
        match: Match = "folded",
        ignore_case: bool = False,
        weights: Mapping[str, int] | None = None,
    ) -> "Labels":
        """The labels of each vote, to be found as `match` says."""
        votes = {label: vote for vote, group in labels.items() for label in group}
        found = words(votes, nouns, match, ignore_case=ignore_case)
        return cls(labels, found, votes, weights or {}, is_closed=match == "exact")

    @property
    def allows_ties(self) -> bool:
        return Vote.TIE in self.labels

    def said(self, content: Content, count: int) -> Said:  # noqa: ARG002
        found = self.words.found(_as_text(content))
        votes = {self.votes[label] for label in found}
        if len(votes) != 1:
            return _lost("contradictory labels" if votes else "no known label")
        return Said(votes.pop(), weight=float(max(self.weights.get(label, 1) for label in found)))


@dataclass(frozen=True, slots=True, eq=False)
class Grades:
    """A word that stands for a score of one response."""

    words: Words
    grades: Mapping[str, float]
    is_closed: bool = False

    @property
    def allows_ties(self) -> bool:
        return False

    def said(self, content: Content, count: int) -> Said:  # noqa: ARG002
        grades = {self.grades[label] for label in self.words.found(_as_text(content))}
        if len(grades) != 1:
            return _lost("contradictory grades" if grades else "no known grade")
        return Said(None, (grades.pop(),))


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Numbers: one for each response. Of a pair, the greater one has the vote."""

    is_pair: bool
    loose: Loose = False
    integers: bool = False
    least: float = -math.inf
    most: float = math.inf
    tie_margin: float = 0.0
    allows_ties: bool = False

    @property
    def is_closed(self) -> bool:
        return False

    def said(self, content: Content, count: int) -> Said:
        found = self._numbers(content, count)
        if found is None or len(found) != count:
            return _lost(f"not {count} number{'s' * (count != 1)}")
        if not all(math.isfinite(number) and self.least <= number <= self.most for number in found):
            return _lost(f"a number out of the range from {self.least:g} to {self.most:g}")
        return self._vote(found) if self.is_pair else Said(None, found)

    def _numbers(self, content: Content, count: int) -> tuple[float, ...] | None:
        if isinstance(content, str):
            found = numbers(content, loose=self.loose, last=count, most=self.most)
        else:
            each = [numbers(text, loose=self.loose, last=1, most=self.most) for text in content]
            found = tuple(said[0] for said in each if said and len(said) == 1)
        return None if found and self.integers and not all(map(float.is_integer, found)) else found

    def _vote(self, scores: tuple[float, ...]) -> Said:
        difference = scores[0] - scores[1]
        if abs(difference) > self.tie_margin:
            return Said(Vote.FIRST if difference > 0 else Vote.SECOND, scores)
        return Said(Vote.TIE, scores) if self.allows_ties else _lost("equal scores", scores)


@dataclass(frozen=True, slots=True, eq=False)
class Criteria:
    """A number for each criterion of one response; their weighted mean is its score."""

    criteria: tuple[Criterion, ...]
    scores: Scores

    @property
    def allows_ties(self) -> bool:
        return False

    @property
    def is_closed(self) -> bool:
        return self.scores.is_closed

    def said(self, content: Content, count: int) -> Said:
        found = self.scores.said(content, count)
        if found.vote is not None:
            return found
        mean = weighted_mean((criterion.weight for criterion in self.criteria), found.scores)
        names = (criterion.name for criterion in self.criteria)
        return Said(None, (mean,), criteria=tuple(zip(names, found.scores, strict=True)))


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """The number, or the letter, of the best of several responses: 1 for it, and 0 for the others."""

    base: Base = 1
    nouns: tuple[str, ...] = ()
    match: Match = "folded"

    @property
    def allows_ties(self) -> bool:
        return False

    @property
    def is_closed(self) -> bool:
        return False

    def said(self, content: Content, count: int) -> Said:
        names = numbered(self.base, count)
        found = _numbered_words(names, self.nouns, self.match).found(_as_text(content))
        if len(found) != 1:
            return _lost("more than one response" if found else f"none of {count} responses")
        return Said(None, tuple(float(name in found) for name in names))


@lru_cache(maxsize=256)
def _numbered_words(names: tuple[str, ...], nouns: tuple[str, ...], match: Match) -> Words:
    return words(names, nouns, match) if names else FoldedWords(("none",), whole=True)


_SEPARATORS = re.compile(r"[\s,;>|\[\](){}\"'`*.→]*")


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """The names of all responses, best first: place p of N is a score of N - p."""

    names: str | tuple[str, ...]
    base: Base = 1
    ignore_case: bool = False

    @property
    def allows_ties(self) -> bool:
        return False

    @property
    def is_closed(self) -> bool:
        return False

    def said(self, content: Content, count: int) -> Said:
        names = self._spelled(named(self.names, self.base, count))
        text = self._spelled((_as_text(content),))[0]
        name = _any_of(names)
        order = [found[0] for found in name.finditer(text)]
        if not _SEPARATORS.fullmatch(name.sub(" ", text)):
            return _lost("not a list of responses")
        if sorted(order) != sorted(names) or len(names) != count:
            return _lost(f"not each of {count} responses once")
        return Said(None, tuple(float(count - 1 - order.index(name)) for name in names))

    def _spelled(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(text.casefold() for text in texts) if self.ignore_case else texts


@lru_cache(maxsize=256)
def _any_of(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{alternatives(names)})(?!\w)") if names else re.compile(r"(?!)")
