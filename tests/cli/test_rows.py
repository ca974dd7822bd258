"""What counts as rows, and what becomes of a row that can't be read."""

import os
import re
import threading

import pytest

from rrm.cli.rows import BadRow, Row, estimate_rows, read_rows
from rrm.errors import InputError
from tests.cli.running import write


def numbers(rows):
    return [row.values.get("n") if isinstance(row, Row) else row.error.partition(": ")[0] for row in rows]


@pytest.mark.parametrize(
    "text",
    [
        b'{"n": 1}\n{"n": 2}\n',
        b'{"n": 1}\n{"n": 2}',
        b'{"n": 1}\r\n{"n": 2}\r\n',
        b'\n  \n{"n": 1}\n\n\n{"n": 2}\n \n',
        b'\xef\xbb\xbf{"n": 1}\n{"n": 2}\n',
        b'\xef\xbb\xbf\n{"n": 1}\n{"n": 2}\n',
        b'[{"n": 1}, {"n": 2}]',
        b'[{"n": 1}, {"n": 2}]\n\n',
        b'\xef\xbb\xbf[\n  {\n    "n": 1\n  },\n  {"n": 2}\n]\n',
        b'[\r\n{"n": 1},\r\n{"n": 2}\r\n]\r\n',
    ],
)
def test_one_value_or_lines(tmp_path, text):
    """An array and JSON Lines are the same rows, whatever their line ends, blank lines, byte order mark or layout."""
    assert numbers(read_rows(str(write(tmp_path, text)))) == [1, 2]


@pytest.mark.parametrize(
    "text", [b'{"n": 1}', b'{"n": 1}\n', b'\n{"n": 1}\n\n', b'{\n  "n": 1\n}\n', b'\xef\xbb\xbf{"n":\r\n1}']
)
def test_one_object(tmp_path, text):
    """A file that is one object, on one line or several, is one row."""
    assert numbers(read_rows(str(write(tmp_path, text)))) == [1]


@pytest.mark.parametrize("text", [b"", b"\n", b" \r\n\n", b"\xef\xbb\xbf", b"[]", b"[\n]\n"])
def test_nothing(tmp_path, text):
    """An empty file, a blank one and an empty array hold no rows."""
    assert list(read_rows(str(write(tmp_path, text)))) == []


@pytest.mark.parametrize(
    ("value", "kind"), [("3", "a number"), ('"text"', "a string"), ("null", "null"), ("true", "a boolean")]
)
def test_a_scalar_is_no_rows(tmp_path, value, kind):
    """A file that is one value and neither object nor array is refused as a whole, by the type it is."""
    with pytest.raises(InputError, match=f"must hold a JSON object, an array of objects, or JSON Lines, not {kind}"):
        list(read_rows(str(write(tmp_path, value))))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"n": ', "malformed JSON"),
        (b"{'n': 1}", "malformed JSON"),
        (b'{"n": 1}{"n": 2}', "malformed JSON: trailing characters"),
        (b'{"n": "\xff"}', "invalid UTF-8"),
        (b'{"n": "\xed\xa0\x80"}', "invalid UTF-8"),
        (b'{"n": "\\ud800"}', "malformed JSON: .*surrogate"),
        (b'{"n": "\\ud800 and more text"}', "malformed JSON: .*surrogate"),
        (b'{"n": "\\udc00"}', "malformed JSON: .*surrogate"),
        (b'{"n": NaN}', "malformed JSON"),
        (b'{"n": 1e999}', "malformed JSON: Number out of range"),
        (b"[" * 100_000, "malformed JSON: it is nested too deeply"),
        (b'[{"n": 1}]', "a row must be a JSON object, not an array"),
        (b"3", "a row must be a JSON object, not a number"),
        (b"null", "a row must be a JSON object, not null"),
        (b"true", "a row must be a JSON object, not a boolean"),
        (b'"text"', "a row must be a JSON object, not a string"),
    ],
)
@pytest.mark.parametrize("before", [b"", b'{"n": 0}\n\n'])
def test_a_bad_line_is_named_and_stops_no_other(tmp_path, line, said, before):
    """A line that can't be read is a bad row that names file and line, with what is wrong; all others are read."""
    file = write(tmp_path, before + line + b'\n{"n": 2}\n')
    *good, bad, last = read_rows(str(file))
    assert numbers(good) == ([0] if before else [])
    assert isinstance(bad, BadRow)
    line_number = 3 if before else 1
    assert bad.error.startswith(f"{file}:{line_number}: ")
    assert re.search(said, bad.error)
    assert last == Row(len(good) + 1, {"n": 2})


def test_a_bad_item_of_an_array_is_named(tmp_path):
    """An item of an array that is no object is a bad row that names file and item."""
    file = write(tmp_path, b'[{"n": 1}, [2], {"n": 3}]')
    assert list(read_rows(str(file))) == [
        Row(0, {"n": 1}),
        BadRow(1, f"{file}, item 1: a row must be a JSON object, not an array"),
        Row(2, {"n": 3}),
    ]


@pytest.mark.parametrize(("name", "said"), [("none.jsonl", "No such file"), (".", "Is a directory")])
def test_a_file_that_cant_be_read(tmp_path, name, said):
    """A missing file and a folder are named with the reason."""
    with pytest.raises(InputError, match=f"{name}.* can't be read: {said}"):
        list(read_rows(str(tmp_path / name)))


def test_a_row_is_there_before_the_next_line_is(tmp_path):
    """From a pipe, an object on a line of its own is a row at once."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    taken = threading.Event()

    def feed():
        with pipe.open("wb", buffering=0) as end:
            end.write(b'\n{"n": 1}\n')
            taken.wait(10)

    feeder = threading.Thread(target=feed)
    feeder.start()
    rows = read_rows(str(pipe))
    assert next(rows) == Row(0, {"n": 1})
    assert not taken.is_set()
    taken.set()
    assert list(rows) == []
    feeder.join()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"n": 1}\n' * 7, 7),
        (b'{"n": 1}', 1),
        (b'{"n": "abcdef"}\n' * 200_000, 200_000),
        (b"[]", 0),
        (b'{\n"n": 1}', 0),
        (b"", 0),
    ],
)
def test_estimate(tmp_path, text, expected):
    """The number of JSON Lines is estimated to within a hundredth; of anything else it is unknown."""
    assert estimate_rows(str(write(tmp_path, text))) == pytest.approx(expected, rel=0.01)


def test_estimate_of_a_stream():
    """Nobody knows how much is to come on stdin, or in a file that is not there."""
    assert estimate_rows("-") == estimate_rows("none.jsonl") == 0
