"""The command line: arguments become calls, results become lines and exit codes, and nothing else."""

import logging
import sys

import click

from rrm import __version__
from rrm.cli.doctor import doctor
from rrm.cli.exits import Exit, code_of
from rrm.cli.judging import compare, rank
from rrm.cli.parsing import parse
from rrm.cli.prompts import prompts
from rrm.errors import RRMError

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="rrm")
def commands() -> None:
    """Rank responses with a reasoning judge model: tournaments over pairwise verdicts."""


for command in (rank, compare, parse, prompts, doctor):
    commands.add_command(command)


def main() -> None:
    """Run the command line and exit with its code; see `rrm.cli.exits`."""
    _show_notes(is_quiet="--quiet" in sys.argv)
    try:
        sys.exit(commands.main(standalone_mode=False, prog_name="rrm") or Exit.OK)
    except RRMError as error:
        _end(f"rrm: error: {error}", code_of(error))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _end("rrm: interrupted; what was done so far is written", Exit.INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody to tell.
        sys.stderr.close()
        sys.exit(Exit.OK)
    except OSError as error:
        _end(f"rrm: error: {error}", Exit.INPUT)


def _end(message: str, code: Exit) -> None:
    click.echo(message, err=True)
    sys.exit(code)


def _show_notes(*, is_quiet: bool) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("rrm: %(message)s"))
    log = logging.getLogger("rrm")
    log.addHandler(handler)
    log.setLevel(logging.ERROR if is_quiet else logging.INFO)
