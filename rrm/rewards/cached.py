"""A reward that remembers: it asks the reward inside only for conversations that no ledger has.

A score is kept as a completion of its conversation, its number with full precision as the text; what another process
is asking for already is waited for. It is for rewards that give the same conversation the same score: what was kept is
given again, whatever the reward inside has become, unless its name or revision is another.
"""

import asyncio
import json
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import msgspec

from rrm.errors import InputError
from rrm.ledger import Ledger
from rrm.ledger.claims import Claims, pauses
from rrm.ledger.keys import content_key
from rrm.ledger.lent import LentLedger
from rrm.ledger.store import Sample, Store
from rrm.loop import LoopThread
from rrm.ranking import RewardInfo
from rrm.rewards.base import Conversation
from rrm.rewards.conversations import listed_conversations
from rrm.rewards.custom import CustomReward
from rrm.rewards.managed import ManagedReward
from rrm.types import Message, Spent, json_line

__all__ = ["CachedReward", "cached"]


def cached(reward: object, ledger: str | Path | Ledger, *, name: str, revision: str = "") -> "CachedReward":
    """The reward with its scores kept in a ledger: a path, or an open `Ledger`, which is left open.

    `reward` scores conversations: an object with `score` or `ascore`, a function, or what `as_reward` gives. `name` and
    `revision` say what computes the scores: another one asks anew. (Reward models remember more with `load_reward`'s
    own `ledger`.) One that is cached already under this name in this ledger is returned as it is. Raises InputError, also
    for one that is cached otherwise.
    """
    if not isinstance(name, str) or not name:
        raise InputError(f"a reward whose scores are kept needs a name to keep them under, not {name!r}")
    if ledger is None:
        raise InputError("say which ledger the scores are to be kept in: a path, or an open Ledger")
    if isinstance(reward, CachedReward):
        return reward.again(ledger, name, revision)
    inside = reward if isinstance(reward, ManagedReward) else CustomReward(reward, name=name)
    return CachedReward(inside, LentLedger(ledger), name, revision)


class CachedReward(ManagedReward):
    """A reward with a ledger before it; made by `cached`. Closing it closes the reward inside."""

    def __init__(self, reward: ManagedReward, lent: LentLedger, name: str, revision: str) -> None:
        self.kind = reward.kind
        self.name = name
        self._reward = reward
        self._lent = lent
        self._model = (name, revision)
        self._spent = self._reused = 0
        self._thread = LoopThread("this reward was closed")
        self._closer = weakref.finalize(self, _end, self._thread, lent)

    def again(self, ledger: str | Path | Ledger, name: str | None = None, revision: str = "") -> "CachedReward":
        """The same reward, if it keeps its scores in that ledger, and under that name where one is given. Raises InputError."""
        if not self._lent.is_of(LentLedger(ledger)) or (name is not None and (name, revision) != self._model):
            raise InputError(
                f"the reward {self.name!r} keeps its scores already, under that name: hand over the reward inside, or leave "
                "out the second ledger"
            )
        return self

    def score(self, conversations: Sequence[Conversation]) -> list[float]:
        """As the reward inside, which is asked for each distinct conversation once; places in errors count those asked for.

        Raises LedgerError too.
        """
        return self._thread.run(self._scores(listed_conversations(conversations)))

    async def ascore(self, conversations: Sequence[Conversation]) -> list[float]:
        """The async twin of `score`."""
        return await self._thread.arun(self._scores(listed_conversations(conversations)))

    @property
    def is_sync(self) -> bool:
        """Whether all calls behind it are sync, so that several conversations in one call pay."""
        return bool(getattr(self._reward, "is_sync", False))

    def open(self) -> RewardInfo:
        return self._reward.open()

    async def aopen(self) -> RewardInfo:
        return await self._reward.aopen()

    @property
    def info(self) -> RewardInfo:
        return self._reward.info

    @property
    def settings(self) -> dict[str, object]:
        return {**self._reward.settings, "reward": self.name}

    @property
    def spent(self) -> Spent:
        """As the reward inside counts it; conversations alone where it counts nothing."""
        inside = self._reward.spent
        return Spent(self._spent) if inside == Spent() else inside

    @property
    def reused(self) -> Spent:
        return Spent(self._reused) + self._reward.reused

    def close(self) -> None:
        if self._closer.alive:
            try:
                self._reward.close()
            finally:
                self._closer()

    async def _scores(self, conversations: Sequence[Conversation]) -> list[float]:
        ledger = cast("Ledger", await self._lent.open())
        keys = [self._key(conversation, place) for place, conversation in enumerate(conversations)]
        wanted, claims, found = dict(zip(keys, conversations, strict=True)), Claims(ledger), dict[bytes, float]()
        for pause in pauses():
            missing = [key for key in wanted if key not in found]
            if not missing:
                break
            claimed = await claims.claim_all([(key, 0, 1) for key in missing])
            stored = {key: claim.stored[0] for key, claim in zip(missing, claimed, strict=True) if claim.stored}
            found.update((key, float(json.loads(sample.text))) for key, sample in stored.items())
            self._reused += len(stored)
            ours = {key: wanted[key] for key, claim in zip(missing, claimed, strict=True) if claim.ours}
            found.update(await self._ask(ledger, claims, ours))
            if len(found) < len(wanted):
                await asyncio.sleep(pause)
        return [found[key] for key in keys]

    async def _ask(self, ledger: Ledger, claims: Claims, ours: Mapping[bytes, Conversation]) -> Mapping[bytes, float]:
        """Score what is claimed, all at once; the claims end with it, however that comes."""
        left, model = set(ours), self._model
        try:
            with claims.holding(ours):
                found = await self._reward.ascore(list(ours.values())) if ours else []
            scores = dict(zip(ours, found, strict=True))
            await ledger.ask(lambda store: _keep(store, model, scores))
            left.clear()
            self._spent += len(scores)
            return scores
        finally:
            for key in left:
                claims.release(key, [0])

    def _key(self, conversation: Conversation, place: int) -> bytes:
        try:
            plain = msgspec.to_builtins(
                [turn._asdict() if isinstance(turn, Message) else turn for turn in conversation]
            )
        except TypeError as error:
            raise InputError(
                f"conversation {place} can't be kept in a ledger ({error}): its messages must be of plain values"
            ) from error
        return content_key(
            ("reward", *self._model, json_line(self._reward.settings), json.dumps(plain, sort_keys=True))
        )


def _keep(store: Store, model: tuple[str, str], scores: Mapping[bytes, float]) -> None:
    for key, score in scores.items():
        store.keep(model, key, [Sample(0, json.dumps(score), "stop", 0, 0, 0)])


def _end(thread: LoopThread, lent: LentLedger) -> None:
    """Stop what a reward keeps running. Knows no reward, which may be gone."""
    thread.close()
    lent.close()
