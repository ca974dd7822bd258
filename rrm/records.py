"""What a judge or a generator has of a ledger: none, one it was handed, or one it opens and closes itself."""

from collections.abc import Callable
from pathlib import Path

from rrm.archive import Archive
from rrm.engines.base import Engine
from rrm.judging.asking import Rules
from rrm.ledger import Ledger, RecordedEngine
from rrm.ledger.lent import LentLedger
from rrm.ranking import JudgeInfo
from rrm.types import Spent

__all__ = ["Records"]


class Records:
    """`ledger`: a path, which is opened on first use; an open `Ledger`, which stays its owner's; or None."""

    def __init__(self, ledger: str | Path | Ledger | None) -> None:
        self._lent = LentLedger(ledger)
        self._engine: RecordedEngine | None = None
        self._archive: Archive | None = None

    async def before(self, engine: Engine, revision: Callable[[], str]) -> Engine:
        """The engine with the ledger before it, or the engine itself where there is none. Raises LedgerError."""
        ledger = await self._lent.open()
        if ledger is None:
            return engine
        self._engine = RecordedEngine(engine, ledger, revision=revision)
        return self._engine

    def archive(self, info: JudgeInfo, revision: str, rules: Rules) -> Archive | None:
        """The finished contests of a judge; None where there is no ledger."""
        if self._lent.ledger is not None:
            self._archive = Archive(self._lent.ledger, info, revision, rules)
        return self._archive

    @property
    def reused(self) -> Spent:
        parts = (part.reused for part in (self._engine, self._archive) if part)
        return sum(parts, Spent())

    def close(self) -> None:
        """Close the ledger, if it was opened here."""
        self._lent.close()
