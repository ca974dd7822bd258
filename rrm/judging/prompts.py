"""A prompt file, taken apart: its front matter, its verdict grammar, and a template that renders a case.

Rendered text is exact: what stands in the file between the tags of a block, and every value as it was
given, except that special tokens of the judge inside values are broken up (candidate text is untrusted
and must not close a chat turn; parameters are the user's own, and stay as they are). Values are data: braces
in them mean nothing. Templates run in Jinja's sandbox and see their documented variables only. Does not read
files; see `rrm.promptfiles`.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import jinja2
import jinja2.meta
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rrm.errors import ContestError, PromptError, UnknownNameError
from rrm.judging.cleaning import Cleaner
from rrm.judging.criteria import CRITERIA, SCALE, Scale, criteria_of
from rrm.judging.formats import VARIABLES, CriteriaSpec, FrontMatter, Kind
from rrm.judging.grammars import grammar_of
from rrm.judging.mistakes import mistakes, mistakes_of_criteria
from rrm.judging.sources import taken_apart
from rrm.judging.verdicts import Grammar
from rrm.types import Case, Message, Query

__all__ = ["FrontMatter", "Prompt", "parse_prompt"]

_OPTIONAL_ROLES = ("system", "principle")
"""Roles that say how to judge, and not what: a chat can do without them."""

_CONVERSATION = "query"
"""The role that stands for the messages of a conversation, each in a role of its own."""

_WINDOW = 8
_SHOWN = 60
"""Characters of a text that messages quote."""

_FOR_CONVERSATIONS: Mapping[Kind, str] = {
    "pairwise": "mt_bench_pair_multi_turn",
    "pointwise": "mt_bench_single_multi_turn",
}
"""The shipped prompts for conversations of more than one turn."""


@dataclass(frozen=True)
class Prompt:
    """A judge's format: how a case is put to it, and how its answer is read."""

    name: str
    sha256: str
    """Of the whole file, in hexadecimal."""
    front: FrontMatter
    grammar: Grammar
    template: jinja2.Template
    parameters: Mapping[str, str | None] = field(default_factory=dict)
    """Further variables of the template; None where the user must give one and did not."""

    @property
    def kind(self) -> Kind:
        return self.front.kind

    @property
    def window(self) -> int:
        """The most responses shown at once."""
        return {"pairwise": 2, "pointwise": 1, "listwise": self.front.window or _WINDOW}[self.kind]

    @property
    def begin(self) -> str:
        """What the judge's turn begins with; a sample goes on from there."""
        return self.front.begin

    @cached_property
    def _blocks(self) -> Mapping[str, Callable[[Any], Iterator[str]]]:
        return self.template.blocks

    def with_parameters(self, parameters: Mapping[str, str]) -> Self:
        """The same prompt with other values for some of its parameters.

        Raises UnknownNameError for a parameter that the file has not, PromptError for a value that is no text, or that
        says no criteria where the judge grades by them.
        """
        for name, value in parameters.items():
            if name not in self.front.parameters:
                raise UnknownNameError(f"parameter of prompt {self.name!r}:", name, self.front.parameters)
            if not isinstance(value, str):
                raise PromptError(f"prompt {self.name!r}: the parameter {name!r} must be a text, not {value!r}")
        own = {**self.parameters, **parameters}
        if not isinstance(self.front.verdict, CriteriaSpec):
            return replace(self, parameters=own)
        if mistake := next(mistakes_of_criteria(own[CRITERIA] or "", self.front.verdict), None):
            raise PromptError(f"prompt {self.name!r}: the parameter {CRITERIA!r}: {mistake}")
        return replace(self, parameters=own, grammar=grammar_of(self.front, own))

    def render(self, case: Case, cleaner: Cleaner) -> tuple[Message, ...]:
        """The chat messages that put the case to the judge, in the order of the file's roles.

        Raises ContestError where the format can't hold the case (several turns, a missing reference, another
        number of responses), PromptError where the template fails or a parameter is missing.
        """
        variables = self._variables(case, cleaner)
        try:
            context = self.template.new_context(variables)
            return tuple(message for role in self.front.roles for message in self._messages(role, context, variables))
        except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise PromptError(f"prompt {self.name!r} can't be rendered: {error}") from error

    def _messages(self, role: str, context: object, variables: Mapping[str, Any]) -> Iterator[Message]:
        if role == _CONVERSATION:
            yield from (Message(turn["role"], turn["content"]) for turn in variables["query"])
            return
        content = "".join(self._blocks[role](context))
        if content.strip() or role not in _OPTIONAL_ROLES or role in self.front.keep_empty:
            yield Message(role, content)

    def _variables(self, case: Case, cleaner: Cleaner) -> dict[str, object]:
        variables: dict[str, object] = {"query": self._query(case.query, cleaner)}
        if self.front.reference != "none":
            variables["reference"] = self._reference(case, cleaner)
        return variables | self._responses(case, cleaner) | self._parameters()

    def _responses(self, case: Case, cleaner: Cleaner) -> dict[str, object]:
        cleaned = [cleaner.clean(response) for response in case.responses]
        if self.kind == "listwise" and cleaned:
            return {"responses": cleaned}
        if len(cleaned) != self.window or self.kind == "listwise":
            wanted = {"pairwise": "two responses", "pointwise": "one response", "listwise": "responses"}[self.kind]
            raise ContestError(f"prompt {self.name!r} shows {wanted} at once, not {len(cleaned)}")
        return dict(zip(VARIABLES[self.kind], cleaned, strict=True))

    def _parameters(self) -> dict[str, object]:
        missing = [name for name, value in self.parameters.items() if value is None]
        if missing:
            raise PromptError(
                f"prompt {self.name!r} needs the parameter {missing[0]!r}: --prompt-arg {missing[0]}=TEXT"
            )
        return dict(self.parameters) | self._criteria()

    def _criteria(self) -> dict[str, object]:
        """What the template of a rubric sees in place of the parameter's text."""
        spec = self.front.verdict
        if not isinstance(spec, CriteriaSpec):
            return {}
        return {CRITERIA: criteria_of(self.parameters[CRITERIA] or ""), SCALE: Scale.of(spec.range)}

    def _query(self, query: Query, cleaner: Cleaner) -> object:
        if self.front.query == "conversation":
            turns = (Message("user", query),) if isinstance(query, str) else query
            return [{"role": cleaner.clean(role), "content": cleaner.clean(content)} for role, content in turns]
        return cleaner.clean(query if isinstance(query, str) else self._only_turn(query))

    def _only_turn(self, query: tuple[Message, ...]) -> str:
        if [turn.role for turn in query] == ["user"]:
            return query[0].content
        shipped = _FOR_CONVERSATIONS.get(self.kind)
        raise ContestError(
            f"prompt {self.name!r} takes a query of one user message, not {len(query)} messages "
            f"({', '.join(turn.role for turn in query)}): use a {self.kind} prompt for conversations, "
            + (f"such as {shipped!r}, or one of your own" if shipped else "one of your own (query: conversation)")
        )

    def _reference(self, case: Case, cleaner: Cleaner) -> str | None:
        if case.reference is None and self.front.reference == "required":
            raise ContestError(
                f"prompt {self.name!r} needs a reference answer, and the contest has none: give its row a 'reference'"
            )
        return None if case.reference is None else cleaner.clean(case.reference)


def parse_prompt(name: str, source: bytes) -> Prompt:
    """Take a prompt file apart. `name` is what messages call it (its path or its name).

    Raises PromptError saying what is wrong with the file, and where.
    """
    front, body = taken_apart(name, source)
    if mistake := next(mistakes(front), None):
        raise PromptError(f"prompt file {name}, {mistake}")
    template = _template(name, body, front)
    digest = hashlib.sha256(source).hexdigest()
    return Prompt(front.name, digest, front, grammar_of(front), template, dict(front.parameters))


def _json(value: object) -> str:
    """JSON as Python's json module writes it; Jinja's own filter escapes for HTML."""
    return json.dumps(value, ensure_ascii=False)


_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
_ENVIRONMENT.filters["json"] = _json


def _template(name: str, body: str, front: FrontMatter) -> jinja2.Template:
    try:
        parsed = _ENVIRONMENT.parse(body)
        template = _ENVIRONMENT.from_string(body)
    except jinja2.TemplateSyntaxError as error:
        raise PromptError(f"prompt file {name}, line {error.lineno} of the template: {error.message}") from error
    _refuse_outside(name, parsed, body)
    used = jinja2.meta.find_undeclared_variables(parsed)
    _refuse_unknown(name, "variable", used, _documented(front))
    if unused := [parameter for parameter in front.parameters if parameter not in used]:
        raise PromptError(f"prompt file {name}: the template never uses the parameter {unused[0]!r}: leave it out")
    roles = set(front.roles) - {_CONVERSATION}
    _refuse_unknown(name, "role without a block", roles, set(template.blocks))
    _refuse_unknown(name, "block without a role", set(template.blocks), roles)
    return template


def _refuse_outside(name: str, parsed: nodes.Template, body: str) -> None:
    """Refuse what stands outside the blocks, and what they take from another file: no judge would see it."""
    for node in parsed.body:
        blank = isinstance(node, nodes.Output) and all(
            isinstance(part, nodes.TemplateData) and not part.data.strip() for part in node.nodes
        )
        if not blank and not isinstance(node, nodes.Block):
            said = _first_words(node) or body.splitlines()[node.lineno - 1].strip().partition("%}")[0] + "%}"
            raise PromptError(
                f"prompt file {name}, line {node.lineno} of the template: {said!r} stands outside the blocks, "
                "where no judge sees it: put it into one, or leave it out"
            )


def _first_words(node: nodes.Node) -> str:
    texts = (part.data.strip() for part in node.find_all(nodes.TemplateData))
    return next((text[:_SHOWN] for text in texts if text), "") if isinstance(node, nodes.Output) else ""


def _documented(front: FrontMatter) -> set[str]:
    reference = set() if front.reference == "none" else {"reference"}
    scale = {SCALE} if isinstance(front.verdict, CriteriaSpec) else set()
    return {"query", *VARIABLES[front.kind]} | reference | scale | set(front.parameters)


def _refuse_unknown(name: str, what: str, used: set[str], known: set[str]) -> None:
    if unknown := sorted(used - known):
        raise PromptError(f"prompt file {name}: {what}: {', '.join(unknown)}. It has: {', '.join(sorted(known))}")
