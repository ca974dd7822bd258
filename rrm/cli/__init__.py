"""The command line: arguments become calls, results become lines and exit codes, and nothing else."""

import logging
import os
import sys

import click

from rrm import __version__
from rrm.cli.bench import bench
from rrm.cli.best_of_n import best_of_n
from rrm.cli.doctor import doctor
from rrm.cli.exits import Exit, code_of
from rrm.cli.judging import compare, rank
from rrm.cli.ledger import ledger
from rrm.cli.parsing import parse
from rrm.cli.plan import plan
from rrm.cli.prefer import prefer
from rrm.cli.prompts import prompts
from rrm.cli.score import score
from rrm.cli.simulate import simulate
from rrm.cli.terminal import printable
from rrm.errors import RRMError

__all__ = ["main"]


class _ReaderLeftError(Exception):
    """Whoever read our output has gone. Not a BrokenPipeError, which click would take for a failure."""


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderLeftError from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="rrm")
def commands() -> None:
    """Rank responses with a reasoning judge model: tournaments over pairwise verdicts."""


for command in (rank, compare, score, best_of_n, prefer, plan, bench, ledger, parse, prompts, simulate, doctor):
    commands.add_command(command)


def main() -> None:
    """Run the command line and exit with its code; see `rrm.cli.exits`."""
    _show_notes()
    try:
        sys.exit(commands.main(standalone_mode=False, prog_name="rrm") or Exit.OK)
    except RRMError as error:
        _end(f"rrm: error: {error}", code_of(error))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _end("rrm: interrupted; what was done so far is written", Exit.INTERRUPTED)
    except _ReaderLeftError:
        # There is nobody to tell; what still stands in the buffer must not fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.OK)
    except OSError as error:
        _end(f"rrm: error: {error}", Exit.INPUT)


def _end(message: str, code: Exit) -> None:
    click.echo(printable(message), err=True)
    sys.exit(code)


class _Notes(logging.Handler):
    """Writes to what stderr is at the time, since a progress bar puts itself in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"rrm: {printable(record.getMessage())}\n")


def _show_notes() -> None:
    log = logging.getLogger("rrm")
    if not any(isinstance(handler, _Notes) for handler in log.handlers):
        log.addHandler(_Notes())
    log.setLevel(logging.INFO)
