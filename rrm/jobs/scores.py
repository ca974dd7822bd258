"""Rows of conversations through a reward: what is behind `rrm score`.

Rows stream: as many are in flight as the window says, and results come out in the order of the input, so that a reward
has always enough to make batches of and memory does not grow with the file. A row that can't be scored is a result with
its error and stops no other.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from rrm._version import __version__
from rrm.contests import shown_texts
from rrm.errors import InputError, LedgerError, RRMError
from rrm.play import Gate
from rrm.rankers.hosting import StreamHost
from rrm.rankers.sources import Source
from rrm.ranking import RewardInfo
from rrm.rewards import ManagedReward, OutcomeReward, ProcessReward, ScoreDetails, StepScores
from rrm.rewards.base import Aggregate
from rrm.rewards.conversations import conversations_of
from rrm.types import Contest, Query, Spent, Tally, Usage, json_line

__all__ = ["Asked", "Depth", "ScoreJob", "ScoredRow"]

Passed = ScoreDetails | StepScores
"""What a reward model says of a response: with its steps, or without."""

Depth = Literal["scores", "details", "steps"]
"""How much is asked of a reward: scores alone, how each came about, or the steps of solutions."""

_WINDOW = 512
"""Rows in flight: what a scorer works on at once, several times over."""
_CONVERSATIONS = 1024


@dataclass(frozen=True, slots=True)
class Asked(Contest):
    """A query and its responses to score. `is_single`: the row has one response, and no list of them."""

    is_single: bool = True


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """The scores of a row, one for each response, with how they came about where that was asked for."""

    id: str | int | None
    scores: tuple[float, ...] = ()
    is_single: bool = True
    reward: RewardInfo | None = None
    usage: Usage = Usage()
    notes: tuple[str, ...] = ()
    passes: tuple[Passed, ...] = ()
    aggregate: str | None = None
    """How steps became a score."""
    error: str | None = None
    error_type: str | None = None

    @classmethod
    def failed(cls, identity: str | int | None, error: Exception) -> "ScoredRow":
        """Of a row that could not be scored."""
        return cls(identity, error=str(error), error_type=type(error).__name__)

    @property
    def steps(self) -> tuple[StepScores, ...]:
        """The steps of each response, where these were asked for."""
        return tuple(found for found in self.passes if isinstance(found, StepScores))

    def to_json(self, *, details: bool = False) -> str:
        """A line as `rrm score` writes it (README, "Scores"); what is said of one response of several is in a list."""
        if self.error is not None:
            failure = {"id": self.id, "status": "failed", "error": self.error, "error_type": self.error_type}
            return json_line(failure | {"version": __version__})
        return json_line(
            {
                "id": self.id,
                "status": "ok",
                "score" if self.is_single else "scores": self._each(self.scores),
                **(self._steps() if self.steps else {}),
                **({"details": self._each([_details(found) for found in self.passes])} if details else {}),
                "reward": self.reward,
                "usage": self.usage,
                **({"notes": self.notes} if self.notes else {}),
                "version": __version__,
            }
        )

    def _steps(self) -> dict[str, object]:
        return {
            "aggregate": self.aggregate,
            "steps": self._each([found.steps for found in self.steps]),
            "probabilities": self._each([found.probabilities for found in self.steps]),
        }

    def _each(self, values: Sequence[object]) -> object:
        return values[0] if self.is_single else values


class ScoreJob(StreamHost):
    """Scores rows with a reward that was handed over, and is left open.

    `depth`: what is asked of it. `aggregate`: how steps become a score. Raises InputError for what the reward can't say.
    """

    def __init__(
        self,
        reward: ManagedReward,
        depth: Depth = "scores",
        *,
        aggregate: Aggregate = "min",
        window: int = _WINDOW,
    ) -> None:
        _check_depth(reward, depth)
        self._reward, self._depth = reward, depth
        self._aggregate: Aggregate = aggregate
        self._source = Source(reward)
        super().__init__(Gate(_CONVERSATIONS), window)

    @property
    def votes(self) -> Tally:
        """The scores so far, of a reward that gives nothing else."""
        return Tally(scored=self._source.count)

    @property
    def spent(self) -> Spent:
        """What was really computed so far."""
        return self._source.spent

    @property
    def reused(self) -> Spent:
        """What came out of a ledger instead."""
        return self._source.reused

    def open(self) -> RewardInfo:
        """Load the reward now, or reach its server. Raises EngineError, ModelError or MissingExtraError."""
        return self._thread.run(self._open())

    def score_many(self, rows: Iterable[Contest]) -> Iterator[ScoredRow]:
        """The scores of many rows, in the order of the input, as they get done. Raises LedgerError."""
        return self._many(rows, self._row_or_fail, None)

    async def _open(self) -> RewardInfo:
        return await self._source.open()

    async def _close_sources(self) -> None:
        """The reward is its owner's."""

    async def _row_or_fail(self, row: Contest) -> ScoredRow:
        try:
            return await self._row(row)
        except LedgerError:
            raise
        except RRMError as error:
            return ScoredRow.failed(row.id, error)

    async def _row(self, row: Contest) -> ScoredRow:
        info = await self._open()
        query, texts = shown_texts(row)
        is_single = isinstance(row, Asked) and row.is_single
        with self._gate.holding(len(texts)):
            if self._depth == "steps":
                return self._told(row.id, info, await self._stepwise(query, texts), is_single=is_single)
            conversations = conversations_of(query, texts)
            if isinstance(self._reward, OutcomeReward | ProcessReward):
                return self._told(row.id, info, await self._reward.adetails(conversations), is_single=is_single)
            found = await self._source.score(conversations)
        return ScoredRow(row.id, found.scores, is_single, info, found.usage, found.notes)

    async def _stepwise(self, query: Query, texts: Sequence[str]) -> Sequence[StepScores]:
        reward = cast("ProcessReward", self._reward)  # as was checked when this was made
        prompt = query if isinstance(query, str) else [turn._asdict() for turn in query]
        return await reward.ascore_steps_many([(prompt, text) for text in texts])

    def _told(
        self,
        identity: str | int | None,
        info: RewardInfo,
        passes: Sequence[Passed],
        *,
        is_single: bool,
    ) -> ScoredRow:
        usage = Usage(len(passes), sum(one.tokens for one in passes), sum(one.cached for one in passes))
        return ScoredRow(
            identity,
            tuple(self._score(one) for one in passes),
            is_single,
            info,
            usage,
            _notes(passes),
            tuple(passes),
            self._aggregate if self._depth == "steps" else None,
        )

    def _score(self, found: Passed) -> float:
        return found.score if isinstance(found, ScoreDetails) else found.aggregate(self._aggregate)


def _check_depth(reward: ManagedReward, depth: Depth) -> None:
    if depth == "steps" and not isinstance(reward, ProcessReward):
        raise InputError(f"steps are scored by process rewards, and this one is of the kind {reward.kind!r}")
    if depth == "details" and not isinstance(reward, OutcomeReward | ProcessReward):
        raise InputError("details are those of a reward model's passes, and this is a reward of your own")


def _notes(passes: Sequence[Passed]) -> tuple[str, ...]:
    notes = {note for one in passes for note in one.notes}
    if cut := sum(one.cut > 0 for one in passes):
        notes.add(f"{cut} of {len(passes)} conversations were cut to fit the context")
    return tuple(sorted(notes))


def _details(found: Passed) -> dict[str, object]:
    return {
        "logits": found.logits,
        "tokens": found.tokens,
        "cut": found.cut,
        "cached": found.cached,
        "notes": found.notes,
    }
