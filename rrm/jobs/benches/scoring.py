"""Figures without a judge: of predictions that were recorded elsewhere, and of an earlier run, counted by other rules."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from rrm.benchmarks.base import Item, Policy
from rrm.benchmarks.figures import Heard
from rrm.errors import InputError, UnknownNameError
from rrm.jobs.benches.bench import Outcome, complete_run, usage_of
from rrm.jobs.benches.data import facts_of
from rrm.jobs.benches.folder import RunFolder
from rrm.jobs.benches.items_file import ItemLine, encode, item_line, read_items, reread_line
from rrm.jobs.benches.plan import Plan
from rrm.jobs.benches.predicted_orders import notes_on, orders_of
from rrm.jobs.benches.predictions import most_votes, read_predictions
from rrm.jobs.benches.report import Report, report_values, write_report
from rrm.jobs.benches.selection import orders_asked
from rrm.judging.prompts import Prompt
from rrm.ranking import JudgeInfo, RewardInfo
from rrm.rows.stored import StoredFiles

__all__ = ["reparse", "run_in", "score_predictions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    """What is counted, and what the report says of it besides its figures."""

    plan: Plan
    said: Iterable[tuple[Item, ItemLine]]
    """Gone through once."""
    orders: tuple[str, ...]
    settings: Mapping[str, Any]
    judge: JudgeInfo | None = None
    rewards: tuple[RewardInfo, ...] = ()
    seconds: float = 0.0

    def report(self, file: BinaryIO | None = None) -> Report:
        """The report; each item's line is written to the file, if there is one."""
        heard: list[Heard] = []
        usage = usage_of(())
        for item, line in self.said:
            if file is not None:
                file.write(encode(line).encode() + b"\n")
            heard.append(line.heard(item))
            usage = {name: usage[name] + count for name, count in usage_of([line]).items()}
        return Report(
            figures=self.plan.figures(heard, self.orders),
            judge=self.judge,
            rewards=self.rewards,
            usage=usage,
            data=facts_of(self.plan.data),
            settings=self.settings,
            command=self.plan.command,
            seconds=self.seconds,
        )

    def publish(self, folder: RunFolder) -> Outcome:
        with folder.partial.open("wb") as file:
            report = self.report(file)
        with folder.publishing():
            notes = write_report(folder.path, report)
        return Outcome(report_values(report), notes=notes)


def score_predictions(
    plan: Plan,
    file: str,
    prompt: Prompt,
    output: str | Path | None = None,
    *,
    given: Collection[str] = (),
    overwrite: bool = False,
) -> Outcome:
    """The figures of recorded predictions; with an output, in a folder, as a run has them.

    `given` names what the user asked for: without "order", the orders are those in which the file has predictions;
    without "votes", all votes are counted; with "prompt", texts are read by its format even where a vote stands beside
    them. What the file has no prediction of is missing: counted, and a failure to every metric. Raises InputError for a
    file that can't be used.
    """
    everything = plan.items()
    said = read_predictions(file, plan.benchmark, everything, prompt, reads_all="prompt" in given)
    items = plan.selected(everything)
    chosen = orders_asked(plan.benchmark, plan.order)
    # Of the whole file: what one subset happens to lack must not change how the others count.
    orders = chosen if "order" in given else orders_of(plan.benchmark, everything, said)
    notes = notes_on(plan.benchmark, items, said, orders)
    most = most_votes(said)
    plan = _with_votes(plan, (most,), most, file, is_given="votes" in given)
    digest = StoredFiles(file, [Path(file)]).digest()
    settings = plan.settings(plan.data.digest()) | {
        "predictions": digest,
        "samples": most,
        "orders": orders,
        "prompt": prompt.name,
        "prompt_sha256": prompt.sha256,
        "reads_texts": "prompt" in given,
    }
    count = _Count(
        plan=plan,
        said=((item, item_line(item, said.get(item.id, ()))) for item in items),
        orders=orders,
        settings=msgspec.to_builtins(settings),
    )
    if output is None:
        return Outcome(report_values(count.report()), notes=notes)
    folder = RunFolder(Path(output), plan.folder_of_data)
    with folder.alone():
        outcome = complete_run(folder, count.settings, overwrite=overwrite) or count.publish(folder)
    return replace(outcome, notes=(*notes, *outcome.notes))


def _with_votes(plan: Plan, default: tuple[int, ...], most: int, where: str, *, is_given: bool) -> Plan:
    """The plan with numbers of votes that there are."""
    if not is_given:
        return replace(plan, votes=default)
    if max(plan.votes) > most:
        raise InputError(
            f"votes: {max(plan.votes)} are asked for, and {where} has at most {most} of an item in an order"
        )
    return plan


def reparse(plan: Plan, output: str | Path, prompt: Prompt | None, *, given: Collection[str] = ()) -> Outcome:
    """Count an earlier run's votes again; with a prompt, as its format reads the same texts.

    `given` names what the plan changes ("votes", "ties", "failures", "resamples"); all else is as the run itself had it,
    whatever it was counted by since, so that nothing given is that run again. The folder's report and items are replaced.
    Raises InputError where it has no run of this benchmark over the plan's data.
    """
    report = run_in(output)
    folder = RunFolder(Path(output), plan.folder_of_data)
    _check_same(plan, report, str(output))
    with folder.alone():
        return _count_again(plan, folder, report, prompt, given).publish(folder)


def run_in(output: str | Path) -> dict[str, Any]:
    """The report of the run in a folder. Raises InputError where there is none that can be counted again."""
    there = Path(output).is_dir()
    folder = RunFolder(Path(output)) if there else None
    report = folder.report() if folder else None
    if folder is None or report is None or not folder.items.exists():
        why = "" if there else " (there is no such folder)"
        raise InputError(f"{output} has no complete run to be counted again{why}: name the folder of one with --output")
    return report


def _check_same(plan: Plan, report: Mapping[str, Any], output: str) -> None:
    if report["benchmark"] != plan.benchmark.name:
        raise InputError(f"{output} has a run of {report['benchmark']}, not of {plan.benchmark.name}")
    if report["settings"]["data"] != plan.data.digest():
        raise InputError(
            f"{output} has a run over other data ({report['data']['name']}) than {plan.data.name}: name that with --data"
        )


def _count_again(
    plan: Plan, folder: RunFolder, report: Mapping[str, Any], prompt: Prompt | None, given: Collection[str]
) -> _Count:
    first = {name: value for name, value in report["settings"].items() if name != "reparsed"}
    if prompt and "reward" in first:
        raise InputError(f"{folder.path} has scores of a reward, which no prompt can read again: leave out --prompt")
    most = first["judge"]["votes"] if first.get("judge") else first["samples"]
    plan = replace(
        _with_votes(plan, tuple(first["votes"]), most, str(folder.path), is_given="votes" in given),
        policy=Policy(
            plan.policy.ties if "ties" in given else first["ties"],
            plan.policy.failures if "failures" in given else first["failures"],
        ),
        resamples=plan.resamples if "resamples" in given else first["resamples"],
        seed=first["seed"],
    )
    new = msgspec.to_builtins(plan.settings(first["data"]))
    changed = {name: new[name] for name in ("votes", "ties", "failures", "resamples") if new[name] != first[name]}
    if prompt and _reads_otherwise(prompt, first.get("judge") or first, folder.items):
        changed |= {"prompt": prompt.name, "prompt_sha256": prompt.sha256}
    return _Count(
        plan=plan,
        said=_read_again(plan, folder.items, prompt),
        orders=tuple(report["orders"]),
        settings=first | ({"reparsed": changed} if changed else {}),
        judge=msgspec.convert(report["judge"], JudgeInfo | None),
        rewards=msgspec.convert(report.get("rewards", ()), tuple[RewardInfo, ...]),
        seconds=report["seconds"],
    )


def _reads_otherwise(prompt: Prompt, first: Mapping[str, Any], items: Path) -> bool:
    """Whether a format is another than the run's own, or makes something else of its texts, as of those beside votes."""
    if prompt.sha256 != first["prompt_sha256"]:
        return True
    return any(reread_line(line, prompt).first_readings for line in read_items(items))


def _read_again(plan: Plan, path: Path, prompt: Prompt | None) -> Iterator[tuple[Item, ItemLine]]:
    known = {item.id: item for item in plan.items()}
    for line in read_items(path):
        if line.id not in known:
            raise UnknownNameError(f"item in {path}", line.id, known)
        yield known[line.id], reread_line(line, prompt)
