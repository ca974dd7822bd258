"""its_hub's reward models over what rrm ranks and scores with; imports nothing of its_hub.

its_hub (as of 1.2) checks no classes. Its best-of-N calls `await orm.ascore(conversations, orchestrator=...)` once for
each prompt, with its distinct candidates: each a list of `ChatMessage` objects, dictionaries or both, of which the
last is the candidate (its_hub/core/algorithms/bon.py). It takes the first of those with the highest number, a NaN for
the highest of all, and asks nothing where all candidates are alike. Beam search and particle filtering call
`await prm.ascore(prompt, texts)` with one unfinished response a text, and the latter wants numbers from 0 to 1
(its_hub/core/algorithms/beam_search.py, particle_gibbs.py). Each inference has an event loop of its own, so nothing
here is bound to one.

A number is one that a ranking or a reward gave. What could not be ranked or scored is an error, not a low number.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rrm import errors
from rrm.contests import joined
from rrm.errors import ContestError, EngineError, InputError
from rrm.integrations.rewards import same_prompt
from rrm.integrations.scales import rewards_of
from rrm.plans import AUTO, AUTO_BEST
from rrm.ranker import Ranker
from rrm.ranking import Ranking
from rrm.rewards import as_reward
from rrm.rewards.managed import ManagedReward
from rrm.types import Contest, Message

__all__ = ["OutcomeRewardModel", "ProcessRewardModel"]

_Turns = list[dict[str, object]]
"""A conversation as rewards and queries take it."""


class OutcomeRewardModel:
    """An outcome reward model to its_hub, for `BestOfN(OutcomeRewardModel(judge))`.

    `source`: a Judge of any kind, a RewardRanker, Ensemble or Cascade, which rank the conversations of equal prompts
    among each other; or a reward of any kind, which scores each by itself (see `rrm.rewards.as_reward`). It stays its
    owner's to close. `strategy`: how a ranker ranks, by default its own. `query`: from a prompt (a list of messages) to what
    a ranker is asked, such as `lambda prompt: prompt[-1]["content"]` for a judge prompt that takes one question; by default all
    of it. `undecided`: the number of a candidate on which no verdict bears; below all others by default, and so never chosen.

    The numbers of a ranking are in the strategy's units and compare candidates of one prompt only; a candidate that
    is alone with its prompt has what the strategy gives where there is nothing to compare. Raises InputError for
    what is neither ranker nor reward, and for an `undecided` that is no number.
    """

    def __init__(
        self,
        source: object,
        *,
        strategy: Any = None,
        query: Callable[[Any], object] | None = None,
        undecided: float = -math.inf,
    ) -> None:
        if not isinstance(undecided, int | float) or math.isnan(undecided):
            raise InputError(f"undecided must be a number, not {undecided!r}: its_hub would choose a NaN over all else")
        self._source: _Contests | ManagedReward
        # A class has all that its objects have, and makes one.
        if isinstance(source, Ranker) and not isinstance(source, type):
            self._source = _Contests(source, strategy, query, float(undecided))
        else:
            self._source = as_reward(source)

    def score(self, messages: Any, orchestrator: object = None, **_: Any) -> Any:  # noqa: ARG002
        """A float for one conversation, a list of them for a list of conversations, in order. More is better.

        `orchestrator` is not used. Raises ContestError for a conversation that can't be taken and for candidates
        that could not be ranked, EngineError where judge or reward can't be asked, or gave no finite number.
        """
        conversations, is_batch = _conversations(messages)
        scores = self._source.score(conversations)
        return scores if is_batch else scores[0]

    async def ascore(self, messages: Any, orchestrator: object = None, **_: Any) -> Any:  # noqa: ARG002
        """The async twin of `score`, which its_hub calls."""
        conversations, is_batch = _conversations(messages)
        scores = await self._source.ascore(conversations)
        return scores if is_batch else scores[0]


class ProcessRewardModel:
    """A process reward model to its_hub's beam search and particle filtering: one probability a partial response.

    `reward`: a ProcessReward, or any reward whose scores are probabilities. Its own delimiter splits a response into
    steps, and its own aggregate makes them one number, so its_hub's `step_token` should be that delimiter. its_hub
    flattens a prompt of several messages into text before it comes here.
    """

    def __init__(self, reward: object) -> None:
        self._reward = as_reward(reward)

    def score(self, prompt_or_messages: Any, steps: str | Sequence[str]) -> Any:
        """A float for one text, a list of them for several, none for none. Raises as rewards do.

        And EngineError for a number that is not a probability.
        """
        conversations = _continued(prompt_or_messages, steps)
        scores = _probabilities(self._reward.score(conversations))
        return scores[0] if isinstance(steps, str) else scores

    async def ascore(self, prompt_or_messages: Any, steps: str | Sequence[str]) -> Any:
        """The async twin of `score`, which its_hub calls."""
        conversations = _continued(prompt_or_messages, steps)
        scores = _probabilities(await self._reward.ascore(conversations))
        return scores[0] if isinstance(steps, str) else scores


class _Contests:
    """A ranker as something that scores conversations: those of one prompt are a contest."""

    def __init__(self, ranker: Ranker, strategy: Any, query: Callable[[Any], object] | None, undecided: float) -> None:
        self._ranker = ranker
        self._query = query or _whole
        self._strategy = _for_the_best(ranker, strategy)
        self._undecided = undecided

    def score(self, conversations: Sequence[_Turns]) -> list[float]:
        groups = _groups(conversations)
        return self._settle(groups, list(self._ranker.rank_many(self._listed(groups), strategy=self._strategy)))

    async def ascore(self, conversations: Sequence[_Turns]) -> list[float]:
        groups = _groups(conversations)
        found = self._ranker.arank_many(self._listed(groups), strategy=self._strategy)
        return self._settle(groups, [ranking async for ranking in found])

    def _listed(self, groups: Sequence["_Group"]) -> list[Contest]:
        return [Contest(self._query(group.prompt), group.candidates, id=number) for number, group in enumerate(groups)]

    def _settle(self, groups: Sequence["_Group"], rankings: Sequence[Ranking]) -> list[float]:
        scores: dict[int, float] = {}
        for group, ranking in zip(groups, rankings, strict=True):
            scores |= zip(group.numbers, self._scores(ranking), strict=True)
        return [scores[number] for number in range(len(scores))]

    def _scores(self, ranking: Ranking) -> list[float]:
        """The ranking's own numbers, but of candidates that nothing was said of. Raises ContestError, EngineError."""
        if ranking.error is not None:
            raise _class_of(ranking)(f"the candidates of prompt {ranking.id} could not be ranked: {ranking.error}")
        judged = rewards_of(ranking, "rank", allows_ties=self._ranker.allows_ties)
        players = {player for match in ranking.matches for player in (match.first, match.second)}
        if players and all(judged[player] is None for player in players):
            raise ContestError(
                f"the judge decided nothing about the candidates of prompt {ranking.id}: of {ranking.votes.total} votes "
                f"{ranking.votes.lost} were lost, and the others are split evenly"
            )
        marked = zip(ranking.scores, judged, strict=True)
        return [self._undecided if value is None else score for score, value in marked]


@dataclass(frozen=True, slots=True)
class _Group:
    """The candidates of one prompt, and their numbers among the conversations."""

    prompt: _Turns
    numbers: list[int]
    candidates: list[object]


def _groups(conversations: Sequence[_Turns]) -> list[_Group]:
    groups: dict[str, _Group] = {}
    for number, (*prompt, candidate) in enumerate(conversations):
        group = groups.setdefault(same_prompt(prompt), _Group(prompt, [], []))
        group.numbers.append(number)
        group.candidates.append(candidate["content"])
    return list(groups.values())


def _whole(prompt: object) -> object:
    return prompt


def _for_the_best(ranker: Ranker, strategy: Any) -> Any:
    """Nobody asks for the order of the others."""
    chosen = ranker.default_strategy if strategy is None else strategy
    return AUTO_BEST if chosen == AUTO else chosen


def _probabilities(scores: list[float]) -> list[float]:
    if outside := [score for score in scores if not 0 <= score <= 1]:
        raise EngineError(
            f"the reward gave {outside[0]}, and its_hub takes probabilities of partial responses: use a process reward, "
            "or an outcome reward with normalise=True"
        )
    return scores


def _continued(prompt: Any, steps: str | Sequence[str]) -> list[_Turns]:
    turns = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else _turns(prompt, 0)
    texts = [steps] if isinstance(steps, str) else steps
    return [[*turns, {"role": "assistant", "content": text}] for text in texts]


def _conversations(messages: Any) -> tuple[list[_Turns], bool]:
    """All conversations of a call, and whether they came as a list of them. Raises ContestError."""
    is_batch = isinstance(messages, Sequence) and all(_is_conversation(item) for item in messages)
    found = [_turns(conversation, number) for number, conversation in enumerate(messages if is_batch else [messages])]
    for number, turns in enumerate(found):
        if len(turns) < 2 or turns[-1]["role"] != "assistant":
            raise ContestError(
                f"conversation {number} must be a prompt and, last, the assistant message to score, not "
                f"{len(turns)} messages ({', '.join(str(turn['role']) for turn in turns)})"
            )
    return found, is_batch


def _is_conversation(item: object) -> bool:
    return hasattr(item, "to_chat_messages") or (isinstance(item, Sequence) and not isinstance(item, str | Message))


def _turns(conversation: Any, number: int) -> _Turns:
    """A list of messages, or its_hub's `ChatMessages`, as dictionaries with plain text."""
    unwrap = getattr(conversation, "to_chat_messages", None)
    given = unwrap() if callable(unwrap) else conversation
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Sequence):
        raise ContestError(f"conversation {number} must be a list of chat messages, not {type(given).__name__}")
    return [_turn(message, number) for message in given]


def _turn(message: object, number: int) -> dict[str, object]:
    """A `ChatMessage`, or the dictionary that stands for one. Raises ContestError for what is not text alone."""
    fields = message if isinstance(message, Mapping) else {name: getattr(message, name, None) for name in _FIELDS}
    role, content = fields.get("role"), joined(fields.get("content"))
    if fields.get("tool_calls"):
        raise ContestError(f"conversation {number} holds tool calls, and rrm judges text: write them out as text")
    if not isinstance(role, str) or not isinstance(content, str):
        raise ContestError(f"conversation {number}: a chat message needs a role and text as content, not {message!r}")
    return {"role": role, "content": content}


_FIELDS = ("role", "content", "tool_calls")


def _class_of(failed: Ranking) -> type[EngineError] | type[ContestError]:
    """The engine's own error where it failed; ContestError for all that is the contest's."""
    found = getattr(errors, failed.error_type or "", ContestError)
    return found if issubclass(found, EngineError) else ContestError
