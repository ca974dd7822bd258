"""Finds where in a judge's text a verdict stands: between delimiters, or on a line.

Total and linear: any text gives some pieces, each of bounded length, in a bounded number of passes. What is not
found gives none; what is opened and not closed, or is too long, is a piece without content. What a piece says is
not known here; see `rrm.judging.meanings`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Literal

from rrm.judging.pieces import Pick, Piece, room
from rrm.judging.words import Base, alternatives, named

__all__ = ["Delimited", "Each", "Line"]


@dataclass(frozen=True, slots=True, eq=False)
class Delimited:
    """Between an opening and a closing text.

    Braces are matched. A line break behind blanks closes, and so does the end of the text then. With `at_end`
    only punctuation may stand behind it.
    """

    open: tuple[str, ...]
    close: str
    pick: Pick = "last"
    ignore_case: bool = False
    at_end: bool = False
    is_long: bool = False
    """Whether of a line that is too long its beginning is enough."""

    @property
    def shape(self) -> str:
        return self.open[0] + "..." + self.close.rstrip("\n")

    @property
    def is_marked(self) -> bool:
        return True

    def pieces(self, text: str, start: int, count: int) -> Iterator[Piece]:
        longest = room(count)
        pieces = (self._piece(text, *opened, longest) for opened in self._opened(text, start))
        if not self.at_end:
            return pieces
        words_end = _words_end(text, start)
        return (piece for piece in pieces if piece.end >= words_end)

    def _opened(self, text: str, start: int) -> Iterator[tuple[int, int]]:
        """Where each verdict is opened, and where its inside begins."""
        if self.pick == "last" and not self.ignore_case:
            return _backwards(text, start, _longest_first(self.open))
        opened = (found.span(1) for found in _pattern(self.open, self.ignore_case).finditer(text, start))
        return reversed(list(opened)) if self.pick == "last" else opened

    def _piece(self, text: str, opened_at: int, inside: int, longest: int) -> Piece:
        if self.close == "\n":
            return _rest_of_line(text, opened_at, inside, longest, is_long=self.is_long)
        closed_at = self._closed_at(text, inside, inside + longest)
        if closed_at < 0:
            problem = f"a verdict was opened and not closed by {self.close!r}"
            return Piece(opened_at, min(len(text), inside + longest), None, problem)
        return Piece(opened_at, closed_at + len(self.close), text[inside:closed_at])

    def _closed_at(self, text: str, inside: int, limit: int) -> int:
        if self.close == "}":
            return _brace_closed_at(text, inside, limit)
        if not self.ignore_case:
            return text.find(self.close, inside, limit)
        closed = _pattern((self.close,), self.ignore_case).search(text, inside, limit)
        return closed.start() if closed else -1


def _backwards(text: str, start: int, openings: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Openings from the last to the first; all the searches for one of them together are one pass."""
    places = [text.rfind(opening, start) for opening in openings]
    while (opened_at := max(places)) >= 0:
        opening = openings[places.index(opened_at)]
        yield opened_at, opened_at + len(opening)
        for number, other in enumerate(openings):
            if places[number] == opened_at:
                places[number] = text.rfind(other, start, opened_at + len(other) - 1)


@lru_cache(maxsize=512)
def _longest_first(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(texts, key=len, reverse=True))


def _rest_of_line(text: str, opened_at: int, inside: int, longest: int, *, is_long: bool) -> Piece:
    limit = min(len(text), inside + longest)
    begin = next((at for at in range(inside, limit) if not text[at].isspace()), limit)
    line, line_break, _ = text[begin : limit + 1].partition("\n")
    is_whole = line_break or limit >= len(text)
    if not is_whole and not is_long:
        return Piece(opened_at, limit, None, "the line is too long for a verdict")
    return Piece(opened_at, begin + len(line), line, is_cut=not line_break and limit >= len(text))


def _brace_closed_at(text: str, inside: int, limit: int) -> int:
    depth = 0
    for position in range(inside, min(limit, len(text))):
        depth += (text[position] == "{") - (text[position] == "}")
        if depth < 0:
            return position
    return -1


def _words_end(text: str, start: int) -> int:
    """Where the last letter or digit ends: what stands behind it is punctuation."""
    return next((at + 1 for at in range(len(text) - 1, start - 1, -1) if text[at].isalnum()), start)


@lru_cache(maxsize=512)
def _pattern(texts: tuple[str, ...], ignore_case: bool) -> re.Pattern[str]:
    """Any of the texts, where they overlap, too (`[[[A]]`)."""
    return re.compile(f"(?=({alternatives(texts)}))", re.IGNORECASE if ignore_case else 0)


@dataclass(frozen=True, slots=True, eq=False)
class Each:
    """A delimited text for each response: in the order shown, or with the response's name, as {}, in its delimiters.

    For each criterion of one response, too, by the criterion's name.
    """

    place: Delimited
    names: str | tuple[str, ...] | None = None
    base: Base = 1

    @property
    def shape(self) -> str:
        return f"{self.place.shape} for each response"

    @property
    def pick(self) -> Pick:
        return "first"

    @property
    def is_marked(self) -> bool:
        return True

    def pieces(self, text: str, start: int, count: int) -> Iterator[Piece]:
        found = self._in_order(text, start, count) if self.names is None else self._by_name(text, start, count)
        if found:
            yield _together(found, count)

    def _in_order(self, text: str, start: int, count: int) -> list[Piece]:
        pieces = self.place.pieces(text, start, 1)
        if self.place.pick == "last":
            return list(islice(pieces, count))[::-1]
        return list(islice(pieces, count + (self.place.pick == "unique")))

    def _by_name(self, text: str, start: int, count: int) -> list[Piece]:
        names = named(self.names or "", self.base, count)
        return [piece for name in names for piece in islice(self._named(name).pieces(text, start, 1), 1)]

    def _named(self, name: str) -> Delimited:
        openings = tuple(opening.replace("{}", name) for opening in self.place.open)
        return replace(self.place, open=openings, close=self.place.close.replace("{}", name))


def _together(found: list[Piece], count: int) -> Piece:
    """One piece of those for each response."""
    problem = next((piece.problem for piece in found if piece.content is None), "")
    if len(found) != count:
        problem = f"{'more than ' * (len(found) > count)}{min(len(found), count)} of them, not {count}"
    return Piece(
        min(piece.start for piece in found),
        max(piece.end for piece in found),
        None if problem else tuple(piece.content for piece in found if isinstance(piece.content, str)),
        problem,
        any(piece.is_cut for piece in found),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The first or the last line of the answer that is not empty."""

    which: Literal["first", "last"]
    enough: Literal["", "beginning", "end"] = ""
    """What is enough of a line that is too long for a verdict."""

    @property
    def shape(self) -> str:
        return f"{self.which} line"

    @property
    def pick(self) -> Pick:
        return "first"

    @property
    def is_marked(self) -> bool:
        return False

    def pieces(self, text: str, start: int, count: int) -> Iterator[Piece]:
        begin, end = _first_line(text, start) if self.which == "first" else _last_line(text, start)
        longest = room(count)
        if begin < end <= begin + longest:
            yield Piece(begin, end, text[begin:end], is_cut=end == len(text))
        elif begin < end and self.enough:
            part = slice(begin, begin + longest) if self.enough == "beginning" else _tail(text, end - longest, end)
            yield Piece(begin, end, text[part], is_cut=self.enough == "end" and end == len(text))
        elif begin < end:
            yield Piece(begin, end, None, f"the {self.shape} is too long for a verdict")


_NOT_BLANK = re.compile(r"\S[^\n]*")
_BLANK = re.compile(r"\s")


def _tail(text: str, start: int, end: int) -> slice:
    """The whole words between the two; what begins before is none."""
    blank = _BLANK.search(text, start, end)
    return slice(blank.end() if blank else end, end)


def _first_line(text: str, start: int) -> tuple[int, int]:
    found = _NOT_BLANK.search(text, start)
    return found.span() if found else (start, start)


def _last_line(text: str, start: int) -> tuple[int, int]:
    end = len(text.rstrip())
    return max(start, text.rfind("\n", start, end) + 1), end
