"""The table that every benchmark prints: a figure, what it is measured against, and the bound asked for."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Figure", "show"]


@dataclass(frozen=True)
class Figure:
    """One line of the table. `reached` is compared with the bounds: the ratio, or the figure where there is no baseline."""

    name: str
    value: str
    baseline: str = ""
    reached: float = 0.0
    floor: float | None = None
    ceiling: float | None = None

    @property
    def is_missed(self) -> bool:
        too_low = self.floor is not None and self.reached < self.floor
        return too_low or (self.ceiling is not None and self.reached > self.ceiling)

    @property
    def bound(self) -> str:
        if self.floor is None and self.ceiling is None:
            return ""
        bound = f">= {self.floor:,g}" if self.floor is not None else f"<= {self.ceiling:g}"
        return f"{bound} {'MISSED' if self.is_missed else 'ok'}"


_HEADER = ("figure", "rrm", "baseline", "ratio", "asked for")
_ROW = "{:<42} {:>24}  {:<34} {:>8}  {}"


def show(figures: Iterable[Figure]) -> int:
    """Print the figures, each when it is there; returns the exit code: 1 where a bound is missed."""
    print(_ROW.format(*_HEADER))
    is_missed = False
    for figure in figures:
        ratio = f"{figure.reached:.2f}" if figure.baseline else ""
        print(_ROW.format(figure.name, figure.value, figure.baseline, ratio, figure.bound).rstrip(), flush=True)
        is_missed |= figure.is_missed
    return int(is_missed)
