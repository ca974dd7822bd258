"""What holds for the process: signals, pipes, streaming and terminals. Each test starts one or a few."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.cli.running import PAIR, SCRIPTED, row, start, write

JSON = (*SCRIPTED, "--format", "json")
SLOW = (*SCRIPTED, "--engine-arg", "latency=0.1", "--concurrency", 1)


def many(count):
    return "".join(row(query=f"q{number}", responses=["a", "bb"]) for number in range(count))


def test_a_long_file_streams():
    """The first line comes out while most of 5,000 rows are not read yet; all come out, in order."""
    lines = many(5000).encode().splitlines(keepends=True)
    came_out = threading.Event()

    def feed(pipe):
        pipe.writelines(lines[:10])
        pipe.flush()
        assert came_out.wait(20)
        pipe.writelines(lines[10:])
        pipe.close()

    with start("rank", "-", *JSON) as process:
        feeder = threading.Thread(target=feed, args=[process.stdin])
        feeder.start()
        first = process.stdout.readline()
        came_out.set()
        rest = process.stdout.readlines()
        feeder.join()
        assert process.wait(20) == 0
        assert process.stderr.read() == b""
    assert [json.loads(line)["id"] for line in (first, *rest)] == list(range(5000))


def test_a_row_is_ranked_while_nothing_follows():
    """A program may write a row, wait for its line, and write the next."""
    with start("rank", "-", *JSON, bufsize=0) as process:
        for number in range(3):
            process.stdin.write(PAIR.encode())
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(20) == 0
        assert process.stdout.read() == b""


def interrupt(process):
    """Send Ctrl-C; the seconds until the process has ended, with its stderr."""
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(20)
    return time.monotonic() - begun, process.stderr.read().decode()


def test_interrupted_while_judging(tmp_path):
    """Ctrl-C ends in 130 within seconds; the rows done so far stand in the output file, whole."""
    target = tmp_path / "out"
    with start("rank", write(tmp_path, many(100)), *SLOW, "--output", target) as process:
        _wait_until(lambda: target.exists() and target.read_bytes().count(b"\n") >= 2)
        seconds, said = interrupt(process)
        assert process.returncode == 130
    assert seconds < 5
    assert said.strip() == "rrm: interrupted; what was done so far is written"
    lines = target.read_text("utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == list(range(len(lines)))
    assert 2 <= len(lines) < 100


def test_interrupted_while_waiting_for_stdin():
    """Ctrl-C ends it too where nothing comes on stdin, before the first row as behind it."""
    with start("rank", "-", *JSON, bufsize=0) as process:
        process.stdin.write(PAIR.encode())
        assert process.stdout.readline()
        seconds, said = interrupt(process)
        assert process.returncode == 130
    assert seconds < 5
    assert said.strip() == "rrm: interrupted; what was done so far is written"


@pytest.mark.parametrize("command", ["rank", "parse"])
def test_a_reader_that_leaves(tmp_path, command):
    """Where whoever reads our output goes (`| head -1`), we end quietly and soon."""
    rows = "".join(row(query="q", responses=["a", "bb"], text=r"\boxed{1}" * 100) for _ in range(2000))
    options = JSON if command == "rank" else ()
    with start(command, write(tmp_path, rows), *options) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 0
        assert process.stderr.read() == b""


def _wait_until(condition):
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@contextmanager
def terminal(width=100) -> Iterator[tuple[int, int]]:
    """A pseudo-terminal: the end to read from, and the end that a process takes for its terminal."""
    screen, line = pty.openpty()
    fcntl.ioctl(line, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    yield screen, line
    os.close(screen)


def on_terminal(*arguments, stdout=subprocess.PIPE, **environment):
    """Run with stderr (and stdout, unless it is named) on a terminal; code, stdout, and what stood on the screen."""
    with terminal() as (screen, line):
        options = {"stderr": line, "stdout": stdout or line, "env": {**os.environ, "TERM": "xterm", **environment}}
        with start(*arguments, **options) as process:
            os.close(line)
            shown = b"".join(_read_all(screen))
            out = process.stdout.read() if process.stdout else b""
        return process.returncode, out.decode(), shown.decode()


def _read_all(screen):
    while True:
        try:
            text = os.read(screen, 65536)
        except OSError:  # what Linux says when the other end is closed
            return
        if not text:
            return
        yield text


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of over a second, all at once: on a terminal, with results on it too, with --quiet, and without one."""
    command = ("rank", write(tmp_path_factory.mktemp("rows"), many(16)), *SLOW, "--format", "json")

    def off_terminal():
        environment = {**os.environ, "FORCE_COLOR": "1", "TTY_INTERACTIVE": "1"}
        with start(*command, env=environment) as process:
            out, err = process.communicate(timeout=20)
            return process.returncode, out.decode(), err.decode()

    with ThreadPoolExecutor() as pool:
        started = {
            "terminal": pool.submit(on_terminal, *command),
            "same terminal": pool.submit(on_terminal, *command, stdout=None),
            "quiet": pool.submit(on_terminal, *command, "--quiet"),
            "no terminal": pool.submit(off_terminal),
        }
        return {name: done.result() for name, done in started.items()}


def test_progress_on_a_terminal(runs):
    """A run of more than a second shows matches, tokens per second and time left, and takes them away again."""
    code, out, shown = runs["terminal"]
    assert code == 0
    assert [json.loads(line)["id"] for line in out.splitlines()] == list(range(16))
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown)
    assert re.search(r"judging .* \d+/16 matches \d+ tokens/s 0:00:0\d", text)
    assert shown.endswith("\x1b[2K")


def test_results_on_the_same_terminal(runs):
    """Where results go to the terminal too, each stands on lines of its own and not in the bar."""
    code, _, shown = runs["same terminal"]
    assert code == 0
    assert "judging" in shown
    found = [re.split(r"[\r\n]|\x1b\[[\d;?]*[A-Za-z]", part)[-1] for part in shown.split('{"id":')[:-1]]
    assert found == [""] * 16


@pytest.mark.parametrize("how", ["quiet", "no terminal"])
def test_no_progress(runs, how):
    """With --quiet, or where stderr is no terminal (even if colours are forced), nothing is written to it."""
    code, out, err = runs[how]
    assert (code, err) == (0, "")
    assert out == runs["terminal"][1]


def test_no_progress_within_a_second(tmp_path):
    """What is done within the second leaves the terminal as it was."""
    code, out, shown = on_terminal("rank", write(tmp_path, many(2)), *SLOW, "--format", "json")
    assert (code, shown) == (0, "")
    assert out.count("\n") == 2


def test_the_module_and_the_script_are_one():
    """`python -m rrm` is `rrm`."""
    with start("--version") as process:
        out, _ = process.communicate(timeout=20)
    assert out.startswith(b"rrm, version ")
