"""The job behind `rrm bench`: a benchmark's items go through a judge or a reward, and what it says becomes figures in a folder.

Items stream in the order of the data, from a bounded window; each one's line is written when it and all before it are
done. An item that the judge can't be asked about stops no other: it is counted, and tried again by the next run. What
was sampled is in the ledger, so a run that was interrupted goes on by asking again and paying for nothing twice.
"""

import logging
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import msgspec

from rrm import errors
from rrm.benchmarks.base import Item
from rrm.benchmarks.figures import Heard
from rrm.errors import EngineError, EngineRefusedError, InputError, RRMError
from rrm.jobs.benches.data import facts_of
from rrm.jobs.benches.differences import refusal
from rrm.jobs.benches.folder import RunFolder
from rrm.jobs.benches.items_file import ItemLine, encode, item_line, read_items
from rrm.jobs.benches.plan import Plan
from rrm.jobs.benches.report import Report, report_values, write_report
from rrm.jobs.benches.selection import check_fits, orders_asked, poll_of
from rrm.jobs.facts import rewards_of
from rrm.judge import Judge
from rrm.ranking import JudgeInfo, Polled
from rrm.types import Poll

__all__ = ["BenchJob", "Outcome", "Polls", "complete_run", "usage_of"]

_log = logging.getLogger("rrm")

_LOST_ENGINE = 16
"""So many items one after another that fail for want of an engine mean that there is none any more."""
_SAVE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run. `report` is what report.json holds."""

    report: Mapping[str, Any]
    failed: int = 0
    """Items that the judge could not be asked about."""
    retried: int = 0
    """Those of them that the next run tries again: the judge failed, and not what it was asked."""
    first_error: str = ""
    was_complete: bool = False
    """Whether the report was there already, and nothing was done."""
    notes: tuple[str, ...] = ()
    """What the user should be told, such as pictures that could not be drawn."""


class Polls(Protocol):
    """What can be asked about items: a judge, or a ranker by rewards, which is asked about single responses."""

    @property
    def kind(self) -> str: ...
    @property
    def settings(self) -> dict[str, object]: ...
    def open(self) -> object: ...
    def poll_many(self, polls: Iterable[Poll]) -> Iterator[Polled]: ...


class BenchJob:
    """A benchmark through a judge, or a ranker by rewards, into the folder `output`.

    A judge takes as many votes as the plan's largest number. `overwrite`: replace a run of other settings, and try
    again items that failed for themselves. Raises InputError for arguments that can't be used.
    """

    def __init__(self, plan: Plan, judge: Polls, output: str | Path, *, overwrite: bool = False) -> None:
        self._plan, self._judge, self._overwrite = plan, judge, overwrite
        self.output = Path(output)
        self._folder = RunFolder(self.output, plan.folder_of_data)
        self.done = 0
        """Items that are done, in this run, what came out of the ledger included."""
        self.expected = 0
        """How many items there are."""

    def run(self) -> Outcome:
        """Do the job, or what is left of it. Raises RRMError where it can't go on; what was sampled is kept then."""
        items = self._plan.selected(self._plan.items())
        self.expected = len(items)
        if isinstance(self._judge, Judge):
            check_fits(items, self._judge.prompt)
        settings = msgspec.to_builtins(self._plan.settings(self._plan.data.digest()) | self._own_settings())
        with self._folder.alone():
            if complete := complete_run(self._folder, settings, overwrite=self._overwrite):
                return complete
            return self._ask(items, settings)

    def _own_settings(self) -> dict[str, object]:
        if isinstance(self._judge, Judge):
            return {"judge": self._judge.settings}
        return {"reward": self._judge.settings, "samples": 1}

    def _ask(self, items: Sequence[Item], settings: Mapping[str, Any]) -> Outcome:
        orders = orders_asked(self._plan.benchmark, self._plan.order)
        polls = [poll_of(item, self._judge.kind, orders, self._plan.seed) for item in items]
        opened = self._judge.open()
        self._warn_of_equal_votes(opened)
        with self._timed(settings) as clock, self._folder.partial.open("wb") as file:
            said = _Said(file)
            with closing(self._polled(polls)) as answers:
                for item, polled in zip(items, answers, strict=True):
                    said.add(item, polled)
                    self.done += 1
                    clock.tick()
            said.check_some_are_judged()
        return self._publish(said, orders, opened, settings, clock.seconds)

    def _polled(self, polls: Sequence[Poll]) -> Generator[Polled]:
        yield from self._judge.poll_many(polls)

    def _warn_of_equal_votes(self, judge: object) -> None:
        if isinstance(judge, JudgeInfo) and judge.sampling.temperature == 0 and max(self._plan.votes) > 1:
            _log.warning(
                "the judge is sampled at temperature 0, so its %d votes on a case are the same one: --temperature 0.6, "
                "say, makes them differ",
                max(self._plan.votes),
            )

    @contextmanager
    def _timed(self, settings: Mapping[str, Any]) -> Iterator["_Clock"]:
        """Counts the run's time, that of its earlier attempts included."""
        clock = _Clock(self._folder, settings)
        try:
            yield clock
        finally:
            clock.save()

    def _publish(
        self, said: "_Said", orders: Sequence[str], opened: object, settings: Mapping[str, Any], seconds: float
    ) -> Outcome:
        plan = self._plan
        report = Report(
            figures=plan.figures(said.heard, orders),
            judge=opened if isinstance(opened, JudgeInfo) else None,
            rewards=tuple(rewards_of(opened)),
            usage=said.usage,
            data=facts_of(plan.data),
            settings=settings,
            command=plan.command,
            seconds=seconds,
        )
        with self._folder.publishing():
            notes = write_report(self.output, report)
        return Outcome(report_values(report), *_told(said.failures), notes=notes)


class _Said:
    """What the judge said so far: on the disk line by line, and in memory without its texts."""

    def __init__(self, file: BinaryIO) -> None:
        self.heard: list[Heard] = []
        self.failures: list[ItemLine] = []
        self.usage = usage_of(())
        self._file = file
        self._lost = 0
        """How many of the latest items failed for want of an engine."""

    def add(self, item: Item, polled: Polled) -> None:
        """Raises EngineError where there is no engine any more."""
        line = item_line(
            item,
            polled.opinions,
            polled.usage,
            error=polled.error,
            error_type=polled.error_type,
            notes=polled.notes,
        )
        self._file.write(encode(line).encode() + b"\n")
        self.heard.append(line.heard(item))
        self.usage = {name: self.usage[name] + count for name, count in usage_of([line]).items()}
        self._lost = 0 if line.error is None else self._lost
        if line.error is not None:
            self._fail(line)

    def check_some_are_judged(self) -> None:
        """Raises EngineError where all items failed, and the judge with them; InputError where it takes none of them."""
        if len(self.failures) < len(self.heard):
            return
        if any(map(_may_be_tried_again, self.failures)):
            raise EngineError(f"the items could not be judged: {self.failures[0].error}")
        raise InputError(f"the judge can't be asked about any of the items, the first because {self.failures[0].error}")

    def _fail(self, line: ItemLine) -> None:
        self.failures.append(line)
        kind = _kind(line)
        # A request that is refused for itself says nothing of the next item's.
        self._lost += issubclass(kind, EngineError) and kind is not EngineRefusedError
        if self._lost >= _LOST_ENGINE:
            raise EngineError(f"{self._lost} items one after another could not be judged: {line.error}")


class _Clock:
    """How long a run took, written down now and then for the next attempt."""

    def __init__(self, folder: RunFolder, settings: Mapping[str, Any]) -> None:
        self._folder, self._settings = folder, settings
        self._before = folder.seconds(settings)
        self._began = self._saved = time.monotonic()
        self.save()

    @property
    def seconds(self) -> float:
        return self._before + time.monotonic() - self._began

    def tick(self) -> None:
        if time.monotonic() - self._saved > _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        self._saved = time.monotonic()
        self._folder.save(self._settings, self.seconds)


def usage_of(lines: Sequence[ItemLine]) -> dict[str, int]:
    """What the samples of some items cost, as reports have it."""
    return {
        "samples": sum(len(line.opinions) for line in lines),
        "prompt_tokens": sum(line.usage.prompt_tokens for line in lines),
        "cached_tokens": sum(line.usage.cached_tokens for line in lines),
        "completion_tokens": sum(line.usage.completion_tokens for line in lines),
    }


def complete_run(folder: RunFolder, settings: Mapping[str, Any], *, overwrite: bool) -> Outcome | None:
    """The outcome of a run that is complete. Raises InputError where the folder has another's."""
    report = folder.report()
    if report is None:
        return None
    if not folder.is_of(report, settings):
        if overwrite:
            return None
        raise InputError(refusal(folder.path, report["settings"], settings))
    if not report["failures"].get("errors"):
        return Outcome(report, was_complete=True)
    failures = [line for line in read_items(folder.items) if line.error is not None] if folder.items.exists() else []
    is_left = not failures or overwrite or any(map(_may_be_tried_again, failures))
    return None if is_left else Outcome(report, *_told(failures), was_complete=True)


def _kind(line: ItemLine) -> type[Exception]:
    kind: type[Exception] = getattr(errors, line.error_type or "", RRMError)
    return kind


def _may_be_tried_again(line: ItemLine) -> bool:
    return issubclass(_kind(line), EngineError)


def _told(failures: Sequence[ItemLine]) -> tuple[int, int, str]:
    """How many failed, how many of them are tried again, and why the first one did."""
    first = failures[0].error or "" if failures else ""
    return len(failures), sum(map(_may_be_tried_again, failures)), first
