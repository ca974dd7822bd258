"""Where results go: stdout or a file, as JSON lines or for people, each result as soon as it is there."""

import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import click
from rich.console import Console

from rrm.errors import InputError

__all__ = ["Output"]


class Output:
    """Writes results. What can't work is refused when it is made; a file is opened, and an old one replaced, on entering."""

    def __init__(self, path: str | None, output_format: str, input_path: str) -> None:
        self.is_json = output_format == "json"
        self._path: Path | None = Path(path) if path else None
        self._files = ExitStack()
        self._stream: TextIO
        self.console: Console
        if self._path is not None:
            _check(self._path, input_path)

    def __enter__(self) -> Self:
        if self._path is None:
            self._stream = click.get_text_stream("stdout", encoding="utf-8", errors="replace")
        else:
            self._stream = self._files.enter_context(self._path.open("w", encoding="utf-8", newline="\n"))
        self.console = Console(file=self._stream, highlight=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def line(self, text: str) -> None:
        """One line, flushed: a result that was paid for is never lost in a buffer."""
        self._stream.write(text + "\n")
        self._stream.flush()


def _check(path: Path, input_path: str) -> None:
    folder = path.parent
    if path.is_dir() or not folder.is_dir():
        raise InputError(
            f"output {path} can't be written: {'it is a folder' if path.is_dir() else f'there is no folder {folder}'}"
        )
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise InputError(f"output {path} can't be written: permission denied")
    if input_path != "-" and path.exists() and Path(input_path).exists() and path.samefile(input_path):
        raise InputError(f"output {path} is the input file too: name another")
