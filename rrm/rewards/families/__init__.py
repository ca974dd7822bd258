"""The families of reward models that are known by name, and how one is found for a model."""

from rrm.rewards.families.base import Family, Kind, Read
from rrm.rewards.families.finding import FAMILIES, choose_output, family_of, outputs_of
from rrm.rewards.families.labelled import labelled
from rrm.rewards.families.readings import sigmoid

__all__ = ["FAMILIES", "Family", "Kind", "Read", "choose_output", "family_of", "labelled", "outputs_of", "sigmoid"]
