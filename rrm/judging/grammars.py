"""Makes the verdict grammar of a prompt file out of its front matter."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from rrm.judging.criteria import CRITERIA, Criterion, criteria_of
from rrm.judging.fields import JsonField, JsonFields
from rrm.judging.formats import (
    CriteriaSpec,
    FrontMatter,
    GradesSpec,
    IndexSpec,
    Kind,
    LabelsSpec,
    OrderSpec,
    PlaceSpec,
    ScoresSpec,
    VerdictSpec,
)
from rrm.judging.meanings import Criteria, Grades, Index, Labels, Meaning, Order, Scores
from rrm.judging.pieces import Place
from rrm.judging.places import Delimited, Each, Line
from rrm.judging.verdicts import Forced, Grammar, Reader, TieBreak
from rrm.judging.words import Match, words
from rrm.types import Vote

__all__ = ["grammar_of"]

_COUNTS: Mapping[Kind, int | None] = {"pairwise": 2, "pointwise": 1, "listwise": None}
"""How many responses a verdict of each kind is about."""


def grammar_of(front: FrontMatter, parameters: Mapping[str, str | None] | None = None) -> Grammar:
    """The grammar of a front matter in which `rrm.judging.mistakes` finds none, with its own parameters or others."""
    spec = front.verdict
    criteria = _criteria_of(spec, front.parameters if parameters is None else parameters)
    first = _reader(spec, front, criteria, None)
    backups = (_reader(backup, front, criteria, backup.match) for backup in spec.backup)
    return Grammar(
        (first, *backups),
        forced=_forced(spec),
        readout=_readout(spec),
        tie_break=_tie_break(spec),
        skips_others=spec.others == "skip",
        count=len(criteria) or _COUNTS[front.kind],
    )


def _criteria_of(spec: VerdictSpec, parameters: Mapping[str, str | None]) -> tuple[Criterion, ...]:
    return criteria_of(parameters[CRITERIA] or "") if isinstance(spec, CriteriaSpec) else ()


def _reader(place: PlaceSpec, front: FrontMatter, criteria: tuple[Criterion, ...], match: Match | None) -> Reader:
    """A place and what stands there; `match` is that of another place than the first."""
    spec = front.verdict
    if isinstance(spec, CriteriaSpec):
        names = tuple(criterion.name for criterion in criteria)
        return Reader(_place_of_criteria(place, names, spec), Criteria(criteria, _scores(spec, front)))
    own = spec.match if isinstance(spec, LabelsSpec | GradesSpec | IndexSpec) else "folded"
    return Reader(_place(place, front, is_long=(match or own) == "begins"), _meaning(spec, front, match or own))


def _place(place: PlaceSpec, front: FrontMatter, *, is_long: bool) -> Place:
    if place.line:
        ends = isinstance(front.verdict, ScoresSpec) and front.verdict.loose == "last"
        return Line(place.line, "beginning" if is_long else "end" if ends else "")
    if place.json is not None:
        return _json(place.json, front)
    delimited = replace(_delimited(place), is_long=is_long)
    spec = front.verdict
    return Each(delimited, _names(spec.names), spec.base) if isinstance(spec, ScoresSpec) and spec.each else delimited


def _place_of_criteria(place: PlaceSpec, names: tuple[str, ...], spec: CriteriaSpec) -> Place:
    """With {} for a criterion's name there is a place for each; without, one for all of their numbers."""
    if place.line:
        return Line(place.line, "end" if spec.loose == "last" else "")
    if place.json is None:
        delimited = _delimited(place)
        return Each(delimited, names) if "{}" in delimited.open[0] else delimited
    paths = _flat([place.json] if isinstance(place.json, str) else place.json)
    if "{}" in paths[0]:
        return JsonFields(tuple(tuple(path.replace("{}", name) for path in paths) for name in names))
    return JsonField(tuple(paths))


def _delimited(place: PlaceSpec) -> Delimited:
    openings = [place.open] if isinstance(place.open, str) else place.open or []
    close = place.close or ""
    # Brackets have no case, and the search for exact texts is the faster one. What {} stands for may have one.
    has_case = any("{}" in text or text.lower() != text.upper() for text in (*openings, close))
    ignore_case = place.ignore_case and has_case
    return Delimited(tuple(openings), close, place.pick or "last", ignore_case, place.at_end)


def _json(paths: list[str | list[str]] | str, front: FrontMatter) -> Place:
    spec = front.verdict
    if isinstance(spec, ScoresSpec) and front.kind != "pointwise":
        if isinstance(paths, list):
            return JsonFields(tuple(tuple(_flat([path])) for path in paths))
        if "{}" in paths:
            return JsonFields((), paths, _names(spec.names) or "{}", spec.base)
    return _json_field(paths)


def _json_field(paths: list[str | list[str]] | str) -> JsonField:
    return JsonField(tuple(_flat([paths] if isinstance(paths, str) else paths)))


def _flat(paths: list[str | list[str]]) -> list[str]:
    return [path for item in paths for path in ([item] if isinstance(item, str) else item)]


def _names(names: list[str] | str | None) -> str | tuple[str, ...] | None:
    return tuple(names) if isinstance(names, list) else names


def _meaning(
    spec: LabelsSpec | ScoresSpec | GradesSpec | IndexSpec | OrderSpec, front: FrontMatter, match: Match
) -> Meaning:
    if isinstance(spec, LabelsSpec):
        return _labels(spec, match)
    if isinstance(spec, ScoresSpec):
        return _scores(spec, front)
    if isinstance(spec, GradesSpec):
        found = words(spec.grades, spec.nouns, match, ignore_case=spec.ignore_case)
        return Grades(found, dict(spec.grades), is_closed=match == "exact")
    if isinstance(spec, IndexSpec):
        return Index(spec.base, tuple(spec.nouns), match)
    return Order(_names(spec.names) or "{}", spec.base, spec.ignore_case)


def _labels(spec: LabelsSpec, match: Match) -> Labels:
    labels = {vote: tuple(labels) for vote, labels in spec.labels.items()}
    nouns = tuple(spec.nouns)
    return Labels.of(labels, nouns, match=match, ignore_case=spec.ignore_case, weights=dict(spec.weights))


def _scores(spec: ScoresSpec | CriteriaSpec, front: FrontMatter) -> Scores:
    least, most = spec.range or (-math.inf, math.inf)
    margin = spec.tie_margin if isinstance(spec, ScoresSpec) else 0.0
    is_pair = front.kind == "pairwise"
    return Scores(is_pair, spec.loose, spec.integers, least, most, margin, allows_ties=front.ties)


def _forced(spec: VerdictSpec) -> Forced | None:
    if isinstance(spec, LabelsSpec) and spec.forced:
        return Forced(spec.forced.open, {label: Vote(vote) for vote, label in spec.forced.choices.items()})
    if isinstance(spec, GradesSpec) and spec.forced:
        return Forced(spec.forced.open, {}, {label: spec.grades[grade] for grade, label in spec.forced.choices.items()})
    return None


def _readout(spec: VerdictSpec) -> Mapping[str, Vote] | None:
    if isinstance(spec, LabelsSpec) and spec.readout:
        return {spec.readout.first.strip(): Vote.FIRST, spec.readout.second.strip(): Vote.SECOND}
    return None


def _tie_break(spec: VerdictSpec) -> TieBreak | None:
    if not isinstance(spec, ScoresSpec) or spec.tie_break is None:
        return None
    settles = spec.tie_break
    enough: Literal["", "end"] = "end" if settles.loose == "last" else ""
    place = Line(settles.line, enough) if settles.line else _delimited(settles) if settles.open else None
    return TieBreak(
        place or _json_field(settles.json or ""), Scores(is_pair=False, loose=settles.loose), settles.middle
    )
