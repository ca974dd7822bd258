"""What somebody has of a ledger: none, one that was handed over open, or one to open and to close."""

import asyncio
from pathlib import Path

from rrm.errors import InputError
from rrm.ledger.desk import Ledger

__all__ = ["LentLedger"]


class LentLedger:
    """`given`: a path, which is opened on first use; an open `Ledger`, which stays its owner's; or None.

    Raises InputError for anything else.
    """

    def __init__(self, given: str | Path | Ledger | None) -> None:
        if not isinstance(given, str | Path | Ledger | None):
            raise InputError(f"ledger must be a path or a Ledger, not {given!r}")
        self._given = given
        self._opening = asyncio.Lock()
        self.ledger = given if isinstance(given, Ledger) else None
        """The open one, where there is one by now."""

    def is_of(self, other: "LentLedger") -> bool:
        """Whether both are the same file, open or not."""
        return self.place is not None and self.place == other.place

    @property
    def place(self) -> Path | None:
        """Where the file is; None where there is to be none."""
        path = self._given.path if isinstance(self._given, Ledger) else self._given
        return None if path is None else Path(path).resolve()

    async def open(self) -> Ledger | None:
        """The ledger, opened where it is not; None where there is to be none. Raises LedgerError."""
        async with self._opening:
            if self.ledger is None and isinstance(self._given, str | Path):
                self.ledger = await asyncio.to_thread(Ledger, self._given)
            return self.ledger

    def close(self) -> None:
        """Close the ledger, if it was opened here."""
        if self.ledger is not None and self.ledger is not self._given:
            self.ledger.close()
