"""Which family a model is of: from what the caller says, from its name, from its configuration.

What can't be told is an error that says how to tell: a head that is read in the wrong way gives numbers too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import get_args

from rrm.errors import InputError, ModelError, UnknownNameError
from rrm.rewards.families.base import Family, Kind
from rrm.rewards.families.outcome import GENERATIVE, OUTCOME_FAMILIES, SEQUENCE_CLASSIFIER, TOKEN_CLASSIFIER
from rrm.rewards.families.process import PROCESS_FAMILIES, TRAINED_WITH_TRL
from rrm.rewards.families.readings import gated_sum, objective
from rrm.rewards.families.readings import output as read_output

__all__ = ["FAMILIES", "choose_output", "family_of", "outputs_of"]

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {family.name: family for family in (*OUTCOME_FAMILIES, *PROCESS_FAMILIES)}
)
"""All families, by name. Of those whose patterns fit a model's name the first one is meant."""

_KINDS = get_args(Kind)

_TOKEN_HEADS = ("ForTokenClassification", "RewardModel", "PrmModel")


def family_of(config: Mapping[str, object], name: str, *, kind: str | None = None, family: str | None = None) -> Family:
    """The family of the model called `name`, a hub name or a folder's, whose config.json is `config`.

    An explicit `family` is taken as it is; else the name decides, among families that admit the architecture where that is
    known, then an architecture that one family alone has. An explicit `kind` goes before both: a head of which no such
    family is known is read in the common way, at the end of the chat or behind each step. Raises UnknownNameError for no such
    family or kind, InputError where `family` is not of `kind`, ModelError where nothing fits.
    """
    if kind is not None and kind not in _KINDS:
        raise UnknownNameError("kind of reward", kind, _KINDS)
    if family is not None:
        return _said(family, kind)
    architectures = _architectures(config)
    found = [*_by_name(name, architectures), *_by_architecture(architectures)]
    fitting = [each for each in found if kind in (None, each.kind)] or _generic(architectures, kind, found)
    if not fitting:
        raise ModelError(f"the model {name} ({_listed(architectures)}) {_advice(architectures, found, kind)}")
    return fitting[0]


def choose_output(family: Family, output: int) -> Family:
    """The family with output number `output`, from 0, as its score; of a gated one, an objective before it is weighed.

    Raises InputError for process families and for numbers below 0.
    """
    if family.kind == "process":
        raise InputError(f"output= chooses the score of an outcome model; {family.name} is a process family")
    if output < 0:
        raise InputError(f"output={output}: outputs count from 0")
    return replace(family, read=objective(output) if family.read is gated_sum else read_output(output))


def outputs_of(config: Mapping[str, object]) -> int | None:
    """How many outputs can be chosen of a head, by its configuration; None where that does not say."""
    labels, counts = config.get("id2label"), (config.get("num_objectives"), config.get("num_labels"))
    known = [count for count in counts if isinstance(count, int)]
    if isinstance(labels, Mapping) and not isinstance(counts[0], int):
        return len(labels)
    return known[0] if known else None


def _said(family: str, kind: str | None) -> Family:
    if family not in FAMILIES:
        raise UnknownNameError("reward family", family, FAMILIES)
    found = FAMILIES[family]
    if kind not in (None, found.kind):
        raise InputError(f"the reward family {family!r} is of the kind {found.kind!r}, not {kind!r}: leave kind= out")
    return found


def _architectures(config: Mapping[str, object]) -> tuple[str, ...]:
    named = config.get("architectures")
    return tuple(map(str, named)) if isinstance(named, list | tuple) else ()


def _by_name(name: str, architectures: tuple[str, ...]) -> Iterator[Family]:
    text = name.lower()
    for family in FAMILIES.values():
        patterns = (*family.models, *family.hints) if architectures else family.models
        if _admits(family, architectures) and any(fnmatchcase(text, pattern) for pattern in patterns):
            yield family


def _by_architecture(architectures: tuple[str, ...]) -> Iterator[Family]:
    return (family for family in FAMILIES.values() if set(family.architectures) & set(architectures))


def _admits(family: Family, architectures: tuple[str, ...]) -> bool:
    return not architectures or _any_ends(architectures, family.admits)


def _generic(architectures: tuple[str, ...], kind: str | None, found: Sequence[Family]) -> list[Family]:
    """How a head is read that no family of this kind claims: by the caller's kind, or as its name says."""
    if kind is None:
        return [SEQUENCE_CLASSIFIER] if _any_ends(architectures, ("ForSequenceClassification",)) else []
    if any(map(_is_headless, architectures)) or any(family.readout.labels for family in found):
        return []
    if kind == "process":
        return [TRAINED_WITH_TRL]
    reads_tokens = any(family.readout.task == "token_classify" for family in found)
    return [TOKEN_CLASSIFIER if reads_tokens or _any_ends(architectures, _TOKEN_HEADS) else SEQUENCE_CLASSIFIER]


def _any_ends(architectures: tuple[str, ...], endings: tuple[str, ...]) -> bool:
    return any(architecture.endswith(endings) for architecture in architectures)


def _is_generative(architecture: str) -> bool:
    return architecture.endswith(GENERATIVE)


def _is_headless(architecture: str) -> bool:
    is_bare = architecture.endswith("Model") and not architecture.endswith(_TOKEN_HEADS)
    return is_bare or _is_generative(architecture)


def _listed(architectures: tuple[str, ...]) -> str:
    return ", ".join(architectures) or "its config.json names no architecture"


def _advice(architectures: tuple[str, ...], found: list[Family], kind: str | None) -> str:
    """What is wrong with a model for which nothing fits, and what to do."""
    if found:
        return f"is of the family {found[0].name!r}, of the kind {found[0].kind!r}, not {kind!r}: leave kind= out"
    if any(map(_is_generative, architectures)):
        return (
            "is a generative model without a head that scores: name the labels to read, the good one first (labels=('+', '-')), "
            f"or the family that it was trained as (family=: {_names(kind)}); or use it as a judge"
        )
    if any(map(_is_headless, architectures)):
        return "is an embedding or a bare model: it has no head that scores. Use one that was trained as a reward model"
    return (
        f"is of no known family of reward models{_sharing(architectures)}: say kind='outcome' or kind='process' to have its head "
        f"read in the common way, family= where it was trained as one of: {_names(kind)}; or labels= to read the next token of a "
        "generative model"
    )


def _sharing(architectures: tuple[str, ...]) -> str:
    """Which families have the architecture of a model that does not bear a name of theirs."""
    named = [each.name for each in FAMILIES.values() if set(each.admits) & set(architectures)]
    return f" by its name, and its architecture, as of {', '.join(named)}, does not tell" if named else ""


def _names(kind: str | None) -> str:
    return ", ".join(family.name for family in FAMILIES.values() if kind in (None, family.kind))
