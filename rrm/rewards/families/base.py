"""What is known of a family of reward models: its prompts, its markers, and what its outputs mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rrm.engines.scorers.base import Readout
from rrm.rewards.layouts.base import LayOutcome, LaySteps
from rrm.rewards.layouts.splitting import Split, split_steps

__all__ = ["Family", "Kind", "Read"]

Kind = Literal["outcome", "process"]
"""Whether a model scores whole conversations, or each step of a solution."""

Read = Callable[[Sequence[Sequence[float]]], float]
"""Vectors of raw outputs -> a number. Raises ModelError for a vector of the wrong length, ContestError for a lost one.

Of an outcome model they are those at `Laid.at`, or the one of the sequence, and the number is the raw score. Of a process
model it is ONE vector, that of a position, as `[vector]`, and the number is the probability that the step is right.
"""


@dataclass(frozen=True, slots=True)
class Family:
    """How models of one family are asked and read. An outcome family has `lay_outcome`, a process family `lay_steps`."""

    name: str
    kind: Kind
    readout: Readout
    read: Read
    architectures: tuple[str, ...] = ()
    """As `architectures` of config.json has them; those that belong to this family alone, so that none is claimed twice."""
    models: tuple[str, ...] = ()
    """Patterns as of `fnmatch`, in lower case, of hub names and of folders' names."""
    hints: tuple[str, ...] = ()
    """More of them, which mean it only together with an architecture that it admits: too little to go by alone."""
    admits: tuple[str, ...] = ()
    """How the architectures of its models end: one of another end is not of this family, whatever it is called."""
    markers: tuple[str, ...] = ()
    """Texts that must be broken up in untrusted text besides the tokenizer's special tokens."""
    words: tuple[str, ...] = ()
    """Such texts that mean something only where they stand as words of their own."""
    delimiter: str = ""
    """Process: where a response is split into steps, unless the caller says otherwise."""
    split: Split = split_steps
    """Process: what is laid of a response, by that delimiter. Blank pieces are laid and not scored."""
    lay_outcome: LayOutcome | None = None
    lay_steps: LaySteps | None = None
    engines: tuple[str, ...] = ("vllm", "server", "transformers")
    """Those that can run it."""
    source: str = ""
    """Where its format is published."""
    licence: str = ""
    """Of what is quoted from there; or of the models, where nothing is."""
