"""A few matches before the run: what the judge's samples are really like, and how fast they come.

They are matches that a knockout of the row would begin with (or the first responses, or the first window, of a judge that
scores), asked as a run would ask them: what is in a ledger is not asked again, and what is asked here is not asked by the
run. An engine that is busy with less than it has room for is slower than it could be; how busy it was is measured too.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rrm.backends import Backend
from rrm.contests import Entry, enter
from rrm.engines.base import Engine, EngineInfo
from rrm.errors import EngineError, RRMError
from rrm.jobs.gauge import Gauge, Quantiles
from rrm.judge import Judge
from rrm.judging.prompts import Prompt
from rrm.session import Session
from rrm.tournaments import Knockout
from rrm.tournaments.base import take
from rrm.tournaments.draw import seeded_order
from rrm.tournaments.windows import Windows
from rrm.types import Contest, Match, Opinion, Poll, Sampling, Spent, Standings, Tally, Verdict, Vote

__all__ = ["Opening", "Probe", "agreement_of", "probe"]

_MATCHES = 4
"""Matches of a row that are played at most; of a judge of single responses, responses that are scored."""

_FULL = 0.8
"""An engine is full where this share of its slots was in use, on average."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a probe found, and what it cost."""

    rows: int
    """That were judged."""
    failed: int
    first_error: str | None
    votes: Tally
    """All of them; lost ones are those that could not be read."""
    agreement: float | None
    """Probability that a vote agrees with the majority; None where no match had two votes."""
    matches_with_votes: int
    """Matches with two votes or more, that `agreement` rests on."""
    characters_per_token: float | None
    """Of prompts; None where the engine does not count tokens."""
    completion_tokens: Quantiles | None
    continued_tokens: float
    """Prompt tokens, per sample, of requests that continue one that was begun."""
    made: Spent
    reused: Spent
    seconds: float
    tokens_per_second: float | None
    """Generated; None where nothing was sampled."""
    samples_per_second: float | None
    in_flight: float
    """Samples that were asked for at once, on average."""
    slots: int
    """How many the engine works on at once."""
    max_context: int | None
    """Tokens of prompt and answer together; None where a server hides it."""
    sampling: Sampling
    """How the judge was sampled, where the engine has a say in it."""

    @property
    def samples(self) -> int:
        return self.made.samples + self.reused.samples

    @property
    def is_full(self) -> bool:
        """Whether the engine was as busy as in a long run; else its speed is a lower bound."""
        return self.in_flight >= _FULL * self.slots

    @property
    def lost(self) -> float:
        """Share of the votes that could not be read."""
        return self.votes.lost / max(1, self.votes.total)

    @property
    def ties(self) -> float:
        """Share of the votes between two that are ties."""
        return self.votes.tie / max(1, self.votes.decided)


class _ProbedJudge(Judge):
    """A judge like any other, with a gauge before its engine."""

    gauge: Gauge
    engine_info: EngineInfo

    def _seat(self, backend: Backend, engine: Engine, info: EngineInfo) -> Session:
        self.engine_info = info
        self.gauge = Gauge(engine, self.prompt.begin)
        return super()._seat(backend, self.gauge, info)


class Opening:
    """What a knockout begins with, without what follows from it: the first matches of the draw, each of other players."""

    def __init__(self, draw: Sequence[int]) -> None:
        self._draw = tuple(draw)
        self._ready = Knockout(draw).start()[:_MATCHES]
        self._open: dict[int, Match] = {}
        self._left = len(self._ready)

    @property
    def most_matches(self) -> int:
        return len(self._ready)

    def start(self) -> Sequence[Match]:
        self._open = {match.number: match for match in self._ready}
        return self._ready

    def record(self, match: Match, _: Verdict) -> Sequence[Match]:
        take(self._open, match)
        self._left -= 1
        return ()

    @property
    def standings(self) -> Standings | None:
        return None if self._left else Standings(self._draw, (0.0,) * len(self._draw))


def probe(contests: Sequence[Contest], arguments: Mapping[str, Any], *, progress: bool = False) -> Probe:
    """Ask the judge that `rrm.Judge` makes of these arguments about some rows.

    Raises EngineError, ModelError or MissingExtraError where it can't be asked at all.
    """
    left_out = {"budget": None, "progress": progress}
    with _ProbedJudge(**{**arguments, **left_out}) as judge:
        sampling = judge.open().sampling
        results = list(_asked(judge, contests, arguments))
        return _found(judge, results, sampling)


@dataclass(frozen=True, slots=True)
class _Row:
    """What came of a row: the votes of each match, or of all that was scored."""

    votes: tuple[Tally, ...]
    error: str | None
    error_type: str | None


def _asked(judge: Judge, contests: Sequence[Contest], arguments: Mapping[str, Any]) -> Iterator[_Row]:
    if judge.kind == "pairwise":
        for ranking in judge.rank_many(contests, strategy=Opening):
            yield _Row(tuple(match.votes for match in ranking.matches), ranking.error, ranking.error_type)
        return
    strips = bool(arguments.get("strip_reasoning"))
    polls = [
        Poll(contest, _shown(enter(contest, strip_reasoning=strips), judge.prompt, int(arguments.get("seed", 0))))
        for contest in contests
    ]
    for polled in judge.poll_many(polls):
        yield _Row((_tally(polled.opinions),), polled.error, polled.error_type)


def _shown(entry: Entry, prompt: Prompt, seed: int) -> tuple[tuple[int, ...], ...]:
    """The first responses, each by itself, or the first window that a run would show."""
    if prompt.kind == "pointwise":
        return tuple((entry.index(contestant),) for contestant in range(len(entry.texts)))[:_MATCHES]
    draw = seeded_order(seed, "draw", entry.identity, entry.texts)
    return tuple(tuple(map(entry.index, window.members)) for window in Windows(draw, prompt.window).start()[:1])


def _tally(opinions: Iterable[Opinion]) -> Tally:
    votes = Counter(opinion.vote for opinion in opinions)
    lost = votes[Vote.UNPARSED], votes[Vote.TRUNCATED]
    return Tally(unparsed=lost[0], truncated=lost[1], scored=votes.total() - sum(lost))


def _found(judge: _ProbedJudge, results: Sequence[_Row], sampling: Sampling) -> Probe:
    failed = [row for row in results if row.error is not None]
    if results and len(failed) == len(results):
        _refuse(failed[0])
    matches = [votes for row in results for votes in row.votes]
    several = [votes for votes in matches if votes.first + votes.second > 1]
    gauge, info, made = judge.gauge, judge.engine_info, judge.spent
    tokens = gauge.completion_tokens
    seconds = gauge.seconds
    return Probe(
        rows=len(results) - len(failed),
        failed=len(failed),
        first_error=failed[0].error if failed else None,
        votes=sum(matches, Tally()),
        agreement=agreement_of(several),
        matches_with_votes=len(several),
        characters_per_token=gauge.characters / gauge.prompt_tokens if gauge.prompt_tokens else None,
        completion_tokens=Quantiles.of(tokens) if any(tokens) else None,
        continued_tokens=gauge.continued_tokens / max(1, len(tokens)),
        made=made,
        reused=judge.reused,
        seconds=seconds,
        tokens_per_second=made.completion_tokens / seconds if made.completion_tokens and seconds else None,
        samples_per_second=made.samples / seconds if made.samples and seconds else None,
        in_flight=gauge.in_flight,
        slots=info.slots,
        max_context=info.max_context,
        sampling=sampling,
    )


def _refuse(row: _Row) -> None:
    from rrm import errors

    kind = getattr(errors, row.error_type or "", RRMError)
    if issubclass(kind, EngineError):
        raise EngineError(f"the probe's rows could not be judged, the first because {row.error}")


def agreement_of(matches: Iterable[Tally]) -> float | None:
    """How probable it is that a vote agrees with the side that most votes of its match would be for; None without matches.

    The mode of the posterior over all matches, where that side is not known and an agreeing and a differing vote are
    counted beforehand, so that a few matches of one mind are not taken for certainty. An early stop does not bias it.
    """
    split = Counter((max(votes.first, votes.second), min(votes.first, votes.second)) for votes in matches)
    if not split:
        return None

    def fitness(agree: float) -> float:
        differ = 1 - agree
        parts = (count * math.log(agree**a * differ**b + agree**b * differ**a) for (a, b), count in split.items())
        return math.fsum(parts) + math.log(agree * differ)

    return max((0.5 + step / 1000 for step in range(500)), key=fitness)
