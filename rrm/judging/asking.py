"""How a wave of samples is asked for and read, whatever the samples are for: rendered, sampled, read, forced.

A wave is yielded as requests and sent back as completions; what it asks depends on nothing but the cases, the
rules and the answers. Knows nothing of votes that are counted or scores that are averaged.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from rrm.errors import EngineRefusedError
from rrm.judging import voting
from rrm.judging.calibration import Calibration
from rrm.judging.cleaning import Cleaner
from rrm.judging.prompts import Prompt
from rrm.judging.verdicts import Reading, read
from rrm.types import Case, Completion, Message, SampleRequest, Sampling, Usage

__all__ = ["READOUTS", "Answer", "Asker", "Readout", "Rules", "Wave"]

Wave = Generator[Sequence[SampleRequest], Sequence[Completion], list["Answer"]]

Readout = Literal["vote", "probability"]
"""What is read of a sample: the label it says, or how likely each label was where it said one."""

READOUTS: tuple[str, ...] = get_args(Readout)

_FORCED_TOKENS = 16
"""Enough for any label; the choices end the sample long before."""

_READOUT_LOGPROBS = 20
"""Alternatives to ask for where a verdict is read from token probabilities: the most that servers give."""

_FORCED = "it was made to choose"

_CANT_FORCE = "the engine can't continue a sample, so no verdict was forced"


@dataclass(frozen=True, slots=True)
class Rules:
    """How every match of a run is judged."""

    prompt: Prompt
    sampling: Sampling
    votes: int = 1
    order: voting.Order = "balanced"
    seed: int = 0
    resamples: int = 2
    """How often lost votes, or an even split, are asked again before a match is left undecided."""
    force: bool = False
    """Whether a sample without a verdict is continued and made to choose one."""
    cleaner: Cleaner = Cleaner(())
    reasoning_open: bool = False
    """Whether the judge's chat template ends the prompt inside an opened reasoning block."""
    stop: voting.Stop = "majority"
    """When a match has votes enough."""
    threshold: float = 0.9
    """How sure of the winner the stop "beta" must be."""
    waves: voting.Waves = "fixed"
    readout: Readout = "vote"
    calibration: Calibration = Calibration()
    """Makes a probability that was read an honest one."""
    think_budget: int | None = None
    """Tokens after which reasoning that is not closed is closed, and the verdict asked for; None lets it run to max_tokens."""
    budget: int | None = None
    """Calls that a contest may cost, for the strategies that can use any number."""
    think_more: int = 0
    """How many times a sample that has closed its reasoning is made to think again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One sample and what it was read as; `text` has what was put in the judge's mouth where that was forced."""

    completion: Completion
    reading: Reading
    text: str
    is_forced: bool = False


class Asker:
    """Asks for samples by the rules and reads them; keeps what they cost and what there is to say of them."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._prompts: dict[tuple[str, ...], tuple[Message, ...]] = {}
        self.usage = Usage()
        self.notes: tuple[str, ...] = ()

    def request(self, case: Case, first_index: int, count: int) -> SampleRequest:
        """So many samples of a case from an index on. Raises ContestError where the format can't hold the case."""
        if case.responses not in self._prompts:
            self._prompts[case.responses] = self._rules.prompt.render(case, self._rules.cleaner)
        return SampleRequest(
            case,
            self._prompts[case.responses],
            self._rules.sampling,
            self._rules.seed,
            first_index,
            count,
            continuation=self._rules.prompt.begin,
            logprobs=_READOUT_LOGPROBS if self._rules.prompt.grammar.readout else 0,
        )

    def ask(self, requests: Sequence[SampleRequest]) -> Wave:
        """The answers to the requests, in their order and by index."""
        completions = _in_order(requests, (yield requests))
        answers = [self._read(completion) for completion in completions]
        self._note_usage(requests, completions)
        if self._rules.force and self._rules.prompt.grammar.forced and any(map(_is_lost, answers)):
            return (yield from self._force(answers))
        return answers

    def note_alterations(self, case: Case) -> None:
        """Say which special tokens in a case are broken up before the judge sees it."""
        query = [case.query] if isinstance(case.query, str) else [turn.content for turn in case.query]
        found = self._rules.cleaner.found(*query, *case.responses, case.reference or "")
        if found:
            self._add_note(f"special tokens in the texts were broken up: {' '.join(sorted(found))}")

    def _read(self, completion: Completion) -> Answer:
        reading = read(
            completion.text,
            self._rules.prompt.grammar,
            completion.finish_reason,
            reasoning_open=self._rules.reasoning_open,
            count=len(completion.case.responses),
            logprobs=completion.logprobs,
        )
        return Answer(completion, reading, completion.text)

    def _force(self, answers: list[Answer]) -> Wave:
        """The answers, those without a verdict continued and made to choose one."""
        lost = [place for place, answer in enumerate(answers) if _is_lost(answer)]
        requests = [self._continuation(answers[place].completion) for place in lost]
        try:
            completions = _in_order(requests, (yield requests))
        except EngineRefusedError:
            self._add_note(_CANT_FORCE)
            return answers
        self._note_usage(requests, completions)
        for place, request, done in zip(lost, requests, completions, strict=True):
            if reading := self._choices.get(done.text.strip()):
                said = (request.continuation + done.text).removeprefix(self._rules.prompt.begin)
                answers[place] = Answer(answers[place].completion, reading, said, is_forced=True)
        return answers

    @property
    def _choices(self) -> dict[str, Reading]:
        """What a judge may be made to say, and what it then has said."""
        forced = self._rules.prompt.grammar.forced
        votes = forced.choices.items() if forced else ()
        scores = forced.scores.items() if forced else ()
        return {label: Reading(vote, None, _FORCED) for label, vote in votes} | {
            label: Reading(None, None, _FORCED, (score,)) for label, score in scores
        }

    def _continuation(self, completion: Completion) -> SampleRequest:
        rules = self._rules
        return SampleRequest(
            completion.case,
            self._prompts[completion.case.responses],
            Sampling(_FORCED_TOKENS, rules.sampling.temperature, rules.sampling.top_p),
            rules.seed,
            completion.index,
            continuation=rules.prompt.begin + completion.text + self._closing(completion.text),
            choices=tuple(self._choices),
        )

    def _closing(self, text: str) -> str:
        """What closes the reasoning, where it is open, and opens the verdict."""
        grammar = self._rules.prompt.grammar
        opening, closing = grammar.reasoning
        is_open = text.rfind(opening) > text.rfind(closing) or (self._rules.reasoning_open and closing not in text)
        forced_open = grammar.forced.open if grammar.forced else ""
        return f"\n{closing}\n\n{forced_open}" if is_open else f"\n\n{forced_open}"

    def _note_usage(self, requests: Sequence[SampleRequest], completions: Sequence[Completion]) -> None:
        self.usage += Usage(
            len(requests),
            sum(completion.prompt_tokens for completion in completions),
            sum(completion.cached_tokens for completion in completions),
            sum(completion.completion_tokens for completion in completions),
        )

    def _add_note(self, note: str) -> None:
        if note not in self.notes:
            self.notes += (note,)


def _is_lost(answer: Answer) -> bool:
    return answer.reading.is_lost


def _in_order(requests: Sequence[SampleRequest], completions: Sequence[Completion]) -> list[Completion]:
    """Completions in the order of the requests' cases and by index, whatever order they came in."""
    place: dict[tuple[str, ...], int] = {}
    for request in requests:
        place.setdefault(request.case.responses, len(place))
    return sorted(completions, key=lambda done: (place[done.case.responses], done.index))
