"""What is sent to servers, as bytes: JSON in UTF-8, which can't carry every text that Python can."""

import json
from typing import Any

from rrm.errors import ContestError
from rrm.types import Message, SampleRequest

__all__ = ["encoded"]


def encoded(body: dict[str, Any], request: SampleRequest) -> bytes:
    """The body, made of the request, as JSON in UTF-8. Raises ContestError for text that UTF-8 can't carry."""
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ContestError(_unsendable(request)) from None


def _unsendable(request: SampleRequest) -> str:
    texts = [
        *request.messages,
        Message("assistant", request.continuation),
        *(Message("choice", choice) for choice in request.choices),
    ]
    role, place, character = next(
        (role, place, character)
        for role, content in texts
        for place, character in enumerate(content)
        if "\ud800" <= character <= "\udfff"
    )
    return (
        f"the {role} text holds {character!a} at character {place}, half of a surrogate pair, which is no character "
        "and can't be sent: decode the data with errors='replace', or leave it out"
    )
