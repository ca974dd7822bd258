"""What makes no sense in the front matter of a prompt file, although each field has its type."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import permutations

from rrm.errors import PromptError
from rrm.judging.criteria import CRITERIA, SCALE, criteria_of
from rrm.judging.formats import (
    VARIABLES,
    BackupSpec,
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
from rrm.judging.words import Match, fold, trimmed
from rrm.types import Vote

__all__ = ["mistakes", "mistakes_of_criteria"]

_VERDICTS: Mapping[Kind, tuple[str, ...]] = {
    "pairwise": ("labels", "scores"),
    "pointwise": ("scores", "grades", "criteria"),
    "listwise": ("scores", "index", "order"),
}
_LETTERS = 26


def mistakes(front: FrontMatter) -> Iterator[str]:
    """Each mistake in one sentence that names the field."""
    yield from _of_the_kind(front)
    yield from _of_the_roles(front)
    yield from _of_the_parameters(front)
    yield from (f"verdict: {mistake}" for mistake in _of_the_places(front))
    yield from (f"verdict: {mistake}" for mistake in _of_the_meaning(front))
    yield from _of_the_examples(front)


def _of_the_kind(front: FrontMatter) -> Iterator[str]:
    kind = _kind(front.verdict)
    if kind not in _VERDICTS[front.kind]:
        yield f"verdict.kind: a {front.kind} judge says {' or '.join(_VERDICTS[front.kind])}, not {kind}"
    if front.ties and front.kind != "pairwise":
        yield f"ties: only a pairwise judge calls ties, not a {front.kind} one: leave it out"
    if front.window is not None and front.kind != "listwise":
        yield f"window: only a listwise judge has one, not a {front.kind} one: leave it out"
    if _base(front.verdict) == "A" and (front.window or 0) > _LETTERS:
        yield f"window: {front.window} responses can't be called by {_LETTERS} letters (verdict.base: A)"


def _kind(spec: VerdictSpec) -> str:
    return str(spec.__struct_config__.tag)


def _base(spec: VerdictSpec) -> object:
    return spec.base if isinstance(spec, ScoresSpec | IndexSpec | OrderSpec) else None


def _of_the_roles(front: FrontMatter) -> Iterator[str]:
    if twice := _twice(front.roles):
        yield f"roles: {', '.join(twice)} stands twice"
    if unknown := sorted(set(front.keep_empty) - set(front.roles)):
        yield f"keep_empty: {', '.join(unknown)} is none of the roles"
    if "query" in front.roles and front.query != "conversation":
        yield "roles: query stands for the messages of a conversation: it needs query: conversation"


def _of_the_parameters(front: FrontMatter) -> Iterator[str]:
    is_rubric = isinstance(front.verdict, CriteriaSpec)
    taken = {"query", "reference", *VARIABLES[front.kind], *([SCALE] if is_rubric else [])}
    if is_rubric and front.parameters.get(CRITERIA) is None:
        yield f"parameters: verdict.kind criteria reads them from the parameter {CRITERIA!r}, which needs a text"
    for name in front.parameters:
        if not name.isidentifier():
            yield f"parameters: {name!r} can't be the name of a variable"
        if name in taken:
            whose = "rubric" if name == SCALE else f"{front.kind} prompt"
            yield f"parameters: {name!r} is a variable of every {whose}: call it something else"


def _of_the_places(front: FrontMatter) -> Iterator[str]:
    spec = front.verdict
    yield from _of_a_place(spec, front)
    for number, backup in enumerate(spec.backup, 1):
        yield from (f"backup {number}: {mistake}" for mistake in _of_a_place(backup, front))
    if isinstance(spec, ScoresSpec):
        yield from _of_each(spec, front)
        if spec.tie_break:
            yield from (f"tie_break: {mistake}" for mistake in _of_a_place(spec.tie_break, None))


def _of_a_place(place: PlaceSpec, front: FrontMatter | None) -> Iterator[str]:
    given = [name for name in ("open", "line", "json") if getattr(place, name) is not None]
    if len(given) != 1:
        yield f"exactly one of open, line and json says where it stands, not {' and '.join(given) or 'none'}"
    if place.open is not None and not all(place.open or [""]):
        yield "open must not be empty"
    if (place.open is None) != (place.close is None):
        yield 'open and close go together; close may be "\\n", the end of the line'
    if place.close == r"\n":
        yield 'close is a backslash and an n: the end of the line is "\\n", in double quotes'
    if place.open is None and (place.pick or place.at_end):
        yield "pick and at_end are for a verdict between open and close"
    if place.pick == "listed" and (front is None or not isinstance(front.verdict, LabelsSpec)):
        yield "pick: listed is for labels, in whose order the votes are looked for"
    if place.json is not None:
        yield from _of_the_paths(place.json, front)
    if (
        isinstance(place, BackupSpec)
        and place.match
        and front
        and isinstance(front.verdict, ScoresSpec | OrderSpec | CriteriaSpec)
    ):
        yield f"match is for labels, grades and an index, not for {_kind(front.verdict)}"


def _of_the_paths(paths: Sequence[str | list[str]] | str, front: FrontMatter | None) -> Iterator[str]:
    if not paths or not all(paths):
        yield "json must name a field"
    is_of_each = front is not None and isinstance(front.verdict, ScoresSpec) and front.kind != "pointwise"
    if isinstance(paths, str):
        return
    if is_of_each and front and front.kind == "listwise":
        yield "json: the scores of several responses need a path with {} for the number, or one of a list"
    if is_of_each and front and front.kind == "pairwise" and len(paths) != 2:
        yield f"json: two scores need two paths, not {len(paths)}"
    if not is_of_each and not all(isinstance(path, str) for path in paths):
        yield "json: alternative paths are a list of texts"


def _of_each(spec: ScoresSpec, front: FrontMatter) -> Iterator[str]:
    places: list[PlaceSpec] = [spec, *spec.backup]
    if spec.each and not all(place.open is not None for place in places):
        yield "each is for verdicts between open and close"
    if spec.each and (spec.others == "skip" or any(place.at_end for place in places)):
        yield "others: skip and at_end are not for each"
    if spec.names is not None:
        has_hole = any("{}" in str(place.open) or "{}" in str(place.json) for place in places)
        if not has_hole:
            yield "names are put in the place of {} in open, close or json, and there is none"
        elif not spec.each and any("{}" in f"{place.open}{place.close}" for place in places):
            yield "names are put in the place of {} in open and close with each: true only"
        yield from _of_the_names(spec.names, front)


def _of_the_names(names: list[str] | str, front: FrontMatter) -> Iterator[str]:
    if isinstance(names, str) and "{}" not in names:
        yield "names must have {} for the number of the response, or be a list"
    wanted = {"pairwise": 2, "pointwise": 1, "listwise": front.window or 8}[front.kind]
    if isinstance(names, list) and (len(names) < wanted or _twice(names)):
        yield f"names must be {wanted} different ones, one for each response"


def _of_the_meaning(front: FrontMatter) -> Iterator[str]:
    spec = front.verdict
    if isinstance(spec, LabelsSpec):
        yield from _of_the_labels(spec, front)
    elif isinstance(spec, GradesSpec):
        yield from _of_the_grades(spec)
    elif isinstance(spec, ScoresSpec):
        yield from _of_the_scores(spec, front)
    elif isinstance(spec, OrderSpec):
        yield from _of_the_names(spec.names, front)
    elif isinstance(spec, CriteriaSpec):
        yield from _of_the_criteria(spec, front)
    nouns = spec.nouns if isinstance(spec, LabelsSpec | GradesSpec | IndexSpec) else []
    yield from (f"the noun {noun!r} has no letter or digit: leave it out" for noun in nouns if not fold(noun))


def _of_the_labels(spec: LabelsSpec, front: FrontMatter) -> Iterator[str]:
    labels: Mapping[Vote, list[str]] = spec.labels
    wanted = {Vote.FIRST, Vote.SECOND} | ({Vote.TIE} if front.ties else set())
    if set(labels) != wanted:
        yield f"labels must be given for {', '.join(sorted(wanted))} and nothing else (ties: {front.ties})"
    if not all(labels.values()):
        yield "every vote needs a label of its own"
    yield from _of_the_spelling([label for group in labels.values() for label in group], spec)
    if unknown := sorted(set(spec.weights) - {label for group in labels.values() for label in group}):
        yield f"weights: {', '.join(unknown)} is none of the labels"
    if spec.forced and set(spec.forced.choices) != wanted:
        yield f"forced choices must be given for {', '.join(sorted(wanted))} and nothing else"
    if spec.readout and spec.readout.first.strip() == spec.readout.second.strip():
        yield f"readout: {spec.readout.first!r} can't stand for both votes"


def _of_the_spelling(labels: list[str], spec: LabelsSpec | GradesSpec) -> Iterator[str]:
    for match in {spec.match, *(backup.match or spec.match for backup in spec.backup)}:
        spoken = [_spoken(label, match, spec.ignore_case) for label in labels]
        if "" in spoken:
            yield f"the label {labels[spoken.index('')]!r} has no letter or digit: it needs match: exact"
        if twice := _twice(spoken):
            yield f"no label may stand twice: {', '.join(twice)}"


def _spoken(label: str, match: Match, ignore_case: bool) -> str:
    """What a label is compared by."""
    if match == "exact":
        spoken = trimmed(label) or label.strip()
        return spoken.casefold() if ignore_case else spoken
    return fold(label).casefold()


def _of_the_grades(spec: GradesSpec) -> Iterator[str]:
    if len(set(spec.grades.values())) < 2:
        yield "grades must have two different numbers at least"
    yield from _of_the_spelling(list(spec.grades), spec)
    if spec.forced and not set(spec.forced.choices) <= set(spec.grades):
        yield f"forced choices must be of the grades: {', '.join(spec.grades)}"


def _of_the_scores(spec: ScoresSpec, front: FrontMatter) -> Iterator[str]:
    if spec.range:
        yield from _of_the_range(spec.range)
    if front.kind != "pairwise" and (spec.tie_margin or spec.tie_break):
        yield f"tie_margin and tie_break are for pairwise judges, not for a {front.kind} one"
    elif spec.tie_margin and not front.ties and spec.tie_break is None:
        yield f"tie_margin: {spec.tie_margin:g} makes ties, and this judge has none: leave it out, or say ties: true"


def _of_the_criteria(spec: CriteriaSpec, front: FrontMatter) -> Iterator[str]:
    yield from _of_the_range(spec.range)
    for holes in filter(None, map(_holes, [spec, *spec.backup])):
        if len(set(holes)) > 1:
            yield "{} stands for a criterion's name in all of the alternatives, or in none"
        elif holes[0] and (spec.others == "skip" or any(place.at_end for place in (spec, *spec.backup))):
            yield "others: skip and at_end are not for places with {}"
    yield from mistakes_of_criteria(front.parameters.get(CRITERIA) or "", spec)


def _holes(place: PlaceSpec) -> list[bool]:
    """Whether each of a place's alternatives has {} in it."""
    given = place.json if place.open is None else place.open
    return ["{}" in str(text) for text in ([given] if isinstance(given, str) else given or [])]


def mistakes_of_criteria(text: str, spec: CriteriaSpec) -> Iterator[str]:
    """What is wrong with criteria for verdicts of this form, each in one sentence."""
    try:
        names = [criterion.name for criterion in criteria_of(text)]
    except PromptError as error:
        yield str(error)
    else:
        for place in (spec, *spec.backup):
            openings = [place.open] if isinstance(place.open, str) else place.open or []
            yield from _of_the_openings([text.casefold() for text in openings if "{}" in text], names)


def _of_the_openings(openings: list[str], names: list[str]) -> Iterator[str]:
    """Where one criterion's place could be taken for another's."""
    opened = {name: [opening.replace("{}", name.casefold()) for opening in openings] for name in names}
    for name, others in permutations(names, 2):
        if any(one in other for one in opened[name] for other in opened[others]):
            yield f"criterion {name!r}: what opens it stands in what opens {others!r}: call one of them something else"


def _of_the_range(ends: tuple[float, float]) -> Iterator[str]:
    if not ends[0] < ends[1]:
        yield f"range: {ends[0]:g} is not below {ends[1]:g}"


def _of_the_examples(front: FrontMatter) -> Iterator[str]:
    for number, example in enumerate(front.examples, 1):
        is_lost = example.vote is not None and example.vote.is_lost
        if front.kind == "pairwise" and example.vote is None:
            yield f"example {number}: a pairwise example needs a vote"
        if front.kind != "pairwise" and not is_lost and (example.vote or not example.scores):
            yield f"example {number}: a {front.kind} example needs scores, or the vote unparsed or truncated"
        if front.kind == "pointwise" and example.scores and len(example.scores) != 1:
            yield f"example {number}: a pointwise example has one score"
        if example.criteria and not isinstance(front.verdict, CriteriaSpec):
            yield f"example {number}: only a verdict of the kind criteria has numbers for some"


def _twice(texts: Iterable[str]) -> list[str]:
    listed = list(texts)
    return sorted({text for text in listed if listed.count(text) > 1})
