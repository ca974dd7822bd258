"""One match before the judge, from the case to the verdict, as a generator that knows no engine.

It yields the requests of a wave and is sent that wave's completions; it returns the verdict. What it
asks depends on nothing but the case, the rules and the answers: never on time, load or arrival order.
Sample i of a prompt is asked for at most once, so a hearing can be replayed from stored completions.
"""

import hashlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from rrm.judging import voting
from rrm.judging.asking import Answer, Asker, Rules
from rrm.types import Case, Completion, Outcome, SampleRequest, Support, Tally, Transcript, Verdict, Vote

__all__ = ["Hearing", "hear"]

Hearing = Generator[Sequence[SampleRequest], Sequence[Completion], Verdict]


@dataclass(slots=True)
class _Record:
    """What a hearing has gathered so far."""

    tally: Tally = Tally()
    lost: tuple[bool, ...] = ()
    """Orientations of the votes that the latest wave lost."""
    transcripts: tuple[Transcript, ...] = ()
    support: tuple[Support, Support] = (Support(), Support())


class _Hearing:
    def __init__(
        self,
        case: Case,
        rules: Rules,
        *,
        lead: bool,
        repeat: int,
        keep_transcripts: bool,
        note: Callable[[Tally], None],
        spare: Callable[[], int],
    ) -> None:
        self._cases = {case.is_swapped: case, not case.is_swapped: case.swapped()}
        self._rules = rules
        self._lead = lead
        self._keep_transcripts = keep_transcripts
        self._note = note
        self._spare = spare
        self._plan, self._asked = self._begin(repeat)
        self._asker = Asker(rules)
        self._asker.note_alterations(case)
        self._record = _Record()

    def run(self) -> Hearing:
        asked = 0
        while size := self._next_wave(len(self._plan) - asked):
            yield from self._ask(self._plan[asked : asked + size])
            asked += size
        yield from self._ask_again()
        return self._verdict()

    def _begin(self, repeat: int) -> tuple[tuple[bool, ...], dict[bool, int]]:
        """The orientations of this meeting's votes, and the first sample of each that no meeting before may have asked."""
        rules = self._rules
        plan = voting.orientations(rules.order, (repeat + 1) * rules.votes, self._lead, self._coin)
        before, plan = plan[: -len(plan) // (repeat + 1)], plan[-len(plan) // (repeat + 1) :]
        asked_at_most = 1 + rules.resamples
        return plan, {way: asked_at_most * before.count(way) for way in (False, True)}

    def _next_wave(self, remaining: int) -> int:
        """Where a vote may count more than once, none can be spared by counting ahead."""
        if self._rules.prompt.grammar.weights:
            return remaining
        return voting.next_wave(self._record.tally, remaining, self._allows_ties)

    def _ask_again(self) -> Generator[Sequence[SampleRequest], Sequence[Completion], None]:
        for _ in range(self._rules.resamples):
            wanted = self._worth_asking(self._record.lost or self._one_each_way())
            if self._outcome is not Outcome.UNDECIDED or not wanted:
                return
            yield from self._ask(wanted)

    def _one_each_way(self) -> tuple[bool, ...]:
        if self._rules.order in ("balanced", "both"):
            return (self._lead, not self._lead)
        number = sum(self._asked.values())
        return voting.orientations(self._rules.order, number + 1, self._lead, self._coin)[-1:]

    def _worth_asking(self, orientations: tuple[bool, ...]) -> tuple[bool, ...]:
        """Without randomness a repeated question has the same answer: then only the other order is worth asking."""
        if self._rules.sampling.temperature > 0:
            return orientations
        others = () if self._rules.order == "fixed" else (self._lead, not self._lead)
        return tuple(orientation for orientation in others if not self._asked[orientation])

    def _ask(self, orientations: Sequence[bool]) -> Generator[Sequence[SampleRequest], Sequence[Completion], None]:
        requests = [self._request(way, orientations.count(way)) for way in dict.fromkeys(orientations)]
        answers = yield from self._asker.ask(requests)
        self._count(sorted(answers, key=lambda answer: answer.completion.case.is_swapped))

    def _request(self, orientation: bool, count: int) -> SampleRequest:
        first_index = self._asked[orientation]
        self._asked[orientation] += count
        return self._asker.request(self._cases[orientation], first_index, count)

    def _count(self, answers: Sequence[Answer]) -> None:
        counted: list[Vote] = []
        lost: list[bool] = []
        support = list(self._record.support)
        for answer in answers:
            is_swapped = answer.completion.case.is_swapped
            vote = _vote_of(answer)
            said = vote.swapped() if is_swapped else vote
            weight = round(answer.reading.weight)
            counted += [said] * weight
            support[is_swapped] = _with(support[is_swapped], said, weight)
            if vote.is_lost:
                lost.append(is_swapped)
            self._transcribe(answer, said)
        wave = voting.add(Tally(), counted, sum(answer.is_forced for answer in answers))
        self._record.tally += wave
        self._record.support = (support[0], support[1])
        self._note(wave)
        self._record.lost = tuple(lost)

    def _transcribe(self, answer: Answer, vote: Vote) -> None:
        if self._keep_transcripts:
            completion = answer.completion
            self._record.transcripts += (
                Transcript(
                    completion.case.is_swapped,
                    completion.index,
                    answer.text,
                    completion.finish_reason,
                    vote,
                    answer.is_forced,
                ),
            )

    def _coin(self, number: int) -> bool:
        """A fair coin for vote `number` that depends on the two texts and not on which is called first."""
        case = self._cases[False]
        texts = sorted(case.responses)
        said = "\0".join((str(self._rules.seed), str(number), repr(case.query), repr(case.reference), *texts)).encode(
            "utf-8", "surrogatepass"
        )
        is_smaller_first = hashlib.blake2b(said, digest_size=1).digest()[0] & 1 == 0
        return (case.first == texts[0]) != is_smaller_first

    @property
    def _allows_ties(self) -> bool:
        return self._rules.prompt.grammar.allows_ties

    @property
    def _outcome(self) -> Outcome:
        return voting.outcome(self._record.tally, self._allows_ties)

    def _verdict(self) -> Verdict:
        record, asker = self._record, self._asker
        return Verdict(self._outcome, record.tally, asker.usage, record.transcripts, asker.notes, record.support)


def _vote_of(answer: Answer) -> Vote:
    """The vote of a sample that was shown two answers; a format that reads no vote between two has lost it."""
    return answer.reading.vote or Vote.UNPARSED


def _with(support: Support, vote: Vote, weight: float) -> Support:
    """The support with a vote more, in terms of the match."""
    first = _SHARE.get(vote)
    return support if first is None else Support(support.first + first * weight, support.second + (1 - first) * weight)


_SHARE = {Vote.FIRST: 1.0, Vote.TIE: 0.5, Vote.SECOND: 0.0}


def _ignore(_: Tally) -> None:
    pass


def _busy() -> int:
    return 0


def hear(
    case: Case,
    rules: Rules,
    *,
    lead: bool = False,
    repeat: int = 0,
    keep_transcripts: bool = False,
    note: Callable[[Tally], None] = _ignore,
    spare: Callable[[], int] = _busy,
) -> Hearing:
    """Judge one case by the rules.

    `lead` is the orientation that is asked first and has the odd vote: True shows the case's second
    answer first. Completions may be sent in any order within the wave. `keep_transcripts` puts what the
    judge said into the verdict. `note` is told the votes of each wave as they are counted. `repeat` is how many times
    the two were heard before, each time by these rules: the votes go on from there. `spare` says how many samples more the
    engine could work on now; it is asked with waves="load" only.
    """
    return _Hearing(
        case, rules, lead=lead, repeat=repeat, keep_transcripts=keep_transcripts, note=note, spare=spare
    ).run()
