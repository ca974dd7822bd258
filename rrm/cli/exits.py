"""The exit codes, and which error ends in which."""

from enum import IntEnum

from rrm.errors import EngineError, MissingExtraError, ModelError, RRMError

__all__ = ["NO_ENGINE", "Exit", "code_of"]

NO_ENGINE = (EngineError, ModelError, MissingExtraError)
"""What goes wrong where the judge, or a reward, can't be asked, whatever it is to be asked about."""


class Exit(IntEnum):
    """Exit codes of every rrm command."""

    OK = 0
    INPUT = 2
    """Bad input or usage."""
    ENGINE = 3
    """The judge, or a reward, can't be reached or loaded, or died before any row was done."""
    SOME_FAILED = 4
    """Some rows failed; they are in the output."""
    STOPPED = 5
    """A limit (tokens, minutes, lost votes) ended the run; the same command goes on from there."""
    INTERRUPTED = 130
    """Ctrl-C, as shells report it."""


def code_of(error: RRMError) -> Exit:
    """The exit code of a command that ends with this error."""
    return Exit.ENGINE if isinstance(error, NO_ENGINE) else Exit.INPUT
