"""Scalar rewards out of a judge, or another ranker: samples in, a number or None for each out, whatever the trainer.

Samples of one group (one prompt) are one contest, and all contests of a call are with the judge at once. A sample
has a reward or None, never a made-up number; see `rrm.integrations.scales`. A contest that fails gives None to its
samples, with a warning, and harms no other.

A judge of which nothing comes at all is neither hidden nor fatal at the first hiccup: the samples have None, with a
warning where groups failed, until no call gave a single verdict for `patience` seconds; then EngineError is raised.
It is raised at once where an engine fails that never gave one, since that is a mistake of configuration.
"""

import json
import logging
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rrm import errors
from rrm.contests import joined, without_reasoning
from rrm.errors import EngineError, InputError
from rrm.integrations.fitting import plan_with, strategy_of
from rrm.integrations.scales import Scale, rewards_of
from rrm.judge import Judge, default_judge
from rrm.ranker import Ranker
from rrm.ranking import Ranking
from rrm.tournaments import Strategy
from rrm.types import Contest, Tally

__all__ = ["GroupJudge", "Rewards", "Sample", "Stripping", "answer_of", "query_of", "same_prompt"]

_log = logging.getLogger("rrm")

Stripping = bool | Literal["opened"]
"""Whether reasoning is taken out of responses before they are judged: what stands before the last `</think>`.

"opened" is for policies whose chat template ends the prompt with `<think>`: what they write before `</think>` is
reasoning even though no `<think>` opens it, so a response that never gets there has an empty answer.
"""

_CLOSE = "</think>"


@dataclass(frozen=True, slots=True)
class Sample:
    """A response to reward. Samples whose `group` is equal are compared with each other."""

    group: Hashable
    query: object
    response: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Rewards:
    """The rewards of a call, one for each sample in order, and the rankings behind them, one for each group."""

    values: tuple[float | None, ...]
    rankings: tuple[Ranking, ...] = field(repr=False)

    @property
    def metrics(self) -> dict[str, float]:
        """Shares between 0 and 1: groups that failed, samples without a reward, votes that were lost; and group size."""
        votes = [_judged_votes(ranking) for ranking in self.rankings]
        return {
            "failed_groups": _share(ranking.status == "failed" for ranking in self.rankings),
            "unrewarded": _share(value is None for value in self.values),
            "lost_votes": sum(tally.lost for tally in votes) / max(1, sum(tally.total for tally in votes)),
            "group_size": len(self.values) / max(1, len(self.rankings)),
        }


class GroupJudge:
    """Turns samples into rewards with a judge, a strategy and a scale that fit each other.

    `judge`: a Judge or another ranker, a function that makes one (called once in each process, on first use; then this
    object can be pickled), or None for the default judge. `strategy`: by default the scale's own, such as "anchor" or
    "elo"; a cascade's judge has its own default. `patience`: seconds, see the module. Raises InputError for a scale and
    a strategy that do not fit.
    """

    def __init__(
        self,
        judge: Judge | Ranker | Callable[[], Judge | Ranker] | None,
        *,
        scale: Scale,
        strategy: str | Strategy | None,
        patience: float,
    ) -> None:
        self._scale = scale
        self._strategy = strategy_of(scale, strategy)
        self._patience = _checked(patience)
        self._make, self._is_given = _maker(judge)
        self._judge: Judge | Ranker | None = None
        self._failing_since: float | None = None
        self._has_judged = False

    @property
    def judge(self) -> Judge | Ranker:
        """The judge of this process, made now if need be."""
        if self._judge is None:
            self._judge = self._make()
        return self._judge

    def rewards(self, samples: Sequence[Sample]) -> Rewards:
        """One reward for each sample. Raises EngineError as the module says, and what opening the judge raises."""
        groups = self._groups(samples)
        rankings = tuple(
            self.judge.rank_many(_contests(groups), strategy=plan_with(self.judge, self._scale, self._strategy))
        )
        return self._settle(groups, rankings)

    async def arewards(self, samples: Sequence[Sample]) -> Rewards:
        """The async twin of `rewards`."""
        groups = self._groups(samples)
        found = self.judge.arank_many(_contests(groups), strategy=plan_with(self.judge, self._scale, self._strategy))
        return self._settle(groups, tuple([ranking async for ranking in found]))

    def close(self) -> None:
        """Release the judge that was made here; one that was handed over, and the default one, are their owners'."""
        if self._judge is not None and not self._is_given and self._make is not default_judge:
            self._judge.close()

    def __getstate__(self) -> dict[str, object]:
        if self._is_given:
            raise InputError(
                "a reward that was given a Judge can't be sent to another process: give it a function that makes "
                "one there, such as functools.partial(Judge, 'rrm-7b', base_url=...)"
            )
        return self.__dict__ | {"_judge": None, "_failing_since": None, "_has_judged": False}

    def _groups(self, samples: Iterable[Sample]) -> list[list[tuple[int, Sample]]]:
        """What is judged together: a score is a response's own, so that one without it takes no other's.

        Unless it says how a response does among the others, as an ensemble's does.
        """
        if self._scale == "score" and not getattr(self.judge, "is_relative", False):
            return _grouped(samples, lambda sample: (sample.group, sample.response))
        return _grouped(samples, lambda sample: sample.group)

    def _settle(self, groups: Sequence[Sequence[tuple[int, Sample]]], rankings: tuple[Ranking, ...]) -> Rewards:
        self._watch(rankings)
        values: dict[int, float | None] = {}
        for group, ranking in zip(groups, rankings, strict=True):
            numbers = [number for number, _ in group]
            values |= zip(numbers, self._values(ranking, len(group)), strict=True)
        return Rewards(tuple(values[number] for number in range(len(values))), rankings)

    def _values(self, ranking: Ranking, size: int) -> tuple[float | None, ...]:
        if ranking.status == "failed":
            return (None,) * size
        return rewards_of(ranking, self._scale, allows_ties=self.judge.allows_ties)

    def _watch(self, rankings: Sequence[Ranking]) -> None:
        """Say what failed; raise where nothing comes of asking any more."""
        failed = [ranking for ranking in rankings if ranking.status == "failed"]
        if failed:
            _log.warning(
                "%d of %d groups could not be judged and have no reward; the first: %s: %s",
                *(len(failed), len(rankings), failed[0].error_type, failed[0].error),
            )
        if any(_judged_votes(ranking).read for ranking in rankings):
            self._failing_since = None
            self._has_judged = True
        elif fruitless := failed + [ranking for ranking in rankings if _judged_votes(ranking).lost]:
            self._lose_patience(max(fruitless, key=_is_engines_fault))

    def _lose_patience(self, fruitless: Ranking) -> None:
        now = time.monotonic()
        self._failing_since = now if self._failing_since is None else self._failing_since
        is_misconfigured = not self._has_judged and _is_engines_fault(fruitless)
        if not is_misconfigured and now - self._failing_since < self._patience:
            return
        since = f"for {now - self._failing_since:.0f} s" if self._has_judged else "so far"
        why = fruitless.error or "none of its votes can be read: does its prompt file fit the model?"
        raise _class_of(fruitless)(f"the judge has judged nothing {since}, so there are no rewards: {why}")


def answer_of(completion: object, stripping: Stripping) -> str:
    """The text of a completion to judge: a string, or the last assistant message of a list; empty where there is none."""
    text = completion if isinstance(completion, str) else _last_answer(completion)
    if stripping == "opened" and _CLOSE not in text:
        return ""
    return without_reasoning(text) if stripping else text


def query_of(prompt: object) -> object:
    """A prompt as a contest takes it: a string, or messages with plain text where it came in parts."""
    if isinstance(prompt, str) or not isinstance(prompt, Iterable):
        return prompt
    return [_plain(message) if isinstance(message, Mapping) else message for message in prompt]


def same_prompt(query: object) -> str:
    """A text that is equal for equal prompts."""
    return json.dumps(query, sort_keys=True, default=str)


def _last_answer(completion: object) -> str:
    given = completion if isinstance(completion, Sequence) and not isinstance(completion, bytes) else ()
    messages = [message for message in given if isinstance(message, Mapping)]
    answers = [_plain(message)["content"] for message in messages if message.get("role") == "assistant"]
    return answers[-1] if answers and isinstance(answers[-1], str) else ""


def _plain(message: Mapping[str, object]) -> dict[str, object]:
    """A message's role and content; content in parts becomes one text, if text is all it holds."""
    return {"role": message.get("role"), "content": joined(message.get("content"))}


def _grouped(samples: Iterable[Sample], group_of: Callable[[Sample], Hashable]) -> list[list[tuple[int, Sample]]]:
    """Numbered samples by group, in the order of each group's first."""
    groups: dict[Hashable, list[tuple[int, Sample]]] = {}
    for number, sample in enumerate(samples):
        groups.setdefault(group_of(sample), []).append((number, sample))
    return list(groups.values())


def _contests(groups: Sequence[Sequence[tuple[int, Sample]]]) -> list[Contest]:
    return [
        Contest(group[0][1].query, [sample.response for _, sample in group], group[0][1].reference, number)
        for number, group in enumerate(groups)
    ]


def _maker(
    judge: Judge | Ranker | Callable[[], Judge | Ranker] | None,
) -> tuple[Callable[[], Judge | Ranker], bool]:
    """What makes the judge, and whether it is made already and so bound to this process."""
    # A class has all that its objects have, and makes one.
    if isinstance(judge, Ranker) and not isinstance(judge, type):
        given = judge
        return lambda: given, True
    make = default_judge if judge is None else judge
    if not callable(make):
        raise InputError(f"judge must be a Judge or a function that makes one, not {type(judge).__name__}")
    return make, False


def _judged_votes(ranking: Ranking) -> Tally:
    """The votes on matches, where there are any: what a filter scored before them is no verdict."""
    return sum((match.votes for match in ranking.matches), Tally()) if ranking.matches else ranking.votes


def _checked(patience: float) -> float:
    if not isinstance(patience, int | float) or not patience >= 0:
        raise InputError(f"patience must be 0 seconds or more, not {patience!r}")
    return patience


def _is_engines_fault(ranking: Ranking) -> bool:
    return issubclass(getattr(errors, ranking.error_type or "", errors.RRMError), EngineError)


def _class_of(fruitless: Ranking) -> type[EngineError]:
    """The engine's own error where it failed; EngineError itself for all else that leaves a judge without a verdict."""
    found: type[EngineError] = getattr(errors, fruitless.error_type or "", EngineError)
    return found if issubclass(found, EngineError) else EngineError


def _share(flags: Iterable[bool]) -> float:
    found = list(flags)
    return sum(found) / max(1, len(found))
