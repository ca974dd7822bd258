"""Rewards as users write them, in modules of their own, for the command line to find by name."""

import sys
from itertools import count
from pathlib import Path

import pytest

__all__ = ["COUNTED", "own_module"]

_NUMBERS = count()

COUNTED = '''
import pathlib, time
LOG = pathlib.Path({log!r})

def length(conversations):
    """Longer is better; writes down how many conversations each call has."""
    with LOG.open("a") as log:
        log.write(f"{{len(conversations)}}\\n")
    time.sleep({seconds})
    return [len(conversation[-1]["content"]) for conversation in conversations]

def shortness(conversations):
    return [-score for score in length(conversations)]

def picky(conversations):
    if any("bad" in conversation[-1]["content"] for conversation in conversations):
        raise ValueError("it is bad")
    return length(conversations)

def broken(conversations):
    return [float("nan") for _ in conversations]

def level(conversations):
    return [1.0 for _ in conversations]

NUMBER = 7
'''


class OwnModule:
    """A module in a folder, with rewards that count what they are asked."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"

    def __call__(self, attribute: str) -> str:
        """The reference of an attribute."""
        return f"{self.name}:{attribute}"

    @property
    def calls(self) -> list[int]:
        """How many conversations each call had so far."""
        return [int(line) for line in self.log.read_text().split()] if self.log.exists() else []


def own_module(folder: Path, monkeypatch: pytest.MonkeyPatch, *, seconds: float = 0.0) -> OwnModule:
    """Write such a module, under a name that no other test has, and make the folder the current one."""
    module = OwnModule(f"own_reward_{next(_NUMBERS)}", folder)
    (folder / f"{module.name}.py").write_text(COUNTED.format(log=str(module.log), seconds=seconds))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    return module
