"""Two rankings become one: a filter's of all responses, and a judge's of those that were kept.

PURE: no clock, no randomness, no input or output. The judge's ranking names the kept responses by their places among
these; here they get their own indices again. Where no vote of its matches could be read, its order is a draw, which says
less than the filter's.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from rrm.ranking import JudgeInfo, PlayedMatch, Ranking, RewardInfo, Scoring

__all__ = ["CASCADE", "joined", "places", "unfiltered"]

CASCADE = "cascade"
"""The strategy that results name."""

_UNHEARD = "no vote of the judge could be read, so that those that were kept stand in the filter's order"


def unfiltered(judged: Ranking) -> Ranking:
    """The ranking of a contest that went to the judge whole."""
    levels = [judged.scores[index] for index in judged.order]
    count = len(judged.order)
    return replace(
        judged,
        strategy=CASCADE,
        scores=places(judged.order, levels),
        errors=(),
        notes=(*judged.notes, f"the filter was not asked: all {count} responses went to the judge ({judged.strategy})"),
    )


def joined(filtered: Ranking, judged: Ranking, kept: Sequence[int]) -> Ranking:
    """The kept responses as the judge has them, and behind them the others as the filter has them.

    `kept` has the indices of the responses that the judge was given, in that order. Where the judge decided nothing at all,
    the filter's order is that of the kept ones, too.
    """
    is_unheard, chosen = _is_unheard(judged), set(kept)
    front = [(kept[place], judged.scores[place]) for place in judged.order]
    if is_unheard:
        front = [(index, filtered.scores[index]) for index in filtered.order if index in chosen]
    cut = [(index, filtered.scores[index]) for index in filtered.order if index not in chosen]
    order = tuple(index for index, _ in (*front, *cut))
    levels = [*((True, score) for _, score in front), *((False, score) for _, score in cut)]
    notes = [f"the filter kept {len(kept)} of {len(order)} responses for the judge ({judged.strategy})"]
    notes += [_UNHEARD] if is_unheard else []
    return replace(
        judged,
        strategy=CASCADE,
        order=order,
        scores=places(order, levels),
        matches=tuple(_match(match, kept) for match in judged.matches),
        usage=filtered.usage + judged.usage,
        notes=(*filtered.notes, *judged.notes, *notes),
        scorings=(*filtered.scorings, *_scorings(judged, kept, filtered.scorings)),
        errors=(),
        level=() if is_unheard else tuple((kept[one], kept[other]) for one, other in judged.level),
        rewards=(*_rewards(filtered), *judged.rewards),
    )


def _is_unheard(judged: Ranking) -> bool:
    """Whether matches were played and none has a vote that could be read, and no scores say anything instead."""
    return bool(judged.matches) and not judged.scorings and not any(match.votes.read for match in judged.matches)


def places(order: Sequence[int], levels: Sequence[object]) -> tuple[float, ...]:
    """By index, how many responses are ranked below each; those that are neighbours at one level share it.

    `levels` go with the order, best first.
    """
    scores = [0.0] * len(order)
    below = len(order)
    for _, group in groupby(range(len(order)), key=lambda place: levels[place]):
        level = list(group)
        below -= len(level)
        for place in level:
            scores[order[place]] = float(below)
    return tuple(scores)


def _match(match: PlayedMatch, kept: Sequence[int]) -> PlayedMatch:
    winner = None if match.winner is None else kept[match.winner]
    return replace(match, first=kept[match.first], second=kept[match.second], winner=winner)


def _scorings(judged: Ranking, kept: Sequence[int], before: Sequence[Scoring]) -> list[Scoring]:
    """Those of a judge that gives scores itself, numbered on from the filter's; their rounds come after its rounds."""
    last = max((scoring.number for scoring in before), default=0)
    round_ = max((scoring.round for scoring in before), default=0)
    return [
        replace(
            scoring,
            number=last + scoring.number,
            round=round_ + scoring.round,
            responses=tuple(kept[place] for place in scoring.responses),
        )
        for scoring in judged.scorings
    ]


def _rewards(filtered: Ranking) -> tuple[RewardInfo, ...]:
    """What filtered; a judge of single responses, too."""
    return filtered.rewards or (() if filtered.judge is None else (_as_reward(filtered.judge),))


def _as_reward(judge: JudgeInfo) -> RewardInfo:
    settings = {
        "prompt_sha256": judge.prompt_sha256,
        "prompt_args": dict(judge.prompt_args),
        "votes": judge.votes,
        "sampling": {
            "max_tokens": judge.sampling.max_tokens,
            "temperature": judge.sampling.temperature,
            "top_p": judge.sampling.top_p,
        },
        **judge.settings,
    }
    return RewardInfo(judge.model, judge.engine, "custom", judge.prompt, settings)
