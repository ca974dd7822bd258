"""What rankers by rewards have in common: conversations of a contest's responses to rewards, their numbers to a ranking.

Contests stream: as many are in flight as the window says, each on its own, and results come out in the order of the
input. Everything runs on an event loop of the ranker's own, so sync and async calls work anywhere, in a notebook too.
A contest that can't be scored is a ranking with its error, also where a reward's own code raises what it likes; a ledger
that fails is raised.

Each distinct response is scored once, as the query's messages with the response as the assistant's next one. A
contest's reference is not shown to rewards. Chance comes in between equal scores alone, drawn by seed and texts.
"""

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any

from rrm.contests import Entry, check_contest, enter, normalise_query
from rrm.errors import ContestError, InputError, LedgerError, RRMError, UnknownNameError
from rrm.plans import POINTWISE, named_plan
from rrm.play import Gate, all_or_none
from rrm.rankers.hosting import StreamHost
from rrm.rankers.sources import Scored, Source
from rrm.ranking import Polled, Ranking, RewardInfo, Scoring
from rrm.rewards.conversations import conversations_of
from rrm.tournaments.draw import seeded_order
from rrm.types import Contest, Opinion, Poll, Spent, Tally, Usage

__all__ = ["SCORE", "WINDOW", "ScoreRanker", "check_contests"]

SCORE = "score"
"""The strategy that results name: responses in the order of their scores."""

_STRATEGIES = (SCORE, POINTWISE)

WINDOW = 128
"""Contests that are in flight at once, where nobody says."""

_CONVERSATIONS = 2048
"""In flight, above which no further contest is started: more than any scorer works on at once."""


class ScoreRanker(StreamHost):
    """Ranks by what one or several rewards say of each response. A subclass says how their numbers become one.

    Keeps the promises of `rrm.Judge`'s methods of the same names; `rrm.ranker.Ranker` is what it is to others.
    """

    def __init__(self, rewards: Sequence[object], *, seed: int, window: int) -> None:
        if not isinstance(seed, int):
            raise InputError(f"seed must be a whole number, not {seed!r}")
        self._sources = tuple(Source(reward) for reward in rewards)
        self._seed = seed
        super().__init__(Gate(_CONVERSATIONS), window)

    @abstractmethod
    def _combined(self, scores: Sequence[Sequence[float]]) -> Sequence[float]:
        """One number for each distinct response of a contest from those of each reward."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, object]:
        """All that results follow from besides the contests, as plain values."""

    @property
    def kind(self) -> str:
        """Pointwise: what a response is worth, and not which of two is better."""
        return POINTWISE

    @property
    def default_strategy(self) -> str:
        """The order of the scores, and there is no other strategy; "pointwise" is taken for it."""
        return SCORE

    @property
    def allows_ties(self) -> bool:
        """Equal scores are a tie."""
        return True

    @property
    def votes(self) -> Tally:
        """All scores so far, as `scored`."""
        return Tally(scored=sum(source.count for source in self._sources))

    @property
    def spent(self) -> Spent:
        """What was really computed so far; of a reward that doesn't say, the conversations that it scored."""
        return sum((source.spent for source in self._sources), Spent())

    @property
    def reused(self) -> Spent:
        """What came out of a ledger instead, as far as the rewards say."""
        return sum((source.reused for source in self._sources), Spent())

    def check(self, query: object, *, reference: str | None = None) -> None:  # noqa: ARG002 - rewards see none
        """Raises ContestError for what is no query. Asks nothing."""
        normalise_query(query)

    def rank(
        self, query: object, responses: Sequence[object], *, strategy: Any = None, reference: str | None = None
    ) -> Ranking:
        """Rank the responses to a query by score, best first.

        Raises InputError for a strategy other than "score", ContestError for a contest that can't be scored (where a
        reward's own code raised something, that is its cause), EngineError where a reward can't be asked or gives no
        finite number.
        """
        _check_strategy(strategy)
        return self._thread.run(self._rank(Contest(query, responses, reference)))

    async def arank(
        self, query: object, responses: Sequence[object], *, strategy: Any = None, reference: str | None = None
    ) -> Ranking:
        """The async twin of `rank`."""
        _check_strategy(strategy)
        return await self._thread.arun(self._rank(Contest(query, responses, reference)))

    def rank_many(
        self, contests: Iterable[Contest], *, strategy: Any = None, window: int | None = None
    ) -> Iterator[Ranking]:
        """Rank many contests at once; yields their rankings in the order of the input, as they get done.

        A contest that fails is a ranking with its `error` set; the others go on. The iterable is read as needed: at most
        `window` contests (default: the ranker's own) are in flight or wait to be taken. Raises EngineError or ModelError
        where a reward can't be opened at all, InputError for what holds no contests.
        """
        _check_strategy(strategy)
        check_contests(contests)
        return self._many(contests, self._rank_or_fail, window)

    def arank_many(
        self, contests: Iterable[Contest], *, strategy: Any = None, window: int | None = None
    ) -> AsyncIterator[Ranking]:
        """The async twin of `rank_many`."""
        _check_strategy(strategy)
        check_contests(contests)
        return self._amany(contests, self._rank_or_fail, window)

    def poll_many(self, polls: Iterable[Poll], *, window: int | None = None) -> Iterator[Polled]:
        """The scores of single responses, without a ranking; each `shown` names one. Streams and fails as `rank_many`."""
        return self._many(polls, self._poll_or_fail, window)

    def apoll_many(self, polls: Iterable[Poll], *, window: int | None = None) -> AsyncIterator[Polled]:
        """The async twin of `poll_many`."""
        return self._amany(polls, self._poll_or_fail, window)

    def open(self) -> RewardInfo | tuple[RewardInfo, ...]:
        """Load the rewards now, or reach their servers. Raises EngineError, ModelError or MissingExtraError."""
        return self._opened(self._thread.run(self._open()))

    async def aopen(self) -> RewardInfo | tuple[RewardInfo, ...]:
        """The async twin of `open`."""
        return self._opened(await self._thread.arun(self._open()))

    def drain(self) -> None:
        """Score nothing more, from now on; what needs more fails with EngineStoppedError. May be called from any thread."""
        for source in self._sources:
            source.drain()

    def _opened(self, infos: tuple[RewardInfo, ...]) -> RewardInfo | tuple[RewardInfo, ...]:
        """What `open` says."""
        return infos

    async def _open(self) -> tuple[RewardInfo, ...]:
        """What results say of the rewards."""
        return tuple([await source.open() for source in self._sources])

    async def _close_sources(self) -> None:
        for source in self._sources:
            await source.aclose()

    async def _rank_or_fail(self, contest: Contest) -> Ranking:
        check_contest(contest)
        try:
            return await self._rank(contest)
        except LedgerError:
            raise
        except RRMError as error:
            return Ranking.failed(SCORE, error, seed=self._seed, id=contest.id)

    async def _rank(self, contest: Contest) -> Ranking:
        infos = await self._open()
        entry = enter(contest)
        found = await self._scored(entry)
        scores = self._combined([one.scores for one in found])
        draw = seeded_order(self._seed, "draw", entry.identity, entry.texts)
        return Ranking(
            SCORE,
            entry.expand_order(sorted(draw, key=lambda contestant: -scores[contestant])),
            entry.expand_scores(scores),
            usage=sum((one.usage for one in found), Usage()),
            seed=self._seed,
            id=contest.id,
            notes=_notes(found),
            scorings=tuple(
                Scoring(number + 1, 1, (entry.index(number),), (score,), Tally(scored=len(found)))
                for number, score in enumerate(scores)
            ),
            rewards=infos,
        )

    async def _poll_or_fail(self, asked: Poll) -> Polled:
        check_contest(asked.contest)
        try:
            return await self._poll(asked)
        except LedgerError:
            raise
        except RRMError as error:
            return Polled.failed(error, id=asked.contest.id)

    async def _poll(self, asked: Poll) -> Polled:
        await self._open()
        entry = enter(asked.contest)
        _check_shown(asked.shown, len(asked.contest.responses))
        found = await self._scored(entry)
        scores = entry.expand_scores(self._combined([one.scores for one in found]))
        opinions = tuple(Opinion(shown, 0, None, (scores[shown[0]],)) for shown in asked.shown)
        return Polled(opinions, sum((one.usage for one in found), Usage()), asked.contest.id, notes=_notes(found))

    async def _scored(self, entry: Entry) -> list[Scored]:
        """What each reward says of each distinct response. The first failure ends the others and is raised."""
        conversations = conversations_of(entry.query, entry.texts)
        with self._gate.holding(len(conversations) * len(self._sources)):
            return await all_or_none(source.score(conversations) for source in self._sources)


def check_contests(contests: object) -> None:
    """Raises InputError for what nothing can be read from."""
    if not isinstance(contests, Iterable):
        raise InputError(f"contests must be an iterable of rrm.Contest objects, not {type(contests).__name__}")


def _notes(found: Sequence[Scored]) -> tuple[str, ...]:
    return tuple(sorted({note for one in found for note in one.notes}))


def _check_shown(shown: Sequence[tuple[int, ...]], responses: int) -> None:
    for one in shown:
        if len(one) != 1 or not 0 <= one[0] < responses:
            raise ContestError(
                f"shown must name one response from 0 to {responses - 1}, not {one}: a reward scores one"
            )


def _check_strategy(strategy: object) -> None:
    if strategy is None or strategy in _STRATEGIES:
        return
    if isinstance(strategy, str) and not _is_judges(strategy):
        raise UnknownNameError("strategy", strategy, _STRATEGIES)
    raise InputError(f"the strategy {strategy!r} needs a judge, and a reward gives scores: use the strategy 'score'")


def _is_judges(name: str) -> bool:
    """Whether judges have a strategy of this name."""
    try:
        named_plan(name)
    except UnknownNameError:
        return False
    return True
