"""Values as lines of JSON, which must be UTF-8 whatever judges and callers send."""

import json
import re

import msgspec

__all__ = ["json_line"]


_HALF_PAIR = re.compile("[\ud800-\udfff]")


def json_line(values: object) -> str:
    """One line of JSON. Halves of surrogate pairs, which judges and callers may send and UTF-8 can't hold, become U+FFFD."""
    try:
        return msgspec.json.encode(values).decode()
    except UnicodeEncodeError:
        plain = json.dumps(msgspec.to_builtins(values), ensure_ascii=False, separators=(",", ":"))
        return _HALF_PAIR.sub("\ufffd", plain)
