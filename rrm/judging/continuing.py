"""Samples that go on: each from the first of its texts that the judge's context has room for.

A generator like a hearing, without any knowledge of what is gone on with and why.
"""

from collections.abc import Generator, Mapping, Sequence

from rrm.errors import PromptTooLongError
from rrm.types import Completion, SampleRequest

__all__ = ["Continuing", "go_on", "in_order"]

Continuing = Generator[Sequence[SampleRequest], Sequence[Completion], dict[int, tuple[SampleRequest, Completion]]]


def go_on(following: Mapping[int, Sequence[SampleRequest]]) -> Continuing:
    """The completion for each key with the request it is for: the first of its requests that fits; none where none fits.

    Every request is for one sample, and no two keys are of one case and index. Raises EngineRefusedError where the
    engine takes none of them.
    """
    requests = {key: choices[0] for key, choices in following.items() if choices}
    if not requests:
        return {}
    try:
        completions = in_order(list(requests.values()), (yield list(requests.values())))
    except PromptTooLongError:
        return (yield from _shorter(following))
    pairs = zip(requests.values(), completions, strict=True)
    return dict(zip(requests, pairs, strict=True))


def _shorter(following: Mapping[int, Sequence[SampleRequest]]) -> Continuing:
    """One by one, since nobody says which of them is too long; one that is alone goes on from less."""
    if len(following) == 1:
        return (yield from go_on({key: choices[1:] for key, choices in following.items()}))
    found: dict[int, tuple[SampleRequest, Completion]] = {}
    for key, choices in following.items():
        found |= yield from go_on({key: choices})
    return found


def in_order(requests: Sequence[SampleRequest], completions: Sequence[Completion]) -> list[Completion]:
    """Completions in the order of the requests' cases and by index, whatever order they came in."""
    place: dict[tuple[str, ...], int] = {}
    for request in requests:
        place.setdefault(request.case.responses, len(place))
    return sorted(completions, key=lambda done: (place[done.case.responses], done.index))
