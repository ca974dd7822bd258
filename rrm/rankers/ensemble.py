"""A ranker by several rewards, whose scores become one for each response; see `rrm.rankers.rules` for how."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rrm.errors import EngineError, InputError, UnknownNameError
from rrm.rankers.base import WINDOW, ScoreRanker
from rrm.rankers.rules import RULES, Rule, combined, standardised
from rrm.ranking import RewardInfo

__all__ = ["Ensemble"]


class Ensemble(ScoreRanker):
    """Ranks by several rewards together: `Ensemble([(reward, weight), ...])`.

    A reward is whatever `RewardRanker` takes; weights are above 0, and need not add up to 1. With `standardise` each
    member's scores are made z-scores among the distinct responses of the contest, so that members count by their weights
    and not by their units (how often a response was written makes no difference); scores then say how a response does
    among these, and a lone response has 0. A member whose scores are equal, but for rounding, contributes 0. `rule`: "mean", "worst" or "mean-deviation" with its `penalty`; see
    `rrm.rankers.rules.Rule`. Raises InputError or UnknownNameError for what can't be used.
    """

    def __init__(
        self,
        members: Iterable[tuple[object, float]],
        *,
        standardise: bool = True,
        rule: Rule = "mean",
        penalty: float = 1.0,
        seed: int = 0,
        window: int = WINDOW,
    ) -> None:
        pairs = _checked_members(members)
        if rule not in RULES:
            raise UnknownNameError("rule", str(rule), RULES)
        if not _is_number(penalty) or not 0 <= penalty < math.inf:
            raise InputError(f"penalty must be a number of 0 or more, not {penalty!r}")
        self._weights = tuple(weight for _, weight in pairs)
        self._standardise = standardise
        self._rule = rule
        self._penalty = penalty
        super().__init__([reward for reward, _ in pairs], seed=seed, window=window)

    @property
    def is_relative(self) -> bool:
        """Whether a response's score depends on the others of its contest."""
        return self._standardise

    @property
    def settings(self) -> dict[str, object]:
        """All that results follow from besides the contests, as plain values."""
        members = [
            {"reward": source.settings, "weight": weight}
            for source, weight in zip(self._sources, self._weights, strict=True)
        ]
        return {"members": members, **self._rules, "seed": self._seed}

    @property
    def _rules(self) -> dict[str, object]:
        penalty = {"penalty": self._penalty} if self._rule == "mean-deviation" else {}
        return {"standardise": self._standardise, "rule": self._rule, **penalty}

    async def _open(self) -> tuple[RewardInfo, ...]:
        infos = zip(await super()._open(), self._weights, strict=True)
        return tuple(
            replace(info, settings={**info.settings, "weight": weight, **self._rules}) for info, weight in infos
        )

    def _combined(self, scores: Sequence[Sequence[float]]) -> Sequence[float]:
        members = [standardised(one) for one in scores] if self._standardise else scores
        try:
            found = combined(members, self._weights, self._rule, self._penalty)
        except OverflowError:
            found = (math.inf,)
        if not all(map(math.isfinite, found)):
            raise EngineError("the members' scores are too large to be combined: scale them down")
        return found


def _checked_members(members: Iterable[object]) -> list[tuple[object, float]]:
    if not isinstance(members, Iterable) or isinstance(members, str):
        raise InputError(f"an ensemble is made of pairs (reward, weight), not of {type(members).__name__}")
    pairs = [_checked_member(pair) for pair in members]
    if not pairs:
        raise InputError("an ensemble needs at least one (reward, weight)")
    if not math.isfinite(sum(weight for _, weight in pairs)):
        raise InputError("the weights of the members are too large to be added up: only their ratios count")
    return pairs


def _checked_member(pair: object) -> tuple[object, float]:
    if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
        raise InputError(f"a member of an ensemble is a pair (reward, weight), not {type(pair).__name__}")
    reward, weight = pair
    if not _is_number(weight) or not 0 < weight < math.inf:
        raise InputError(f"the weight of a member must be a number above 0, not {weight!r}")
    return reward, float(weight)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
