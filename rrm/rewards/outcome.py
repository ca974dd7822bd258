"""Outcome rewards: a model that reads a whole conversation and says how good its last answer is."""

from collections.abc import Sequence
from dataclasses import dataclass

from rrm.engines.scorers.base import Pass, Vectors
from rrm.errors import PromptTooLongError
from rrm.play import all_or_none
from rrm.rewards.base import ScoreDetails
from rrm.rewards.conversations import Turns, broken_up, cleaned
from rrm.rewards.families import Family, sigmoid
from rrm.rewards.layouts.base import Laid, LayOutcome, shared
from rrm.rewards.modelled import Modelled
from rrm.rewards.reading import Opened, naming
from rrm.rewards.running import each_once
from rrm.types import Message

__all__ = ["OutcomeReward"]


@dataclass(frozen=True, slots=True)
class _Planned:
    """A conversation as it is laid before the model."""

    asked: Pass
    cut: int
    notes: tuple[str, ...]


class OutcomeReward(Modelled[LayOutcome]):
    """A model with a score for a conversation: its raw output, or with `normalise` the logistic function of it.

    Made by `rrm.rewards.load_reward`. `given` is what else is to be reported of it.
    """

    kind = "outcome"
    lays = "conversations"

    def _layout(self, family: Family) -> LayOutcome | None:
        return family.lay_outcome

    async def _details(self, conversations: Sequence[Turns]) -> list[ScoreDetails]:
        await self._open()
        return await each_once(conversations, self._distinct)

    async def _distinct(self, conversations: list[Turns], numbers: list[int]) -> list[ScoreDetails]:
        """Everything is laid, and found to fit, before anything is asked."""
        opened = await self._reader.open()
        places = [f"conversation {number}" for number in numbers]
        planned = await all_or_none(map(self._plan, [opened] * len(places), conversations, places))
        read = await self._reader.read([plan.asked for plan in planned], places)
        return list(map(self._told, planned, read, places))

    async def _plan(self, opened: Opened, turns: Turns, place: str) -> _Planned:
        notes = broken_up(opened.cleaner, *(part for turn in turns for part in turn))
        with naming(place):
            clean = cleaned(opened.cleaner, turns)
            laid = await self._lay(opened.scorer, clean)
            fitted, cut = opened.fitted(laid, self._settings.truncation)
            if cut:
                await self._check_rest(opened, clean, laid)
        return _Planned(Pass(fitted.tokens, fitted.at), cut, notes)

    async def _check_rest(self, opened: Opened, turns: Turns, laid: Laid) -> None:
        """Raises PromptTooLongError where nothing of a response would be read: the score would be the prompt's."""
        silent = await self._lay(opened.scorer, (*turns[:-1], Message("assistant", "")))
        start = shared(laid.tokens, silent.tokens)
        end = len(laid.tokens) - shared(laid.tokens[start:][::-1], silent.tokens[start:][::-1])
        limit, side = opened.limit, self._settings.truncation
        if limit is not None and side != "error":
            gone = laid.gone(limit, side)
            if start < end and all(place in gone for place in range(start, end)):
                raise PromptTooLongError(len(laid.tokens), limit)

    def _told(self, plan: _Planned, vectors: Vectors, place: str) -> ScoreDetails:
        with naming(place):
            raw = self._family.read(vectors.values)
        score = sigmoid(raw) if self._settings.normalise else raw
        return ScoreDetails(score, vectors.values, len(plan.asked.tokens), plan.cut, vectors.cached_tokens, plan.notes)
