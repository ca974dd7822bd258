"""Tournaments before a judge whose mind is known: what a strategy finds out for how many calls. No model is asked."""

from rrm.simulation.judge import SimulatedJudge
from rrm.simulation.measures import Estimate, Simulated, Trials
from rrm.simulation.run import simulate
from rrm.simulation.trial import Arm

__all__ = ["Arm", "Estimate", "Simulated", "SimulatedJudge", "Trials", "simulate"]
