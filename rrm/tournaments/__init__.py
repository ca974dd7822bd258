"""PURE: who plays whom next. One strategy a file; `STRATEGIES` names them."""

from collections.abc import Mapping

from rrm.tournaments.active import Active, ActiveBest
from rrm.tournaments.anchor import Anchor
from rrm.tournaments.arena_elo import ArenaElo
from rrm.tournaments.base import Strategy, Tournament
from rrm.tournaments.double_elimination import DoubleElimination
from rrm.tournaments.elo import Elo
from rrm.tournaments.knockout import Knockout
from rrm.tournaments.round_robin import RoundRobin
from rrm.tournaments.rounds import Play, Played, Rounds
from rrm.tournaments.sequential_halving import SequentialHalving
from rrm.tournaments.sorting import Sort
from rrm.tournaments.swiss import Swiss
from rrm.tournaments.top_k import TopK
from rrm.tournaments.top_two import TopTwo

__all__ = [
    "STRATEGIES",
    "Active",
    "ActiveBest",
    "Anchor",
    "ArenaElo",
    "DoubleElimination",
    "Elo",
    "Knockout",
    "Play",
    "Played",
    "RoundRobin",
    "Rounds",
    "SequentialHalving",
    "Sort",
    "Strategy",
    "Swiss",
    "TopK",
    "TopTwo",
    "Tournament",
]

STRATEGIES: Mapping[str, Strategy] = {
    "active": Active,
    "active-best": ActiveBest,
    "anchor": Anchor,
    "arena-elo": ArenaElo,
    "double-elimination": DoubleElimination,
    "elo": Elo,
    "knockout": Knockout,
    "round-robin": RoundRobin,
    "sequential-halving": SequentialHalving,
    "sort": Sort,
    "swiss": Swiss,
    "top-k": TopK,
    "top-two": TopTwo,
}
"""The strategies of pairs that `strategy="..."` and `--strategy` know; see `rrm.plans` for all."""
