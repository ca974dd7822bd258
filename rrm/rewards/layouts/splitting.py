"""A solution as steps."""

from rrm.errors import InputError

__all__ = ["split_steps"]


def split_steps(response: str, delimiter: str) -> tuple[str, ...]:
    """The steps of a response, in order; blank ones are dropped, so that many blank lines are as one.

    A step is kept as it was written but for line breaks at its ends: indentation stays. A blank response has no steps.
    Raises InputError for an empty delimiter.
    """
    if not delimiter:
        raise InputError("a response can't be split into steps on an empty delimiter: give one, such as '\\n\\n'")
    if "\r" not in delimiter:
        response = response.replace("\r\n", "\n")  # texts of other systems have the same blank lines
    return tuple(piece.strip("\r\n") for piece in response.split(delimiter) if piece.strip())
