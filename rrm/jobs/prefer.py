"""The job behind `rrm prefer`: rows of responses, or rankings of them, become preference data.

Rows go through a judge in input order, from a bounded window; each row's pairs are written when it and all
before it are done. A row that fails stops no other: it is listed beside the output, and tried again by the
next run. How an output is begun, gone on with and published is draft.py's matter.
"""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from rrm import errors
from rrm._version import __version__
from rrm.errors import EngineError, EngineRefusedError, EngineStoppedError, InputError, RRMError, UnknownNameError
from rrm.jobs.counts import NOTHING, OF_FAILED, OF_RETRIED, Counts, added, of_ranking
from rrm.jobs.draft import Draft, Failure, State, known_digest
from rrm.jobs.entrants import Entrant, Entrants
from rrm.jobs.facts import facts_of
from rrm.jobs.limits import NO_LIMITS, Limits, Watch
from rrm.jobs.pairs_file import (
    FORMATS,
    PLAIN,
    check_query,
    check_suffix,
    format_of,
    is_parquet,
    pair_line,
    write_parquet,
)
from rrm.jobs.places import beside, check_place, difference, manifest_of
from rrm.jobs.recorded import recorded
from rrm.preferences import BEST_WORST, Pairing, Preference, preferences
from rrm.ranker import Ranker
from rrm.ranking import Ranking
from rrm.rows import Row, Source, open_source

__all__ = ["Outcome", "PreferJob"]

_CHECKPOINT_SECONDS = 0.5
_LOST_ENGINE = 16
"""So many rows one after another that fail for want of an engine mean that there is none any more."""
_CALM = 64
"""So many rows one after another that are ranked mean that an engine which failed before has come back."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run. `counts` are the manifest's."""

    counts: Mapping[str, Any]
    stopped: str | None = None
    """The limit that ended it before the input's end."""
    was_complete: bool = False
    """Whether the output was there already, and nothing was done."""


class PreferJob:
    """Preference data from the rows of `source`, in the file `output` (.jsonl or .parquet).

    `judge`, or another ranker, ranks the responses by `strategy`; with `rankings` (what `rrm rank --format json` wrote for the same
    rows) none is needed. `output_format` is "trl" or "trl-conversational", by default as the first row's query is
    a text or a list of messages. `overwrite`: replace an output, or drop an unfinished one, of other settings; and
    try again rows that failed for themselves.
    `has_ledger`: rows that failed in an interrupted run are tried again when it is gone on with, since what
    follows them comes out of the ledger. Raises InputError for arguments that can't be used.
    """

    def __init__(
        self,
        source: Source | str | Path,
        output: str | Path,
        judge: Ranker | None = None,
        *,
        strategy: str | None = None,
        rankings: Source | None = None,
        pairing: Pairing = BEST_WORST,
        output_format: str | None = None,
        limits: Limits = NO_LIMITS,
        overwrite: bool = False,
        has_ledger: bool = False,
    ) -> None:
        if (judge is None) == (rankings is None):
            raise InputError("preferences come from a judge or from rankings: give one of them")
        if output_format not in (None, *FORMATS):
            raise UnknownNameError("format", str(output_format), FORMATS)
        self._source = open_source(str(source)) if isinstance(source, str | Path) else source
        self.output = Path(output)
        check_suffix(self.output)
        check_place(self.output, [given.name for given in (self._source, rankings) if given])
        self.done = 0
        """Rows that are done, in this run and earlier ones."""
        self._judge, self._rankings = judge, rankings
        self._strategy = strategy or (judge.default_strategy if judge else "knockout")
        self._pairing, self._limits, self._format = pairing, limits, output_format
        self._overwrite, self._has_ledger = overwrite, has_ledger
        self._checkpointed = 0.0
        self._lost = 0
        """How many of the latest rows failed for want of an engine, with none that was ranked among them."""
        self._calm = 0
        """How many rows were ranked since one failed for want of an engine."""
        self._before_lost: State | None = None
        """The state before the first row that an engine failed which has not come back."""

    def run(self) -> Outcome:
        """Do the job, or what is left of it. Raises RRMError where it can't go on; what is done is kept then."""
        stamp = self._source.stamp()
        self._format = self._format or self._format_of_first_row()
        identity = self._identity(known_digest(self.output, stamp) or self._source.digest())
        if complete := self._complete(identity):
            return complete
        with closing(Draft(self.output, identity, overwrite=self._overwrite)) as draft:
            if draft.is_publishing:
                draft.finish_publishing()
                return Outcome((manifest_of(self.output) or {})["counts"])
            facts = facts_of(self._judge.open()) if self._judge else {"judge": None}
            draft.begin(stamp, facts, NOTHING, goes_back=self._has_ledger)
            self.done = draft.state.number
            return self._go_on(draft, identity, stamp)

    @property
    def expected(self) -> int:
        """About how many rows there are."""
        return self._source.estimate()

    def _format_of_first_row(self) -> str:
        first = next((row for row in self._source.rows() if isinstance(row, Row)), None)
        return format_of(first) if first else PLAIN

    def _identity(self, digest: str) -> dict[str, Any]:
        settings = {
            "strategy": self._strategy,
            "pairs": self._pairing.pairs,
            "min_margin": self._pairing.min_margin,
            "max_pairs": self._pairing.max_pairs,
            "format": self._format,
            "judge": self._judge.settings if self._judge else None,
            "rankings": self._rankings.digest() if self._rankings else None,
        }
        return {"input": digest, "settings": msgspec.to_builtins(settings)}

    def _complete(self, identity: Mapping[str, object]) -> Outcome | None:
        """The outcome of an earlier run that is complete. Raises InputError where the output is something else's."""
        if beside(self.output, "progress").exists() or not self.output.exists():
            return None
        manifest = manifest_of(self.output)
        if wrong := _wrong(manifest, identity, self.output.stat().st_size):
            if self._overwrite:
                return None
            raise InputError(
                f"{self.output} is there, and {wrong}: name another output, or replace it with --overwrite"
            )
        counts = manifest["counts"] if manifest else NOTHING
        is_left = counts["retried"] or (self._overwrite and counts["failed"])
        return None if is_left else Outcome(counts, was_complete=True)

    def _go_on(self, draft: Draft, identity: Mapping[str, Any], stamp: str) -> Outcome:
        watch = Watch(self._judge, self._limits) if self._judge else None
        try:
            is_done = self._work(draft, watch)
        except InputError:
            if self._judge is None:  # nothing was paid for, and there is nothing to go on with
                draft.rewind(State(counts=NOTHING))
                self.done = 0
            raise
        finally:
            draft.checkpoint()
        if not is_done:
            return Outcome(draft.state.counts, watch.reached if watch else None)
        if self._source.stamp() != stamp:
            raise InputError(f"{self._source.name} has changed while it was read: run the same command again")
        if self._before_lost and draft.state.counts["failed"] == draft.state.counts["prompts"]:
            self._refuse_lost(draft, next(draft.failures()))
        finish = partial(write_parquet, output_format=str(self._format)) if is_parquet(self.output) else None
        draft.publish(self._manifest(identity, draft), finish)
        return Outcome(draft.state.counts)

    def _work(self, draft: Draft, watch: Watch | None) -> bool:
        """Everything up to the input's end, or to a limit; whether it was the end."""
        state = draft.state
        rows = self._source.rows(state.position, state.number)
        left = self._source.estimate() - state.number
        entrants = Entrants(rows, draft.same_id_before, left, partial(check_query, str(self._format)))
        with closing(self._ranked(entrants, state.number, watch)) as rankings:
            for ranking in rankings:
                self._settle_bad(draft, entrants)
                if watch:
                    watch.look()
                if ranking.error_type == EngineStoppedError.__name__:
                    return False
                if entrant := entrants.take():
                    self._settle_ranked(draft, entrant, ranking)
        self._settle_bad(draft, entrants)
        return True

    def _ranked(self, entrants: Entrants, number: int, watch: Watch | None) -> Generator[Ranking]:
        if self._judge is None or watch is None:
            yield from recorded(self._rankings, entrants, number) if self._rankings else ()
            return
        with watch.watching():
            yield from self._judge.rank_many(entrants, strategy=self._strategy)

    def _settle_bad(self, draft: Draft, entrants: Entrants) -> None:
        """The rows up to the next contest."""
        for entrant in entrants.take_failed():
            self._settle_failed(draft, entrant, str(entrant.error), type(entrant.error).__name__)

    def _settle_ranked(self, draft: Draft, entrant: Entrant, ranking: Ranking) -> None:
        if ranking.error is not None:
            self._settle_failed(draft, entrant, ranking.error, ranking.error_type or "")
            return
        try:
            found = preferences(ranking, entrant.texts, self._pairing)
            lines = [self._line(entrant, ranking, pair) for pair in found.pairs]
        except InputError as error:
            self._settle_failed(draft, entrant, f"row {entrant.number}: {error}", type(error).__name__)
            return
        self._lost, self._calm = 0, self._calm + 1
        if self._calm >= _CALM:
            self._before_lost = None
        self._advance(draft, entrant, lines, of_ranking(ranking, found))

    def _line(self, entrant: Entrant, ranking: Ranking, pair: Preference) -> str:
        query = entrant.contest.query if entrant.contest else ""
        identity = str(entrant.identity)
        return pair_line(str(self._format), query, entrant.texts, pair, ranking=ranking, prompt_id=identity)

    def _settle_failed(self, draft: Draft, entrant: Entrant, error: str, error_type: str) -> None:
        kind = getattr(errors, error_type, RRMError)
        is_engines = self._judge is not None and issubclass(kind, EngineError)
        if is_engines:
            # A request that is refused for itself says nothing of the next row's.
            self._lost, self._calm = self._lost + (kind is not EngineRefusedError), 0
            self._before_lost = self._before_lost or draft.state
        draft.fail(Failure(entrant.number, entrant.identity, error, error_type), may_retry=is_engines)
        self._advance(draft, entrant, (), OF_FAILED if self._judge is None or entrant.error else OF_RETRIED)
        if self._lost >= _LOST_ENGINE:
            self._refuse_lost(draft, error)

    def _advance(self, draft: Draft, entrant: Entrant, lines: Sequence[str], counted: Counts) -> None:
        draft.advance(lines, entrant.end, entrant.number + 1, added(draft.state.counts, counted))
        self.done = draft.state.number
        if time.monotonic() - self._checkpointed > _CHECKPOINT_SECONDS:
            draft.checkpoint()
            self._checkpointed = time.monotonic()

    def _refuse_lost(self, draft: Draft, error: str) -> NoReturn:
        """The judge can't be asked any more: what failed for that has not been tried."""
        if self._before_lost is not None:
            draft.rewind(self._before_lost)
            self.done = draft.state.number
        count = f"{self._lost} rows one after another" if self._lost > 1 else "the rows"
        raise EngineError(f"{count} could not be judged: {error}")

    def _manifest(self, identity: Mapping[str, Any], draft: Draft) -> dict[str, object]:
        return {
            "input": {
                "name": Path(self._source.name).name,
                "sha256": identity["input"],
                "rows": draft.state.counts["prompts"],
            },
            "settings": identity["settings"],
            **draft.facts,
            "counts": draft.state.counts,
            "version": __version__,
        }


def _wrong(manifest: Mapping[str, Any] | None, identity: Mapping[str, object], size: int) -> str | None:
    """Why an output of this size, with this manifest, is not this job's; None where it is."""
    if manifest is None:
        return "is no output of rrm"
    found = {"input": manifest["input"]["sha256"], "settings": manifest["settings"]}
    if changed := difference(found, identity):
        return f"was made of other settings ({changed})"
    return None if size == manifest.get("bytes") else "was changed since it was written"
