"""A reward that is one model of a known family: what outcome and process models have in common."""

from collections.abc import Mapping

from rrm.ledger.lent import LentLedger
from rrm.ranking import RewardInfo
from rrm.rewards.families import Family
from rrm.rewards.reading import Reader, Source
from rrm.rewards.running import Running
from rrm.rewards.settings import RewardSettings

__all__ = ["Modelled"]


class Modelled(Running):
    """A scorer that `source` makes, read as `family` says. `given` is what else is to be reported of it."""

    def __init__(
        self,
        source: Source,
        family: Family,
        settings: RewardSettings,
        lent: LentLedger,
        given: Mapping[str, object],
    ) -> None:
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
        self._reader = reader
        self._family = family
        self._settings = settings
        self._given = dict(given)

    @property
    def settings(self) -> dict[str, object]:
        return {**self._given, "kind": self.kind, "family": self._family.name, **self._settings.further(self.kind)}

    async def _describe(self) -> RewardInfo:
        info = (await self._reader.open()).info
        return RewardInfo(info.model, info.engine, self.kind, self._family.name, self._settings.further(self.kind))
