"""Runs the command line, in this process where only its lines and codes matter, as a process where that is the point."""

import io
import json
import logging
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rrm.cli import main

SCRIPTED = ("--engine", "scripted")
PAIR = '{"query": "q", "responses": ["a", "bb"]}\n'


@dataclass(frozen=True)
class Run:
    """What a command did."""

    code: int | str | None
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


def run(*arguments: object) -> Run:
    """Run a command in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n") for _ in range(2))
    log, argv = logging.getLogger("rrm"), sys.argv
    handlers, level = list(log.handlers), log.level
    sys.argv = ["rrm", *map(str, arguments)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
        code: int | str | None = None
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = argv
        log.handlers[:] = handlers
        log.setLevel(level)
    return Run(code, *(_written(stream) for stream in (out, err)))


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


def start(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    """Start a command as a process, with pipes unless told otherwise."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-m", "rrm", *map(str, arguments)]
    return subprocess.Popen(command, **({"env": environment} | pipes | options))


def run_process(*arguments: object, stdin: bytes = b"") -> Run:
    """Run a command as a process, to its end."""
    with start(*arguments) as process:
        out, err = process.communicate(stdin, timeout=60)
        return Run(process.returncode, out.decode(), err.decode())


def write(folder: Path, text: str | bytes, name: str = "rows.jsonl") -> Path:
    """A file in the folder."""
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def row(**values: object) -> str:
    """A line of JSON."""
    return json.dumps(values) + "\n"
