"""Weighted criteria: how a user writes them down, and the one number that a judge's numbers for them come to.

Nothing is guessed: what may be meant as a weight and is none, or as two criteria in one, is an error. Knows nothing of
where in a judge's text the numbers stand.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, NoReturn

from rrm.errors import PromptError

__all__ = ["CRITERIA", "SCALE", "Criterion", "Scale", "criteria_of", "weighted_mean"]

CRITERIA = "criteria"
"""The parameter of a prompt file that has the criteria, and the template's variable with them."""

SCALE = "scale"
"""The template's variable with the ends of the scale."""

_ENTRY = re.compile(r"(?P<name>[^:()]*)(?:\((?P<weight>[^()]*)\)\s*)?(?P<colon>:(?P<said>.*))?")
_BULLET = re.compile(r"(?:[-*•]|\d+[.)])\s+")
_NUMBER = r"(?:\d+(?:\.\d+)?|\.\d+)"
_WEIGHT = re.compile(rf"(?:weight\b)?\s*[:=]?\s*(?P<number>{_NUMBER})\s*(?P<percent>%?)", re.IGNORECASE | re.ASCII)
_SEVERAL = re.compile(rf"{_NUMBER}\s*%?\s*,|.*\(\s*weight\b", re.IGNORECASE | re.ASCII)
"""A description that begins like a list of weights, or has the weight of another criterion in it."""
_NAME = re.compile(r"[^\W\d_](?:[\w '/&+-]{0,62}\w)?")


@dataclass(frozen=True, slots=True)
class Criterion:
    """What a response is graded by. `share` is its weight's part of all of them, from 0 to 1."""

    name: str
    share: float
    description: str = ""
    weight: float = 1.0

    @property
    def percent(self) -> str:
        """The share in hundredths: `50`, `33.3`."""
        return f"{100 * self.share:.3g}"


class Scale(NamedTuple):
    """The lowest and the highest number, as whole ones where they are."""

    least: float
    most: float

    @classmethod
    def of(cls, ends: Sequence[float]) -> "Scale":
        least, most = (int(end) if float(end).is_integer() else end for end in ends)
        return cls(least, most)


def criteria_of(text: str) -> tuple[Criterion, ...]:
    """The criteria of a text: one a line or, where it is a single line, with semicolons between them.

    Each is `Name`, `Name (weight)`, `Name: weight`, and `: what it asks` behind the first two. A weight is a number
    above 0 or a percentage, `(weight: 0.5)` too; where none has one, all count the same. Raises PromptError.
    """
    entries = [entry for part in _parts(text) if (entry := _BULLET.sub("", part.strip(), count=1).strip())]
    if not entries:
        raise PromptError("there are no criteria: write one a line, such as 'Correctness (0.5): Is it right?'")
    found = [_entry(entry) for entry in entries]
    _refuse_twice([name for name, _, _ in found])
    weights = list(_weights(found))
    total = math.fsum(weights)
    return tuple(
        Criterion(name, weight / total, said, weight) for (name, _, said), weight in zip(found, weights, strict=True)
    )


def weighted_mean(weights: Iterable[float], scores: Iterable[float]) -> float:
    """Exact but for its last rounding, so that what is equal by hand is equal here."""
    pairs = [(_exact(weight), _exact(score)) for weight, score in zip(weights, scores, strict=True)]
    return float(sum(weight * score for weight, score in pairs) / sum(weight for weight, _ in pairs))


def _exact(number: float) -> Fraction:
    """The number as it is written: 0.1 is a tenth."""
    return Fraction(repr(float(number)))


def _parts(text: str) -> list[str]:
    return text.splitlines() if "\n" in text else text.split(";")


_Entry = tuple[str, float | None, str]
"""A name, a weight where one is given, and what the criterion asks."""


def _entry(entry: str) -> _Entry:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        _refuse(entry, "write it as 'Name (weight): what it asks'")
    name, said = _named(found["name"].strip(), entry), (found["said"] or "").strip()
    if found["colon"] and not said:
        _refuse(entry, "there is nothing behind its colon: leave it out")
    if _SEVERAL.match(said):
        _refuse(entry, "it looks like more than one: write one a line, or a semicolon between them")
    if found["weight"] is not None:
        return name, _weight(found["weight"], entry), said
    if said and not any(map(str.isalpha, said)):
        return name, _weight(said, entry), ""
    return name, None, said


def _named(name: str, entry: str) -> str:
    if not _NAME.fullmatch(name):
        _refuse(
            entry,
            f"{name!r} can't be its name: that begins with a letter and has letters, digits, blanks and -'/&+_ only, "
            "at most 64; between criteria stand line breaks or semicolons",
        )
    return name


def _weight(text: str, entry: str) -> float:
    found = _WEIGHT.fullmatch(text.strip())
    weight = float(found["number"]) / (100 if found["percent"] else 1) if found else 0.0
    if not 0 < weight < math.inf:
        _refuse(entry, f"its weight is {text.strip()!r}, and must be a number above 0")
    return weight


def _weights(found: Sequence[_Entry]) -> Iterator[float]:
    """All of them; 1 where none is given."""
    given = [weight for _, weight, _ in found if weight is not None]
    for name, weight, _ in found:
        if given and weight is None:
            raise PromptError(f"criterion {name!r} has no weight, and others have: give each one, or none")
        yield 1.0 if weight is None else weight


def _refuse_twice(names: Sequence[str]) -> None:
    folded = [name.casefold() for name in names]
    for name in names:
        if folded.count(name.casefold()) > 1:
            raise PromptError(f"criterion {name!r} stands twice: each may stand once, in whatever case")


def _refuse(entry: str, problem: str) -> NoReturn:
    raise PromptError(f"criterion {entry!r}: {problem}")
