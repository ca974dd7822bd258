"""Rankings and comparisons for people to read. What is returned goes to `Output.show`, piece by piece."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from rrm.cli.terminal import counted, printable
from rrm.ranking import Comparison, PlayedMatch, Ranking
from rrm.types import Contest, Tally, Usage

if TYPE_CHECKING:
    from rrm.jobs.scores import ScoredRow

__all__ = ["bracket_lines", "show_comparison", "show_ranking", "show_scores"]

_QUERY_CELLS = 60
_CASCADE = "cascade"
"""The strategy of a filter with a judge behind it."""
_MOST_MATCHES = 20
"""More matches than this are not listed one by one."""


def show_ranking(ranking: Ranking, contest: Contest) -> Iterator[RenderableType]:
    """A table of the responses, best first; below it the matches, drawn as a bracket where they are one."""
    yield f"{_name(ranking.id)}{ranking.strategy} of {len(ranking.order)}: {_snippet(contest.query)}"
    yield _table(ranking, contest.responses)
    yield from _criteria_lines(ranking)
    yield from _level_lines(ranking)
    yield from bracket_lines(ranking.matches) if ranking.strategy == "knockout" else _match_lines(ranking.matches)
    yield from _filter_lines(ranking) if ranking.strategy == _CASCADE else _window_lines(ranking)
    yield _footer(ranking)
    yield ""


def show_comparison(comparison: Comparison, *, transcripts: bool) -> Iterator[RenderableType]:
    """One line with the verdict; what the judge said below it, if asked for."""
    verdict = comparison.verdict
    if verdict is None:
        return
    yield (
        f"{_name(comparison.id)}{verdict.outcome.value}  "
        f"({_votes(verdict.votes)}; P(first is better) = {verdict.probability:.2f})"
    )
    yield from (f"note: {note}" for note in verdict.notes)
    for said in verdict.transcripts if transcripts else ():
        shown = "second, first" if said.is_swapped else "first, second"
        yield f"--- shown as {shown}; vote: {said.vote.value}{' (forced)' if said.forced else ''}"
        yield said.text


def show_scores(scored: "ScoredRow", contest: Contest, *, details: bool) -> Iterator[RenderableType]:
    """A table of the responses in the order of the row, with their scores; below it the steps, if these were asked for."""
    yield f"{_name(scored.id)}score: {_snippet(contest.query)}"
    table = Table()
    for name in ("response", "score", *(("tokens", "cut", "logits") if details else ())):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("text")
    for index, score in enumerate(scored.scores):
        passed = [scored.passes[index]] if details else []
        further = [cell for one in passed for cell in (f"{one.tokens}", f"{one.cut}", _logits(one.logits))]
        text = Text(_snippet(contest.responses[index], 0), no_wrap=True, overflow="ellipsis")
        table.add_row(f"#{index}", f"{score:.10g}", *further, text)
    yield table
    for index, found in enumerate(scored.steps):
        for number, (step, chance) in enumerate(zip(found.steps, found.probabilities, strict=False), 1):
            yield f"#{index} step {number}: {chance:.4f}  {_snippet(step)}"
    reward = [] if scored.reward is None else [f"reward: {scored.reward.model}"]
    yield "\n".join(["; ".join([_scored(scored.usage), *reward]), *(f"note: {note}" for note in scored.notes)])
    yield ""


def _logits(vectors: Sequence[Sequence[float]]) -> str:
    """Those of one position; how many there are, where there are several."""
    if len(vectors) != 1:
        return f"{len(vectors)} positions"
    return ", ".join(f"{number:.6g}" for number in vectors[0])


def _table(ranking: Ranking, responses: Sequence[object]) -> Table:
    rows = [(str(_place(ranking.scores, index)), f"#{index}", _rating(ranking, index)) for index in ranking.order]
    table = Table()
    for column, name in enumerate(("place", "response", "score")):
        # The width is given, so that it is the text's column that gives way on a narrow terminal.
        width = max(len(name), *(len(row[column]) for row in rows))
        table.add_column(name, justify="right", no_wrap=True, min_width=width)
    table.add_column("text")
    for row, index in zip(rows, ranking.order, strict=True):
        table.add_row(*row, Text(_snippet(responses[index], 0), no_wrap=True, overflow="ellipsis"))
    return table


def _rating(ranking: Ranking, index: int) -> str:
    """A score; with its standard error where it is an estimate."""
    if not ranking.errors:
        return f"{ranking.scores[index]:.6g}"
    return f"{ranking.scores[index]:+.2f} ± {ranking.errors[index]:.2f}"


def _level_lines(ranking: Ranking) -> list[str]:
    """Which neighbours can't be told apart, as runs of them."""
    if not ranking.level:
        return []
    # By score: of identical responses one is named for all, and equal scores can't be told apart anyway.
    scores = ranking.scores
    level, runs = {(scores[one], scores[other]) for one, other in ranking.level}, [[ranking.order[0]]]
    for one, other in pairwise(ranking.order):
        if scores[one] == scores[other] or (scores[one], scores[other]) in level:
            runs[-1].append(other)
        else:
            runs.append([other])
    said = "; ".join(" ~ ".join(f"#{index}" for index in run) for run in runs if len(run) > 1)
    return [f"neighbours that can't be told apart: {said}"]


def _place(scores: Sequence[float], index: int) -> int:
    """Place 1 is the best; equal scores share one."""
    return 1 + sum(score > scores[index] for score in scores)


def bracket_lines(matches: Sequence[PlayedMatch]) -> list[str]:
    """A knockout's bracket as text, with the votes of each match where its winner goes on."""
    if not matches:
        return []
    entered = {
        (match.number, player): _feeder(matches, match, player) for match in matches for player in _players(match)
    }
    final = max(matches, key=lambda match: match.round)
    lines, _ = _draw(final, entered)
    return [line.rstrip() for line in lines]


def _players(match: PlayedMatch) -> tuple[int, int]:
    return match.first, match.second


def _feeder(matches: Sequence[PlayedMatch], match: PlayedMatch, player: int) -> PlayedMatch | None:
    """The match that the player won to get here; None for one that starts here."""
    won = [other for other in matches if other.winner == player and other.round < match.round]
    return max(won, key=lambda other: other.round, default=None)


def _draw(match: PlayedMatch, entered: dict[tuple[int, int], PlayedMatch | None]) -> tuple[list[str], int]:
    """The lines of a match and everything before it, and which of them its winner stands on."""
    (upper, upper_exit), (lower, lower_exit) = (
        _draw(feeder, entered) if (feeder := entered[match.number, player]) else ([f"#{player} "], 0)
        for player in _players(match)
    )
    width = max(len(line) for line in (*upper, *lower))
    top = [_joined(line, width, at, upper_exit, "┐") for at, line in enumerate(upper)]
    bottom = [_joined(line, width, at, lower_exit, "┘") for at, line in enumerate(lower)]
    middle = f"{' ' * width}├─ #{match.winner} ({_score(match)}) "
    return [*top, middle, *bottom], len(top)


def _joined(line: str, width: int, at: int, exit_at: int, corner: str) -> str:
    if at == exit_at:
        return line.ljust(width, "─") + corner
    is_between = at > exit_at if corner == "┐" else at < exit_at
    return line.ljust(width) + ("│" if is_between else " ")


def _match_lines(matches: Sequence[PlayedMatch]) -> list[str]:
    if len(matches) > _MOST_MATCHES:
        return []
    widest = max((len(f"{match.first}") for match in matches), default=0)
    return [f"#{match.first:<{widest}} {_score(match)} #{match.second}{_ending(match)}" for match in matches]


def _filter_lines(ranking: Ranking) -> Iterator[str]:
    """What each response had from the filter, and perhaps from what ranked behind it."""
    for round_ in sorted({scoring.round for scoring in ranking.scorings}):
        found = {scoring.responses[0]: scoring.scores[0] for scoring in ranking.scorings if scoring.round == round_}
        if all(len(scoring.responses) == 1 for scoring in ranking.scorings if scoring.round == round_):
            said = ", ".join(f"#{index} {found[index]:.6g}" for index in sorted(found, key=lambda index: -found[index]))
            yield f"scores of round {round_}: {said}"


def _window_lines(ranking: Ranking) -> Iterator[str]:
    """The windows of a judge that sees several at once, round by round."""
    if all(len(scoring.responses) == 1 for scoring in ranking.scorings):
        return
    for scoring in ranking.scorings[:_MOST_MATCHES]:
        said = ", ".join(
            f"#{index} {score:.6g}" for index, score in zip(scoring.responses, scoring.scores, strict=True)
        )
        yield f"round {scoring.round}: {said}"


def _criteria_lines(ranking: Ranking) -> Iterator[str]:
    """What a response has by each criterion, best response first; of identical ones for the first."""
    found = {scoring.responses[0]: scoring.criteria for scoring in ranking.scorings if scoring.criteria}
    for index in [index for index in ranking.order if index in found][:_MOST_MATCHES]:
        said = ", ".join(f"{printable(name)} {score:.6g}" for name, score in found[index].items())
        yield f"#{index}: {said}"


def _ending(match: PlayedMatch) -> str:
    return " (no winner)" if match.winner is None else ""


def _score(match: PlayedMatch) -> str:
    """The votes for each side, ties apart, and the rule that settled what they left open."""
    votes = match.votes
    ties = f", {counted(votes.tie, 'tie')}" if votes.tie else ""
    return f"{votes.first}:{votes.second}{ties}{', settled by the ' + match.settled_by if match.settled_by else ''}"


def _footer(ranking: Ranking) -> str:
    is_judged = ranking.judge is not None or not ranking.rewards
    parts = [_counted_games(ranking), _sampled(ranking.usage) if is_judged else _scored(ranking.usage)]
    if is_judged:
        parts.append(f"judge: {ranking.judge.model if ranking.judge else '?'}")
    if ranking.rewards:
        parts.append(f"{'reward' if len(ranking.rewards) == 1 else 'rewards'}: {_models(ranking)}")
    return "\n".join(["; ".join(parts), *(f"note: {note}" for note in ranking.notes)])


def _models(ranking: Ranking) -> str:
    return ", ".join(reward.model for reward in ranking.rewards)


def _scored(usage: Usage) -> str:
    """What a reward cost, as far as it counts tokens."""
    tokens = f", {usage.prompt_tokens} tokens ({usage.cached_tokens} cached)" if usage.prompt_tokens else ""
    return f"{counted(usage.requests, 'request')}{tokens}"


def _sampled(usage: Usage) -> str:
    tokens = (
        f"{usage.prompt_tokens} prompt ({usage.cached_tokens} cached) and {usage.completion_tokens} generated tokens"
    )
    return f"{counted(usage.requests, 'request')}, {tokens}"


def _counted_games(ranking: Ranking) -> str:
    votes = ranking.votes
    said = f"{counted(votes.total, 'vote')}{_lost(votes)}"
    matches = counted(len(ranking.matches), "match", "matches")
    if not ranking.scorings:
        return f"{matches}, {said}"
    scorings = counted(len(ranking.scorings), "scoring")
    if not ranking.rewards:
        return f"{scorings}, {said}"
    # A reward's scores are no votes.
    votes = sum((match.votes for match in ranking.matches), Tally())
    of_judge = f", {matches}, {counted(votes.total, 'vote')}{_lost(votes)}" if ranking.matches else ""
    return scorings + of_judge


def _lost(votes: Tally) -> str:
    counts = {"unparsed": votes.unparsed, "truncated": votes.truncated, "forced": votes.forced}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return f" ({said})" if said else ""


def _votes(votes: Tally) -> str:
    counts = {
        "for the first": votes.first, "for the second": votes.second, "for a tie": votes.tie,
        "unparsed": votes.unparsed, "truncated": votes.truncated, "forced": votes.forced,
    }  # fmt: skip
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return f"{counted(votes.total, 'vote')}: {said}" if said else "no votes: the texts are identical"


def _name(identity: str | int | None) -> str:
    return "" if identity is None else f"{identity}: "


def _snippet(said: object, cells: int = _QUERY_CELLS) -> str:
    """The beginning of a query or a response on one line, cut to so many columns of a terminal (0: not cut)."""
    text = said if isinstance(said, str) else str(said[-1]["content"])  # type: ignore[index]
    line = Text(printable(" ".join(text[: 10 * _QUERY_CELLS].split())))
    if cells:
        line.truncate(cells, overflow="ellipsis")
    return line.plain
