"""Finds a verdict that stands in fields of the last JSON object of a judge's text."""

from collections.abc import Iterator
from dataclasses import dataclass

from rrm.judging.objects import Found, field, last_object
from rrm.judging.pieces import Content, Pick, Piece, room
from rrm.judging.words import Base, named

__all__ = ["JsonField", "JsonFields", "Path"]

Path = str
"""Names joined by dots."""


@dataclass(frozen=True, slots=True, eq=False)
class JsonField:
    """One field; of alternative paths the first that leads to something."""

    paths: tuple[Path, ...]

    @property
    def shape(self) -> str:
        return f"JSON field {self.paths[0]!r}"

    @property
    def pick(self) -> Pick:
        return "first"

    @property
    def is_marked(self) -> bool:
        return True

    def pieces(self, text: str, start: int, count: int) -> Iterator[Piece]:
        found = last_object(text, start)
        content = _first(found, self.paths) if found else None
        if found and content is not None:
            yield _piece(found, content, count)


@dataclass(frozen=True, slots=True, eq=False)
class JsonFields:
    """A field for each response: alternative paths listed for each, or patterns with the response's name as {}."""

    paths: tuple[tuple[Path, ...], ...]
    pattern: Path | None = None
    names: str | tuple[str, ...] = "{}"
    base: Base = 1

    @property
    def shape(self) -> str:
        return f"JSON fields {self.pattern or ', '.join(paths[0] for paths in self.paths)!r}"

    @property
    def pick(self) -> Pick:
        return "first"

    @property
    def is_marked(self) -> bool:
        return True

    def pieces(self, text: str, start: int, count: int) -> Iterator[Piece]:
        found = last_object(text, start)
        if found is None:
            return
        contents = [_first(found, paths) for paths in self._for(count)]
        if any(content is not None for content in contents):
            yield _of_each(found, contents, count)

    def _for(self, count: int) -> tuple[tuple[Path, ...], ...]:
        if self.pattern is None:
            return self.paths
        return tuple((self.pattern.replace("{}", name),) for name in named(self.names, self.base, count))


def _first(found: Found, paths: tuple[Path, ...]) -> Content | None:
    contents = (field(found.values, tuple(path.split("."))) for path in paths)
    return next((content for content in contents if content is not None), None)


def _of_each(found: Found, contents: list[Content | None], count: int) -> Piece:
    texts = tuple(content for content in contents if isinstance(content, str))
    if len(texts) == len(contents) == count:
        return _piece(found, texts, count)
    return Piece(found.start, found.end, None, f"the JSON object has {len(texts)} of the fields, not {count}")


def _piece(found: Found, content: Content, count: int) -> Piece:
    length = len(content) if isinstance(content, str) else sum(len(text) + 1 for text in content)
    if length > room(count):
        return Piece(found.start, found.end, None, "the JSON field is too long for a verdict")
    return Piece(found.start, found.end, content)
