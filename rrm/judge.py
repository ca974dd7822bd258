"""`Judge` and `rank()`: the wiring, and the one module that knows every part.

A judge owns one engine and one event loop on a thread of its own; sync and async calls alike run there,
so one engine serves both, from any thread and any loop. Programs whose judge runs vLLM in process need
an `if __name__ == "__main__":` guard, because vLLM starts further processes.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing
from functools import lru_cache
from operator import length_hint
from pathlib import Path
from typing import Any, TypeVar

from rrm.backends import Backend, Choice
from rrm.contests import check_contest, check_window, normalise_query
from rrm.engines.base import Engine, EngineInfo
from rrm.errors import InputError, LedgerError, RRMError
from rrm.host import Host
from rrm.judging.calibration import Calibration
from rrm.judging.cleaning import Cleaner
from rrm.judging.prompts import Prompt
from rrm.ledger import Ledger
from rrm.plans import Plan, StrategyLike, default_strategy, plan_for, strategy_name
from rrm.play import Stream
from rrm.progress import Meter, metering
from rrm.promptfiles import DEFAULT_PROMPT, load_prompt
from rrm.ranking import Comparison, JudgeInfo, Polled, Ranking
from rrm.session import Session
from rrm.settings import JudgeSettings
from rrm.types import Case, Contest, Poll, Tally, Verdict

__all__ = ["Judge", "compare", "rank"]

T = TypeVar("T")
R = TypeVar("R")


class Judge(Host[Session]):
    """A judge model with a prompt and a way of voting.

    `model`: an alias (rrm-7b, rrm-32b, embedded), a folder, a GGUF file or a hub name; None means RRM_MODEL,
    the config file's, RRM-7B where an accelerator and vLLM are present, else the embedded demonstration model.
    `engine`: "vllm", "openai", "transformers", "scripted", or an `Engine` of your own; by default vLLM in this
    process, or an OpenAI-compatible server where `base_url` names one (or several, shared out by load).
    `prompt`: the name of a shipped prompt file, or the path of one; `prompt_args`: its parameters, such as a rubric.
    `votes`: samples per match, of which only as many are taken as can change the majority; "auto" takes as many as pay. `budget`: calls per
    contest, for the strategies that can use any number. `order`: which
    answer is shown first ("balanced", "both", "random", "fixed"; see `rrm.judging.voting.Order`).
    `seed`: everything random derives from it. `max_tokens`, `temperature`, `top_p`: by default what the prompt
    file recommends. `concurrency`: samples (or requests to a server) at once. `force_verdict`: continue a sample
    that gave no verdict and make it choose; by default only for the embedded model. `strip_reasoning`: judge
    responses without what stands before their `</think>`. `resamples`: how often an undecided match is asked
    again. `stop`: when a match has votes enough ("majority", "beta", "none"; see `rrm.judging.voting.Stop`), and how sure "beta"
    must be, by `threshold`. `waves`: "load" asks for more votes at once where the engine is idle. `readout`: "probability" reads how likely
    each verdict was, from the verdict token's log-probabilities, made honest by `calibration`. `think_budget`: tokens after which
    reasoning is closed and the verdict asked for; `think_more`: how many times a sample is made to think again. `ledger`: a file (or an open `Ledger`) that remembers every completion, so that none is paid for twice, by
    any judge, strategy, run or process; it is made where it is not there. `engine_args`: passed to the engine;
    unknown ones are refused. `progress`: show a bar on a terminal. An engine object of your own belongs to one
    judge, which closes it; an open `Ledger` is left open.

    Nothing is loaded until the first call. Raises InputError for arguments that can't be used.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        engine: str | Engine | None = None,
        base_url: str | Sequence[str] | None = None,
        api_key_env: str = "OPENAI_API_KEY",
        prompt: str | Path = DEFAULT_PROMPT,
        prompt_args: Mapping[str, str] | None = None,
        votes: int | str = 1,
        budget: int | None = None,
        order: str = "balanced",
        seed: int = 0,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        concurrency: int | None = None,
        force_verdict: bool | None = None,
        strip_reasoning: bool = False,
        resamples: int = 2,
        stop: str = "majority",
        threshold: float = 0.9,
        waves: str = "fixed",
        readout: str = "vote",
        calibration: Calibration | None = None,
        think_budget: int | None = None,
        think_more: int = 0,
        ledger: str | Path | Ledger | None = None,
        engine_args: Mapping[str, object] | None = None,
        progress: bool = False,
    ) -> None:
        self._settings = JudgeSettings(
            votes=votes,  # type: ignore[arg-type]
            order=order,  # type: ignore[arg-type]
            seed=seed,
            resamples=resamples,
            budget=budget,
            stop=stop,  # type: ignore[arg-type]
            threshold=threshold,
            waves=waves,  # type: ignore[arg-type]
            readout=readout,  # type: ignore[arg-type]
            calibration=Calibration() if calibration is None else calibration,
            think_budget=think_budget,
            think_more=think_more,
            max_tokens=max_tokens,
            temperature=temperature,
            top_p=top_p,
            force_verdict=force_verdict,
            strip_reasoning=strip_reasoning,
        )
        self._prompt = load_prompt(prompt).with_parameters(prompt_args or {})
        self._settings.check_against(self._prompt)
        self._progress = progress
        name = engine if isinstance(engine, str) else None
        super().__init__(Choice(model, name, base_url, api_key_env, concurrency, engine_args or {}), engine, ledger)

    def rank(
        self,
        query: object,
        responses: Sequence[object],
        *,
        strategy: StrategyLike | None = None,
        reference: str | None = None,
    ) -> Ranking:
        """Rank the responses to a query, best first.

        `query` is a string or a list of chat messages; a response is a string or a list with one assistant
        message. `strategy` is a name (docs/strategies.md), anything that makes a `Tournament` from a draw, or a generator
        of rounds; by default a knockout ("auto" with a budget), and for a judge that gives scores its own kind. Raises InputError for a
        strategy that does not fit the judge's kind, ContestError for a contest that can't be judged, EngineError where the judge can't be asked.
        """
        with self._meter(1) as meter:
            contest = Contest(query, responses, reference)
            return self._thread.run(self._rank(contest, self._plan(strategy), meter))

    async def arank(
        self,
        query: object,
        responses: Sequence[object],
        *,
        strategy: StrategyLike | None = None,
        reference: str | None = None,
    ) -> Ranking:
        """The async twin of `rank`."""
        with self._meter(1) as meter:
            contest = Contest(query, responses, reference)
            return await self._thread.arun(self._rank(contest, self._plan(strategy), meter))

    def compare(self, query: object, first: object, second: object, *, reference: str | None = None) -> Verdict:
        """Judge two responses, with the transcripts of what the judge said; needs a pairwise judge. Raises as `rank` does."""
        self._needs_pairs()
        with self._meter(1) as meter:
            return self._thread.run(self._compare(Contest(query, (first, second), reference), meter))

    async def acompare(self, query: object, first: object, second: object, *, reference: str | None = None) -> Verdict:
        """The async twin of `compare`."""
        self._needs_pairs()
        with self._meter(1) as meter:
            return await self._thread.arun(self._compare(Contest(query, (first, second), reference), meter))

    def rank_many(
        self, contests: Iterable[Contest], *, strategy: StrategyLike | None = None, window: int | None = None
    ) -> Iterator[Ranking]:
        """Rank many contests at once; yields their rankings in the order of the input, as they get done.

        A contest that fails is a ranking with its `error` set (and `status` "failed"); the others go on. The
        iterable is read as needed: at most `window` contests (default: twice the engine's slots) are read and
        not yet yielded. Raises EngineError where the judge can't be opened at all.
        """
        chosen = self._plan(strategy)
        return self._many(contests, lambda contest, meter: self._rank_or_fail(contest, chosen, meter), window)

    def arank_many(
        self, contests: Iterable[Contest], *, strategy: StrategyLike | None = None, window: int | None = None
    ) -> AsyncIterator[Ranking]:
        """The async twin of `rank_many`."""
        chosen = self._plan(strategy)
        return self._amany(contests, lambda contest, meter: self._rank_or_fail(contest, chosen, meter), window)

    def compare_many(self, pairs: Iterable[Contest], *, window: int | None = None) -> Iterator[Comparison]:
        """Judge many pairs at once (contests of two responses each); as `rank_many`."""
        self._needs_pairs()
        return self._many(pairs, self._compare_or_fail, window)

    def acompare_many(self, pairs: Iterable[Contest], *, window: int | None = None) -> AsyncIterator[Comparison]:
        """The async twin of `compare_many`."""
        self._needs_pairs()
        return self._amany(pairs, self._compare_or_fail, window)

    def poll_many(self, polls: Iterable[Poll], *, window: int | None = None) -> Iterator[Polled]:
        """Ask about many contests without ranking them: every sample is taken, and what each said is returned.

        Each of a poll's `shown` is asked as many times as the judge has `votes`; a judge of pairs is shown two responses,
        one of single responses one, one of several any number up to its window. Streams and fails as `rank_many`.
        """
        return self._many(polls, self._poll_or_fail, window)

    def apoll_many(self, polls: Iterable[Poll], *, window: int | None = None) -> AsyncIterator[Polled]:
        """The async twin of `poll_many`."""
        return self._amany(polls, self._poll_or_fail, window)

    def check(self, query: object, *, reference: str | None = None) -> None:
        """Raises ContestError for a query that the judge's prompt can't take. Asks nothing."""
        shown = ("",) if self.kind == "pointwise" else ("", "")
        self._prompt.render(Case(normalise_query(query), shown, reference), Cleaner(()))

    def open(self) -> JudgeInfo:
        """Load the judge now, or reach its server. Raises EngineError, ModelError or MissingExtraError."""
        with self._meter(0):
            return self._thread.run(self._open()).info

    async def aopen(self) -> JudgeInfo:
        """The async twin of `open`."""
        return (await self._thread.arun(self._open())).info

    @property
    def allows_ties(self) -> bool:
        """Whether the judge may call a tie; if not, an even split of its votes is undecided."""
        return self._prompt.grammar.allows_ties

    @property
    def kind(self) -> str:
        """What the judge is shown: "pairwise", "pointwise" (one response) or "listwise" (several)."""
        return self._prompt.kind

    @property
    def prompt(self) -> Prompt:
        """The prompt file that the judge is asked with."""
        return self._prompt

    @property
    def default_strategy(self) -> str:
        """What contests are ranked by where nobody says: a knockout ("auto" with a budget), or the judge's own kind."""
        return default_strategy(self.kind, self._settings.budget)

    @property
    def votes(self) -> Tally:
        """All votes so far, in terms of their matches, those of open matches too. Rankings from a ledger have none here."""
        return self._seated.votes if self._seated else Tally()

    @property
    def settings(self) -> dict[str, object]:
        """All that results follow from besides the contests, as plain values: two judges with equal settings are one."""
        return {
            **self._choice.settings(),
            "prompt": self._prompt.name,
            "prompt_sha256": self._prompt.sha256,
            **({"prompt_args": dict(self._prompt.parameters)} if self._prompt.parameters else {}),
            **self._settings.described,
        }

    def _make(self) -> Backend:
        return self._choice.make(self._prompt)

    def _seat(self, backend: Backend, engine: Engine, info: EngineInfo) -> Session:
        settings = self._settings
        rules = settings.rules(self._prompt, info, is_embedded=backend.is_embedded)
        judge = JudgeInfo(
            info.model,
            info.engine,
            self._prompt.name,
            self._prompt.sha256,
            settings.votes,
            rules.order,
            rules.sampling,
            dict(self._prompt.parameters),
            settings.further,
        )
        archive = self._records.archive(judge, info.revision or "", rules)
        return Session(engine, rules, judge, info.slots, strip_reasoning=settings.strip_reasoning, archive=archive)

    async def _rank(self, contest: Contest, strategy: Plan, meter: Meter) -> Ranking:
        return await (await self._open()).rank(contest, strategy, meter)

    async def _rank_or_fail(self, contest: Contest, strategy: Plan, meter: Meter) -> Ranking:
        check_contest(contest)
        try:
            return await self._rank(contest, strategy, meter)
        except LedgerError:
            raise
        except RRMError as error:
            return Ranking.failed(strategy_name(strategy), error, seed=self._settings.seed, id=contest.id)

    async def _poll_or_fail(self, asked: Poll, meter: Meter) -> Polled:
        check_contest(asked.contest)
        try:
            return await (await self._open()).poll(asked, meter)
        except LedgerError:
            raise
        except RRMError as error:
            return Polled.failed(error, id=asked.contest.id)

    def _plan(self, strategy: StrategyLike | None) -> Plan:
        return plan_for(strategy, self._prompt, self._settings.budget)

    def _needs_pairs(self) -> None:
        if self.kind != "pairwise":
            raise InputError(
                f"a comparison needs a pairwise judge, and the prompt {self._prompt.name!r} is {self.kind}: rank the two"
            )

    async def _compare(self, contest: Contest, meter: Meter) -> Verdict:
        return await (await self._open()).compare(contest, meter, transcripts=True)

    async def _compare_or_fail(self, contest: Contest, meter: Meter) -> Comparison:
        check_contest(contest)
        try:
            verdict = await self._compare(contest, meter)
        except LedgerError:
            raise
        except RRMError as error:
            return Comparison.failed(error, seed=self._settings.seed, id=contest.id)
        return Comparison(verdict, (await self._open()).info, self._settings.seed, contest.id)

    async def _stream(
        self, contests: Iterable[T], work: Callable[[T], Coroutine[Any, Any, R]], window: int | None
    ) -> Stream[T, R]:
        session = await self._open()
        return Stream(contests, work, session.gate, session.window if window is None else window)

    def _many(
        self,
        contests: Iterable[T],
        work: Callable[[T, Meter], Coroutine[Any, Any, R]],
        window: int | None,
    ) -> Iterator[R]:
        check_window(window)
        with self._meter(length_hint(contests, 0)) as meter:
            yield from self._thread.stream(self._stream(contests, lambda contest: work(contest, meter), window))

    async def _amany(
        self,
        contests: Iterable[T],
        work: Callable[[T, Meter], Coroutine[Any, Any, R]],
        window: int | None,
    ) -> AsyncIterator[R]:
        check_window(window)
        with self._meter(length_hint(contests, 0)) as meter:
            stream = self._stream(contests, lambda contest: work(contest, meter), window)
            async with aclosing(self._thread.astream(stream)) as results:
                async for result in results:
                    yield result

    def _meter(self, contests: int) -> AbstractContextManager[Meter]:
        return metering(self._progress, contests)


def rank(
    query: object,
    responses: Sequence[object],
    *,
    strategy: StrategyLike | None = None,
    reference: str | None = None,
    judge: Judge | None = None,
) -> Ranking:
    """Rank the responses to a query, best first, with `judge` or the default judge; see `Judge.rank`.

    The default judge is made on the first call and kept until the program ends.
    """
    return (judge or default_judge()).rank(query, responses, strategy=strategy, reference=reference)


def compare(
    query: object, first: object, second: object, *, reference: str | None = None, judge: Judge | None = None
) -> Verdict:
    """Judge two responses with `judge` or the default judge; see `Judge.compare`."""
    return (judge or default_judge()).compare(query, first, second, reference=reference)


@lru_cache(maxsize=1)
def default_judge() -> Judge:
    """The judge that `rank` and `compare` use when they are given none: `Judge()`."""
    return Judge()
