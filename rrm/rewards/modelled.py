"""A reward that is one model of a known family: what outcome and process models have in common."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Generic, TypeVar

from rrm.errors import InputError
from rrm.ledger.lent import LentLedger
from rrm.ranking import RewardInfo
from rrm.rewards.families import Family
from rrm.rewards.reading import Reader, Source
from rrm.rewards.running import Running
from rrm.rewards.settings import RewardSettings

__all__ = ["Modelled"]


L = TypeVar("L")
"""How what is scored is laid before a model."""


class Modelled(Running, Generic[L]):
    """A scorer that `source` makes, read as `family` says. `given` is what else is to be reported of it."""

    lays: str
    """What is laid before its models."""

    def __init__(
        self,
        source: Source,
        family: Family,
        settings: RewardSettings,
        lent: LentLedger,
        given: Mapping[str, object],
    ) -> None:
        lay = self._layout(family)
        if lay is None:
            raise InputError(f"the reward family {family.name!r} lays no {self.lays} before its models")
        settings.check_for(self.kind)
        reader = Reader(
            source,
            family.readout,
            lent,
            markers=family.markers,
            words=family.words,
            max_context=settings.max_context,
        )
        super().__init__([reader], lent, strip_reasoning=settings.strip_reasoning)
        self._lay = lay
        self._reader = reader
        self._family = family
        self._settings = settings
        self._given = dict(given)

    @abstractmethod
    def _layout(self, family: Family) -> L | None:
        """How a family lays what is scored; None where it does not."""

    @property
    def settings(self) -> dict[str, object]:
        return {**self._given, "kind": self.kind, "family": self._family.name, **self._settings.further(self.kind)}

    async def _describe(self) -> RewardInfo:
        info = (await self._reader.open()).info
        return RewardInfo(info.model, info.engine, self.kind, self._family.name, self._settings.further(self.kind))
