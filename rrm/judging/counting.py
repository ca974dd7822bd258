"""The votes of one match as they come in: what they add up to, and how many more are wanted.

A vote counts whole, by the weight of its label, or divided by the probability that was read; the tally counts the labels
that were sampled in any case. The support is as many votes as were heard: weights say how they are divided, since three
times as strong is not three times as certain. Knows nothing of which sample is asked for when.
"""

from collections.abc import Sequence

from rrm.judging import voting
from rrm.judging.asking import Answer, Rules
from rrm.types import Outcome, Support, Tally, Vote

__all__ = ["Count", "said"]

_NOT_DIVIDED = "votes that were read without a probability count as all or nothing"

_SHARE = {Vote.FIRST: 1.0, Vote.TIE: 0.5, Vote.SECOND: 0.0}


def said(answer: Answer) -> Vote:
    """The vote of a sample that was shown two answers, in terms of the match; where none was read it is lost."""
    vote = answer.reading.vote or Vote.UNPARSED
    return vote.swapped() if answer.completion.case.is_swapped else vote


class Count:
    """What the votes of a match say, by the rules."""

    __slots__ = (
        "_allows_ties",
        "_counts_whole",
        "_first",
        "_heard",
        "_is_divided",
        "_is_soft",
        "_least",
        "_second",
        "_stop",
        "_threshold",
        "tally",
    )

    def __init__(self, rules: Rules) -> None:
        grammar = rules.prompt.grammar
        self.tally = Tally()
        self._stop = rules.stop
        self._threshold = rules.threshold
        self._least = voting.least_heard(rules.order)
        self._allows_ties = grammar.allows_ties
        self._is_soft = rules.readout == "probability"
        self._counts_whole = not self._is_soft and not grammar.weights
        self._is_divided = True
        # By the order in which the answers were shown: as in the match, and the other way round.
        self._first = [0.0, 0.0]
        self._second = [0.0, 0.0]
        self._heard = [0, 0]

    def add(self, answers: Sequence[Answer]) -> Tally:
        """Count the answers of a wave; returns what they are by themselves."""
        votes: list[Vote] = []
        forced = 0
        for answer in answers:
            vote = said(answer)
            weight = round(answer.reading.weight)
            votes += [vote] * weight
            forced += answer.is_forced
            if vote in _SHARE:
                self._support(answer, _SHARE[vote], weight)
        wave = voting.add(Tally(), votes, forced)
        self.tally = self.tally + wave if self.tally.total else wave
        return wave

    def _support(self, answer: Answer, share: float, weight: int) -> None:
        """Count a vote that gives so much of itself to the first."""
        is_swapped = answer.completion.case.is_swapped
        if self._is_soft:
            weight = 1
            share = self._divided(answer.reading.probability, is_swapped, share)
        self._heard[is_swapped] += 1
        self._first[is_swapped] += share * weight
        self._second[is_swapped] += (1 - share) * weight

    def _divided(self, probability: float | None, is_swapped: bool, share: float) -> float:
        if probability is None:
            self._is_divided = False
            return share
        return 1 - probability if is_swapped else probability

    def next_wave(self, remaining: int) -> int:
        """How many of the remaining votes to ask for next; 0 where enough are in."""
        if self._counts_whole:
            return voting.next_wave(
                self.tally, remaining, self._allows_ties, self._stop, self._threshold, least=self._least
            )
        return voting.next_wave_by_share(
            self._share_of_leader, sum(self._heard), remaining, self._stop, self._threshold, least=self._least
        )

    @property
    def outcome(self) -> Outcome:
        """What the votes so far say."""
        soft = self.soft
        if soft is None:
            return voting.outcome(self.tally, self._allows_ties)
        return voting.outcome_by_share(soft, self._allows_ties)

    @property
    def soft(self) -> float | None:
        """The probability of the match's first being better; None where no probabilities are wanted, or nothing was read.

        The mean of the orders' means, so that an order that was asked more often does not count for more.
        """
        if not self._is_soft or not any(self._heard):
            return None
        sums = zip(self._first, self._second, strict=True)
        means = [first / (first + second) for first, second in sums if first + second]
        return sum(means) / len(means)

    @property
    def support(self) -> tuple[Support, Support]:
        """What the votes say by the order in which the answers were shown: as many as were heard, divided by their weights."""
        return self._support_in(False), self._support_in(True)

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say of how the votes were counted."""
        return () if self._is_divided else (_NOT_DIVIDED,)

    def _support_in(self, order: bool) -> Support:
        first, second, heard = self._first[order], self._second[order], self._heard[order]
        scale = heard / (first + second) if heard else 0.0
        return Support(first * scale, second * scale)

    @property
    def _share_of_leader(self) -> float:
        """Of the side that the outcome names; half where it names none."""
        if self.outcome not in (Outcome.FIRST, Outcome.SECOND):
            return 0.5
        soft = self.soft
        return self.tally.share if soft is None else soft
