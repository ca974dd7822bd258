"""Reads rows: a JSON object, a JSON array, or JSON Lines, from a file or stdin.

What parses as one JSON value is that; everything else is JSON Lines, read line by line, so that a large
file is never held in memory. A row that can't be read is a `BadRow` in its place and stops no other.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import msgspec

from rrm.errors import InputError

__all__ = ["BadRow", "Row", "read_rows"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


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


def read_rows(path: str) -> Iterator[Row | BadRow]:
    """The rows of a file ("-": stdin), in order. Raises InputError if the file can't be read, or is no rows at all."""
    name = "<stdin>" if path == "-" else path
    try:
        with _open(path) as file:
            yield from _rows(name, file)
    except OSError as error:
        raise InputError(f"{name} can't be read: {error.strerror or error}") from error


def _open(path: str) -> BinaryIO:
    return sys.stdin.buffer if path == "-" else Path(path).open("rb")


def _rows(name: str, file: BinaryIO) -> Iterator[Row | BadRow]:
    first = file.readline().removeprefix(_BYTE_ORDER_MARK)
    behind = _until_content(file) if _is_json(first) else []
    if behind and behind[-1].strip():
        # A complete value on the first line and more behind it: not one JSON value, and no need to read it all.
        return _json_lines(name, chain((first, *behind), file))
    text = first + file.read()
    try:
        value = msgspec.json.decode(text) if text.strip() else []
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _json_lines(name, text.split(b"\n"))
    return _one_value(name, value)


def _until_content(file: BinaryIO) -> list[bytes]:
    lines: list[bytes] = []
    for line in file:
        lines.append(line)
        if line.strip():
            break
    return lines


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _one_value(name: str, value: object) -> Iterator[Row | BadRow]:
    if isinstance(value, list):
        return (_row(f"{name}, item {number}", number, item) for number, item in enumerate(value))
    if isinstance(value, dict):
        return iter([Row(0, value)])
    raise InputError(f"{name} must hold a JSON object, an array of objects, or JSON Lines, not {type(value).__name__}")


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
    except msgspec.DecodeError as error:
        return BadRow(number, f"{where}: malformed JSON: {error}")
    return _row(where, number, value)


def _row(where: str, number: int, value: object) -> Row | BadRow:
    if isinstance(value, dict):
        return Row(number, value)
    return BadRow(number, f"{where}: a row must be a JSON object, not {type(value).__name__}")
