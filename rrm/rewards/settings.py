"""What a user says of how a reward model is to be asked and read, checked. Knows no model and no engine."""

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from rrm.contests import check_at_least
from rrm.errors import InputError, UnknownNameError
from rrm.rewards.base import AGGREGATES, Aggregate

__all__ = ["TRUNCATIONS", "RewardSettings", "Truncation", "checked_delimiter"]

Truncation = Literal["error", "left", "right"]
"""What becomes of a conversation that does not fit the context: it is an error, or its beginning or end is left out."""

TRUNCATIONS: tuple[str, ...] = get_args(Truncation)


@dataclass(frozen=True, slots=True)
class RewardSettings:
    """The arguments of `rrm.rewards.load_reward` by the same names. Raises InputError for values that can't be used."""

    normalise: bool = False
    output: int | None = None
    labels: tuple[str, ...] = ()
    aggregate: Aggregate | None = None
    truncation: Truncation = "error"
    strip_reasoning: bool = False
    max_context: int | None = None
    step_delimiter: str | None = None

    @property
    def aggregation(self) -> Aggregate:
        """How steps become one number: what was said, else the default."""
        return self.aggregate or "min"

    def __post_init__(self) -> None:
        if self.truncation not in TRUNCATIONS:
            raise UnknownNameError("truncation", str(self.truncation), TRUNCATIONS)
        if self.aggregate is not None and self.aggregate not in AGGREGATES:
            raise UnknownNameError("aggregate", str(self.aggregate), AGGREGATES)
        if self.output is not None:
            check_at_least("output", self.output, 0)
        if self.max_context is not None:
            check_at_least("max_context", self.max_context, 1)
        if isinstance(self.labels, str) or not all(isinstance(label, str) and label for label in self.labels):
            raise InputError(f"labels must be a list of tokens, such as ('yes', 'no'), not {self.labels!r}")
        if len(self.labels) == 1:
            raise InputError(
                f"labels need at least two tokens, such as ('yes', 'no'), and these are {self.labels!r}: a logit alone "
                "says nothing, because it is the first label's against the others that answers"
            )
        if self.step_delimiter is not None:
            checked_delimiter(self.step_delimiter)

    def check_for(self, kind: str) -> None:
        """Raises InputError where a reward of this kind has no such thing."""
        unfit = {
            "output": (self.output is not None, "outcome"),
            "normalise": (self.normalise, "outcome"),
            "aggregate": (self.aggregate is not None, "process"),
            "step_delimiter": (self.step_delimiter is not None, "process"),
            "truncation 'left'": (self.truncation == "left", "outcome"),
        }
        for name, (is_given, fitting) in unfit.items():
            if is_given and fitting != kind:
                raise InputError(
                    f"{name} is for {fitting} rewards, and this one is of the kind {kind!r}{_WHYS.get(name, '')}"
                )

    def further(self, kind: str) -> dict[str, Any]:
        """What is not as by default, and a process reward's aggregate, as plain values: for results to report."""
        own = {name: _plain(value) for name, value in self._values() if value != getattr(_DEFAULT, name)}
        return own | ({"aggregate": self.aggregation} if kind == "process" else {})

    def _values(self) -> list[tuple[str, object]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


_DEFAULT = RewardSettings()
_WHYS = {
    "normalise": ": its steps have probabilities already",
    "truncation 'left'": ": without the beginning its steps mean nothing; use 'right'",
}


def checked_delimiter(delimiter: object) -> str:
    """What stands between steps. Raises InputError for what can't be that."""
    if not isinstance(delimiter, str) or not delimiter:
        raise InputError(
            f"step_delimiter must be a text that stands between steps, such as '\\n\\n', not {delimiter!r}; a response can't "
            "be split into steps on an empty delimiter"
        )
    return delimiter


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
