"""Meters, and when a bar may be seen. Real terminals are in tests/cli/test_process.py."""

import io
import threading
import time
from contextlib import redirect_stderr, redirect_stdout

import pytest
from rich.progress import Progress

from rrm import progress
from rrm.progress import Meter, bars_hidden, metering
from rrm.types import Usage


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def due(monkeypatch):
    """Bars appear soon; on terminals of the usual kind."""
    monkeypatch.setattr(progress, "_SHOWN_AFTER", 0.02)
    monkeypatch.setenv("TERM", "xterm")


def wait_for(screen, text):
    until = time.monotonic() + 5
    while text not in screen.getvalue():
        assert time.monotonic() < until, screen.getvalue()
        time.sleep(0.01)


def test_total_from_what_has_begun():
    """The total is guessed from the contests that have begun and how many there are, and known once all have."""
    bar = Progress()
    meter = Meter(bar, contests=4)
    task = bar.tasks[0]
    assert (task.description, task.total) == ("loading the judge", None)
    for matches, total in ((3, 12), (5, 16), (3, 15), (1, 12)):
        meter.begin(matches)
        assert (task.description, task.total) == ("judging", total)


def test_total_without_a_count():
    """Where nobody knows how many contests there are, the total is what has begun."""
    bar = Progress()
    meter = Meter(bar)
    meter.begin(3)
    meter.begin(4)
    assert bar.tasks[0].total == 7


def test_tokens_per_second():
    """The rate is counted from the first contest on, so that loading a model is not in it."""
    now = [100.0]
    bar = Progress(get_time=lambda: now[0])
    meter = Meter(bar)
    now[0] = 400.0
    meter.begin(2)
    now[0] = 402.0
    meter.played(Usage(completion_tokens=50))
    meter.played(Usage(completion_tokens=150))
    assert bar.tasks[0].completed == 2
    assert bar.tasks[0].fields["rate"] == "100 tokens/s"


def test_a_changed_total_keeps_the_time_left():
    """Contests that begin one by one don't throw the measured speed away."""
    now = [0.0]
    bar = Progress(get_time=lambda: now[0])
    meter = Meter(bar, contests=10)
    for _ in range(5):
        meter.begin(1)
        now[0] += 1.0
        meter.played(Usage())
    assert bar.tasks[0].time_remaining == 5


def test_a_meter_nobody_sees():
    """Without a bar a meter takes everything and does nothing."""
    meter = Meter()
    meter.begin(3)
    meter.played(Usage())


@pytest.mark.parametrize("enabled", [True, False])
def test_no_terminal_no_bar(monkeypatch, due, enabled):
    """Nothing is written where stderr is no terminal, nor a thread started."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    threads = threading.active_count()
    with redirect_stderr(io.StringIO()) as stream, metering(enabled) as meter:
        meter.begin(1)
        assert threading.active_count() == threads
    assert stream.getvalue() == ""


def test_disabled_on_a_terminal(due):
    """Nothing is written where no bar is wanted."""
    threads = threading.active_count()
    with redirect_stderr(Terminal()) as screen, metering(False):
        assert threading.active_count() == threads
    assert screen.getvalue() == ""


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_short_work_shows_nothing(monkeypatch, term):
    """A bar that was not yet due never appears."""
    monkeypatch.setenv("TERM", term)
    with redirect_stderr(Terminal()) as screen, metering(True) as meter:
        meter.begin(1)
    assert screen.getvalue() == ""


def test_a_bar_appears_and_goes(due):
    """Longer work has a bar, which is gone at the end, also where the work fails."""
    with redirect_stderr(Terminal()) as screen:
        with pytest.raises(ZeroDivisionError), metering(True, 2) as meter:
            meter.begin(3)
            meter.played(Usage(completion_tokens=9))
            wait_for(screen, "1/6")
            raise ZeroDivisionError
        assert screen.getvalue().endswith("\x1b[2K")
    assert not progress._shown


def test_stdout_is_left_alone(due):
    """While a bar stands, what a program prints goes to stdout and not to the terminal."""
    with redirect_stderr(Terminal()) as screen, redirect_stdout(io.StringIO()) as stdout, metering(True):
        wait_for(screen, "loading the judge")
        print("a result")
    assert stdout.getvalue() == "a result\n"
    assert "a result" not in screen.getvalue()


def test_bars_give_way_to_results(due):
    """A bar is off the terminal while results are written to it, and comes back; another stream needs none of that."""
    with redirect_stderr(Terminal()) as screen, metering(True) as meter:
        meter.begin(1)
        wait_for(screen, "judging")
        with bars_hidden(screen):
            assert screen.getvalue().endswith("\x1b[2K")
            assert not progress._shown
        assert progress._shown
        with bars_hidden(io.StringIO()):
            assert progress._shown
