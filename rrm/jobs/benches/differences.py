"""What a folder's run differs in from the one that was asked for, in the words of the command line.

Settings tell two runs apart; those of a run whose votes were counted again have what that changed under "reparsed".
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from rrm.jobs.places import canonical

__all__ = ["refusal"]

_COUNTED = {"votes", "ties", "failures", "resamples"}
"""What --reparse can change without asking anything."""
_PREDICTIONS = "recorded predictions"
_CONTENTS = {"data": "the content of the data", "predictions": "the content of the predictions"}
_FOLLOWS = (
    "judge.votes",
    "judge.order",
    "judge.seed",
    "judge.resamples",
    "reward.seed",
    "samples",
    "orders",
    "reads_texts",
)
"""What follows from other settings."""


def refusal(place: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Why a folder with a run of the settings `before`, as its report has them, is not one of `now`, and what to do."""
    now = msgspec.json.decode(canonical(now))
    first = {name: value for name, value in before.items() if name != "reparsed"}
    if first == now:
        again = before["reparsed"]
        rules = ", ".join(f"{name} {_shown(value)}" for name, value in again.items() if _is_told(name, again))
        return (
            f"{place} has this run, counted again by other rules ({rules}): --reparse without other rules counts it as it "
            "was, and --overwrite makes it anew"
        )
    changed = dict(_changed(first, now))
    said = ", ".join(changed.values())
    ways = ["name another output", "replace it with --overwrite"]
    if _of(before) == _of(now) and _of(now) != _PREDICTIONS:
        ways[1] += " (what the ledger holds is kept)"
    if changed and set(changed) <= _COUNTED:
        ways.append("count its votes by other rules with --reparse")
    return f"{place} has a run of other settings ({said}): {', '.join(ways[:-1])}, or {ways[-1]}"


def _of(settings: Mapping[str, Any]) -> str:
    """Whose verdicts or scores a run counts."""
    return "a judge" if "judge" in settings else "a reward" if "reward" in settings else _PREDICTIONS


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What differs by its name, and how that is said."""
    if _of(before) != _of(now):
        yield "judge", f"of {_of(before)}, and this one is of {_of(now)}"
        return
    old, new = _flat(before), _flat(now)
    names = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
    for name in [name for name in names if _is_told(name, names)] or names:
        own = name.removeprefix("judge.").removeprefix("reward.").removeprefix("reward.").removeprefix("sampling.")
        if name in _CONTENTS:
            yield own, _CONTENTS[name]
        elif name.endswith("_sha256"):
            yield own.removesuffix("_sha256"), "the content of the prompt"
        else:
            yield own, f"{own} {_shown(old.get(name))} -> {_shown(new.get(name))}"


def _is_told(name: str, others: Collection[str]) -> bool:
    """Whether a setting is one to speak of: a hash is where nothing that has a name says the same."""
    return name not in _FOLLOWS and not (name.endswith("_sha256") and name.removesuffix("_sha256") in others)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or "none"
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:36]}..."
