"""A report as a page to read, in Markdown: what a person who did not see the run wants to know of it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from rrm.benchmarks.base import Policy
from rrm.benchmarks.bootstrap import Estimate
from rrm.benchmarks.figures import Figures
from rrm.benchmarks.soft import Soft
from rrm.jobs.benches.reported import Report
from rrm.ranking import RewardInfo

__all__ = ["page"]


_MEANINGS = {
    "flip_rate": "pairs decided otherwise when the responses changed places",
    "first_preference": "votes for the response shown first, of those for one of the two",
    "longer_preference": "decisions for the longer response",
    "longer_is_better": "pairs in which the longer response is the better one",
    "right_when_longer": "decisions that are right where the longer response is the better one",
    "right_when_shorter": "decisions that are right where the shorter response is the better one",
}
_HONESTY = {
    "brier": "mean square of what probabilities are off the outcomes",
    "log_loss": "mean of -log of what was given to the outcome (nats)",
    "calibration_error": "mean distance of probability and outcome in bins of equal counts",
}
_TIES = {"half": "is half right", "wrong": "is wrong", "drop": "is left out"}
_FAILURES = {**_TIES, "tie": "counts as a tie", "random": "is decided by a coin"}


def page(report: Report, pictures: Sequence[str], notes: Iterable[str]) -> str:
    """The page; `pictures` are the files beside it, `notes` what is to be said of them."""
    blocks = (block for part in _parts(report, pictures, notes) for block in part)
    return "\n\n".join(blocks) + "\n"


def _parts(report: Report, pictures: Sequence[str], notes: Iterable[str]) -> Iterator[Iterator[str]]:
    figures = report.figures
    yield _head(report)
    yield _main(figures)
    yield _by_subset(figures)
    yield _by_votes(figures)
    yield _pictures(figures, pictures, notes)
    yield _failures(figures)
    yield _leanings(figures)
    yield _probabilities(figures, figures.soft)
    yield _cost(report)
    yield _counting(figures)
    yield _judge(report)
    yield _again(report)


def _head(report: Report) -> Iterator[str]:
    figures = report.figures
    yield f"# {_flat(figures.title)}"
    if report.rewards:
        yield f"{_rewarded(report.rewards)}. {_count(figures.items, 'item')}, each response scored once."
        return
    judge = f"Judge: {_code(report.judge.model)}" if report.judge else "Verdicts that were recorded before"
    yield f"{judge}. {_count(figures.items, 'item')}, {_count(figures.votes, 'vote')} for each order in which an item was shown."


def _rewarded(rewards: Sequence[RewardInfo]) -> str:
    return f"{'Reward' if len(rewards) == 1 else 'Rewards'}: {', '.join(_code(reward.model) for reward in rewards)}"


def _main(figures: Figures) -> Iterator[str]:
    yield "## Figures"
    rows = [(_words(name), *_value_and_interval(estimate)) for name, estimate in figures.metrics.items()]
    yield _table(("figure", "value", _interval_title(figures)), rows) if rows else "No figure is known."
    yield (
        f"Intervals are from {figures.resamples:,} resamples of the items (percentile bootstrap, by subset). They tell how "
        "the figures would differ with other items like these; one without width only says that all items count the same."
    )


def _by_subset(figures: Figures) -> Iterator[str]:
    if not figures.subsets:
        return
    names = list(dict.fromkeys(name for metrics in figures.subsets.values() for name in metrics))
    yield "## By subset"
    yield _table(
        ("subset", "items", *map(_words, names)),
        [
            (_name(name), f"{figures.subset_items[name]:,}", *(_both(metrics.get(one)) for one in names))
            for name, metrics in figures.subsets.items()
        ],
    )


def _by_votes(figures: Figures) -> Iterator[str]:
    if len(figures.curve) < 2:
        return
    yield "## By votes"
    yield _table(
        ("figure", *(_count(votes, "vote") for votes, _ in figures.curve)),
        [(_words(name), *(_both(metrics.get(name)) for _, metrics in figures.curve)) for name in figures.metrics],
    )
    yield "All columns are of the same samples: the first of each prompt."


def _pictures(figures: Figures, pictures: Sequence[str], notes: Iterable[str]) -> Iterator[str]:
    captions = {"curve.svg": "Figures over votes", "matrix.svg": figures.matrix.title if figures.matrix else ""}
    captions["reliability.svg"] = "Probabilities against outcomes"
    yield from (f"![{captions[name]}]({name})" for name in pictures)
    yield from (f"{note[:1].upper()}{note[1:]}" for note in notes)


def _failures(figures: Figures) -> Iterator[str]:
    told = {
        "unparsed": f"samples without a verdict that can be read, of {figures.samples:,}",
        "truncated": f"samples that were cut before their verdict, of {figures.samples:,}",
        "missing": "predictions that were expected and are not there: a pair in an order, or a response",
        "errors": "items that the judge could not be asked about",
    }
    yield "## Failures"
    rows = [(name, _with_share(name, figures), meaning) for name, meaning in told.items()]
    if figures.forced:
        meaning = f"samples that gave no verdict by themselves and were made to choose one, of {figures.samples:,}"
        rows.append(("forced", f"{figures.forced:,}", meaning))
    yield _table(("failure", "count", "what it counts"), rows)


def _with_share(name: str, figures: Figures) -> str:
    count = figures.failures[name]
    whole = {"unparsed": figures.samples, "truncated": figures.samples, "errors": figures.items}.get(name, 0)
    return f"{count:,} ({count / whole:.1%})" if count and whole else f"{count:,}"


def _leanings(figures: Figures) -> Iterator[str]:
    yield "## Position and length"
    known = [
        (_words(name), *_value_and_interval(figures.bias[name]), meaning)
        for name, meaning in _MEANINGS.items()
        if name in figures.bias
    ]
    yield _table(("figure", "value", _interval_title(figures), "share of"), known) if known else "Nothing is known."
    if unknown := [_words(name) for name in _MEANINGS if name not in figures.bias]:
        yield f"Unknown, as nothing here counts for it: {', '.join(unknown)}."


def _probabilities(figures: Figures, soft: Soft | None) -> Iterator[str]:
    if soft is None:
        return
    yield "## Probabilities"
    yield _table(
        ("figure", "as read", "calibrated", "what it is"),
        [
            (_words(name), f"{getattr(soft.before, name):.4f}", f"{getattr(soft.after, name):.4f}", meaning)
            for name, meaning in _HONESTY.items()
        ],
    )
    yield (
        f"Of {_count(soft.samples, 'sample')}, calibrated by the other half of the items each: what stands in "
        "[calibration.json](calibration.json) is fitted to all of them, and `--calibration` takes it."
    )
    rows = [(_words(name), *_value_and_interval(estimate)) for name, estimate in soft.accuracy.items()]
    yield _table((f"accuracy, of {_count(soft.pairs, 'pair')}", "value", _interval_title(figures)), rows)


def _cost(report: Report) -> Iterator[str]:
    rows = [(_words(name), f"{amount:,}") for name, amount in report.usage.items()]
    for name, tokens in report.figures.completion_tokens.items():
        rows += [] if tokens is None else [(f"completion tokens of a sample, {name}", f"{tokens:,.1f}")]
    yield "## Tokens and time"
    yield _table(("what", "amount"), [*rows, ("time", _time(report.seconds))])


def _counting(figures: Figures) -> Iterator[str]:
    yield "## How ties and failures were counted"
    yield f"The official protocol: {_flat(figures.official_note)}"
    yield "\n".join(
        (
            f"- A judge's tie where one response is better: {_rule(figures.policy.ties, figures.official.ties, _TIES)}.",
            f"- A decision whose votes are all lost or missing: {_rule(figures.policy.failures, figures.official.failures, _FAILURES)}.",
        )
    )
    if figures.policy != Policy():
        yield "These are not the official rules throughout: compare the figures with published ones with care."


def _rule(asked: str, official: str, meanings: Mapping[str, str]) -> str:
    if asked == "official" and official not in meanings:
        return "by the official protocol's own rule"
    if asked == "official":
        return f"it {meanings[official]}, as in the official protocol"
    return f"it {meanings.get(asked, asked)} ({_code(asked)}, as asked for)"


def _judge(report: Report) -> Iterator[str]:
    yield "## Rewards and settings" if report.rewards else "## Judge and settings"
    if report.judge is not None:
        yield _table(("judge", ""), _settings(msgspec.to_builtins(report.judge)))
    for reward in report.rewards:
        yield _table(("reward", ""), _settings(msgspec.to_builtins(reward)))
    figures = report.figures
    own = {"votes": [votes for votes, _ in figures.curve], "orders": figures.orders, "seed": figures.seed}
    yield _table(("setting", ""), _settings({**own, **report.settings}))
    yield _table(("data", ""), _settings(report.data))


def _again(report: Report) -> Iterator[str]:
    fence = "```"
    while fence in report.command:
        fence += "`"
    yield "## The same again"
    yield f"{fence}sh\n{report.command}\n{fence}"
    yield f"Made by rrm {report.version}. [report.json](report.json) has all figures, [items.jsonl](items.jsonl) every vote."


def _settings(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows = []
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            rows += _settings(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", _shown(value)))
    return rows


def _shown(value: object) -> str:
    if value is None:
        return "–"
    return _code(value if isinstance(value, str) else json.dumps(msgspec.to_builtins(value), ensure_ascii=False))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; columns of numbers are set to the right."""
    body = [[_cell(cell) for cell in row] for row in rows]
    rules = [_rule_of([row[index] for row in body]) for index in range(len(head))]
    lines = [[_cell(cell) for cell in head], rules, *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rule_of(column: Sequence[str]) -> str:
    return "---:" if column and all(cell[:1].isdigit() or cell[:1] in "-–" for cell in column) else "---"


def _cell(text: str) -> str:
    return _flat(text).replace("|", "\\|")


def _flat(text: str) -> str:
    return " ".join(text.split())


def _code(text: str) -> str:
    """Text in which no mark of Markdown counts."""
    return f"`` {_flat(text)} ``" if "`" in text else f"`{_flat(text)}`"


def _name(name: str) -> str:
    """A name out of the data, in which no mark of Markdown counts."""
    return name if re.fullmatch(r"[\w .,:()/+-]+", name) else _code(name)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _interval_title(figures: Figures) -> str:
    return f"{figures.confidence:.0%} interval"


def _value_and_interval(estimate: Estimate) -> tuple[str, str]:
    return f"{estimate.value:.4f}", f"{estimate.low:.4f} – {estimate.high:.4f}"


def _both(estimate: Estimate | None) -> str:
    return "–" if estimate is None else f"{estimate.value:.3f} ({estimate.low:.3f} – {estimate.high:.3f})"


def _time(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    if not (hours or minutes):
        return f"{seconds:.1f} s"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {int(rest)} s"
