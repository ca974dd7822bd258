"""What is wrong with a prompt file that can be read: found by using it, on made-up cases and its own examples."""

from collections.abc import Iterator, Mapping

from rrm.errors import RRMError
from rrm.judging.cleaning import Cleaner
from rrm.judging.fields import JsonField
from rrm.judging.formats import VARIABLES, Example
from rrm.judging.pieces import Place
from rrm.judging.places import Delimited
from rrm.judging.prompts import Prompt
from rrm.judging.verdicts import Forced, Reading, read
from rrm.types import Case, Vote

__all__ = ["notes", "problems"]

_BRACES = ("the {{% {} %}} answer", "the {{# {} #}} answer", "the {{{{ {} }}}} answer")


def problems(prompt: Prompt) -> list[str]:
    """What is wrong with the prompt, each in one sentence; empty where all is well."""
    return [*_rendering(prompt), *_examples(prompt), *_missing(prompt), *_forced(prompt)]


def notes(prompt: Prompt) -> list[str]:
    """What the prompt does without, and could have."""
    if prompt.grammar.labels and prompt.grammar.forced is None:
        return ["there is no way to force a verdict (verdict.forced), so --force-verdict does nothing"]
    return []


def _filled(prompt: Prompt) -> Prompt:
    """The prompt with a text for each parameter that the user must give."""
    missing = {name: f"the {name}" for name, value in prompt.parameters.items() if value is None}
    return prompt.with_parameters(missing)


def _rendering(prompt: Prompt) -> Iterator[str]:
    """Rendered with as few responses as there may be, and with as many."""
    filled = _filled(prompt)
    for count in sorted({min(2, prompt.window), prompt.window}):
        try:
            problems = list(_rendered(filled, count))
        except RRMError as error:
            problems = [f"{error} ({count} responses)" if prompt.kind == "listwise" else str(error)]
        if problems:
            yield from problems
            return


def _rendered(prompt: Prompt, count: int) -> Iterator[str]:
    case = Case("a query {{ with }} braces", _responses(count), "a reference {# with #} braces")
    messages = prompt.render(case, Cleaner(()))
    shown = "\0".join(message.content for message in messages)
    if missing := [name for name, text in _values(prompt, case) if text not in shown]:
        yield f"the rendered prompt does not show {', '.join(missing)}"
    if count > 1 and prompt.render(case.swapped(), Cleaner(())) == messages:
        yield f"the rendered prompt is the same with the {'two' if count == 2 else count} answers swapped"


def _responses(count: int) -> tuple[str, ...]:
    """As many different ones, none of them in another, each with braces that a template must not heed."""
    return tuple(_BRACES[number % 3].format(number) for number in range(1, count + 1))


def _values(prompt: Prompt, case: Case) -> Iterator[tuple[str, str]]:
    """What a case must show, by the name of its variable."""
    yield "'query'", str(case.query)
    if prompt.front.reference != "none":
        yield "'reference'", str(case.reference)
    if prompt.kind == "listwise":
        count = len(case.responses)
        yield from ((f"responses[{at}] of {count}", text) for at, text in enumerate(case.responses))
    else:
        yield from zip(map(repr, VARIABLES[prompt.kind]), case.responses, strict=True)


def _examples(prompt: Prompt) -> Iterator[str]:
    for number, example in enumerate(prompt.front.examples, 1):
        found = _read(example, prompt)
        if _differs(found, example):
            yield f"example {number} is read as {_said(found)} ({found.reason}), not as {_wanted(example)}"


def _read(example: Example, prompt: Prompt) -> Reading:
    return read(
        example.text,
        prompt.grammar,
        example.finish_reason,
        reasoning_open=prompt.front.reasoning == "opened",
        count=example.count or len(example.scores or ()) or 2,
    )


def _differs(found: Reading, example: Example) -> bool:
    is_other_score = example.scores is not None and list(found.scores) != example.scores
    is_other_criteria = example.criteria is not None and dict(found.criteria) != example.criteria
    is_other_weight = example.weight is not None and found.weight != example.weight
    return found.vote is not example.vote or is_other_score or is_other_criteria or is_other_weight


def _said(found: Reading) -> str:
    return _described(found.vote, list(found.scores), found.weight, dict(found.criteria))


def _wanted(example: Example) -> str:
    return _described(example.vote, example.scores or [], example.weight or 1.0, example.criteria or {})


def _described(
    vote: Vote | None, scores: list[float], weight: float, criteria: Mapping[str, float] | None = None
) -> str:
    said = [vote.value] if vote else []
    said += [f"scores {', '.join(f'{score:g}' for score in scores)}"] if scores else []
    said += [f"{name} {score:g}" for name, score in (criteria or {}).items()]
    said += [f"weight {weight:g}"] if weight != 1 else []
    return ", ".join(said)


def _missing(prompt: Prompt) -> Iterator[str]:
    examples = prompt.front.examples
    shown = {example.vote for example in examples}
    if prompt.kind == "pairwise":
        wanted = [Vote.FIRST, Vote.SECOND, *([Vote.TIE] if prompt.front.ties else [])]
        yield from (f"there is no example of the vote {vote.value!r}" for vote in wanted if vote not in shown)
    elif len({tuple(example.scores) for example in examples if example.scores}) < 2:
        yield "there are no two examples with different scores"
    if not any(vote and vote.is_lost for vote in shown):
        yield "there is no example of a failure (unparsed or truncated)"


def _forced(prompt: Prompt) -> Iterator[str]:
    forced = prompt.grammar.forced
    if forced is None:
        return
    for choice, vote, scores in _choices(forced):
        text = forced.open + choice + _ending(prompt.grammar.readers[0].place)
        found = read(text, prompt.grammar)
        if (found.vote, found.scores) != (vote, scores):
            yield f"the forced verdict {text!r} is not read as {_described(vote, list(scores), 1.0)}"


def _choices(forced: Forced) -> Iterator[tuple[str, Vote | None, tuple[float, ...]]]:
    yield from ((choice, vote, ()) for choice, vote in forced.choices.items())
    yield from ((choice, None, (score,)) for choice, score in forced.scores.items())


def _ending(place: Place) -> str:
    """What ends a verdict there, in a text that ends with it."""
    if isinstance(place, Delimited):
        return place.close.rstrip("\n")
    return '"}' if isinstance(place, JsonField) else ""
