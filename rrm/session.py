"""An opened judge: an engine, the rules it judges by, and how a contest is ranked on them.

Lives on one event loop. What it asks follows from the contest, the rules and the answers alone; see
`rrm.tournaments.draw` for where chance comes from.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rrm.archive import Archive
from rrm.contests import Entry, enter, shown_texts
from rrm.engines.base import Engine
from rrm.errors import ContestError, InputError, PromptTooLongError
from rrm.grading import Graded, Shown, grade_alone, grade_together
from rrm.judging.asking import Rules
from rrm.judging.counting import Count
from rrm.judging.hearing import hear
from rrm.judging.polling import Ballot, poll
from rrm.plans import LISTWISE, POINTWISE, Plan, begin, matches_for, rules_for, settle, strategy_name
from rrm.play import Gate, hear_all, hear_out, play
from rrm.progress import Meter
from rrm.ranking import JudgeInfo, PlayedMatch, Polled, Ranking
from rrm.tournaments import Strategy
from rrm.tournaments.base import check_standings
from rrm.tournaments.draw import is_second_shown_first, seeded_order
from rrm.types import Case, Contest, Match, Outcome, Poll, Standings, Tally, Usage, Verdict

__all__ = ["Session"]

_OVERSUBSCRIPTION = 1.25
"""A little more in flight than the engine has slots, so that no slot waits for us."""


@dataclass(frozen=True, slots=True)
class _Table:
    """A contest that is being played: its contestants, and each one's place for deciding who is shown first."""

    entry: Entry
    place: tuple[int, ...]
    rules: Rules


class Session:
    """Ranks and compares with one opened engine."""

    def __init__(
        self,
        engine: Engine,
        rules: Rules,
        info: JudgeInfo,
        slots: int,
        *,
        strip_reasoning: bool,
        archive: Archive | None = None,
    ) -> None:
        self.info = info
        self.window = 2 * slots
        self.gate = Gate(math.ceil(_OVERSUBSCRIPTION * slots), _first_wave(rules), slots)
        self._engine = engine
        self._rules = rules
        self._strip_reasoning = strip_reasoning
        self._archive = archive
        self.votes = Tally()
        """All votes so far, of open matches too; each in terms of its match."""

    async def rank(self, contest: Contest, strategy: Plan, meter: Meter) -> Ranking:
        """Raises ContestError for this contest, EngineError where the engine can't be asked, LedgerError."""
        entry = self._enter(contest)
        strategy = settle(strategy, len(entry.texts), matches_for(self._rules, strategy))
        archive = self._archive
        address = archive.address(strategy, entry) if archive else None
        if not archive or not address:
            return await self._rank(contest, entry, strategy, meter)
        found = await archive.find(address, contest.id)
        if found is None:
            found = await self._rank(contest, entry, strategy, meter)
            archive.keep(address, found)
        return found

    async def _rank(self, contest: Contest, entry: Entry, strategy: Plan, meter: Meter) -> Ranking:
        try:
            if isinstance(strategy, str):
                return await self._grade(contest, entry, strategy, meter)
            return await self._play(contest, entry, strategy, meter)
        except PromptTooLongError as error:
            raise error.of_contest(contest.id) from error

    async def _play(self, contest: Contest, entry: Entry, strategy: Strategy, meter: Meter) -> Ranking:
        rules = rules_for(self._rules, strategy)
        table = _Table(entry, self._places(entry), rules)
        tournament = begin(strategy, self._order("draw", entry), matches_for(self._rules, strategy))
        meter.begin(tournament.most_matches)
        played: dict[int, tuple[Match, Verdict]] = {}

        async def judge(match: Match) -> Verdict:
            verdict = await self._hear(table, match)
            played[match.number] = (match, verdict)
            meter.played(verdict.usage)
            return verdict

        def shown_first(match: Match) -> int:
            return match.second if self._first_lead(table, match) else match.first

        await play(tournament, judge, self.gate, shown_first)
        return self._ranking(contest, strategy, table, tournament.standings, [played[n] for n in sorted(played)])

    async def _grade(self, contest: Contest, entry: Entry, kind: str, meter: Meter) -> Ranking:
        """The contest ranked by the judge's own scores; those of identical responses are one another's."""
        rules, draw = self._rules, self._order("draw", entry)
        meter.begin(len(draw) if kind == POINTWISE else math.ceil(len(draw) / rules.prompt.window))

        async def ask(asked: Sequence[Shown]) -> Sequence[Ballot]:
            cases = [(entry.case(*shown), shown, votes) for shown, votes in asked]
            ballots = await self._poll(cases, resamples=rules.resamples)
            for ballot in ballots:
                meter.played(ballot.usage)
            return ballots

        graded = Graded(entry.index)
        if kind == LISTWISE:
            await grade_together(
                graded,
                ask,
                draw,
                size=rules.prompt.window,
                votes=rules.votes,
                order=rules.order,
                shuffle=lambda members, number: self._shuffled(entry, members, number),
            )
        else:
            # Without randomness a repeated question has the same answer.
            await grade_alone(graded, ask, draw, votes=rules.votes if rules.sampling.temperature > 0 else 1)
        return self._graded_ranking(contest, kind, entry, graded)

    async def poll(self, asked: Poll, meter: Meter) -> Polled:
        """Everything that each sample said. Raises as `rank`."""
        contest, rules = asked.contest, self._rules
        query, texts = shown_texts(contest, strip_reasoning=self._strip_reasoning)
        meter.begin(len(asked.shown))
        for shown in asked.shown:
            if not shown or not all(0 <= index < len(texts) for index in shown):
                raise ContestError(f"shown must name responses from 0 to {len(texts) - 1}, not {shown}")
        cases = [
            (Case(query, tuple(texts[index] for index in shown), contest.reference), shown, rules.votes)
            for shown in asked.shown
        ]
        try:
            ballots = await self._poll(cases)
        except PromptTooLongError as error:
            raise error.of_contest(contest.id) from error
        for ballot in ballots:
            meter.played(ballot.usage)
        opinions = tuple(opinion for ballot in ballots for opinion in ballot.opinions)
        usage = sum((ballot.usage for ballot in ballots), Usage())
        return Polled(opinions, usage, contest.id, notes=_notes(ballots))

    async def _poll(
        self, cases: Sequence[tuple[Case, tuple[int, ...], int]], *, resamples: int = 0
    ) -> Sequence[Ballot]:
        polls = (
            poll(case, shown, self._rules, votes, resamples=resamples, note=self._count) for case, shown, votes in cases
        )
        return await hear_all(polls, self._engine, self.gate)

    async def compare(self, contest: Contest, meter: Meter, *, transcripts: bool) -> Verdict:
        """Judge a contest of two responses. Identical ones are a tie without a call. Raises as `rank`."""
        entry = self._enter(contest)
        if len(contest.responses) != 2:
            raise ContestError(f"a comparison needs two responses, not {len(contest.responses)}")
        meter.begin(1)
        if len(entry.texts) == 1:
            return Verdict(Outcome.TIE, Tally())
        match = Match(1, 1, 0, 1)
        try:
            verdict = await self._hear(
                _Table(entry, self._places(entry), rules_for(self._rules, None)), match, transcripts=transcripts
            )
        except PromptTooLongError as error:
            raise error.of_contest(contest.id) from error
        meter.played(verdict.usage)
        return verdict

    def _enter(self, contest: Contest) -> Entry:
        return enter(contest, strip_reasoning=self._strip_reasoning)

    def _order(self, purpose: str, entry: Entry) -> tuple[int, ...]:
        return seeded_order(self._rules.seed, purpose, entry.identity, entry.texts)

    def _shuffled(self, entry: Entry, members: tuple[int, ...], number: int) -> tuple[int, ...]:
        return tuple(contestant for contestant in self._order(f"vote {number}", entry) if contestant in members)

    def _places(self, entry: Entry) -> tuple[int, ...]:
        place = [0] * len(entry.texts)
        for position, contestant in enumerate(self._order("orientation", entry)):
            place[contestant] = position
        return tuple(place)

    async def _hear(self, table: _Table, match: Match, *, transcripts: bool = False) -> Verdict:
        lead = self._lead(table, match)
        case = table.entry.case(match.first, match.second)
        hearing = hear(
            case,
            table.rules,
            lead=lead,
            repeat=match.repeat,
            keep_transcripts=transcripts,
            note=self._count,
            spare=self.gate.spare,
        )
        return await hear_out(hearing, self._engine, self.gate)

    def _count(self, votes: Tally) -> None:
        self.votes += votes

    def _lead(self, table: _Table, match: Match) -> bool:
        if self._rules.order == "fixed":
            return table.entry.index(match.first) > table.entry.index(match.second)
        return is_second_shown_first(table.place, match.first, match.second)

    def _first_lead(self, table: _Table, match: Match) -> bool:
        """Whether the first vote of a match shows its second first. What a coin says is not known ahead."""
        is_turned = self._rules.order == "balanced" and match.repeat * table.rules.votes % 2 == 1
        return self._lead(table, match) != is_turned

    def _graded_ranking(self, contest: Contest, kind: str, entry: Entry, graded: Graded) -> Ranking:
        return Ranking(
            kind,
            entry.expand_order(graded.standings.order),
            entry.expand_scores(graded.standings.scores),
            (),
            sum((ballot.usage for ballot in graded.ballots), Usage()),
            self.info,
            self._rules.seed,
            contest.id,
            notes=_notes(graded.ballots),
            scorings=tuple(graded.scorings),
        )

    def _ranking(
        self,
        contest: Contest,
        strategy: Strategy,
        table: _Table,
        standings: Standings | None,
        played: list[tuple[Match, Verdict]],
    ) -> Ranking:
        if standings is None:
            raise InputError(f"the strategy {strategy_name(strategy)!r} wants no more matches but has no standings")
        entry = table.entry
        check_standings(standings, len(entry.texts))
        return Ranking(
            strategy_name(strategy),
            entry.expand_order(standings.order),
            entry.expand_scores(standings.scores),
            tuple(_played(entry, match, verdict, standings) for match, verdict in played),
            sum((verdict.usage for _, verdict in played), Usage()),
            self.info,
            self._rules.seed,
            contest.id,
            notes=tuple(sorted({note for _, verdict in played for note in verdict.notes}))
            + _thin(len(entry.texts), len(played), table.rules),
            errors=entry.expand_scores(standings.errors) if standings.errors else (),
            level=entry.expand_level(standings.order, standings.level) if standings.errors or standings.level else (),
            position_bias=standings.position_bias,
        )


def _played(entry: Entry, match: Match, verdict: Verdict, standings: Standings) -> PlayedMatch:
    winner = {Outcome.FIRST: match.first, Outcome.SECOND: match.second}.get(verdict.outcome)
    advanced = standings.advanced.get(match.number)
    return PlayedMatch(
        match.number,
        match.round,
        entry.index(match.first),
        entry.index(match.second),
        _index(entry, winner if advanced is None else advanced),
        verdict.votes,
        None if advanced is None else "draw",
        verdict.support,
        verdict.soft,
    )


def _thin(players: int, matches: int, rules: Rules) -> tuple[str, ...]:
    """What there is to say of a budget that was spent on votes where it was wanted for opponents."""
    if rules.budget is None or rules.most_votes == 1 or matches >= players - 1:
        return ()
    note = (
        f"the budget of {rules.budget} was {matches} matches of up to {rules.most_votes} votes for {players} responses"
    )
    return (f"{note}: with votes=1 there are more, which say more",)


def _notes(ballots: Sequence[Ballot]) -> tuple[str, ...]:
    return tuple(sorted({note for ballot in ballots for note in ballot.notes}))


def _index(entry: Entry, contestant: int | None) -> int | None:
    return None if contestant is None else entry.index(contestant)


def _first_wave(rules: Rules) -> int:
    """How many samples a match asks for at first."""
    return Count(rules).next_wave(rules.most_votes) if rules.prompt.kind == "pairwise" else rules.most_votes
