"""Ranks by scores, with a judge that gives numbers: each response by itself, or several at once in windows.

Nothing is ranked that the judge put no number to: a response whose every sample was lost has no score, and then its
contest fails, since a missing score is neither a low one nor a tie. Knows no engine; `Ask` reaches it.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from rrm.errors import ContestError
from rrm.judging.polling import Ballot
from rrm.judging.voting import Order
from rrm.ranking import Scoring
from rrm.tournaments.windows import Windows
from rrm.types import Opinion, Standings, Tally, Vote

__all__ = ["Ask", "Graded", "Shown", "grade_alone", "grade_together"]

Shown = tuple[tuple[int, ...], int]
"""Contestants in the order in which they are shown, and how many samples are wanted."""

Shuffle = Callable[[tuple[int, ...], int], tuple[int, ...]]
"""Contestants in an order that is drawn for the vote of this number."""

Ask = Callable[[Sequence[Shown]], Awaitable[Sequence[Ballot]]]
"""Puts all of them to the judge at once."""


@dataclass(slots=True)
class Graded:
    """Standings by contestant, and all that they rest on. `index` is the response that stands for a contestant."""

    index: Callable[[int], int]
    standings: Standings = Standings((), ())
    scorings: list[Scoring] = field(default_factory=list)
    ballots: list[Ballot] = field(default_factory=list)

    def note(self, number: int, round_: int, members: tuple[int, ...], ballots: Sequence[Ballot]) -> Scoring:
        """What the ballots of some contestants say of them. Raises ContestError where that is nothing."""
        opinions = [opinion for ballot in ballots for opinion in ballot.opinions]
        scores = tuple(self._mean(member, opinions) for member in members)
        shown = tuple(map(self.index, members))
        scoring = Scoring(number, round_, shown, scores, _tally(opinions), _criteria(opinions))
        self.scorings.append(scoring)
        self.ballots += ballots
        return scoring

    def _mean(self, member: int, opinions: Sequence[Opinion]) -> float:
        if numbers := _numbers(member, opinions):
            return fmean(numbers)
        votes = _tally(opinions)
        raise ContestError(
            f"no sample holds a score of response {self.index(member)}: {votes.unparsed} of {votes.total} could not be "
            f"read and {votes.truncated} were cut: the prompt does not fit the judge, or max_tokens is too small"
        )


async def grade_alone(graded: Graded, ask: Ask, draw: Sequence[int], *, votes: int) -> None:
    """Every contestant by itself: its score is the mean of its samples' numbers.

    `draw` has the contestants in a seeded order, which decides between equal scores. Raises ContestError where a
    contestant has no score.
    """
    ballots = await ask([((contestant,), votes) for contestant in range(len(draw))])
    noted = [graded.note(number + 1, 1, (number,), [ballot]) for number, ballot in enumerate(ballots)]
    scores = tuple(scoring.scores[0] for scoring in noted)
    graded.standings = Standings(tuple(sorted(draw, key=lambda contestant: -scores[contestant])), scores)


async def grade_together(
    graded: Graded, ask: Ask, draw: Sequence[int], *, size: int, votes: int, order: Order, shuffle: Shuffle
) -> None:
    """Contestants in windows of at most `size`; see `rrm.tournaments.windows`. Raises ContestError as `grade_alone`.

    `order`: "balanced" turns a window from vote to vote, every other time in reverse, so that over as many votes as it
    has members each of them stands first once; "both" does so for twice as many; "random" shuffles it for each vote;
    "fixed" neither draws nor turns.
    """
    windows = Windows(sorted(draw) if order == "fixed" else draw, size)
    ready = windows.start()
    while ready:
        asked = [_ways(window.members, votes, order, shuffle) for window in ready]
        ballots = iter(await ask([shown for ways in asked for shown in ways]))
        noted = [
            graded.note(window.number, window.round, window.members, [next(ballots) for _ in ways])
            for window, ways in zip(ready, asked, strict=True)
        ]
        recorded = [windows.record(window, scoring.scores) for window, scoring in zip(ready, noted, strict=True)]
        ready = recorded[-1]
    graded.standings = windows.standings or graded.standings


def _ways(members: tuple[int, ...], votes: int, order: Order, shuffle: Shuffle) -> list[Shown]:
    """Which way round a window is shown, and how often. Vote i is shown the same way however many votes there are."""
    if order == "fixed":
        return [(members, votes)]
    turn = shuffle if order == "random" else _turned
    count = 2 * votes if order == "both" else votes
    return list(Counter(turn(members, number) for number in range(count)).items())


def _turned(members: tuple[int, ...], number: int) -> tuple[int, ...]:
    """In front stand, vote by vote: the first, the last, the second, the last but one, and so on."""
    step, is_reversed = divmod(number, 2)
    start = (-step if is_reversed else step) % len(members)
    turned = members[start:] + members[:start]
    return turned[::-1] if is_reversed else turned


def _numbers(member: int, opinions: Iterable[Opinion]) -> list[float]:
    return [opinion.scores[opinion.shown.index(member)] for opinion in opinions if opinion.scores]


def _criteria(opinions: Iterable[Opinion]) -> dict[str, float]:
    """The mean of each criterion's numbers, over the samples that hold them."""
    graded = [opinion.criteria for opinion in opinions if opinion.criteria]
    return {name: fmean(criteria[name] for criteria in graded) for name in (graded[0] if graded else ())}


def _tally(opinions: Sequence[Opinion]) -> Tally:
    votes = [opinion.vote for opinion in opinions]
    lost = (votes.count(Vote.UNPARSED), votes.count(Vote.TRUNCATED))
    return Tally(unparsed=lost[0], truncated=lost[1], scored=len(votes) - sum(lost))
