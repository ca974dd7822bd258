"""Process rewards: a model that says of each step of a solution how likely it is right, in one pass a solution."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from rrm.contests import without_reasoning
from rrm.engines.scorers.base import Pass, Vectors
from rrm.errors import ContestError, InputError, PromptTooLongError
from rrm.play import all_or_none
from rrm.rewards.base import ScoreDetails, StepScores
from rrm.rewards.conversations import Turns, broken_up, checked_prompt, cleaned
from rrm.rewards.families import Family
from rrm.rewards.layouts.base import LaySteps
from rrm.rewards.modelled import Modelled
from rrm.rewards.reading import Opened, naming
from rrm.rewards.running import each_once
from rrm.rewards.settings import checked_delimiter

__all__ = ["ProcessReward"]

_Solution = tuple[str | Turns, str]
"""A prompt and the response to it."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """How solutions are named in errors, where they are split, and whether each needs a step that is scored."""

    name: str
    delimiter: str
    needs_step: bool = False

    def place(self, number: int) -> str:
        return f"{self.name} {number}" if self.name else ""


@dataclass(frozen=True, slots=True)
class _Planned:
    """A solution as it is laid before the model."""

    steps: tuple[str, ...]
    asked: Pass
    cut: int
    notes: tuple[str, ...]


class ProcessReward(Modelled[LaySteps]):
    """A model with a probability for each step of a solution. Made by `rrm.rewards.load_reward`.

    `score` gives one number for a conversation, by the aggregate chosen there: all before the last message is the
    prompt. `given` is what else is to be reported of it.
    """

    kind = "process"
    lays = "steps"

    def _layout(self, family: Family) -> LaySteps | None:
        return family.lay_steps

    @property
    def step_delimiter(self) -> str:
        """Where responses are split into steps unless a call says otherwise: as the reward was loaded, else the family's."""
        return self._settings.step_delimiter or self._family.delimiter

    def score_steps(self, prompt: object, response: object, step_delimiter: str | None = None) -> StepScores:
        """The steps of a response, split at `step_delimiter` (by default the reward's own), each with its probability.

        `prompt` is a text or a list of chat messages, `response` a text. A solution that does not fit the context is
        PromptTooLongError, or with truncation "right" its first steps are scored. Raises InputError, ContestError,
        EngineError.
        """
        return self._thread.run(self._scored([(prompt, response)], step_delimiter, ""))[0]

    async def ascore_steps(self, prompt: object, response: object, step_delimiter: str | None = None) -> StepScores:
        """The async twin of `score_steps`."""
        return (await self._thread.arun(self._scored([(prompt, response)], step_delimiter, "")))[0]

    def score_steps_many(
        self, solutions: Sequence[tuple[object, object]], step_delimiter: str | None = None
    ) -> list[StepScores]:
        """The same of many solutions at once, each a pair of prompt and response, in order. Errors name the solution."""
        return self._thread.run(self._scored(solutions, step_delimiter, "solution"))

    async def ascore_steps_many(
        self, solutions: Sequence[tuple[object, object]], step_delimiter: str | None = None
    ) -> list[StepScores]:
        """The async twin of `score_steps_many`."""
        return await self._thread.arun(self._scored(solutions, step_delimiter, "solution"))

    async def _details(self, conversations: Sequence[Turns]) -> list[ScoreDetails]:
        for number, turns in enumerate(conversations):
            if len(turns) == 1:
                raise ContestError(f"conversation {number} has no prompt before its response")
        solutions = [(turns[:-1], turns[-1].content) for turns in conversations]
        found = await self._found(solutions, _Asked("conversation", self.step_delimiter, needs_step=True))
        return [_details_of(steps, steps.aggregate(self._settings.aggregation)) for steps in found]

    async def _scored(
        self, solutions: Sequence[tuple[object, object]], delimiter: str | None, name: str
    ) -> list[StepScores]:
        asked = _Asked(name, self.step_delimiter if delimiter is None else checked_delimiter(delimiter))
        checked = [
            _checked(solution, asked.place(number), strip_reasoning=self._settings.strip_reasoning)
            for number, solution in enumerate(solutions)
        ]
        return await self._found(checked, asked)

    async def _found(self, solutions: Sequence[_Solution], asked: _Asked) -> list[StepScores]:
        await self._open()
        return await each_once(solutions, partial(self._distinct, asked))

    async def _distinct(self, asked: _Asked, solutions: list[_Solution], numbers: list[int]) -> list[StepScores]:
        """Everything is laid, and found to fit, before anything is asked."""
        opened = await self._reader.open()
        places = [asked.place(number) for number in numbers]
        planned = await all_or_none(
            self._plan(opened, asked, solution, place) for solution, place in zip(solutions, places, strict=True)
        )
        # A solution of which no step fits is not asked about at all.
        fitting = [number for number, plan in enumerate(planned) if plan.asked.at]
        read = await self._reader.read([planned[n].asked for n in fitting], [places[n] for n in fitting])
        vectors = dict(zip(fitting, read, strict=True))
        return [self._told(plan, vectors.get(n), places[n]) for n, plan in enumerate(planned)]

    async def _plan(self, opened: Opened, asked: _Asked, solution: _Solution, place: str) -> _Planned:
        prompt, response = solution
        cleaner = opened.cleaner
        with naming(place):
            pieces = self._family.split(response, asked.delimiter)
            steps = tuple(piece.strip("\r\n") for piece in pieces if piece.strip())
            if not steps:
                raise ContestError("the response has no steps: it is blank")
            texts = (prompt,) if isinstance(prompt, str) else (part for turn in prompt for part in turn)
            notes = broken_up(cleaner, *texts, *steps)
            asks = cleaner.clean(prompt) if isinstance(prompt, str) else cleaned(cleaner, prompt)
            laid = await self._lay(opened.scorer, asks, [cleaner.clean(piece) for piece in pieces])
            laid, cut = opened.fitted(laid, self._settings.truncation)
            if asked.needs_step and not laid.at:
                raise PromptTooLongError(len(laid.tokens) + cut, opened.limit)
        return _Planned(steps, Pass(laid.tokens, laid.at), cut, notes)

    def _told(self, plan: _Planned, vectors: Vectors | None, place: str) -> StepScores:
        if vectors is None:
            return StepScores(plan.steps, (), cut=plan.cut, notes=plan.notes)
        with naming(place):
            probabilities = tuple(self._family.read([vector]) for vector in vectors.values)
        return StepScores(
            plan.steps,
            probabilities,
            vectors.values,
            len(plan.asked.tokens),
            plan.cut,
            vectors.cached_tokens,
            plan.notes,
        )


def _checked(solution: object, place: str, *, strip_reasoning: bool) -> _Solution:
    if isinstance(solution, str) or not isinstance(solution, Sequence) or len(solution) != 2:
        raise InputError("solutions must be a list of pairs, each a prompt and the response to it")
    prompt, response = checked_prompt(solution[0], place), solution[1]
    if not isinstance(response, str):
        raise ContestError(f"{place and place + ': '}the response must be a text, not {type(response).__name__}")
    return prompt, without_reasoning(response) if strip_reasoning else response


def _details_of(steps: StepScores, score: float) -> ScoreDetails:
    return ScoreDetails(score, steps.logits, steps.tokens, steps.cut, steps.cached, steps.notes)
