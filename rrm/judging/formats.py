"""What a prompt file may say of itself: the fields of its front matter, each with its type.

Every field is explained in prompts/README.md. What fits the types and still makes no sense is found by
`rrm.judging.grammars`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from rrm.judging.numerals import Loose
from rrm.judging.pieces import Pick
from rrm.judging.words import Base, Match
from rrm.types import Vote

__all__ = [
    "VARIABLES",
    "BackupSpec",
    "CriteriaSpec",
    "Example",
    "ForcedSpec",
    "FrontMatter",
    "GradesSpec",
    "IndexSpec",
    "Kind",
    "LabelsSpec",
    "OrderSpec",
    "PlaceSpec",
    "ReadoutSpec",
    "SamplingSpec",
    "ScoresSpec",
    "TieBreakSpec",
    "VerdictSpec",
]

Kind = Literal["pairwise", "pointwise", "listwise"]
"""How many responses a judge is shown: two, one, or several."""

VARIABLES: Mapping[Kind, tuple[str, ...]] = {
    "pairwise": ("first", "second"),
    "pointwise": ("response",),
    "listwise": ("responses",),
}
"""What a template calls the responses."""

Text = Annotated[str, msgspec.Meta(min_length=1)]


class PlaceSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a verdict stands: between `open` and `close`, on a `line`, or in a field of a `json` object."""

    open: list[str] | str | None = None
    close: Text | None = None
    line: Literal["first", "last"] | None = None
    json: list[Text | list[Text]] | Text | None = None
    pick: Pick | None = None
    ignore_case: bool = False
    at_end: bool = False


class BackupSpec(PlaceSpec, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Another place, for where the one before is not found; `match` may differ there."""

    match: Match | None = None


class _VerdictSpec(PlaceSpec, frozen=True, forbid_unknown_fields=True, kw_only=True):
    backup: list[BackupSpec] = []
    others: Literal["fail", "skip"] = "fail"


class ForcedSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`open` is put in the judge's mouth, then it says the label of a vote, or a grade."""

    open: str
    choices: dict[str, str]


class ReadoutSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first tokens that stand for the two votes."""

    first: Text
    second: Text


class LabelsSpec(_VerdictSpec, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="labels"):
    """A pairwise verdict that is a label of a vote."""

    labels: dict[Vote, list[str]]
    nouns: list[Text] = []
    match: Match = "folded"
    weights: dict[str, Annotated[int, msgspec.Meta(ge=1)]] = {}
    forced: ForcedSpec | None = None
    readout: ReadoutSpec | None = None


class TieBreakSpec(PlaceSpec, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where equal scores are settled: a number below `middle` is for the first, one above it for the second."""

    middle: float
    loose: Loose = False


class ScoresSpec(_VerdictSpec, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="scores"):
    """A verdict of numbers, one for each response."""

    loose: Loose = False
    integers: bool = False
    each: bool = False
    names: list[Text] | Text | None = None
    base: Base = 1
    range: tuple[float, float] | None = None
    tie_margin: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    tie_break: TieBreakSpec | None = None


class GradesSpec(_VerdictSpec, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="grades"):
    """A pointwise verdict that is a word, which stands for a number."""

    grades: dict[str, float]
    nouns: list[Text] = []
    match: Match = "folded"
    forced: ForcedSpec | None = None


class IndexSpec(_VerdictSpec, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="index"):
    """A listwise verdict that is the number, or the letter, of the best response."""

    base: Base = 1
    nouns: list[Text] = []
    match: Match = "folded"


class OrderSpec(_VerdictSpec, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="order"):
    """A listwise verdict that names all responses, best first."""

    names: list[Text] | Text = "{}"
    base: Base = 1


class CriteriaSpec(
    _VerdictSpec, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="criteria"
):
    """A pointwise verdict of numbers, one for each criterion of the parameter `criteria`; they are on one scale."""

    range: tuple[float, float]
    loose: Loose = False
    integers: bool = False


VerdictSpec = LabelsSpec | ScoresSpec | GradesSpec | IndexSpec | OrderSpec | CriteriaSpec


class SamplingSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sampling that the judge's authors recommend."""

    max_tokens: Annotated[int, msgspec.Meta(ge=1)]
    temperature: Annotated[float, msgspec.Meta(ge=0)]
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A judge's text and what is read in it: a vote, scores, or nothing."""

    text: str
    vote: Vote | None = None
    scores: list[float] | None = None
    criteria: dict[str, float] | None = None
    weight: float | None = None
    finish_reason: Literal["stop", "length"] = "stop"
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None


class FrontMatter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a prompt file says of itself."""

    name: Text
    description: str
    source: str
    licence: str
    kind: Kind
    roles: Annotated[list[Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")]], msgspec.Meta(min_length=1)]
    sampling: SamplingSpec
    verdict: VerdictSpec
    examples: list[Example]
    query: Literal["text", "conversation"] = "text"
    reference: Literal["none", "required", "optional"] = "none"
    ties: bool = False
    reasoning: Literal["none", "opened"] = "none"
    begin: str = ""
    parameters: dict[str, str | None] = {}
    window: Annotated[int, msgspec.Meta(ge=2)] | None = None
    keep_empty: list[str] = []
