"""What callers say of servers, checked, and what servers list of their models.

Invariants: nothing that may be a secret is quoted in a message. Knows no engine, and sends nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from rrm.engines.http import Patience
from rrm.errors import InputError

__all__ = [
    "Listed",
    "checked_key",
    "checked_patience",
    "checked_urls",
    "first_model",
    "models_in",
    "reported",
    "require",
]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as a server lists it."""

    context: int | None = None
    """Tokens of its context; None where the server does not tell."""
    root: str | None = None
    """The weights behind the name, a hub name or a path; None where the server does not tell."""


def require(is_so: bool, otherwise: str) -> None:
    """Raise InputError, saying `otherwise`, where a condition does not hold."""
    if not is_so:
        raise InputError(otherwise)


def checked_urls(base_url: str | Sequence[str]) -> tuple[str, ...]:
    """Addresses without their closing slashes, each once. Raises InputError for what is none, or holds a secret."""
    urls = (base_url,) if isinstance(base_url, str) else tuple(base_url)
    require(bool(urls), "base_url is empty: give at least one address, such as http://host:8000/v1")
    return tuple(dict.fromkeys(_checked_url(url) for url in urls))


def _checked_url(text: str) -> str:
    # Before anything is quoted: what stands in these places is as a rule a secret.
    require(
        "@" not in text and "?" not in text, "base_url holds a user name, a password or a query: pass api_key for keys"
    )
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL as error:
        raise InputError(f"base_url {text!r} is no address: {error}") from None
    is_web = url.scheme in ("http", "https") and bool(url.host)
    require(is_web, f"base_url {text!r} is no web address: it should look like http://host:8000/v1")
    return str(url).rstrip("/").removesuffix("/chat/completions")


def checked_key(key: str | None) -> str | None:
    """The key, or None where it is blank. Raises InputError for one that can't be sent."""
    key = (key or "").strip()
    require(key.isascii() and key.isprintable(), "api_key holds characters that can't stand in a header")
    return key or None


def checked_patience(
    *, attempts: int, timeout: float, connect_timeout: float, probe_timeout: float, wait_initial: float, wait_max: float
) -> Patience:
    """The patience of these settings; all times are seconds. Raises InputError for what can't work."""
    require(attempts >= 1, f"attempts must be at least 1, not {attempts}")
    times = {"timeout": timeout, "connect_timeout": connect_timeout, "probe_timeout": probe_timeout}
    for name, seconds in times.items():
        require(seconds > 0, f"{name} must be more than 0 seconds, not {seconds}")
    require(0 <= wait_initial <= wait_max, f"0 <= wait_initial <= wait_max, not {wait_initial} and {wait_max}")
    return Patience(attempts, timeout, connect_timeout, wait_initial, wait_max)


def models_in(reply: Json) -> dict[str, Listed]:
    """The models of an answer of /v1/models, by name."""
    entries = reply.get("data") or ()
    models = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
    return {
        entry["id"]: Listed(_of_kind(entry, "max_model_len", int), _of_kind(entry, "root", str)) for entry in models
    }


def _of_kind(entry: Json, name: str, kind: type) -> Any:
    value = entry.get(name)
    return value if isinstance(value, kind) and value else None


def first_model(listings: Mapping[str, Mapping[str, object]]) -> str:
    """The first model that one of the servers lists, by their addresses. Raises InputError where none lists any."""
    for models in listings.values():
        if models:
            return next(iter(models))
    raise InputError(f"{', '.join(listings)} lists no models: name the model that it serves (model=...)")


def reported(model: str) -> str:
    """A model's name for results: servers may call it by the folder it lies in, of which only the last part counts."""
    is_path = model.startswith(("/", ".", "~")) or "\\" in model
    return model.replace("\\", "/").rstrip("/").rpartition("/")[2] if is_path else model
