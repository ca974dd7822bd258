"""A reward of the user's own code, whose failures are those of what it was asked for, and of nothing else.

What rrm raises on purpose passes as it is, and so does what ends a task. Everything else becomes a ContestError with the
exception's type and text, whose cause it is; so does an exit (`sys.exit`), which would end whatever thread the reward
happens to run on. Knows no reward.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rrm.errors import ContestError, RRMError

__all__ = ["Guard", "without_exits"]

_log = logging.getLogger("rrm")


class Guard:
    """Of one reward. Its first failure is logged as a warning; this one's traceback, and all later ones, at debug level."""

    def __init__(self) -> None:
        self._has_failed = False

    @contextmanager
    def failing(self, name: str) -> Iterator[None]:
        """Raises ContestError for what the code of the reward of this name raises within."""
        try:
            yield
        except RRMError:
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            said = _said(name, error)
            self._log(said, error)
            raise ContestError(said) from error

    def _log(self, said: str, error: BaseException) -> None:
        if not self._has_failed:
            _log.warning("%s (further failures of it are logged at debug level, with their tracebacks)", said)
        self._has_failed = True
        _log.debug("%s", said, exc_info=error)


@contextmanager
def without_exits(name: str) -> Iterator[None]:
    """Raises ContestError for an exit alone; for code that runs on a loop or a thread that others need, too."""
    try:
        yield
    except (SystemExit, KeyboardInterrupt) as error:
        raise ContestError(_said(name, error)) from error


def _said(name: str, error: BaseException) -> str:
    return f"the reward {name!r} failed: {type(error).__name__}" + (f": {error}" if str(error) else "")
