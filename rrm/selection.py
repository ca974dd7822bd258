"""Best of N: the one response that the judge, or another ranker, puts first; of those given, or those a policy model writes.

With many contests, writing and judging overlap: a contest's responses go to the judge as soon as they and all
before them are written, while the generator writes on; both are bounded by their engines' sizes. A contest whose
responses could not be written, or not be judged, is a result with its error and stops no other.
"""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from collections.abc import Generator as SyncGenerator
from contextlib import aclosing, closing, nullcontext
from dataclasses import dataclass, replace
from operator import length_hint
from typing import cast

from rrm.contests import check_contest
from rrm.engines.base import Engine
from rrm.errors import InputError
from rrm.generation import Generation, Generator
from rrm.judge import Judge, default_judge
from rrm.plans import AUTO, AUTO_BEST, StrategyLike
from rrm.ranker import Ranker, takes
from rrm.ranking import Ranking
from rrm.types import Contest, json_line

__all__ = ["BestOfN", "abest_of_n", "abest_of_n_many", "best_of_n", "best_of_n_many"]

Policy = str | Engine | Generator
"""Who writes responses: a model by reference, an engine (which is closed at the end), or a generator, which is not."""


@dataclass(frozen=True, slots=True)
class BestOfN:
    """The best response, and the ranking that says so. Unpacks as these two: `best, ranking = best_of_n(...)`.

    `best` is the response as it was given or written; None where the contest failed, and then `error` says why.
    `responses` are all of them, in the order of the ranking's indices. `generation` says how they were written,
    at what cost, and which were cut; None where they were given.
    """

    best: object
    ranking: Ranking
    responses: tuple[object, ...] = ()
    generation: Generation | None = None

    def __iter__(self) -> Iterator[object]:
        return iter((self.best, self.ranking))

    @property
    def id(self) -> str | int | None:
        return self.ranking.id

    @property
    def error(self) -> str | None:
        return self.ranking.error

    @property
    def error_type(self) -> str | None:
        return self.ranking.error_type

    def to_dict(self) -> dict[str, object]:
        """Plain values, as in the JSON lines of `rrm best-of-n --format json` (README, "Best of N")."""
        if self.error is not None:
            return self.ranking.to_dict() | self._written()
        return {
            "id": self.id,
            "status": self.ranking.status,
            "best": self.ranking.best,
            "response": self.best,
            "ranking": self.ranking.to_dict(),
            "usage": {"judge": self.ranking.usage},
        } | self._written()

    def to_json(self) -> str:
        """One line of JSON."""
        return json_line(self.to_dict())

    def _written(self) -> dict[str, object]:
        """What the generator did, which was paid for even where the judge failed; nothing where it did nothing."""
        written = self.generation
        if written is None or written.error is not None:
            return {}
        return {
            "responses": self.responses,
            **({"cut": written.cut} if written.cut else {}),
            "generator": written.generator,
            "usage": {"judge": self.ranking.usage, "generator": written.usage},
        }


def best_of_n(
    query: object,
    responses: Sequence[object] | None = None,
    *,
    generate: Policy | None = None,
    n: int = 8,
    strategy: StrategyLike | None = None,
    reference: str | None = None,
    judge: Judge | Ranker | None = None,
) -> BestOfN:
    """The best of the responses to a query, or of `n` that `generate` writes.

    `generate` is a model by reference, an engine or a `Generator`. What is made of a reference or an engine is
    closed before the judge is asked, so that one GPU serves both in turn; for many queries, or a model on a
    server, make a `Generator`. Responses that were cut stand as they are, and empty ones too; identical ones are
    judged once. `strategy`: "auto" stands for "auto-best" here, since only the best is wanted. Other arguments and errors as in `rrm.rank` and `rrm.Generator.generate`; InputError unless
    exactly one of `responses` and `generate` is given.
    """
    judge = judge or default_judge()
    generation = None
    if generate is not None:
        _check_alone(responses)
        judge.check(query, reference=reference)
        with _opened(generate) as generator:
            generation = generator.generate(query, n)
    candidates = _candidates(responses, generation)
    ranking = judge.rank(query, candidates, strategy=_for_the_best(judge, strategy), reference=reference)
    return BestOfN(candidates[ranking.best], ranking, tuple(candidates), generation)


async def abest_of_n(
    query: object,
    responses: Sequence[object] | None = None,
    *,
    generate: Policy | None = None,
    n: int = 8,
    strategy: StrategyLike | None = None,
    reference: str | None = None,
    judge: Judge | Ranker | None = None,
) -> BestOfN:
    """The async twin of `best_of_n`."""
    judge = judge or default_judge()
    generation = None
    if generate is not None:
        _check_alone(responses)
        judge.check(query, reference=reference)
        async with _opened(generate) as generator:
            generation = await generator.agenerate(query, n)
    candidates = _candidates(responses, generation)
    ranking = await judge.arank(query, candidates, strategy=_for_the_best(judge, strategy), reference=reference)
    return BestOfN(candidates[ranking.best], ranking, tuple(candidates), generation)


def best_of_n_many(
    contests: Iterable[Contest],
    *,
    generate: Policy | None = None,
    n: int = 8,
    strategy: StrategyLike | None = None,
    judge: Judge | Ranker | None = None,
) -> Iterator[BestOfN]:
    """The best of each of many contests, in the order of the input, as they get done; see `Judge.rank_many`.

    With `generate` the contests have no responses yet (`Contest(query, ())`) and `n` are written for each, while
    earlier ones are judged: generator and judge are open at the same time. A contest that fails is a result with
    its `error` set. Raises EngineError where judge or generator can't be opened at all.
    """
    judge = judge or default_judge()
    with _opened(generate) if generate is not None else nullcontext() as generator:
        entries = _Entries(contests, generator, n, judge)
        ranked = judge.rank_many(entries, strategy=_for_the_best(judge, strategy))
        with closing(cast("SyncGenerator[Ranking]", ranked)) as rankings:
            for ranking in rankings:
                yield entries.result(ranking)


async def abest_of_n_many(
    contests: Iterable[Contest],
    *,
    generate: Policy | None = None,
    n: int = 8,
    strategy: StrategyLike | None = None,
    judge: Judge | Ranker | None = None,
) -> AsyncIterator[BestOfN]:
    """The async twin of `best_of_n_many`."""
    judge = judge or default_judge()
    async with _opened(generate) if generate is not None else nullcontext() as generator:
        entries = _Entries(contests, generator, n, judge)
        ranked = judge.arank_many(entries, strategy=_for_the_best(judge, strategy))
        async with aclosing(cast("AsyncGenerator[Ranking]", ranked)) as rankings:
            async for ranking in rankings:
                yield entries.result(ranking)


def _for_the_best(judge: Judge | Ranker, strategy: StrategyLike | None) -> StrategyLike:
    """The strategy, where it is left to us one for the best response: nobody asks for the order of the others."""
    chosen = judge.default_strategy if strategy is None else strategy
    return AUTO_BEST if chosen == AUTO else chosen


class _Entries(Iterable[Contest]):
    """Contests on their way to the judge, their responses written first where there is a generator.

    One goes in for each that comes out: where nothing was written the judge gets a contest without responses, which
    fails at once in its place. Nothing is written for a query that the judge can't take.
    """

    def __init__(self, contests: Iterable[Contest], generator: Generator | None, n: int, judge: Judge | Ranker) -> None:
        self._contests = contests
        self._generator = generator
        self._n = n
        self._judge = judge
        self._judged: deque[tuple[Contest, Generation | None]] = deque()
        """What the judge has been given and not yet ranked, in order."""

    def __length_hint__(self) -> int:
        return length_hint(self._contests, 0)

    def __iter__(self) -> Iterator[Contest]:
        for contest, generation in self._written():
            self._judged.append((contest, generation))
            yield contest

    def result(self, ranking: Ranking) -> BestOfN:
        """What the next ranking says of the contest that it is about."""
        contest, generation = self._judged.popleft()
        if generation is not None and generation.error is not None:
            ranking = replace(ranking, error=f"generating: {generation.error}", error_type=generation.error_type)
        best = contest.responses[ranking.best] if ranking.error is None else None
        is_refused = generation is None and self._generator is not None
        return BestOfN(best, ranking, () if is_refused else _listed(contest.responses), generation)

    def _written(self) -> Iterator[tuple[Contest, Generation | None]]:
        if self._generator is None:
            yield from ((contest, None) for contest in self._contests)
            return
        asked: deque[tuple[Contest, bool]] = deque()

        def queries() -> Iterator[object]:
            for contest in self._contests:
                check_contest(contest)
                _check_unanswered(contest)
                asked.append((contest, takes(self._judge, contest)))
                yield contest.query if asked[-1][1] else _NO_QUERY

        for generation in self._generator.generate_many(queries(), self._n):
            contest, is_taken = asked.popleft()
            if is_taken:
                yield replace(contest, responses=generation.responses), generation
            else:
                # The judge is given it to say why.
                yield replace(contest, responses=("1", "2")), None


_NO_QUERY = None
"""What no generator asks its model; it fails in its place."""


def _opened(generate: Policy) -> Generator | nullcontext[Generator]:
    """The generator, to be closed behind what uses it unless it is the user's own. Raises InputError."""
    if isinstance(generate, Generator):
        return nullcontext(generate)
    if isinstance(generate, str):
        return Generator(generate)
    if isinstance(generate, Engine):
        return Generator(engine=generate)
    raise InputError(f"generate must be a model's name, an engine or a Generator, not {type(generate).__name__}")


def _candidates(responses: Sequence[object] | None, generation: Generation | None) -> Sequence[object]:
    if generation is not None:
        return generation.responses
    if responses is None:
        raise InputError("best_of_n needs responses to choose from, or generate=MODEL to write them")
    return responses


def _check_alone(responses: Sequence[object] | None) -> None:
    if responses is not None:
        raise InputError("best_of_n takes either responses or generate, not both")


def _check_unanswered(contest: Contest) -> None:
    if contest.responses:
        raise InputError(f"contest {contest.id!r} has responses already: leave out generate")


def _listed(responses: object) -> tuple[object, ...]:
    """The responses of a contest that may be no contest."""
    return tuple(responses) if isinstance(responses, Sequence) and not isinstance(responses, str | bytes) else ()
