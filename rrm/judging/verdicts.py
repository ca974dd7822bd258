"""Reads the verdict out of a judge's text, by the grammar that stands in the prompt's own file.

Total and linear: any text gives some reading, in a bounded number of passes, whatever it holds. A verdict is
only ever read from behind the reasoning, only in the format's own place, and never guessed: what stands there and
says nothing, or contradicts itself, is UNPARSED. Knows nothing of which response is which.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rrm.judging.meanings import Labels, Meaning
from rrm.judging.pieces import Piece, Place
from rrm.judging.readout import first_token_probability, label_in, label_probability
from rrm.types import FinishReason, TokenLogprob, Vote

__all__ = ["Forced", "Grammar", "Reader", "Reading", "TieBreak", "read"]


@dataclass(frozen=True, slots=True)
class Forced:
    """How to make a judge say its verdict: `open` is put in its mouth, then it chooses one of `choices`.

    A judge of one response chooses one of `scores` instead.
    """

    open: str
    choices: Mapping[str, Vote]
    scores: Mapping[str, float] = field(default_factory=dict)


class TieBreak(NamedTuple):
    """Where equal scores are settled: by a number below `middle` (first) or above it (second)."""

    place: Place
    meaning: Meaning
    middle: float


class Reader(NamedTuple):
    """A place of the verdict, and what stands there."""

    place: Place
    meaning: Meaning


@dataclass(frozen=True, slots=True, eq=False)
class Grammar:
    """Where a verdict stands in a judge's text and what it may say. A later reader is for where none before finds one."""

    readers: tuple[Reader, ...]
    reasoning: tuple[str, str] = ("<think>", "</think>")
    forced: Forced | None = None
    readout: Mapping[str, Vote] | None = None
    """The first tokens that stand for the two votes: how likely each is says more than the one that was sampled.

    Where not None, samples are asked for with the log-probabilities of their tokens.
    """
    tie_break: TieBreak | None = None
    skips_others: bool = False
    """Whether what can't be read is passed over, where another verdict may stand."""
    count: int | None = None
    """How many responses, or criteria of one, a verdict is about; None where that differs from case to case."""

    @property
    def allows_ties(self) -> bool:
        return self.readers[0].meaning.allows_ties

    @property
    def weights(self) -> Mapping[str, int]:
        """How much a vote by a label counts, where it is not 1."""
        meaning = self.readers[0].meaning
        return meaning.weights if isinstance(meaning, Labels) else {}

    @property
    def labels(self) -> Mapping[Vote, tuple[str, ...]]:
        """The labels of each vote; empty where a verdict is no label."""
        meaning = self.readers[0].meaning
        return meaning.labels if isinstance(meaning, Labels) else {}


class Reading(NamedTuple):
    """What was read, where in the text it stands ([start, end) in characters, or None), and why it is that.

    The vote is None where a judge of one response, or of several, gave scores.
    """

    vote: Vote | None
    span: tuple[int, int] | None
    reason: str
    scores: tuple[float, ...] = ()
    weight: float = 1.0
    """How much the vote counts."""
    probability: float | None = None
    """That of the first response being the better one, where token probabilities say so."""
    criteria: tuple[tuple[str, float], ...] = ()
    """The number for each criterion, by its name, where the score rests on some."""

    @property
    def is_lost(self) -> bool:
        """Whether no verdict was read."""
        return self.vote is not None and self.vote.is_lost


def read(
    text: str,
    grammar: Grammar,
    finish_reason: FinishReason = "stop",
    *,
    reasoning_open: bool = False,
    count: int = 2,
    logprobs: Sequence[TokenLogprob] = (),
) -> Reading:
    """Read the verdict out of a judge's text about `count` responses.

    `reasoning_open` says that the prompt ended inside an opened reasoning block (as with chat templates
    that open `<think>`), so that a text without the closing tag is all reasoning. `logprobs` are those of
    the text's tokens, at least of its last or its first ones: then a label is read with its probability.
    """
    opening, closing = grammar.reasoning
    closed_at = text.rfind(closing)
    start = closed_at + len(closing) if closed_at >= 0 else 0
    if text.find(opening, start) >= 0:
        if closed_at >= 0 and finish_reason != "length":
            return Reading(
                Vote.UNPARSED, None, f"{opening} stands in the answer, so that no end of the reasoning is certain"
            )
        return Reading(Vote.TRUNCATED, None, f"the reasoning was opened by {opening} and never closed")
    if closed_at < 0 and reasoning_open and finish_reason == "length":
        return Reading(Vote.TRUNCATED, None, f"cut by the token limit before {closing}")
    answer = _Answer(text, start, finish_reason, count if grammar.count is None else grammar.count)
    reading = _read_answer(answer, grammar)
    if not logprobs:
        return reading
    if grammar.readout:
        return _read_out(reading, grammar.readout, logprobs[0])
    return reading._replace(probability=_probability(reading, answer, grammar, logprobs))


class _Answer(NamedTuple):
    """What the judge says behind its reasoning, which ends at `start`, of so many responses."""

    text: str
    start: int
    finish_reason: FinishReason
    number: int


def _read_answer(answer: _Answer, grammar: Grammar) -> Reading:
    unmarked: Reading | None = None
    for reader in grammar.readers:
        reading = _picked(answer, reader, grammar)
        if reading and grammar.tie_break:
            reading = _settled(reading, answer, grammar.tie_break)
        if reading and (reader.place.is_marked or not reading.is_lost):
            return reading
        unmarked = unmarked or reading
    shape = grammar.readers[0].place.shape
    return unmarked or _lost(answer.finish_reason, None, f"no {shape} in the answer")


def _picked(answer: _Answer, reader: Reader, grammar: Grammar) -> Reading | None:
    """The reading that binds of those in a place; None where nothing stands there."""
    place, meaning = reader
    readings = (
        reading
        for piece in place.pieces(answer.text, answer.start, answer.number)
        if not (reading := _read_piece(piece, answer, reader)).is_lost or not grammar.skips_others
    )
    if place.pick == "unique":
        return _agreed(readings, place)
    if place.pick == "listed" and isinstance(meaning, Labels):
        return _listed(readings, tuple(meaning.labels))
    return next(readings, None)


def _agreed(readings: Iterator[Reading], place: Place) -> Reading | None:
    found: Reading | None = None
    for reading in readings:
        if reading.is_lost:
            return reading
        if found and (found.vote, found.scores, found.weight) != (reading.vote, reading.scores, reading.weight):
            return Reading(Vote.UNPARSED, reading.span, f"more than one {place.shape}, and they contradict")
        found = reading
    return found


def _listed(readings: Iterator[Reading], votes: tuple[Vote, ...]) -> Reading | None:
    found: dict[Vote | None, Reading] = {}
    for reading in readings:
        if reading.is_lost or reading.vote is votes[0]:
            return reading
        found[reading.vote] = reading
    return next((found[vote] for vote in votes if vote in found), None)


def _read_piece(piece: Piece, answer: _Answer, reader: Reader) -> Reading:
    place, meaning = reader
    span = (piece.start, piece.end)
    if piece.content is None:
        return _lost(answer.finish_reason, span, piece.problem)
    if piece.is_cut and answer.finish_reason == "length" and not meaning.is_closed:
        return _lost(answer.finish_reason, span, f"more may have followed {piece.content!r}")
    said = meaning.said(piece.content, answer.number)
    if said.vote is Vote.UNPARSED:
        return Reading(said.vote, span, f"{said.problem} in {piece.content!r}", said.scores)
    return Reading(
        said.vote, span, f"{place.shape} says {piece.content!r}", said.scores, said.weight, None, said.criteria
    )


def _lost(finish_reason: FinishReason, span: tuple[int, int] | None, reason: str) -> Reading:
    if finish_reason == "length":
        return Reading(Vote.TRUNCATED, span, f"cut by the token limit: {reason}")
    return Reading(Vote.UNPARSED, span, reason)


def _settled(reading: Reading, answer: _Answer, tie_break: TieBreak) -> Reading:
    """The reading, with equal scores settled where the text settles them."""
    is_even = bool(reading.scores) and reading.vote in (Vote.TIE, Vote.UNPARSED)
    pieces = tie_break.place.pieces(answer.text, answer.start, 1) if is_even else iter(())
    piece = next(pieces, None)
    said = tie_break.meaning.said(piece.content, 1) if piece and piece.content is not None else None
    if said is None or not said.scores or said.scores[0] == tie_break.middle:
        return reading
    vote = Vote.FIRST if said.scores[0] < tie_break.middle else Vote.SECOND
    return reading._replace(vote=vote, reason=f"equal scores; {tie_break.place.shape} says {said.scores[0]:g}")


def _read_out(reading: Reading, readout: Mapping[str, Vote], first: TokenLogprob) -> Reading:
    """The reading with the vote that its first token makes the likelier one; as it is where that token tells nothing."""
    probability = first_token_probability(first, readout)
    if probability is None or probability == 0.5:
        return reading
    vote = Vote.FIRST if probability > 0.5 else Vote.SECOND
    return Reading(vote, reading.span, f"its first token says so with {probability:.3f}", probability=probability)


def _probability(reading: Reading, answer: _Answer, grammar: Grammar, logprobs: Sequence[TokenLogprob]) -> float | None:
    """That of the first response, by the tokens of the label that was read; None where it is no label, or they don't tell."""
    labels, vote, span = grammar.labels, reading.vote, reading.span
    if vote is None or vote not in labels or span is None:
        return None
    found = label_in(answer.text, span, vote, labels, lambda text: _said_in(text, answer, grammar))
    return label_probability(answer.text, *found, labels, logprobs) if found else None


def _said_in(text: str, answer: _Answer, grammar: Grammar) -> Vote | None:
    """The vote of a verdict that stands alone."""
    return _read_answer(_Answer(text, 0, "stop", answer.number), grammar).vote
