"""JSON: what counts as rows, what becomes of a row that can't be read, and where reading goes on."""

import gzip
import os
import re
import threading
import tracemalloc
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.errors import InputError
from rrm.rows import BadRow, Row, open_source
from tests.cli.running import write
from tests.rows.reading import check_every_position, only_bad, rows_of


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
    assert numbers(rows_of(write(tmp_path, text))) == [1, 2]


@pytest.mark.parametrize(
    "text", [b'{"n": 1}', b'{"n": 1}\n', b'\n{"n": 1}\n\n', b'{\n  "n": 1\n}\n', b'\xef\xbb\xbf{"n":\r\n1}']
)
def test_one_object(tmp_path, text):
    """A file that is one object, on one line or several, is one row."""
    assert numbers(rows_of(write(tmp_path, text))) == [1]


@pytest.mark.parametrize("text", [b"", b"\n", b" \r\n\n", b"\xef\xbb\xbf", b"[]", b"[\n]\n"])
def test_nothing(tmp_path, text):
    """An empty file, a blank one and an empty array hold no rows."""
    assert rows_of(write(tmp_path, text)) == []


@pytest.mark.parametrize(
    ("value", "kind"), [("3", "a number"), ('"text"', "a string"), ("null", "null"), ("true", "a boolean")]
)
def test_a_scalar_is_no_rows(tmp_path, value, kind):
    """A file that is one value and neither object nor array is refused as a whole, by the type it is."""
    with pytest.raises(InputError, match=f"must hold a JSON object, an array of objects, or JSON Lines, not {kind}"):
        rows_of(write(tmp_path, value))


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
    *good, bad, last = rows_of(file)
    assert numbers(good) == ([0] if before else [])
    assert isinstance(bad, BadRow)
    line_number = 3 if before else 1
    assert bad.error.startswith(f"{file}:{line_number}: ")
    assert re.search(said, bad.error)
    assert (last.number, last.values) == (len(good) + 1, {"n": 2})


def test_a_bad_item_of_an_array_is_named(tmp_path):
    """An item of an array that is no object is a bad row that names file and item."""
    file = write(tmp_path, b'[{"n": 1}, [2], {"n": 3}]')
    assert rows_of(file) == [
        Row(0, {"n": 1}, 1),
        BadRow(1, f"{file}, item 1: a row must be a JSON object, not an array", 2),
        Row(2, {"n": 3}, 3),
    ]


@contextmanager
def fed(pipe, *chunks):
    """A pipe that is written chunk by chunk and left open until the end."""
    os.mkfifo(pipe)
    taken = threading.Event()

    def feed():
        with pipe.open("wb", buffering=0) as end:
            for chunk in chunks:
                end.write(chunk)
            assert taken.wait(20)

    feeder = threading.Thread(target=feed)
    feeder.start()
    yield open_source(str(pipe)).rows(), taken
    taken.set()
    feeder.join()


def test_a_row_is_there_before_the_next_line_is(tmp_path):
    """From a pipe, an object on a line of its own is a row at once."""
    with fed(tmp_path / "pipe", b'\n{"n": 1}\n') as (rows, taken):
        assert next(rows) == Row(0, {"n": 1}, 10)
        assert not taken.is_set()
        taken.set()
        assert list(rows) == []


def test_a_bad_row_is_there_before_the_next_line_is(tmp_path):
    """A first line that no continuation can make JSON is a bad row at once, and what follows is rows."""
    with fed(tmp_path / "pipe", b"{'n': 1}\n", b'{"n": 2}\n') as (rows, taken):
        assert next(rows).error.startswith(f"{tmp_path / 'pipe'}:1: malformed JSON")
        assert next(rows) == Row(1, {"n": 2}, 18)
        assert not taken.is_set()


@pytest.mark.parametrize(
    "text", [b'[\n{"n": 1},\n{"n": 2}\n]\n', b'{"n": \n{"n": 1}\n{"n": 2}\n', b'3\n{"n": 1}\n{"n": 2}']
)
def test_a_pipe_is_read_as_a_file_is(tmp_path, text):
    """Whatever has to be read to know which format it is, no row of a pipe is lost or read twice."""
    expected = [row for row in rows_of(write(tmp_path, text)) if isinstance(row, Row)]
    with fed(tmp_path / "pipe", text) as (rows, taken):
        taken.set()
        assert [row for row in rows if isinstance(row, Row)] == expected
    assert numbers(expected) == [1, 2]


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
    assert open_source(str(write(tmp_path, text))).estimate() == pytest.approx(expected, rel=0.01)


def test_estimate_of_what_nobody_knows(tmp_path):
    """Nobody knows how much is to come on stdin, or was in a file that is gone."""
    gone = open_source(str(write(tmp_path, b"{}")))
    (tmp_path / "rows.jsonl").unlink()
    assert gone.estimate() == open_source("-").estimate() == 0


LINES = st.lists(
    st.sampled_from(
        [
            b'{"n": 1}',
            b'{"text": "\xc3\xa9"}',
            b'  {"n": 2} ',
            b'{"n": 3}\r',
            b"",
            b" \t\r",
            b'{"n": ',
            b"[1]",
            b"\xff",
            b"null",
        ]
    ),
    max_size=12,
)


@given(LINES, st.sampled_from([b"", b"\xef\xbb\xbf"]), st.sampled_from([b"", b"\n", b"\n\n"]))
def test_lines_go_on_from_every_position(tmp_path_factory, lines, mark, end):
    """From the end of any row on, the rest is what a full read gives behind it."""
    text = mark + b"\n".join([b'{"n": 0}', *lines]) + end
    check_every_position(write(tmp_path_factory.getbasetemp(), text, "going_on.jsonl"))


@pytest.mark.parametrize(
    "text", [b"[]", b'[{"n": 1}, 2, {"n": 3}, {"n": 4}]', b'{\n"n": 1}', b'{"n": \n{"n": 2}\n{"n": 3}']
)
def test_other_json_goes_on_from_every_position(tmp_path, text):
    """The same for one value, and for lines of which the first is bad."""
    check_every_position(write(tmp_path, text))


def test_what_lies_before_a_position_is_not_read(tmp_path):
    """Behind the first line, which says that the file is JSON Lines, reading starts at the position."""
    file = write(tmp_path, b'{"n": 0}\n{"n": 1}\n{"n": 2}\n')
    *_, last = rows_of(file)
    end = rows_of(file)[1].end
    with file.open("r+b") as open_file:
        open_file.seek(9)
        open_file.write(b"XXXXXXXX")
    assert list(open_source(str(file)).rows(end, 2)) == [last]


def test_a_bad_row_behind_a_position_is_named_by_its_byte(tmp_path):
    """Nobody has counted the lines before a position."""
    file = write(tmp_path, b'{"n": 0}\n\n[1]\n{"n": \n')
    source = open_source(str(file))
    assert [row.error.partition(": ")[0] for row in source.rows(9, 1)] == [f"{file}, byte 10", f"{file}, byte 14"]
    assert [row.error.partition(": ")[0] for row in only_bad(source.rows())] == [f"{file}:3", f"{file}:4"]


def test_stdin_and_pipes_are_read_once(tmp_path):
    """Nothing that goes on, or compares with an earlier run, can be done with what is gone when it is read."""
    os.mkfifo(tmp_path / "pipe")
    for name, shown in [("-", "<stdin>"), (str(tmp_path / "pipe"), str(tmp_path / "pipe"))]:
        source = open_source(name)
        assert source.name == shown
        for ask in (source.stamp, source.digest, lambda rows=source.rows: next(rows(3, 1))):
            with pytest.raises(InputError, match=re.escape(f"{shown} can't be read a second time") + ".*name a file"):
                ask()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"PAR1\x15\x04", "it is Parquet.* suffix .parquet"),
        (gzip.compress(b"{}", mtime=0), "compressed"),
        (b"\x28\xb5\x2f\xfd\0", "compressed"),
        (b"PK\x03\x04\0", "archive"),
    ],
)
def test_what_is_no_json_at_all_is_refused_as_a_whole(tmp_path, text, said):
    """Under a name that tells nothing, other formats are known by how they start, not row by row."""
    with pytest.raises(InputError, match=f"rows can't be read as JSON: .*{said}"):
        rows_of(write(tmp_path, text, "rows"))


@pytest.mark.parametrize("first", [b"", b"{'a': 1}\n", b'{"a":\n'])
def test_a_large_file_is_streamed(tmp_path, first):
    """Reading 25 MB of JSON Lines takes no more memory than a few lines, even if the first is bad."""
    file = write(tmp_path, first + b'{"text": "%s"}\n' % (b"x" * 5000) * 5000)
    tracemalloc.start()
    count = sum(isinstance(row, Row) for row in open_source(str(file)).rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, peak < 8_000_000) == (5000, True)
