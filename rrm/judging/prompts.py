"""A prompt file, taken apart: its front matter, its verdict grammar, and a template that renders a case.

Rendered text is exact: what stands in the file between the tags of a block, and every value as it was
given, except that special tokens of the judge inside values are broken up (candidate text is untrusted
and must not close a chat turn). Values are data: braces in them mean nothing. Templates run in Jinja's
sandbox and see their documented variables only. Does not read files; see `rrm.promptfiles`.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

import jinja2
import jinja2.meta
import msgspec
import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rrm.errors import ContestError, PromptError
from rrm.judging.cleaning import Cleaner
from rrm.judging.verdicts import Forced, Grammar
from rrm.types import Case, Message, Query, Vote

__all__ = ["FrontMatter", "Prompt", "parse_prompt"]

_FRONT_MATTER = re.compile(r"\A---\n(.*?\n)---\n", re.DOTALL)


class ForcedSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`open` is put in the judge's mouth, then it says the label of a vote."""

    open: str
    choices: dict[Vote, str]


class VerdictSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The verdict grammar as it is written in a prompt file; see prompts/README.md."""

    kind: Literal["labels"]
    open: list[str] | str
    close: Annotated[str, msgspec.Meta(min_length=1)]
    labels: dict[Vote, list[str]]
    nouns: list[str] = []
    pick: Literal["last", "first", "unique"] = "last"
    forced: ForcedSpec | None = None


class SamplingSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sampling that the judge's authors recommend."""

    max_tokens: Annotated[int, msgspec.Meta(ge=1)]
    temperature: Annotated[float, msgspec.Meta(ge=0)]
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A judge's text and the vote that it holds."""

    text: str
    vote: Vote
    finish_reason: Literal["stop", "length"] = "stop"


class FrontMatter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a prompt file says of itself; every field is explained in prompts/README.md."""

    name: str
    description: str
    source: str
    licence: str
    kind: Literal["pairwise"]
    roles: list[Literal["system", "user", "assistant"]]
    sampling: SamplingSpec
    verdict: VerdictSpec
    examples: list[Example]
    query: Literal["text", "conversation"] = "text"
    reference: Literal["none", "required", "optional"] = "none"
    ties: bool = False
    reasoning: Literal["none", "opened"] = "none"


@dataclass(frozen=True)
class Prompt:
    """A judge's format: how a case is put to it, and how its answer is read."""

    name: str
    sha256: str
    """Of the whole file, in hexadecimal."""
    front: FrontMatter
    grammar: Grammar
    template: jinja2.Template

    @cached_property
    def _blocks(self) -> tuple[tuple[str, Callable[[Any], Iterator[str]]], ...]:
        return tuple((role, self.template.blocks[role]) for role in self.front.roles)

    def render(self, case: Case, cleaner: Cleaner) -> tuple[Message, ...]:
        """The chat messages that put the case to the judge, in the order of the file's roles.

        Raises ContestError where the format can't hold the case (several turns, a missing reference).
        """
        variables = self._variables(case, cleaner)
        try:
            context = self.template.new_context(variables)
            return tuple(Message(role, "".join(block(context))) for role, block in self._blocks)
        except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise PromptError(f"prompt {self.name!r} can't be rendered: {error}") from error

    def _variables(self, case: Case, cleaner: Cleaner) -> dict[str, object]:
        variables: dict[str, object] = {
            "query": self._query(case.query, cleaner),
            "first": cleaner.clean(case.first),
            "second": cleaner.clean(case.second),
        }
        if self.front.reference != "none":
            variables["reference"] = self._reference(case, cleaner)
        return variables

    def _query(self, query: Query, cleaner: Cleaner) -> object:
        if self.front.query == "conversation":
            turns = (Message("user", query),) if isinstance(query, str) else query
            return [{"role": cleaner.clean(role), "content": cleaner.clean(content)} for role, content in turns]
        return cleaner.clean(query if isinstance(query, str) else self._only_turn(query))

    def _only_turn(self, query: tuple[Message, ...]) -> str:
        if [turn.role for turn in query] == ["user"]:
            return query[0].content
        raise ContestError(
            f"prompt {self.name!r} takes a query of one user message, not {len(query)} messages "
            f"({', '.join(turn.role for turn in query)}): use a prompt for conversations, such as "
            "'mt_bench_pair_multi_turn', or one of your own"
        )

    def _reference(self, case: Case, cleaner: Cleaner) -> str | None:
        if case.reference is None and self.front.reference == "required":
            raise ContestError(f"prompt {self.name!r} needs a reference answer, and the contest has none")
        return None if case.reference is None else cleaner.clean(case.reference)


def parse_prompt(name: str, source: bytes) -> Prompt:
    """Take a prompt file apart. `name` is what messages call it (its path or its name).

    Raises PromptError saying what is wrong with the file, and where.
    """
    text = _decode(name, source)
    front = _front_matter(name, text)
    template = _template(name, _FRONT_MATTER.sub("", text, count=1), front)
    return Prompt(front.name, hashlib.sha256(source).hexdigest(), front, _grammar(name, front), template)


def _decode(name: str, source: bytes) -> str:
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PromptError(f"prompt file {name} is not UTF-8: {error}") from error


def _front_matter(name: str, text: str) -> FrontMatter:
    found = _FRONT_MATTER.match(text)
    if not found:
        raise PromptError(f"prompt file {name} has no front matter: it must start with YAML between two lines of ---")
    try:
        return msgspec.convert(yaml.safe_load(found[1]), FrontMatter, strict=True)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise PromptError(f"prompt file {name}, front matter: {error}") from error


_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)


def _template(name: str, body: str, front: FrontMatter) -> jinja2.Template:
    try:
        used = jinja2.meta.find_undeclared_variables(_ENVIRONMENT.parse(body))
        template = _ENVIRONMENT.from_string(body)
    except jinja2.TemplateSyntaxError as error:
        raise PromptError(f"prompt file {name}, line {error.lineno} of the template: {error.message}") from error
    _refuse_unknown(name, "variable", used, _documented(front))
    _refuse_unknown(name, "role without a block", set(front.roles), set(template.blocks))
    _refuse_unknown(name, "block without a role", set(template.blocks), set(front.roles))
    return template


def _documented(front: FrontMatter) -> set[str]:
    return {"query", "first", "second"} | (set() if front.reference == "none" else {"reference"})


def _refuse_unknown(name: str, what: str, used: set[str], known: set[str]) -> None:
    if unknown := sorted(used - known):
        raise PromptError(f"prompt file {name}: {what}: {', '.join(unknown)}. It has: {', '.join(sorted(known))}")


def _grammar(name: str, front: FrontMatter) -> Grammar:
    verdict = front.verdict
    openings = (verdict.open,) if isinstance(verdict.open, str) else tuple(verdict.open)
    problem = _grammar_problem(front, openings)
    if problem:
        raise PromptError(f"prompt file {name}, verdict: {problem}")
    return Grammar(
        openings,
        verdict.close,
        {vote: tuple(labels) for vote, labels in verdict.labels.items()},
        tuple(verdict.nouns),
        verdict.pick,
        forced=_forced(verdict.forced),
    )


def _grammar_problem(front: FrontMatter, openings: tuple[str, ...]) -> str | None:
    labels: Mapping[Vote, list[str]] = front.verdict.labels
    wanted = {Vote.FIRST, Vote.SECOND} | ({Vote.TIE} if front.ties else set())
    if set(labels) != wanted:
        return f"labels must be given for {', '.join(sorted(wanted))} and nothing else (ties: {front.ties})"
    if not all(openings) or not openings:
        return "open must not be empty"
    spoken = [label.casefold() for group in labels.values() for label in group]
    if not all(labels.values()) or "" in spoken or len(set(spoken)) < len(spoken):
        return "every vote needs a label of its own, and no label may be empty or stand twice"
    if front.verdict.forced and set(front.verdict.forced.choices) != wanted:
        return f"forced choices must be given for {', '.join(sorted(wanted))} and nothing else"
    return None


def _forced(spec: ForcedSpec | None) -> Forced | None:
    return Forced(spec.open, {label: vote for vote, label in spec.choices.items()}) if spec else None
