"""Finished contests in a ledger: a contest that was ranked before, in the same way, is not played again.

The address of a ranking holds everything it follows from: the judge and its settings, the strategy, the
contest's texts, and rrm's version (another version plays again, on the same completions). A strategy of the
user's own has no address that could be trusted, so its contests are played each time.
"""

from dataclasses import replace

from rrm._version import __version__
from rrm.contests import Entry
from rrm.judging.asking import Rules
from rrm.ledger import Ledger
from rrm.ledger.keys import content_key
from rrm.plans import known_name
from rrm.ranking import JudgeInfo, Ranking
from rrm.tournaments import Strategy
from rrm.types import Spent, json_line

__all__ = ["Archive"]


class Archive:
    """The finished contests of one judge. Lives on the judge's loop."""

    def __init__(self, ledger: Ledger, info: JudgeInfo, revision: str, rules: Rules) -> None:
        self._ledger = ledger
        self._model = (info.model, revision)
        ruled = (
            rules.seed, rules.resamples, rules.force, rules.reasoning_open, rules.cleaner.special_tokens, rules.budget,
        )  # fmt: skip
        self._judge = (__version__, json_line(info), revision, repr(ruled))
        self.reused = Spent()
        """What the rankings that came out of the ledger had cost."""

    def address(self, strategy: Strategy | str, entry: Entry) -> bytes | None:
        """Where this contest's ranking stands, if it was finished; None where that can't be known."""
        name = strategy if isinstance(strategy, str) else known_name(strategy)
        if name is None:
            return None
        query = (entry.query,) if isinstance(entry.query, str) else tuple(part for turn in entry.query for part in turn)
        shape = repr((len(query), isinstance(entry.query, str), entry.groups, entry.reference is None))
        return content_key((*self._judge, name, shape, *query, *entry.texts, entry.reference or ""))

    async def find(self, address: bytes, identity: str | int | None) -> Ranking | None:
        """The ranking at an address, under the id of the contest that asks. Raises LedgerError."""
        found = await self._ledger.ask(lambda store: store.find_contest(address))
        if found is None:
            return None
        ranking = Ranking.from_json(found)
        usage = ranking.usage
        self.reused += Spent(ranking.votes.total, usage.prompt_tokens, usage.completion_tokens)
        return replace(ranking, id=identity)

    def keep(self, address: bytes, ranking: Ranking) -> None:
        """Remember a ranking, soon: nothing depends on it, since its completions are kept already."""
        content = replace(ranking, id=None).to_json().encode()
        model = self._model
        self._ledger.ask(lambda store: store.keep_contest(model, address, content))
