"""The options that say what ranks: a judge, rewards, or rewards that filter for a judge; and that ranker, opened and closed.

Options that would be left aside are refused: those of a judge where rewards rank, and those of rewards where there are none.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rrm.cli.options import Settings
from rrm.cli.reward_options import PREFIX, load, model_arguments, model_options, model_settings, model_types
from rrm.errors import InputError
from rrm.ranker import Ranker

if TYPE_CHECKING:
    from rrm.rankers import Ensemble, RewardRanker

__all__ = ["RANKER_SETTINGS", "RANKER_TYPES", "RankerChoice", "ranker_options", "reward_options"]

F = TypeVar("F", bound=Callable[..., Any])

_SCORE, _CASCADE = "score", "cascade"
"""What the results of rewards, and of a filter with what ranks behind it, call their strategy."""

_SHARED = ("seed", "strip_reasoning")
"""Options of a judge that mean something for rewards too."""

_REWARD = click.option(
    "--reward", multiple=True, metavar="REF[=WEIGHT]",
    help="Score responses with this reward, and ask no judge: a folder, a hub name, a server's name for it, or module:attribute of your own. "
    "Repeat it for an ensemble.",
)  # fmt: skip
_RULE = click.option("--reward-rule", metavar="mean|worst|mean-deviation", help="How several rewards become one score. Default: mean.")  # fmt: skip
_FILTER = (
    click.option("--filter", multiple=True, metavar="REF[=WEIGHT]", help="Let the judge rank only what this reward scores highest: --keep so many. REF is as for --reward."),
    click.option("--keep", type=int, metavar="M", help="Responses that --filter leaves for the judge."),
)  # fmt: skip

RANKER_SETTINGS = ("reward", "reward_rule", "filter", "keep", *model_settings(PREFIX))
RANKER_TYPES = {
    **model_types(PREFIX),
    **dict.fromkeys(("reward", "filter"), "a text or a list of texts"),
    "reward_rule": "a text",
    "keep": "a whole number",
}


def reward_options(command: F) -> F:
    """Add `--reward` and what belongs to it to a command that filters nothing."""
    return _REWARD(_RULE(model_options(command, PREFIX)))


def ranker_options(command: F) -> F:
    """Add `--reward`, `--filter` and what belongs to them to a command."""
    command = model_options(command, PREFIX)
    for option in reversed((_REWARD, *_FILTER, _RULE)):
        command = option(command)
    return command


class RankerChoice:
    """What the settings say ranks. Raises InputError for options that can't be used together.

    `ledger`: the rewards' own, where it is not that of the settings. `own`: options that are no judge's in this command.
    """

    def __init__(self, settings: Settings, ledger: Path | None = None, own: Collection[str] = ()) -> None:
        self._settings = settings
        self._ledger = ledger or settings.ledger
        self._own = own
        self._rewards = [_weighted("reward", text) for text in settings.texts("reward")]
        self._filters = [_weighted("filter", text) for text in settings.texts("filter")]
        self._keep = settings.get("keep")
        self._check_filter()
        self._check_rewards()
        self._arguments = model_arguments(settings, PREFIX)
        self._check_own()
        self.strategy = self._strategy()
        """What contests are ranked by."""

    @property
    def has_rewards(self) -> bool:
        """Whether any reward is asked."""
        return bool(self._rewards or self._filters)

    @property
    def named(self) -> str:
        """What a ranking calls its strategy."""
        return _CASCADE if self._filters else self.strategy

    @property
    def noun(self) -> str:
        """What is made and paid for."""
        return "call" if self._filters else "score" if self._rewards else "sample"

    @contextmanager
    def opened(self) -> Iterator[Ranker]:
        """The ranker, not loaded yet; closed at the end with all that it stands on. Raises RRMError."""
        with ExitStack() as stack:
            ranker: Ranker = self.by_score(stack) if self._rewards else stack.enter_context(self._settings.judge())
            if self._filters:
                from rrm.rankers import Cascade

                scoring = self._by_score(stack, self._filters)
                ranker = stack.enter_context(closing(Cascade(filter=scoring, keep=self._keep, judge=ranker)))
            yield ranker

    def by_score(self, stack: ExitStack) -> "RewardRanker | Ensemble":
        """What ranks by --reward alone; closed at the stack's end."""
        return self._by_score(stack, self._rewards)

    def _by_score(self, stack: ExitStack, members: Sequence[tuple[str, float | None]]) -> "RewardRanker | Ensemble":
        from rrm.rankers import Ensemble, RewardRanker

        rewards = [(self._loaded(stack, name), 1.0 if weight is None else weight) for name, weight in members]
        seed = self._settings.get("seed", 0)
        if len(rewards) == 1:
            return stack.enter_context(closing(RewardRanker(rewards[0][0], seed=seed)))
        rule = self._settings.get("reward_rule", "mean")
        return stack.enter_context(closing(Ensemble(rewards, rule=rule, seed=seed)))

    def _loaded(self, stack: ExitStack, name: str) -> object:
        if self._is_own(name):
            return load(stack, name, self._ledger, {})
        strips = {"strip_reasoning": True} if self._settings.get("strip_reasoning") else {}
        return load(stack, name, self._ledger, self._arguments | strips)

    def _is_own(self, name: str) -> bool:
        """Whether it is code of the user's own. Beside a server's models that is told by whether there is such a module."""
        from rrm.rewards.resolving import has_module, names_own_code

        is_alone = len(self._rewards) + len(self._filters) == 1
        if is_alone or not names_own_code(name) or names_own_code(name, self._arguments):
            return names_own_code(name, self._arguments)
        return has_module(name)

    def _strategy(self) -> str:
        if self._rewards:
            given = self._settings.get("strategy")
            if given not in (None, _SCORE):
                raise InputError(
                    f"the strategy {given!r} needs a judge, and rewards give scores: leave out --strategy, or --reward"
                )
            return _SCORE
        if self._settings.get("strategy") == _SCORE:
            raise InputError("the strategy 'score' ranks by rewards: name one with --reward, such as --reward FOLDER")
        return self._settings.strategy

    def _check_filter(self) -> None:
        if self._filters and self._keep is None:
            raise InputError("--filter needs --keep: how many responses of each row it leaves for the judge")
        if self._keep is not None and not self._filters:
            raise InputError("--keep says how many responses a filter leaves for the judge: name one with --filter")

    def _check_rewards(self) -> None:
        given = [name for name in (*model_settings(PREFIX), "reward_rule") if self._settings.get(name) is not None]
        if given and not self.has_rewards:
            raise InputError(f"{', '.join(given)}: only with --reward or --filter")
        if "reward_rule" in given and max(len(self._rewards), len(self._filters)) < 2:
            raise InputError("--reward-rule is for several rewards: repeat --reward or --filter, or leave it out")
        for members in (self._rewards, self._filters):
            if len(members) == 1 and members[0][1] is not None:
                raise InputError(f"a weight is for several rewards, and there is one: write {members[0][0]}")
        if self._rewards:
            self._refuse_judge()

    def _refuse_judge(self) -> None:
        """Raises InputError for options of a judge that is not asked."""
        given = self._settings.judge_arguments
        if unused := sorted(name for name in given if name not in (*_SHARED, *self._own)):
            raise InputError(
                f"--reward needs no judge: leave out {', '.join(unused)} (options of the reward begin with --reward-)"
            )

    def _check_own(self) -> None:
        """Raises InputError for options of reward models where there is none, and of what is not to be stripped."""
        names = [name for name, _ in (*self._rewards, *self._filters)]
        strips = ["strip_reasoning"] if self._rewards and self._settings.get("strip_reasoning") else []
        given = sorted([*self._arguments, *strips])
        if not given or not names:
            return
        if all(map(self._is_own, names)):
            raise InputError(f"{', '.join(given)}: for reward models, and {names[0]!r} is a reward of your own")


def _weighted(option: str, text: str) -> tuple[str, float | None]:
    """A reference, and its weight where it has one. A path that has a = in it is one, if it is there."""
    name, separator, weight = text.rpartition("=")
    if not separator or Path(text).exists():
        return text, None
    try:
        return name, float(weight)
    except ValueError:
        raise InputError(f"--{option} takes REF or REF=WEIGHT, and {weight!r} is no number") from None
