"""What people see: tables, brackets, and texts that would like to drive their terminal."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from rrm import Contest, Judge
from rrm.cli.tables import bracket_lines, show_comparison, show_ranking
from rrm.cli.terminal import counted, printable
from rrm.ranking import Comparison, PlayedMatch
from rrm.types import Tally
from tests.cli.running import SCRIPTED, row, run, write

# Each rank on the lengths of the responses, so that the longest wins.
LENGTHS = [3, 9, 1, 13, 7, 5, 11, 2, 12, 4, 8, 6, 10]


@pytest.fixture(scope="module")
def judge():
    with Judge(engine="scripted") as one:
        yield one


def knockout(judge, count):
    return judge.rank("q", ["x" * length for length in LENGTHS[:count]])


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_bracket(judge, count):
    """A bracket has every contestant once where it enters, every match once with its votes, and the winner at the end."""
    ranking = knockout(judge, count)
    lines = bracket_lines(ranking.matches)
    drawn = "\n".join(lines)
    assert drawn.count("├─") == count - 1 == len(ranking.matches)
    if count > 1:
        entered = [line.split()[0] for line in lines if line.startswith("#")]
        assert sorted(entered) == sorted(f"#{index}" for index in range(count))
        assert max(lines, key=len).rstrip(" ┐┘│")
        final = max((line for line in lines if "├─" in line), key=lambda line: line.index("├─"))
        assert final.split("├─")[1].startswith(f" #{ranking.best} (")
        assert drawn.count("┐") == drawn.count("┘") == count - 1
        assert not any(line != line.rstrip() for line in lines)


@pytest.mark.parametrize("count", [2, 3, 5, 8, 13])
def test_bracket_lines_join(judge, count):
    """Every connection goes on: what stands above and below a corner, a bar or a branch is another of them."""
    lines = bracket_lines(knockout(judge, count).matches)
    width = max(map(len, lines))
    grid = [line.ljust(width) for line in lines]
    for y, line in enumerate(grid):
        for x, sign in enumerate(line):
            if sign in "┐│├":
                assert grid[y + 1][x] in "│├┘", (x, y, lines)
            if sign in "┘│├":
                assert grid[y - 1][x] in "│├┐", (x, y, lines)


def test_settled_matches_are_marked():
    """A match that no vote decided says what did."""
    with Judge(engine="scripted", engine_args={"prefer": "never"}) as undecided:
        (match,) = undecided.rank("q", ["a", "b"]).matches
    assert f"├─ #{match.winner} (0:0, settled by the draw)" in bracket_lines([match])[1]


def test_ties_are_counted_apart():
    """Ties show beside the votes for either side."""
    with Judge(engine="scripted", prompt="mt_bench_pair", order="both", engine_args={"prefer": "first"}) as one:
        ranking = one.rank("q", ["a", "b"])
    assert "(1:1, settled by the draw)" in bracket_lines(ranking.matches)[1]


def shown(ranking, contest, width=80):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    for thing in show_ranking(ranking, contest):
        console.print(thing, soft_wrap=isinstance(thing, str), markup=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 80, 200])
def test_table_fits_the_terminal(judge, width):
    """Long texts, wide characters and line breaks give way to the width; places and scores never do."""
    responses = ["word " * 500, "日本語のテキスト" * 40, "a\nb\r\n\tc", "👩‍👩‍👧 family"]
    lines = shown(judge.rank("q", responses), Contest("q", responses), width)
    table = [line for line in lines if line.startswith(("┏", "┃", "┡", "│", "└"))]
    assert len(table) == 3 + 4 + 1
    assert {cell_len(line) for line in table} == {width}
    assert "┃ place ┃ response ┃ score ┃ text" in table[1]
    assert any("│ a b c" in line for line in table)
    assert sum("…" in line for line in table) == 2


def test_equal_scores_share_a_place(judge):
    """Responses with equal scores stand on the same place."""
    responses = ["a", "bb", "bb", "c" * 3]
    lines = shown(judge.rank("q", responses, strategy="elo"), Contest("q", responses))
    places = [line.split()[1] for line in lines if line.startswith("│") and "#" in line]
    assert places == ["1", "2", "2", "4"]


def test_few_matches_are_listed_and_many_are_not(judge):
    """A small round robin lists its matches; a large one would fill screens."""
    few, many = ["x" * length for length in LENGTHS[:4]], ["x" * length for length in LENGTHS]
    lines = shown(judge.rank("q", few, strategy="elo"), Contest("q", few))
    assert sum(line.startswith("#") for line in lines) == 6
    lines = shown(judge.rank("q", many, strategy="elo"), Contest("q", many))
    assert not any(line.startswith("#") for line in lines)
    assert any("78 matches, 78 votes" in line for line in lines)


def test_failed_comparison_shows_nothing():
    """A comparison without a verdict has its failed line elsewhere."""
    assert list(show_comparison(Comparison(error="no"), transcripts=True)) == []


NASTY = "\x1b[31mred\x1b]0;title\x07 \x08\r\x00\x9b2J \u202eevil\u2066 [bold]b[/bold] [/oops] \x7f"


@pytest.mark.parametrize("command", ["rank", "compare"])
def test_texts_cant_drive_the_terminal(tmp_path, command):
    """Control characters in ids, queries, responses, keys and errors are shown as escapes; markup is not interpreted."""
    good = row(id=NASTY, query=NASTY, responses=[NASTY, "b"], first=NASTY, second="b")
    bad = row(**{"id": "bad" + NASTY, "query": "q", NASTY: 1})
    result = run(command, write(tmp_path, good + bad), *SCRIPTED)
    assert result.code == 4
    written = result.out + result.err
    assert not set(written) & set("\x1b\x07\x08\r\x00\x9b\u202e\u2066\x7f")
    assert "\\x1b[31mred\\x1b]0;title\\x07" in result.out
    assert "[bold]b[/bold] [/oops]" in result.out


def test_transcripts_cant_drive_the_terminal():
    """What a judge said is shown with its line breaks and without its control characters."""
    with Judge(engine="scripted") as one:
        verdict = one.compare("q", "a", "b")
    texts = [str(thing) for thing in show_comparison(Comparison(verdict), transcripts=True)]
    assert any(text.startswith("--- shown as ") for text in texts)
    assert printable("a\n\tb\x1b[2J") == "a\n\tb\\x1b[2J"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("日本語 é 👩‍👩‍👧 \u3000\u00a0", "日本語 é 👩‍👩‍👧 \u3000\u00a0"),
        ("\x00\x1b\x9b\x7f", "\\x00\\x1b\\x9b\\x7f"),
        ("\u2028\u202e\u2066\ud800", "\\u2028\\u202e\\u2066\\ud800"),
        ("a\r\nb", "a\\r\nb"),
    ],
)
def test_printable(text, said):
    """Only what acts on a terminal, or is no text, is escaped."""
    assert printable(text) == said


def test_counted():
    """A noun has its number."""
    assert (counted(1, "vote"), counted(0, "vote"), counted(2, "match", "matches")) == (
        "1 vote",
        "0 votes",
        "2 matches",
    )


def played(number, round_number, first, second, winner):
    votes = Tally(first=3) if winner == first else Tally(first=1, second=2)
    return PlayedMatch(number, round_number, first, second, winner, votes)


def test_bracket_goldens():
    """Small brackets, as they stand on the screen."""
    assert bracket_lines([]) == []
    assert bracket_lines([played(1, 1, 0, 1, 1)]) == [
        "#0 ┐",
        "   ├─ #1 (1:2)",
        "#1 ┘",
    ]
    assert bracket_lines([played(1, 1, 1, 0, 1), played(2, 2, 2, 1, 1)]) == [
        "#2 ────────────┐",
        "               ├─ #1 (1:2)",
        "#1 ┐           │",
        "   ├─ #1 (3:0) ┘",
        "#0 ┘",
    ]
    semi_finals = [played(2, 2, 0, 1, 0), played(3, 2, 2, 10, 2)]
    assert bracket_lines([played(1, 1, 3, 10, 10), *semi_finals, played(4, 3, 0, 2, 0)]) == [
        "#0 ┐",
        "   ├─ #0 (3:0) ──────────────┐",
        "#1 ┘                         │",
        "                             ├─ #0 (3:0)",
        "#2 ──────────────┐           │",
        "                 ├─ #2 (3:0) ┘",
        "#3 ─┐            │",
        "    ├─ #10 (1:2) ┘",
        "#10 ┘",
    ]
