r"""How likely a judge's verdict was: P(first) against P(second), by the log-probabilities of the tokens that say it.

What counts is the token at which the labels of the votes part (the `1` of `\boxed{Assistant 1}`), and those behind it
for as long as more than one vote is left. An alternative counts for a vote if it begins what is left of one of that
vote's labels, or begins with all of it; of several votes, for that with the label which its file names first (`B` for
`B>A`, and not for `B<A`); one that fits both sides alike counts for none. A tie gives half to each side; an alternative
that may yet become a tie or a side counts for the side. Nothing is guessed: where the tokens don't spell the text, or
the alternatives that were reported leave more than a hundredth open, there is no probability.

Total, and linear but for the few places where a label stands. Knows no grammars beyond their labels, and no engines.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from rrm.judging.alignment import Placed, placed
from rrm.judging.words import alternatives
from rrm.types import TokenLogprob, Vote

if TYPE_CHECKING:
    from rrm.judging.verdicts import Grammar

__all__ = ["can_read_out", "chosen_probability", "first_token_probability", "label_in", "label_probability"]

Labels = Mapping[Vote, Sequence[str]]

_MOST_OPEN = 0.01
"""How much of a probability may be unknown, because a vote's tokens are not among the alternatives."""

_MOST_PLACES = 64
"""Of the places where a label stands in a verdict, the last so many are looked at."""


def can_read_out(grammar: "Grammar") -> bool:
    """Whether verdicts of the grammar can be read as probabilities: they are labels of one of two responses."""
    return {Vote.FIRST, Vote.SECOND} <= grammar.labels.keys()


def first_token_probability(token: TokenLogprob, readout: Mapping[str, Vote]) -> float | None:
    """That of FIRST, by how likely each of the readout's tokens was as this one; None where that tells nothing."""
    mass = {Vote.FIRST: 0.0, Vote.SECOND: 0.0}
    for other, probability in _likely(token).items():
        if vote := readout.get(other.strip()):
            mass[vote] += probability
    return _share(mass)


def label_in(
    text: str, span: tuple[int, int], vote: Vote, labels: Labels, says: Callable[[str], Vote | None]
) -> tuple[int, str] | None:
    """Where in a verdict at [start, end) its label stands, and how it is spelled there; None where that is uncertain.

    `says` reads such a verdict alone. The place is where another vote's label would have made it that other vote.
    """
    excerpt = text[slice(*span)]
    label = _pattern(labels[vote], is_folded=_is_folded(labels))
    for place in reversed(list(label.finditer(excerpt))[-_MOST_PLACES:]):
        if any(says(_with(excerpt, label, place.start(), other)) is told for told, other in _others(labels, vote)):
            return span[0] + place.start(), place[0]
    return None


def label_probability(
    text: str, start: int, label: str, labels: Labels, logprobs: Sequence[TokenLogprob]
) -> float | None:
    """That of FIRST, where a label stands at `start` in a text; `logprobs` are those of the text's last tokens, or first.

    Tokens in front of the text, such as reasoning that is returned apart, and special tokens behind it do no harm.
    """
    parting = _Parting(start, label, labels)
    tokens = placed(text, logprobs, start + parting.length)
    return parting.read(text, tokens)


def chosen_probability(text: str, choices: Mapping[str, Vote], logprobs: Sequence[TokenLogprob]) -> float | None:
    """That of FIRST, where a judge was made to say one of the choices and said `text`."""
    label = text.strip()
    labels: dict[Vote, list[str]] = {}
    for choice, vote in choices.items():
        labels.setdefault(vote, []).append(choice)
    if label not in choices or len(labels) < 2:
        return None
    return label_probability(text, text.index(label), label, labels, logprobs)


class _Rest(NamedTuple):
    """What a text would go on with to say a label of a vote; `place` is the label's among those of its vote."""

    vote: Vote
    place: int
    text: str


class _Parting:
    """How the labels of the votes part behind the place where one of them was said."""

    def __init__(self, start: int, label: str, labels: Labels) -> None:
        self._key: Callable[[str], str] = str.casefold if _is_folded(labels) else str
        self._start, self._said = start, label
        self._labels = [_Rest(vote, *own) for vote, group in labels.items() for own in enumerate(map(str.strip, group))]
        self._votes = tuple(labels)
        votes = {own.vote for own in self._labels if self._key(own.text) == self._key(label)}
        self.length = min((self._common(own.text) for own in self._labels if own.vote not in votes), default=0)
        """How many characters of the label come before the first that tells it from another vote's."""

    def read(self, text: str, tokens: Iterable[Placed]) -> float | None:
        """The probability, by tokens that follow each other from the parting on; None where they don't settle it."""
        count = _Count(self._votes)
        for token, start, _ in tokens:
            rests = self._rests(text, start)
            said = self._fitting(token.token, rests)
            is_open = len(_votes(said)) > 1
            likely = _likely(token)
            others = {other: self._fitting(other, rests) for other in likely if other != token.token or not is_open}
            count.add(likely, others)
            if not is_open:
                return count.probability if said else None
            count.go_on(likely[token.token])
        return None

    def _common(self, other: str) -> int:
        """How many characters another label has in common with the one that was said."""
        pairs = zip(self._key(other), self._key(self._said), strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def _rests(self, text: str, start: int) -> list[_Rest]:
        """What each label that is still possible would have the text go on with from there."""
        done = start - self._start
        if done <= 0:
            front = text[start : self._start]
            return [own._replace(text=self._key(front + own.text).lstrip()) for own in self._labels]
        left = (own for own in self._labels if self._common(own.text) >= min(done, len(own.text)))
        return [own._replace(text=self._key(own.text[done:]).lstrip()) for own in left]

    def _fitting(self, token: str, rests: Iterable[_Rest]) -> list[_Rest]:
        """What a text may come to say which goes on with the token. What ends one label goes on with another where it can."""
        piece = self._key(token).lstrip()
        fitting = [rest for rest in rests if rest.text.startswith(piece) or _goes_beyond(piece, rest.text)]
        return [rest for rest in fitting if rest.text] or fitting


class _Count:
    """How likely each vote is, by what was reported at one token after the other."""

    def __init__(self, votes: Iterable[Vote]) -> None:
        self._mass = dict.fromkeys(votes, 0.0)
        self._missing = set(self._mass)
        """Votes that nothing reported stands for."""
        self._reached = 1.0
        """How likely it was to come as far as this token."""
        self._unknown = 0.0
        """How likely such a vote can be at most."""

    def add(self, likely: Mapping[str, float], fitting: Mapping[str, Sequence[_Rest]]) -> None:
        """Count a token's alternatives, each for the vote of what it may become."""
        self._unknown += self._reached * _most_unreported(likely)
        for other, rests in fitting.items():
            if vote := _counted(rests):
                self._mass[vote] += self._reached * likely[other]
                self._missing -= _votes(rests)

    def go_on(self, probability: float) -> None:
        """To the token behind one of that probability."""
        self._reached *= probability

    @property
    def probability(self) -> float | None:
        whole = sum(self._mass.values())
        is_known = not self._missing or self._unknown <= _MOST_OPEN * (whole + self._unknown)
        return _share(self._mass) if is_known else None


def _votes(rests: Iterable[_Rest]) -> set[Vote]:
    return {rest.vote for rest in rests}


def _counted(fitting: Sequence[_Rest]) -> Vote | None:
    """The vote that an alternative counts for: of the labels that it may become, those that stand first for their vote."""
    first = min((rest.place for rest in fitting), default=0)
    votes = {rest.vote for rest in fitting if rest.place == first}
    sides = votes - {Vote.TIE}
    if len(sides) == 1:
        return sides.pop()
    return None if sides or not votes else Vote.TIE


def _goes_beyond(piece: str, rest: str) -> bool:
    """Whether the piece begins with all that is left, as a word of its own: `1}` with `1`, and `10` not."""
    following = piece[len(rest) : len(rest) + 1]
    goes_on = following.isascii() and following.isalnum() and (not rest or rest[-1].isalnum())
    return piece.startswith(rest) and not goes_on


def _likely(token: TokenLogprob) -> dict[str, float]:
    """The probabilities of a token and its alternatives."""
    logprobs = {token.token: token.logprob} | dict(token.top)
    return {other: math.exp(min(logprob, 0.0)) for other, logprob in logprobs.items()}


def _most_unreported(likely: Mapping[str, float]) -> float:
    """How likely a token can be that is not reported: no likelier than the least likely one, nor than what is left."""
    return max(0.0, min(*likely.values(), 1 - sum(likely.values())))


def _share(mass: Mapping[Vote, float]) -> float | None:
    """The part of FIRST, with half of a tie's; None where there is nothing to share."""
    whole = sum(mass.values())
    return (mass[Vote.FIRST] + mass.get(Vote.TIE, 0.0) / 2) / whole if whole else None


def _is_folded(labels: Labels) -> bool:
    """Whether labels may be compared without their case: no two votes differ by that alone."""
    votes: dict[str, set[Vote]] = {}
    for vote, group in labels.items():
        for label in group:
            votes.setdefault(label.casefold(), set()).add(vote)
    return all(len(own) == 1 for own in votes.values())


def _pattern(labels: Iterable[str], *, is_folded: bool) -> re.Pattern[str]:
    """Any of the labels, not as a part of a word."""
    found = alternatives(label.strip() for label in labels)
    return re.compile(rf"(?<![A-Za-z0-9])(?:{found})(?![A-Za-z0-9])", re.IGNORECASE if is_folded else 0)


def _others(labels: Labels, vote: Vote) -> Iterator[tuple[Vote, str]]:
    return ((other, label) for other, group in labels.items() if other is not vote for label in group)


def _with(excerpt: str, label: re.Pattern[str], start: int, other: str) -> str:
    """The excerpt with another label in place of this one, from `start` on."""
    return excerpt[:start] + label.sub(lambda _: other, excerpt[start:])
