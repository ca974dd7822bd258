"""Reward functions for verl that ask a judge, or another ranker; imports nothing of verl.

verl's reward loop calls `await compute_score(data_source=..., solution_str=..., ground_truth=..., extra_info=...)`
once for each sample, with `reward_router_address` and `reward_model_tokenizer` where it runs a reward model of its
own (verl/experimental/reward_loop/reward_manager/naive.py), and takes a number or a dictionary with a "score", whose
other entries it logs. A pairwise reward needs the whole group, so each call waits for the others of its prompt.
verl says nothing of groups: a group is what has one prompt, and one "uid" and "index" where `extra_info` has them.

Each sample goes to a reward worker drawn at random (verl/experimental/agent_loop/agent_loop.py, `_compute_score`),
and groups can only meet within one process: `reward.num_workers` must be 1.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from rrm.contests import check_at_least
from rrm.errors import InputError
from rrm.integrations.rewards import GroupJudge, Rewards, Sample, Stripping, answer_of, query_of, same_prompt
from rrm.integrations.scales import Scale
from rrm.judge import Judge
from rrm.ranker import Ranker
from rrm.tournaments import Strategy

__all__ = ["GroupReward"]

_log = logging.getLogger("rrm")

_PROMPT_KEYS = ("raw_prompt", "prompt", "question", "problem", "query")
"""Where `extra_info` may have the prompt: the first is verl's own, the others are those of its data preparation."""

_GROUP_KEYS = ("uid", "split", "index")

ExtraInfo = Mapping[str, Any]
GroupSize = int | Callable[[ExtraInfo], int]


class GroupReward:
    """Rewards samples by how they fare against the others of the same prompt; give verl its `compute_score`.

    `judge`, `scale`, `strategy`, `strip_reasoning` and `patience` are those of `rrm.integrations.trl.RankReward`.
    `group_size`: samples per prompt (verl's `actor_rollout_ref.rollout.n`), or a function of `extra_info`, for
    validation with another n. `query`: the key of `extra_info` that has the prompt, or a function of it; by default
    the first there is of raw_prompt, prompt, question, problem and query. `use_ground_truth`: show `ground_truth` to
    the judge as the reference. `timeout`: seconds that a group's first sample waits for the last; then those that are
    there are compared, with a warning. `failed`: the score of a sample that has no reward, since verl takes no None
    and a NaN would spread over the group: 0.5, the mean of every scale, moves the policy least, and where a whole
    group failed, not at all.

    An answer is `{"score", "judged", "group_size"}`; `judged` is 0.0 where the score is `failed`. Raises InputError
    for settings that do not fit each other.
    """

    def __init__(
        self,
        judge: Judge | Ranker | Callable[[], Judge | Ranker] | None = None,
        *,
        group_size: GroupSize,
        scale: Scale = "elo",
        strategy: str | Strategy | None = None,
        strip_reasoning: Stripping = False,
        query: str | Callable[[ExtraInfo], object] | None = None,
        use_ground_truth: bool = False,
        timeout: float = 600.0,
        failed: float = 0.5,
        patience: float = 600.0,
    ) -> None:
        if not callable(group_size):
            check_at_least("group_size", group_size, 1)
        if not timeout > 0:
            raise InputError(f"timeout must be more than 0 seconds, not {timeout!r}")
        if not math.isfinite(failed):
            raise InputError(f"failed must be a finite number, not {failed!r}: verl averages it with the others")
        self._judge = GroupJudge(judge, scale=scale, strategy=strategy, patience=patience)
        self._group_size = group_size
        self._strip_reasoning = strip_reasoning
        self._query = query
        self._use_ground_truth = use_ground_truth
        self._timeout = timeout
        self._failed = failed
        self._open: dict[Hashable, _Group] = {}

    async def compute_score(
        self,
        data_source: str,
        solution_str: str,
        ground_truth: object = None,
        extra_info: ExtraInfo | None = None,
        **_: Any,
    ) -> dict[str, float]:
        """The reward of one sample, when its group is complete or out of time. All calls on one event loop.

        Raises InputError where `extra_info` has no prompt, EngineError where the judge can't be asked at all; see
        `rrm.integrations.rewards`.
        """
        info = extra_info or {}
        sample = self._sample(data_source, solution_str, ground_truth, info)
        group, place = self._join(sample, self._size(info))
        # Shielded: a sample that is given up must not take its group along.
        return (await asyncio.shield(group.answers))[place]

    def compute_score_batch(
        self,
        data_sources: Sequence[str],
        solution_strs: Sequence[str],
        ground_truths: Sequence[object],
        extra_infos: Sequence[ExtraInfo | None],
        **_: Any,
    ) -> list[dict[str, float]]:
        """The rewards of a whole batch at once, for verl's batch reward manager, which calls a plain function.

        (verl/workers/reward_manager/batch.py.) Nothing waits: the groups are what the batch holds, and smaller ones
        than `group_size` are compared as they are, with a warning. Raises as `compute_score` does.
        """
        infos = [info or {} for info in extra_infos]
        samples = [
            self._sample(*given) for given in zip(data_sources, solution_strs, ground_truths, infos, strict=True)
        ]
        count = Counter(sample.group for sample in samples)
        sizes = {sample.group: self._size(info) for sample, info in zip(samples, infos, strict=True)}
        if short := [group for group, size in sizes.items() if count[group] < size]:
            _log.warning("%d of %d groups in the batch are smaller than group_size", len(short), len(sizes))
        return self._answers(self._judge.rewards(samples), [count[sample.group] for sample in samples])

    def close(self) -> None:
        """Release the judge, if this reward had it made; a Judge that was handed over is its owner's to close."""
        self._judge.close()

    def _join(self, sample: Sample, size: int) -> tuple["_Group", int]:
        group = self._open.get(sample.group)
        if group is None:
            group = self._open[sample.group] = _Group(size)
            group.answers = asyncio.create_task(self._judge_group(group, sample.group))
        group.samples.append(sample)
        if len(group.samples) >= group.size:
            self._close(group, sample.group)
        return group, len(group.samples) - 1

    async def _judge_group(self, group: "_Group", name: Hashable) -> list[dict[str, float]]:
        with suppress(TimeoutError):
            await asyncio.wait_for(group.is_closed.wait(), self._timeout)
        if not group.is_closed.is_set():
            self._close(group, name)
            _log.warning(
                "%d of %d samples of a prompt came within %g s and are compared without the others. "
                "verl spreads samples over its reward workers: set reward.num_workers=1",
                *(len(group.samples), group.size, self._timeout),
            )
        count = len(group.samples)
        return self._answers(await self._judge.arewards(group.samples), [count] * count)

    def _close(self, group: "_Group", name: Hashable) -> None:
        """From here on a sample of that name begins a new group."""
        del self._open[name]
        group.is_closed.set()

    def _answers(self, rewards: Rewards, sizes: Sequence[int]) -> list[dict[str, float]]:
        """All with the same keys, as verl wants them."""
        return [
            {
                "score": self._failed if value is None else value,
                "judged": float(value is not None),
                "group_size": float(size),
            }
            for value, size in zip(rewards.values, sizes, strict=True)
        ]

    def _size(self, info: ExtraInfo) -> int:
        return self._group_size(info) if callable(self._group_size) else self._group_size

    def _sample(self, data_source: str, solution: str, ground_truth: object, info: ExtraInfo) -> Sample:
        query = query_of(_listed(self._find_query(info)))
        reference = str(ground_truth) if self._use_ground_truth and ground_truth is not None else None
        group = (str(data_source), same_prompt(query), reference, *(str(info.get(key)) for key in _GROUP_KEYS))
        return Sample(group, query, answer_of(solution, self._strip_reasoning), reference)

    def _find_query(self, info: ExtraInfo) -> object:
        if callable(self._query):
            return self._query(info)
        keys = _PROMPT_KEYS if self._query is None else (self._query,)
        for key in keys:
            if info.get(key) is not None:
                return info[key]
        raise InputError(
            f"extra_info has no prompt under {' or '.join(keys)}, only {', '.join(map(str, info)) or 'nothing'}: "
            "put it there when the data is prepared, and name its key with query=..."
        )


class _Group:
    """Samples that wait for each other."""

    answers: asyncio.Task[list[dict[str, float]]]

    def __init__(self, size: int) -> None:
        self.size = size
        self.samples: list[Sample] = []
        self.is_closed = asyncio.Event()


def _listed(value: object) -> object:
    """A list, where verl carries one as a numpy array."""
    to_list = getattr(value, "tolist", None)
    return to_list() if callable(to_list) else value
