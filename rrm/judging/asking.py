"""How a wave of samples is asked for and read, whatever the samples are for: rendered, sampled, read, gone on with.

A wave is yielded as requests and sent back as completions; what it asks depends on nothing but the cases, the
rules and the answers. A sample that is gone on with (to think more, to end, to be made to choose) stays one sample: its
text is all of it, what was put into its mouth included, and its tokens are all that were sampled for it; what is asked
for it is seeded by its own text, so that it can be replayed. Knows nothing of votes that are counted or scores that are
averaged.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace

from rrm.errors import EngineRefusedError
from rrm.judging.continuing import go_on, in_order
from rrm.judging.readout import chosen_probability
from rrm.judging.rules import READOUTS, Readout, Rules
from rrm.judging.thinking import Mouth
from rrm.judging.verdicts import Reading, read
from rrm.types import Case, Completion, Message, SampleRequest, Usage, Vote

__all__ = ["READOUTS", "Answer", "Asker", "Readout", "Rules", "Wave"]

Wave = Generator[Sequence[SampleRequest], Sequence[Completion], list["Answer"]]
_Answers = dict[int, "Answer"]
"""By their place in the wave."""
_Step = Generator[Sequence[SampleRequest], Sequence[Completion], _Answers]
_Following = dict[int, list[SampleRequest]]
"""For each place what its sample may go on with: the first that fits."""

_FORCED_TOKENS = 16
"""Enough for any label; the choices end the sample long before."""

_READOUT_LOGPROBS = 20
"""Alternatives to ask for where a verdict is read from token probabilities: the most that servers give."""

_ENDING_TOKENS = 32
"""For an answer that was cut, where its verdict can be forced if it does not come by itself."""

_FREE_ENDING_TOKENS = 256
"""For an answer that was cut, or not begun, in a format whose verdict can't be forced."""

_OPENED_TOKENS = 16
"""For each response, and once more, where a verdict was opened that is no choice among labels."""

_KEPT_EIGHTHS = (8, 7, 4, 0)
"""How much of a text a verdict is put behind: all or, where the context has no room, less."""

_CANT_FORCE = "the engine can't continue a sample, so no verdict was forced"

_CANT_THINK_MORE = "the engine can't continue a sample, so none was made to think more"

_NO_THOUGHT = "samples without an end of their reasoning can't be made to think more"

_NO_FORCED = (
    "the prompt has no forced verdict (verdict.forced): what the thinking budget cut went on by itself, "
    f"for at most {_FREE_ENDING_TOKENS} tokens"
)


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
        self._mouth = Mouth(rules.prompt.grammar, rules.reasoning_open)
        self._is_soft = rules.readout == "probability"
        tokens = rules.sampling.max_tokens
        self._limit = tokens if rules.think_budget is None else min(tokens, rules.think_budget)
        self._sampling = rules.sampling if self._limit == tokens else replace(rules.sampling, max_tokens=self._limit)
        self.usage = Usage()
        self.notes: tuple[str, ...] = ()

    def request(self, case: Case, first_index: int, count: int) -> SampleRequest:
        """So many samples of a case from an index on. Raises ContestError where the format can't hold the case."""
        if case.responses not in self._prompts:
            self._prompts[case.responses] = self._rules.prompt.render(case, self._rules.cleaner)
        return SampleRequest(
            case,
            self._prompts[case.responses],
            self._sampling,
            self._rules.seed,
            first_index,
            count,
            continuation=self._rules.prompt.begin,
            logprobs=_READOUT_LOGPROBS if self._is_soft or self._rules.prompt.grammar.readout else 0,
        )

    def ask(self, requests: Sequence[SampleRequest]) -> Wave:
        """The answers to the requests, in their order and by index."""
        completions = in_order(requests, (yield requests))
        self._note_usage(requests, completions)
        first = {place: self._read(completion) for place, completion in enumerate(completions)}
        answers, decided = first, dict(first)
        if self._rules.think_more:
            answers = yield from self._think_more(first, decided)
        answers = yield from self._finish(answers)
        return [_standing(answer, decided[place]) for place, answer in answers.items()]

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
        return Answer(completion, self._calibrated(reading), completion.text)

    def _chosen(self, completion: Completion) -> Reading | None:
        """What a sample says that was made to choose; None where it is none of the choices."""
        reading, forced = self._mouth.choices.get(completion.text.strip()), self._rules.prompt.grammar.forced
        if reading is None or forced is None:
            return reading
        probability = chosen_probability(completion.text, forced.choices, completion.logprobs)
        return self._calibrated(reading._replace(probability=probability))

    def _calibrated(self, reading: Reading) -> Reading:
        if reading.probability is None:
            return reading
        return reading._replace(probability=self._rules.calibration.apply(reading.probability))

    def _think_more(self, answers: _Answers, decided: _Answers) -> _Step:
        """The answers after all their second thoughts; `decided` gets the latest of each that has a verdict."""
        thinking, spent = answers, _tokens(answers)
        for _ in range(self._rules.think_more):
            following = self._second_thoughts(thinking, spent)
            thinking = yield from self._go_on(thinking, following, _CANT_THINK_MORE)
            spent |= {place: spent[place] + _added(answer, answers[place]) for place, answer in thinking.items()}
            answers = answers | thinking
            decided |= {place: answer for place, answer in thinking.items() if not answer.reading.is_lost}
        return answers

    def _second_thoughts(self, answers: _Answers, spent: Mapping[int, int]) -> _Following:
        """Those that have ended their reasoning, and have room for more of it."""
        mouth = self._mouth
        if any(_has_ended(answer) and not mouth.has_thought(answer.text) for answer in answers.values()):
            self._add_note(_NO_THOUGHT)
        return {
            place: [self._next(answer, mouth.thinking_again(answer.text), self._limit - spent[place])]
            for place, answer in answers.items()
            if mouth.has_thought(answer.text) and self._limit - spent[place] >= _ENDING_TOKENS
        }

    def _finish(self, answers: _Answers) -> _Step:
        """The answers, those that lack a verdict brought to one where the rules say so."""
        cut = {} if self._rules.think_budget is None else {at: said for at, said in answers.items() if _is_cut(said)}
        answers = answers | (yield from self._go_on(cut, self._endings(cut), _CANT_FORCE))
        is_forcing = self._rules.force and self._mouth.choices
        lost = {at: said for at, said in answers.items() if said.reading.is_lost and (is_forcing or at in cut)}
        following = {place: self._decisions(answer) for place, answer in lost.items() if self._mouth.opening}
        return answers | (yield from self._go_on(lost, following, _CANT_FORCE, is_forced=True))

    def _endings(self, cut: _Answers) -> _Following:
        """Where a verdict can be forced, only an answer that was begun may end by itself: its verdict is near."""
        if self._mouth.choices:
            begun = {place: answer for place, answer in cut.items() if self._mouth.has_thought(answer.text)}
            return {place: [self._next(answer, answer.text, _ENDING_TOKENS)] for place, answer in begun.items()}
        if cut:
            self._add_note(_NO_FORCED)
        return {
            place: [self._next(answer, self._mouth.answering(answer.text), _FREE_ENDING_TOKENS)]
            for place, answer in cut.items()
        }

    def _decisions(self, answer: Answer) -> list[SampleRequest]:
        """What makes a sample say its verdict: behind its whole text or, where that does not fit, behind less of it."""
        text, choices = answer.text, tuple(self._mouth.choices)
        tokens = _FORCED_TOKENS if choices else _OPENED_TOKENS * (1 + len(answer.completion.case.responses))
        return [self._next(answer, self._mouth.deciding(part), tokens, choices) for part in _kept(text)]

    def _next(self, answer: Answer, said: str, max_tokens: int, choices: tuple[str, ...] = ()) -> SampleRequest:
        """The sample again, from what it has said so far on."""
        case = answer.completion.case
        return SampleRequest(
            case,
            self._prompts[case.responses],
            replace(self._rules.sampling, max_tokens=max_tokens),
            self._rules.seed,
            answer.completion.index,
            continuation=self._rules.prompt.begin + said,
            choices=choices,
            logprobs=_READOUT_LOGPROBS if self._is_soft and not self._rules.prompt.grammar.readout else 0,
        )

    def _go_on(self, answers: _Answers, following: _Following, refused: str, *, is_forced: bool = False) -> _Step:
        """Those of the answers that went on; none, and a note, where the engine can't."""
        try:
            pairs = yield from go_on(following)
        except EngineRefusedError:
            self._add_note(refused)
            return {}
        self._note_usage(*map(list, zip(*pairs.values(), strict=True)) if pairs else ((), ()))
        join = self._decided if is_forced else self._joined
        return {place: join(answers[place], *pair) for place, pair in pairs.items()}

    def _joined(self, answer: Answer, request: SampleRequest, more: Completion) -> Answer:
        """One sample again, of what was said, what was put into its mouth, and what it said then."""
        said = request.continuation.removeprefix(self._rules.prompt.begin)
        tokens = answer.completion.completion_tokens + more.completion_tokens
        return self._read(replace(more, text=said + more.text, completion_tokens=tokens))

    def _decided(self, answer: Answer, request: SampleRequest, more: Completion) -> Answer:
        """What a sample chose; where it chose nothing, it stays as it was."""
        joined = self._joined(answer, request, more)
        own = replace(answer.completion, completion_tokens=joined.completion.completion_tokens)
        reading = self._chosen(more) or joined.reading
        if reading.is_lost:
            return replace(answer, completion=own)
        return Answer(own, reading, self._whole(answer, request) + more.text, is_forced=True)

    def _whole(self, answer: Answer, request: SampleRequest) -> str:
        """All that a sample said, and what was put into its mouth, however much of the first there was room for."""
        said = request.continuation.removeprefix(self._rules.prompt.begin)
        part = next(part for part in _kept(answer.text) if self._mouth.deciding(part) == said)
        return answer.text + said[len(part) :]

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


def _kept(text: str) -> Sequence[str]:
    """The text, and ever less of it."""
    return [text[: len(text) * eighths // 8] for eighths in _KEPT_EIGHTHS]


def _is_cut(answer: Answer) -> bool:
    """Whether the sample has no verdict because a limit, or the end of its reasoning that never came, took it."""
    is_truncated = answer.reading.vote is Vote.TRUNCATED
    return is_truncated or (answer.reading.is_lost and not _has_ended(answer))


def _has_ended(answer: Answer) -> bool:
    return answer.completion.finish_reason == "stop"


def _standing(answer: Answer, before: Answer) -> Answer:
    """The answer, or the one before it where only that has a verdict, at what both cost."""
    if not answer.reading.is_lost or before.reading.is_lost:
        return answer
    tokens = answer.completion.completion_tokens
    return replace(before, completion=replace(before.completion, completion_tokens=tokens))


def _added(answer: Answer, before: Answer) -> int:
    return answer.completion.completion_tokens - before.completion.completion_tokens


def _tokens(answers: _Answers) -> dict[int, int]:
    """What each sample has cost: its own count or, where a server counts only all of them together, its share by length."""
    completions = {place: answer.completion for place, answer in answers.items()}
    if all(done.completion_tokens for done in completions.values() if done.text):
        return {place: done.completion_tokens for place, done in completions.items()}
    total = sum(done.completion_tokens for done in completions.values())
    characters = sum(len(done.text) for done in completions.values())
    return {place: -(-len(done.text) * total // characters) for place, done in completions.items()}
