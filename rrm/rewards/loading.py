"""`load_reward`: from what a user says to a reward model that is not loaded yet."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rrm.engines.scorers.base import Scorer
from rrm.errors import InputError
from rrm.ledger import Ledger
from rrm.ledger.lent import LentLedger
from rrm.rewards.base import Aggregate
from rrm.rewards.choosing import ScorerChoice
from rrm.rewards.configuration import Wanted, family_of_reference
from rrm.rewards.families import Family, Kind, choose_output, family_of, labelled
from rrm.rewards.outcome import OutcomeReward
from rrm.rewards.process import ProcessReward
from rrm.rewards.settings import RewardSettings, Truncation

__all__ = ["load_reward"]


def load_reward(
    reference: str | Path | None = None,
    *,
    engine: str | Scorer | None = None,
    kind: Kind | None = None,
    family: str | None = None,
    base_url: str | Sequence[str] | None = None,
    api_key_env: str = "OPENAI_API_KEY",
    normalise: bool = False,
    output: int | None = None,
    labels: Sequence[str] | None = None,
    aggregate: Aggregate | None = None,
    step_delimiter: str | None = None,
    truncation: Truncation = "error",
    strip_reasoning: bool = False,
    ledger: str | Path | Ledger | None = None,
    max_context: int | None = None,
    engine_args: Mapping[str, object] | None = None,
) -> OutcomeReward | ProcessReward:
    """A reward model: one that scores conversations, or one that scores the steps of solutions.

    `reference`: a folder, a hub name, or with `base_url` (one or several) the name under which a vLLM server serves the
    model, by default the first that it lists. `engine`: "vllm", "transformers", "server", or a `Scorer` of your own, which
    the reward closes; by default a server where a base URL is given, else vLLM where it is installed, else transformers.
    `kind` ("outcome", "process") and `family` (a name of `rrm.rewards.families.FAMILIES`): by default found from the model's
    name and its config.json; of a server's model, from its name and what the server says of it, for which it is asked here.
    `normalise`: the logistic function of an outcome model's raw output. `output`: which one of several is the score.
    `labels`: tokens of a generative model without a head, the good one first, whose logits are read; `kind` is then
    "outcome" by default. `aggregate`: how a process model's steps become one score, by default the least ("min").
    `step_delimiter`: what stands between a solution's steps, by default the family's. `truncation`: what becomes of what does
    not fit the context ("error"; "left", for outcome models, and "right": that end is left out, and details say so).
    `strip_reasoning`: score responses without what stands before their `</think>`. `ledger`: a file (or an open
    `Ledger`) that remembers every pass. `max_context`: tokens of a pass. `engine_args`: passed to the engine; unknown
    ones are refused.

    Nothing is loaded until the first call, and what can be known to be wrong is found here. Raises InputError, ModelError
    for a reference that leads to no reward model, EngineUnreachableError, MissingExtraError.
    """
    if isinstance(reference, Path):
        reference = str(reference)
    settings = RewardSettings(
        normalise, output, _labels(labels), aggregate, truncation, strip_reasoning, max_context, step_delimiter
    )
    choice = ScorerChoice(reference, engine, base_url, api_key_env, max_context, engine_args)
    choice.check()
    found = _family(choice, settings, kind, family)
    settings.check_for(found.kind)
    if output is not None:
        found = choose_output(found, output)
    source = choice.source(found.readout, found.name, found.engines)
    maker = OutcomeReward if found.kind == "outcome" else ProcessReward
    return maker(source, found, settings, LentLedger(ledger), choice.settings())


def _labels(labels: Sequence[str] | None) -> tuple[str, ...]:
    if isinstance(labels, str):
        raise InputError(f"labels must be a list of tokens, the good one first, such as ('yes', 'no'), not {labels!r}")
    return tuple(labels or ())


def _family(choice: ScorerChoice, settings: RewardSettings, kind: Kind | None, family: str | None) -> Family:
    if settings.labels:
        if family is not None:
            raise InputError("labels= make a family of their own: leave family= out")
        return labelled(kind or "outcome", settings.labels)
    wanted = Wanted(kind, family, settings.output)
    if choice.is_remote:
        from rrm.rewards.served import family_on_server

        return family_on_server(choice.reference, choice.urls, choice.api_key, choice.api_key_env, wanted)
    if isinstance(choice.engine, Scorer):
        return family_of({}, choice.reference or "", kind=kind, family=family)
    return family_of_reference(str(choice.reference), wanted)
