"""Modules of the user's own code: imported by name, with the version that was imported.

Invariants: a version is that of the file which the loaded module was made of, also where the file has changed since; where
that can't be known nothing is said, rather than something that may be wrong. It is the module's own file alone: neither
modules that it imports nor files that it reads count. Raises what importing raises.
"""

import hashlib
import importlib
import os
import sys
import time
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from weakref import WeakKeyDictionary

from rrm.errors import InputError

__all__ = ["imported", "version_of"]

_made_of: WeakKeyDictionary[ModuleType, tuple[ModuleSpec | None, str]] = WeakKeyDictionary()
"""Of modules that were imported here: what their files held then. A module that is reloaded has another specification."""

_SLACK = 0.02
"""Seconds by which clocks of files and of processes differ; no interpreter imports anything so soon after it began."""


def imported(name: str) -> ModuleType:
    """The module, of which the version is remembered where it is imported here for the first time."""
    if name in sys.modules:
        return importlib.import_module(name)
    importlib.invalidate_caches()  # its file may have been written just now
    specification = find_spec(name)
    # Read before it is imported, which may take long: an edit during that is of the next version.
    digest = _digest(getattr(specification, "origin", None))
    module = importlib.import_module(name)
    _made_of[module] = (module.__spec__, digest)
    return module


def version_of(module: ModuleType, reference: str) -> str:
    """What the module's file held when it was imported, as a short text. Raises InputError where that can't be known."""
    specification, digest = _made_of.get(module, (None, ""))
    if digest and specification is module.__spec__:
        return digest
    file = getattr(module, "__file__", None)
    if not _digest(file):
        raise InputError(f"{_unknown(reference)}: its module has no file. {_REMEDY}")
    # Imported by somebody else. A file that is older than this process was the same then.
    if max(Path(str(file)).stat().st_mtime, Path(str(file)).stat().st_ctime) > _BEGAN + _SLACK:
        raise InputError(
            f"{_unknown(reference)}: its module was imported before it was asked for here, and {file} was changed after this "
            f"program began. Start the program anew, or: {_REMEDY}"
        )
    return _digest(file)


_REMEDY = "Hand over the object itself, with a name of its own for each version: cached(reward, ledger, name=...)"


def _unknown(reference: str) -> str:
    return f"the scores of {reference!r} can't be kept in a ledger, because which version of its code is loaded can't be known"


def _digest(file: object) -> str:
    """The content of a file, as a short text; "" where there is none."""
    if not isinstance(file, str) or not Path(file).is_file():
        return ""
    return hashlib.blake2b(Path(file).read_bytes(), digest_size=8).hexdigest()


def _beginning() -> float:
    """When this process began, in Unix seconds; where the system does not tell, now, which is a little later."""
    try:
        ticks = int(Path("/proc/self/stat").read_text("ascii", "replace").rpartition(")")[2].split()[19])
        return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, AttributeError, ValueError, IndexError):
        return time.time()


_BEGAN = _beginning()
