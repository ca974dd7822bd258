"""A reward function for TRL's GRPOTrainer that asks a judge, or another ranker; imports nothing of TRL.

TRL (as of 1.16) calls `f(prompts=..., completions=..., completion_ids=..., <data set columns>, trainer_state=...,
log_extra=..., log_metric=...)` once for each batch of a process and takes a number or None for each completion. It
leaves those with None out of the group's mean and gives them no advantage (trl/trainer/grpo_trainer.py,
`_calculate_rewards`). A function is logged under its `__name__`, and awaited together with the other async ones if
it is a coroutine function.
"""

from collections.abc import Callable, Sequence
from typing import Any

from rrm.errors import InputError
from rrm.integrations.rewards import GroupJudge, Rewards, Sample, Stripping, answer_of, query_of, same_prompt
from rrm.integrations.scales import Scale
from rrm.judge import Judge
from rrm.ranker import Ranker
from rrm.tournaments import Strategy

__all__ = ["RankReward"]

_NAME = "rank_reward"
"""Under which TRL logs the reward; the name of the coroutine function too."""


class RankReward:
    """Rewards completions by how they fare against the others of the same prompt; for `GRPOTrainer(reward_funcs=...)`.

    `judge`: a Judge or another ranker (`rrm.rankers`); or a function that makes one in each process, which also lets the
    reward be pickled; or None for the default judge. `scale`: "elo", "rank", "win-rate" or "anchor", "score" or "rank" for
    what gives scores, "rank" for a cascade; see `rrm.integrations.scales.Scale`.
    `strategy`: by default the scale's own; "rank" goes with any. `strip_reasoning`: judge completions without what
    stands before `</think>`; "opened" where the policy's chat template opens the reasoning. `reference_column`: the
    data set's column with the reference answers. `query`: from a prompt to what the judge is asked, such as
    `lambda prompt: prompt[-1]["content"]` for a judge prompt that takes one question and a data set with system
    messages; by default all of it. `patience`: for how many seconds a judge may give no verdict at all until
    EngineError ends the training.

    A completion has None where the judge failed, or left its every comparison undecided. Calling it is sync;
    `asynchronous` is the same as a coroutine function. Raises InputError for settings that do not fit each other.
    """

    __name__ = _NAME

    def __init__(
        self,
        judge: Judge | Ranker | Callable[[], Judge | Ranker] | None = None,
        *,
        scale: Scale = "elo",
        strategy: str | Strategy | None = None,
        strip_reasoning: Stripping = False,
        reference_column: str | None = None,
        query: Callable[[Any], object] | None = None,
        patience: float = 600.0,
    ) -> None:
        self._judge = GroupJudge(judge, scale=scale, strategy=strategy, patience=patience)
        self._strip_reasoning = strip_reasoning
        self._reference_column = reference_column
        self._query = query

    def __call__(self, prompts: Sequence[object], completions: Sequence[object], **kwargs: Any) -> list[float | None]:
        """A reward for each completion. Groups are the completions of equal prompts (and references).

        Prompts and completions are strings or lists of chat messages, of which the last assistant message is the
        answer. Raises EngineError where the judge can't be asked at all; see `rrm.integrations.rewards`.
        """
        return _report(self._judge.rewards(self._samples(prompts, completions, kwargs)), kwargs)

    async def rank_reward(
        self, prompts: Sequence[object], completions: Sequence[object], **kwargs: Any
    ) -> list[float | None]:
        """The async twin of calling the reward."""
        return _report(await self._judge.arewards(self._samples(prompts, completions, kwargs)), kwargs)

    @property
    def asynchronous(self) -> Callable[..., Any]:
        """The same as a coroutine function, which TRL runs at the same time as other async rewards."""
        return self.rank_reward

    def close(self) -> None:
        """Release the judge, if this reward had it made; a Judge that was handed over is its owner's to close."""
        self._judge.close()

    def _samples(
        self, prompts: Sequence[object], completions: Sequence[object], columns: dict[str, Any]
    ) -> list[Sample]:
        if len(prompts) != len(completions):
            raise InputError(f"there are {len(prompts)} prompts and {len(completions)} completions: one for each")
        references = self._references(len(prompts), columns)
        return [
            self._sample(prompt, completion, reference)
            for prompt, completion, reference in zip(prompts, completions, references, strict=True)
        ]

    def _sample(self, prompt: object, completion: object, reference: str | None) -> Sample:
        group = (same_prompt(query_of(prompt)), reference)
        query = query_of(self._query(prompt) if self._query else prompt)
        return Sample(group, query, answer_of(completion, self._strip_reasoning), reference)

    def _references(self, count: int, columns: dict[str, Any]) -> list[str | None]:
        name = self._reference_column
        if name is None:
            return [None] * count
        if name not in columns:
            raise InputError(f"the data set has no column {name!r} for references; TRL passed {', '.join(columns)}")
        return [None if value is None else str(value) for value in columns[name]]


def _report(rewards: Rewards, kwargs: dict[str, Any]) -> list[float | None]:
    """Hands the rewards over as TRL takes them, and the metrics, if this TRL takes any."""
    if log_metric := kwargs.get("log_metric"):
        for name, value in rewards.metrics.items():
            log_metric(f"{_NAME}/{name}", value)
    return list(rewards.values)
