"""Asks a judge the same thing so many times, and says what each sample said: no early stop, no verdict.

For judges that score (one response alone, or several at once), and for benchmarks, which want every vote. A
generator like a hearing: it yields a wave of requests and is sent that wave's completions.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from rrm.judging.asking import Answer, Asker, Rules
from rrm.types import Case, Completion, Opinion, SampleRequest, Tally, Usage, Vote

__all__ = ["Ballot", "Polling", "poll"]


@dataclass(frozen=True, slots=True)
class Ballot:
    """What was said of one case, sample by sample, and what it cost."""

    opinions: tuple[Opinion, ...]
    usage: Usage = Usage()
    notes: tuple[str, ...] = ()


Polling = Generator[Sequence[SampleRequest], Sequence[Completion], Ballot]


def _ignore(_: Tally) -> None:
    pass


def poll(
    case: Case,
    shown: tuple[int, ...],
    rules: Rules,
    votes: int,
    *,
    resamples: int = 0,
    note: Callable[[Tally], None] = _ignore,
) -> Polling:
    """Ask for `votes` samples of a case, whose responses are those of the contest that `shown` names, in that order.

    Where all are lost, as many are asked again, up to `resamples` times; never without randomness, since the answer
    would be the same. `note` is told what each wave holds.
    """
    asker = Asker(rules)
    asker.note_alterations(case)
    opinions: list[Opinion] = []
    for attempt in range(1 + (resamples if rules.sampling.temperature > 0 else 0)):
        answers = yield from asker.ask([asker.request(case, attempt * votes, votes)])
        note(_tally(answers))
        opinions += [_opinion(shown, answer) for answer in answers]
        if not all(opinion.is_lost for opinion in opinions):
            break
    return Ballot(tuple(opinions), asker.usage, asker.notes)


def _opinion(shown: tuple[int, ...], answer: Answer) -> Opinion:
    reading, completion = answer.reading, answer.completion
    return Opinion(
        shown,
        completion.index,
        reading.vote,
        reading.scores,
        reading.weight,
        reading.probability,
        answer.text,
        completion.finish_reason,
        completion.completion_tokens,
        answer.is_forced,
        dict(reading.criteria),
    )


def _tally(answers: Sequence[Answer]) -> Tally:
    votes = [answer.reading.vote for answer in answers]
    return Tally(
        votes.count(Vote.FIRST),
        votes.count(Vote.SECOND),
        votes.count(Vote.TIE),
        votes.count(Vote.UNPARSED),
        votes.count(Vote.TRUNCATED),
        sum(answer.is_forced for answer in answers),
        votes.count(None),
    )
