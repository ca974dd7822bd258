"""Where results go: stdout or a file, as JSON lines or for people, each result as soon as it is there."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, RenderableType
from rich.text import Text

from rrm.cli.terminal import printable
from rrm.errors import InputError
from rrm.progress import bars_hidden

__all__ = ["Output"]


class Output:
    """Writes results. What can't work is refused when it is made; a file is opened, and an old one replaced, on entering."""

    def __init__(self, path: str | None, output_format: str, input_path: str) -> None:
        self.is_json = output_format == "json"
        self._path: Path | None = Path(path) if path else None
        self._files = ExitStack()
        self._stream: TextIO
        self._console: Console
        if self._path is not None:
            _check(self._path, input_path)

    def __enter__(self) -> Self:
        with self._refusing():
            self._stream = self._open()
        self._console = Console(file=self._stream, highlight=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._refusing():
            self._files.close()

    def line(self, text: str) -> None:
        """One line as it is, flushed: a result that was paid for is never lost in a buffer."""
        with self._writing():
            self._stream.write(text + "\n")

    def show(self, *things: RenderableType) -> None:
        """Tables and texts for people; control characters in a text are shown, not sent."""
        with self._writing():
            for thing in things:
                if isinstance(thing, str):
                    self._console.print(Text(printable(thing)), soft_wrap=True)
                else:
                    self._console.print(thing)

    def _open(self) -> TextIO:
        if self._path is not None:
            return self._files.enter_context(self._path.open("w", encoding="utf-8", newline="\n"))
        if not isinstance(sys.stdout, TextIOWrapper):
            raise InputError("there is no stdout to write to: name a file with --output")
        sys.stdout.reconfigure(encoding="utf-8" if self.is_json else None, errors="replace", newline="\n")
        return sys.stdout

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._refusing(), bars_hidden(self._stream):
            yield
            self._stream.flush()

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """What the system says of the file, as an error that names it."""
        try:
            yield
        except OSError as error:
            if self._path is None:
                raise
            raise _unwritable(self._path, error.strerror or str(error)) from error


def _check(path: Path, input_path: str) -> None:
    folder = path.parent
    if path.is_dir():
        raise _unwritable(path, "it is a folder")
    if not folder.is_dir():
        raise _unwritable(path, f"there is no folder {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise _unwritable(path, "permission denied")
    if input_path != "-" and path.exists() and Path(input_path).exists() and path.samefile(input_path):
        raise InputError(f"output {path} is the input file too: name another")


def _unwritable(path: Path, why: str) -> InputError:
    return InputError(f"output {path} can't be written: {why}")
