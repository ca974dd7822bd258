"""`rrm prompts`: what prompt files there are, what stands in one, whether one is sound, and a new one to start from."""

import re
import sys
from pathlib import Path
from typing import get_args

import click

from rrm.cli.exits import Exit
from rrm.cli.starts import Start, start_of
from rrm.errors import InputError, RRMError
from rrm.judging.checking import notes, problems
from rrm.judging.cleaning import Cleaner
from rrm.judging.criteria import CRITERIA
from rrm.judging.formats import VARIABLES, CriteriaSpec
from rrm.judging.prompts import Prompt
from rrm.promptfiles import load_prompt, prompt_names
from rrm.types import Case, Message

__all__ = ["prompts"]


@click.group(short_help="List, show, check and begin prompt files.")
def prompts() -> None:
    """List, show, check and begin prompt files: how a case is put to a judge, and how its verdict is read."""


@prompts.command("list")
def list_() -> None:
    """The prompt files that come with rrm."""
    for name in prompt_names():
        front = load_prompt(name).front
        click.echo(f"{name:28} {front.kind:9} {front.description}")


@prompts.command()
@click.argument("prompt")
def show(prompt: str) -> None:
    """What PROMPT (a name or a path) says of itself, and its text with the variables in place."""
    loaded = load_prompt(prompt)
    front = loaded.front
    click.echo(f"name: {front.name}\nsha256: {loaded.sha256}\ndescription: {front.description}")
    click.echo(
        f"source: {front.source}\nlicence: {front.licence}\nkind: {_kind(loaded)}\nsampling: {_sampling(loaded)}"
    )
    for name, default in front.parameters.items():
        click.echo(f"parameter {name}: {'must be given' if default is None else default}")
    is_rubric = isinstance(front.verdict, CriteriaSpec)
    shown = [name for name in front.parameters if not (is_rubric and name == CRITERIA)]
    filled = loaded.with_parameters({name: "{" + name + "}" for name in shown})
    for role, content in filled.render(_sample(loaded), Cleaner(())):
        click.echo(f"\n[{role}]\n{content}")


@prompts.command()
@click.argument("names", metavar="[PROMPT]...", nargs=-1)
def check(names: tuple[str, ...]) -> None:
    """Render each PROMPT (names or paths; default: all shipped ones), parse its examples, say what is missing.

    Exit codes: 0 all are sound; 2 something is wrong.
    """
    found = [(name, *_checked(name)) for name in names or prompt_names()]
    for name, wrong, lacking in found:
        click.echo(f"{name}: {'ok' if not wrong else ''}".rstrip())
        for problem in wrong:
            click.echo(f"  {problem}")
        # Nothing can be done about what a shipped file lacks.
        for note in lacking if name not in prompt_names() else ():
            click.echo(f"  note: {note}")
    if any(wrong for _, wrong, _ in found):
        sys.exit(Exit.INPUT)


def _checked(name: str) -> tuple[list[str], list[str]]:
    """What is wrong with the prompt, and what it lacks."""
    try:
        prompt = load_prompt(name)
        return problems(prompt), notes(prompt)
    except RRMError as error:
        return [str(error)], []


@prompts.command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(get_args(Start)),
    default="pairwise",
    show_default=True,
    help="How many responses the judge is shown; a rubric is pointwise, with weighted criteria.",
)
@click.option("--output", type=click.Path(), help="Write to this file. Default: NAME.jinja in the current folder.")
def new(name: str, kind: Start, output: str | None) -> None:
    """Write a prompt file to start from: commented, sound as it is, and yours to change.

    Exit codes: 0 it is written; 2 the name is none, or the file is there already (it is never overwritten).
    """
    if not re.fullmatch(r"\w[\w-]*", name):
        raise InputError(f"{name!r} can't be the name of a prompt: use letters, digits, _ and -")
    file = Path(output or f"{name}.jinja")
    try:
        with file.open("x", encoding="utf-8", newline="\n") as opened:
            opened.write(start_of(kind, name))
    except FileExistsError:
        raise InputError(f"{file} is there already and is not overwritten: name another file with --output") from None
    except OSError as error:
        raise InputError(f"{file} can't be written: {error.strerror or error}") from error
    path = file if file.suffix == ".jinja" else file.resolve()
    click.echo(f"{file}: written. Change it, then: rrm prompts check {path}")


def _sampling(prompt: Prompt) -> str:
    sampling = prompt.front.sampling
    return f"max_tokens {sampling.max_tokens}, temperature {sampling.temperature}, top_p {sampling.top_p}"


def _kind(prompt: Prompt) -> str:
    if prompt.kind == "listwise":
        return f"listwise, at most {prompt.window} at once"
    return f"{prompt.kind}, ties: {prompt.front.ties}" if prompt.kind == "pairwise" else prompt.kind


def _sample(prompt: Prompt) -> Case:
    """A case in which each value is the name of its variable in braces."""
    query = (Message("user", "{query}"),) if prompt.front.query == "conversation" else "{query}"
    is_list = prompt.kind == "listwise"
    names = ("response 1", "response 2", "response 3") if is_list else VARIABLES[prompt.kind]
    return Case(query, tuple("{" + name + "}" for name in names), "{reference}")
