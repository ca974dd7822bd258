"""Reads rows: a JSON object, a JSON array, or JSON Lines, from a file or stdin.

What parses as one JSON value is that; everything else is JSON Lines, read line by line, so that a large
file is never held in memory and a row that comes through a pipe is there at once. A row that can't be
read is a `BadRow` in its place and stops no other.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import SEEK_END
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import msgspec

from rrm.errors import InputError

__all__ = ["BadRow", "Row", "estimate_rows", "read_rows"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_STDIN = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was read; `number` counts from 0."""

    number: int
    values: dict[str, object]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read, and why."""

    number: int
    error: str


def estimate_rows(path: str) -> int:
    """About how many rows of JSON Lines a file has, by its first megabyte; 0 where nobody knows, as of a pipe."""
    if path == "-" or not Path(path).is_file():
        return 0
    with Path(path).open("rb") as file:
        sample = file.read(1 << 20)
        size = file.seek(0, SEEK_END)
    is_lines = isinstance(_value(sample.removeprefix(_BYTE_ORDER_MARK).partition(b"\n")[0]), dict)
    return size * max(1, sample.count(b"\n")) // len(sample) if is_lines else 0


def read_rows(path: str) -> Iterator[Row | BadRow]:
    """The rows of a file ("-": stdin), in order. Raises InputError if the file can't be read, or is no rows at all."""
    name = "<stdin>" if path == "-" else path
    try:
        with _open(path) as file:
            yield from _rows(name, file)
    except OSError as error:
        raise InputError(f"{name} can't be read: {error.strerror or error}") from error


def _open(path: str) -> BinaryIO:
    # Not sys.stdin: a thread that waits in it when the program ends (Ctrl-C) would make the interpreter abort.
    return open(_STDIN, "rb", closefd=False) if path == "-" else Path(path).open("rb")


def _rows(name: str, file: BinaryIO) -> Iterator[Row | BadRow]:
    head = list(_until_content(file))
    if head:
        head[0] = head[0].removeprefix(_BYTE_ORDER_MARK)
    first = _value(head[-1]) if head else None
    if isinstance(first, dict):
        # Whatever follows, or nothing, an object on a line of its own is the first row.
        return _json_lines(name, chain(head, file))
    behind = [] if first is None else list(_until_content(file))
    if behind and behind[-1].strip():
        # A complete value on one line and more behind it: not one JSON value, and no need to read it all.
        return _json_lines(name, chain(head, behind, file))
    text = b"".join(head) + file.read()
    try:
        value = msgspec.json.decode(text) if text.strip() else []
    except (ValueError, RecursionError):
        return _json_lines(name, text.split(b"\n"))
    return _one_value(name, value)


def _until_content(file: BinaryIO) -> Iterator[bytes]:
    """Lines up to the first that is not blank, with it."""
    for line in file:
        yield line
        if line.removeprefix(_BYTE_ORDER_MARK).strip():
            return


def _value(line: bytes) -> object:
    """The JSON value on a line; None where there is none."""
    try:
        return msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return None


def _one_value(name: str, value: object) -> Iterator[Row | BadRow]:
    if isinstance(value, list):
        return (_row(f"{name}, item {number}", number, item) for number, item in enumerate(value))
    if isinstance(value, dict):
        return iter([Row(0, value)])
    raise InputError(f"{name} must hold a JSON object, an array of objects, or JSON Lines, not {_kind(value)}")


def _json_lines(name: str, lines: Iterable[bytes]) -> Iterator[Row | BadRow]:
    number = 0
    for line_number, line in enumerate(lines, 1):
        if line.strip():
            yield _line(f"{name}:{line_number}", number, line)
            number += 1


def _line(where: str, number: int, line: bytes) -> Row | BadRow:
    try:
        value = msgspec.json.decode(line)
    except UnicodeDecodeError as error:
        return BadRow(number, f"{where}: invalid UTF-8: {error}")
    except (ValueError, RecursionError) as error:
        return BadRow(number, f"{where}: malformed JSON: {_problem(line, error)}")
    return _row(where, number, value)


_HIGH_SURROGATE_ALONE = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u)")


def _problem(line: bytes, error: Exception) -> str:
    """What is wrong with a line, in words that name the cause."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    said = str(error).removeprefix("JSON is malformed: ")
    is_cut = said == "Input data was truncated"
    return "half of a utf-16 surrogate pair" if is_cut and _HIGH_SURROGATE_ALONE.search(line) else said


def _row(where: str, number: int, value: object) -> Row | BadRow:
    if isinstance(value, dict):
        return Row(number, value)
    return BadRow(number, f"{where}: a row must be a JSON object, not {_kind(value)}")


def _kind(value: object) -> str:
    """What JSON calls a value's type."""
    kinds: dict[type, str] = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")
