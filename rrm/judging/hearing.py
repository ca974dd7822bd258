"""One match before the judge, from the case to the verdict, as a generator that knows no engine.

It yields the requests of a wave and is sent that wave's completions; it returns the verdict. What it
asks depends on nothing but the case, the rules and the answers: never on time, load or arrival order.
Sample i of a prompt is asked for at most once, so a hearing can be replayed from stored completions. At temperature 0 a
meeting leaves out what a meeting before it has planned to ask: the same answer again would be no news.
"""

import hashlib
from collections.abc import Callable, Generator, Sequence

from rrm.judging import voting
from rrm.judging.asking import Answer, Asker, Rules
from rrm.judging.counting import Count, said
from rrm.types import Case, Completion, Outcome, SampleRequest, Tally, Transcript, Verdict

__all__ = ["Hearing", "hear"]

Hearing = Generator[Sequence[SampleRequest], Sequence[Completion], Verdict]

_Wave = Generator[Sequence[SampleRequest], Sequence[Completion], tuple[bool, ...]]
"""Returns the orientations of the votes that were lost."""


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
        self._cases = {case.is_swapped: case}
        self._rules = rules
        self._lead = lead
        self._keep_transcripts = keep_transcripts
        self._note = note
        self._spare = spare
        *before, plan = [
            voting.orientations(rules.order, rules.votes, lead, self._coin, meeting) for meeting in range(repeat + 1)
        ]
        is_random = rules.sampling.temperature > 0
        self._plan = plan if is_random else tuple(way for way in plan if not any(way in asked for asked in before))
        self._next_index = {way: sum(self._most(plan.count(way)) for plan in before) for way in (False, True)}
        self._asker = Asker(rules)
        self._asker.note_alterations(case)
        self._count = Count(rules)
        self._transcripts: tuple[Transcript, ...] = ()

    def run(self) -> Hearing:
        plan, asked = self._plan, 0
        lost: tuple[bool, ...] = ()
        while size := self._next_wave(len(plan) - asked):
            lost += yield from self._ask(plan[asked : asked + size])
            asked += size
        yield from self._ask_again(lost)
        return self._verdict()

    def _most(self, planned: int) -> int:
        """How often a meeting asks an orientation at most that it planned so many times.

        What is asked again are its lost votes or, whether it was planned or not, one.
        """
        return planned + self._rules.resamples * max(planned, 1)

    def _next_wave(self, remaining: int) -> int:
        size = self._count.next_wave(remaining)
        if size == 0 or self._rules.waves == "fixed":
            return size
        return min(remaining, max(size, self._spare()))

    def _ask_again(self, lost: tuple[bool, ...]) -> Generator[Sequence[SampleRequest], Sequence[Completion], None]:
        for _ in range(self._rules.resamples):
            if self._count.outcome is not Outcome.UNDECIDED:
                return
            wanted = self._worth_asking(lost or self._one_each_way())
            if not wanted:
                return
            lost = yield from self._ask(wanted)

    def _one_each_way(self) -> tuple[bool, ...]:
        """What an even split is asked again, where it is."""
        if not self._rules.asks_splits_again:
            return ()
        if self._rules.order in ("balanced", "both"):
            return (self._lead, not self._lead)
        if self._rules.order == "fixed":
            return (self._lead,)
        return (self._coin(sum(self._next_index.values())),)

    def _worth_asking(self, orientations: tuple[bool, ...]) -> tuple[bool, ...]:
        """Without randomness a repeated question has the same answer: then only the other order is worth asking."""
        if self._rules.sampling.temperature > 0 or not orientations:
            return orientations
        others = () if self._rules.order == "fixed" else (self._lead, not self._lead)
        return tuple(orientation for orientation in others if not self._next_index[orientation])

    def _ask(self, orientations: Sequence[bool]) -> _Wave:
        requests = [self._request(way, orientations.count(way)) for way in dict.fromkeys(orientations)]
        answers = yield from self._asker.ask(requests)
        wave = self._count.add(answers)
        self._note(wave)
        if self._keep_transcripts:
            in_order = sorted(answers, key=lambda answer: answer.completion.case.is_swapped)
            self._transcripts += tuple(map(_transcript, in_order))
        if not wave.lost:
            return ()
        return tuple(answer.completion.case.is_swapped for answer in answers if said(answer).is_lost)

    def _request(self, orientation: bool, count: int) -> SampleRequest:
        first_index = self._next_index[orientation]
        self._next_index[orientation] += count
        return self._asker.request(self._case(orientation), first_index, count)

    def _case(self, orientation: bool) -> Case:
        if orientation not in self._cases:
            self._cases[orientation] = self._cases[not orientation].swapped()
        return self._cases[orientation]

    def _coin(self, number: int) -> bool:
        """A fair coin for vote `number` that depends on the two texts and not on which is called first."""
        case = self._case(False)
        texts = sorted(case.responses)
        vote = "\0".join((str(self._rules.seed), str(number), repr(case.query), repr(case.reference), *texts))
        digest = hashlib.blake2b(vote.encode("utf-8", "surrogatepass"), digest_size=1).digest()
        is_smaller_first = digest[0] & 1 == 0
        return (case.first == texts[0]) != is_smaller_first

    def _verdict(self) -> Verdict:
        count, asker = self._count, self._asker
        notes = asker.notes + count.notes
        return Verdict(count.outcome, count.tally, asker.usage, self._transcripts, notes, count.support, count.soft)


def _transcript(answer: Answer) -> Transcript:
    completion = answer.completion
    return Transcript(
        completion.case.is_swapped,
        completion.index,
        answer.text,
        completion.finish_reason,
        said(answer),
        answer.is_forced,
    )


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
