"""Weak-to-strong scoring: how much likelier a response is to one model than to another, both generative.

The reward of DrSoW (Customizable Density Ratios of Strong-over-weak LLMs, arXiv 2411.02481): log p_strong(response |
prompt) - log p_weak(response | prompt), where the strong model is the better aligned one. Each model sees the
conversation by its own chat template and counts its own tokens: all of the conversation's from where it leaves its own
prompt, so with the tokens that close the turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from math import fsum
from pathlib import Path

from rrm.engines.scorers.base import Pass, Readout, Scorer, Vectors
from rrm.errors import ContestError
from rrm.ledger import Ledger
from rrm.ledger.lent import LentLedger
from rrm.play import all_or_none
from rrm.ranking import RewardInfo
from rrm.rewards.base import ScoreDetails
from rrm.rewards.choosing import ENGINES, ScorerChoice
from rrm.rewards.conversations import Turns, broken_up, cleaned
from rrm.rewards.layouts.base import Laid
from rrm.rewards.reading import Opened, Reader, naming
from rrm.rewards.running import Running, each_once
from rrm.rewards.settings import RewardSettings

__all__ = ["LikelihoodRatio"]

_READOUT = Readout("likelihood")


@dataclass(frozen=True, slots=True)
class _Planned:
    """A conversation as it is laid before one of the two."""

    asked: Pass
    notes: tuple[str, ...]


class LikelihoodRatio(Running):
    """The difference of two models' log-probabilities of a response, in nats, added up over its tokens.

    `strong`, `weak`: a folder, a hub name, any reference that `rrm.Judge` takes, or a `Scorer` of your own. `engine` is
    for both, as for `load_reward`; on servers each has its own: `strong_base_url` and `weak_base_url`. `per_token`: each
    model's mean over its own tokens instead of the sum, so that length has no part in it. `engine_args` go to both
    engines, `strong_args` and `weak_args` to one: two models on one accelerator must share its memory. The rest is as for
    `load_reward`; what does not fit the context is an error.

    Nothing is loaded until the first call. Raises InputError for arguments that can't be used, MissingExtraError.
    """

    kind = "likelihood"

    def __init__(
        self,
        strong: str | Path | Scorer | None,
        weak: str | Path | Scorer | None,
        *,
        engine: str | None = None,
        strong_base_url: str | Sequence[str] | None = None,
        weak_base_url: str | Sequence[str] | None = None,
        api_key_env: str = "OPENAI_API_KEY",
        per_token: bool = False,
        strip_reasoning: bool = False,
        ledger: str | Path | Ledger | None = None,
        max_context: int | None = None,
        engine_args: Mapping[str, object] | None = None,
        strong_args: Mapping[str, object] | None = None,
        weak_args: Mapping[str, object] | None = None,
    ) -> None:
        common = engine_args or {}
        self._settings = RewardSettings(strip_reasoning=strip_reasoning, max_context=max_context)
        self._per_token = per_token
        both = ScorerChoice(None, engine, api_key_env=api_key_env, max_context=max_context)
        self._choices = (
            _choice(both, strong, strong_base_url, {**common, **(strong_args or {})}),
            _choice(both, weak, weak_base_url, {**common, **(weak_args or {})}),
        )
        lent = LentLedger(ledger)
        readers = [
            Reader(choice.source(_READOUT, "likelihood", ENGINES), _READOUT, lent, max_context=max_context)
            for choice in self._choices
        ]
        super().__init__(readers, lent, strip_reasoning=strip_reasoning)

    @property
    def settings(self) -> dict[str, object]:
        strong, weak = (choice.settings() for choice in self._choices)
        return {"kind": self.kind, "strong": strong, "weak": weak, "per_token": self._per_token, **self._further}

    @property
    def _further(self) -> dict[str, object]:
        return self._settings.further(self.kind)

    async def _describe(self) -> RewardInfo:
        strong, weak = [(await reader.open()).info for reader in self._readers]
        models = {"strong": strong.model, "weak": weak.model, "per_token": self._per_token}
        return RewardInfo(
            f"{strong.model} over {weak.model}", strong.engine, self.kind, "likelihood_ratio", models | self._further
        )

    async def _details(self, conversations: Sequence[Turns]) -> list[ScoreDetails]:
        for number, turns in enumerate(conversations):
            if len(turns) == 1:
                raise ContestError(f"conversation {number} has no prompt before its response")
        await self._open()
        return await each_once(conversations, self._distinct)

    async def _distinct(self, conversations: list[Turns], numbers: list[int]) -> list[ScoreDetails]:
        """Everything is laid before both models, and found to fit, before either is asked; then one after the other."""
        places = [f"conversation {number}" for number in numbers]
        planned = [await self._planned(await reader.open(), conversations, places) for reader in self._readers]
        read = [
            await reader.read([plan.asked for plan in plans], places)
            for reader, plans in zip(self._readers, planned, strict=True)
        ]
        return [self._told(*each) for each in zip(*planned, *read, strict=True)]

    async def _planned(self, opened: Opened, conversations: list[Turns], places: list[str]) -> list[_Planned]:
        return await all_or_none(map(_plan, [opened] * len(places), conversations, places))

    def _told(self, strong: _Planned, weak: _Planned, found: Vectors, ground: Vectors) -> ScoreDetails:
        logits = tuple(tuple(number for (number,) in vectors.values) for vectors in (found, ground))
        above, below = (fsum(numbers) / (len(numbers) if self._per_token else 1) for numbers in logits)
        return ScoreDetails(
            above - below,
            logits,
            len(strong.asked.tokens) + len(weak.asked.tokens),
            cached=found.cached_tokens + ground.cached_tokens,
            notes=tuple(dict.fromkeys((*strong.notes, *weak.notes))),
        )


def _choice(
    both: ScorerChoice,
    given: str | Path | Scorer | None,
    base_url: str | Sequence[str] | None,
    arguments: Mapping[str, object],
) -> ScorerChoice:
    """Where one of the two is read."""
    if given is None or isinstance(given, str | Path):
        reference = None if given is None else str(given)
        choice = replace(both, reference=reference, base_url=base_url, arguments=arguments)
    else:
        choice = replace(both, engine=given, base_url=base_url, arguments=arguments)
    choice.check()
    return choice


async def _plan(opened: Opened, turns: Turns, place: str) -> _Planned:
    notes = broken_up(opened.cleaner, *(part for turn in turns for part in turn))
    turns = cleaned(opened.cleaner, turns)
    with naming(place):
        whole = await opened.scorer.chat(turns)
        prompt = await opened.scorer.chat(turns[:-1], add_generation_prompt=True)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(whole, prompt, strict=False)))
        if not 0 < shared < len(whole):
            raise ContestError("the chat template shows no response behind the prompt, so that it has no likelihood")
        opened.fitted(Laid(whole), "error")
    return _Planned(Pass(whole, tuple(range(shared, len(whole)))), notes)
