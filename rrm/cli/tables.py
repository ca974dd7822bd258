"""Rankings and comparisons for people to read."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rrm.ranking import Comparison, PlayedMatch, Ranking
from rrm.types import Tally

__all__ = ["bracket_lines", "print_comparison", "print_ranking"]

_SNIPPET = 60
"""Characters of a response to show."""


def print_ranking(console: Console, ranking: Ranking, responses: Sequence[object]) -> None:
    """A table of the responses, best first; below it the matches, drawn as a bracket where they are one."""
    table = Table(
        "place", "response", "score", "text", title=_title(ranking.id, ranking.strategy), title_justify="left"
    )
    for place, index in enumerate(ranking.order, 1):
        table.add_row(str(place), f"#{index}", f"{ranking.scores[index]:g}", Text(_snippet(responses[index])))
    console.print(table)
    for line in bracket_lines(ranking.matches) if ranking.strategy == "knockout" else _match_lines(ranking.matches):
        console.print(Text(line), soft_wrap=True)
    console.print(Text(_footer(ranking)), soft_wrap=True)


def print_comparison(console: Console, comparison: Comparison, *, transcripts: bool) -> None:
    """One line with the verdict; what the judge said below it, if asked for."""
    verdict = comparison.verdict
    if verdict is None:
        return
    line = f"{_title(comparison.id, 'winner')}: {verdict.outcome.value}"
    console.print(Text(f"{line}  ({_votes(verdict.votes)}; P(first) = {verdict.probability:.2f})"), soft_wrap=True)
    for said in verdict.transcripts if transcripts else ():
        shown = "second, first" if said.is_swapped else "first, second"
        console.print(Text(f"--- shown as {shown}; vote: {said.vote.value}{' (forced)' if said.forced else ''}"))
        console.print(Text(said.text), soft_wrap=True)


def bracket_lines(matches: Sequence[PlayedMatch]) -> list[str]:
    """A knockout's bracket as text, with the score of each match where its winner goes on."""
    if not matches:
        return []
    entered = {
        (match.number, player): _feeder(matches, match, player) for match in matches for player in _players(match)
    }
    lines, _ = _draw(max(matches, key=lambda match: match.round), entered)
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
    settled = " settled by the draw" if match.settled_by else ""
    middle = f"{' ' * width}├─ #{match.winner} ({match.votes.first}:{match.votes.second}{settled}) "
    return [*top, middle, *bottom], len(top)


def _joined(line: str, width: int, at: int, exit_at: int, corner: str) -> str:
    if at == exit_at:
        return line.ljust(width, "─") + corner
    is_between = at > exit_at if corner == "┐" else at < exit_at
    return line.ljust(width) + ("│" if is_between else " ")


def _match_lines(matches: Sequence[PlayedMatch]) -> list[str]:
    return [
        f"match {match.number}: #{match.first} {match.votes.first}:{match.votes.second} #{match.second}"
        + ("" if match.winner is not None else " (tie or undecided)")
        for match in matches
    ]


def _footer(ranking: Ranking) -> str:
    usage, votes = ranking.usage, ranking.votes_lost
    tokens = (
        f"{usage.prompt_tokens} prompt ({usage.cached_tokens} cached) and {usage.completion_tokens} generated tokens"
    )
    model = ranking.judge.model if ranking.judge else "?"
    line = f"{len(ranking.matches)} matches, {_votes(votes)}; {usage.requests} requests, {tokens}; judge: {model}"
    return "\n".join([line, *(f"note: {note}" for note in ranking.notes)])


def _votes(votes: Tally) -> str:
    counts = {
        "for the first": votes.first, "for the second": votes.second, "ties": votes.tie,
        "unparsed": votes.unparsed, "truncated": votes.truncated, "forced": votes.forced,
    }  # fmt: skip
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return f"{votes.total} votes: {said}" if said else "no votes"


def _title(identity: str | int | None, what: str) -> str:
    return what if identity is None else f"{identity}: {what}"


def _snippet(response: object) -> str:
    text = response if isinstance(response, str) else str(response[0]["content"])  # type: ignore[index]
    folded = " ".join(text.split())
    return folded if len(folded) <= _SNIPPET else folded[: _SNIPPET - 1] + "…"
