"""Which family the model is of that a server serves: from its name, from a folder that can be read here, or by asking.

Invariants: a server is asked for what it lists, never for weights, and only where nothing else says enough. Knows no
family by name.
"""

from collections.abc import Sequence
from pathlib import Path

from rrm.engines.addresses import Listed, checked_key, checked_urls, first_model, models_in, reported
from rrm.engines.http import FailedError, Patience, RefusedError, Servers
from rrm.errors import EngineDeniedError, EngineUnreachableError, ModelError
from rrm.loop import LoopThread
from rrm.rewards.configuration import Wanted, cached_configuration, configuration_in
from rrm.rewards.families import FAMILIES, Family

__all__ = ["family_on_server"]

_PROBE_SECONDS = 10.0


def family_on_server(
    reference: str | None, base_url: str | Sequence[str], api_key: str | None, api_key_env: str, wanted: Wanted
) -> Family:
    """The family of the model that a server serves as `reference`, or of the first that it lists.

    The server is asked, once and for at most a few seconds, where the caller and the name don't say. Raises ModelError,
    EngineUnreachableError, EngineDeniedError, InputError.
    """
    if wanted.family is not None:
        return wanted.find({}, reference or "")
    if reference is not None and (found := _found_here(reference, wanted)):
        return found
    url, listed = _listing(base_url, api_key, api_key_env)
    name = reference or first_model({url: listed})
    root = listed[name].root if name in listed else None
    for place in (root, name):
        if place and (found := _found_here(place, wanted)):
            return found
    if wanted.kind is not None:
        return wanted.find({}, reported(root or name))
    raise ModelError(
        f"the server {url} serves {name!r}{_of(root, name)}, and neither is a folder that can be read here or the name of "
        f"a known reward model: say kind='outcome' or kind='process' to have its head read in the common way, or family= "
        f"({', '.join(FAMILIES)})"
    )


def _found_here(place: str, wanted: Wanted) -> Family | None:
    """The family of what a server names, if it can be told here without the network."""
    folder = Path(place).expanduser()
    if (folder / "config.json").is_file():
        return wanted.find(configuration_in(folder), folder.resolve().name)
    if config := cached_configuration(place):
        return wanted.find(config, place)
    return wanted.find_by_name(reported(place))


def _of(root: str | None, name: str) -> str:
    return f" (which is {root!r})" if root and root != name else ""


def _listing(base_url: str | Sequence[str], api_key: str | None, api_key_env: str) -> tuple[str, dict[str, Listed]]:
    """The models of the first server that answers, and its address."""
    urls = tuple(url.removesuffix("/v1") for url in checked_urls(base_url))
    thread = LoopThread()
    try:
        return thread.run(_first_listing(urls, checked_key(api_key), api_key_env))
    finally:
        thread.close()


async def _first_listing(urls: tuple[str, ...], key: str | None, api_key_env: str) -> tuple[str, dict[str, Listed]]:
    servers = Servers(urls, key, Patience(1, _PROBE_SECONDS, _PROBE_SECONDS, 0.1, 1.0))
    dead = []
    try:
        for server in servers.all:
            try:
                return server.url, models_in(await servers.probe(server, "/v1/models", _PROBE_SECONDS))
            except FailedError as failure:
                dead.append(f"{server.url}: {failure}")
    except RefusedError as refusal:
        raise EngineDeniedError(
            f"{refusal.url} answers {refusal.status}, {refusal.message}: check the address and the key ({api_key_env}), "
            "or say what it serves (family=)"
        ) from None
    finally:
        await servers.aclose()
    raise EngineUnreachableError(f"{'; '.join(dead)}. Is the server running, and is the address right?")
