"""JSON of whoever may send it, read in a time and to a depth that are bounded. Pure.

`json.loads` calls itself for each level, until its stack ends; how deep that is differs from one Python to the next. So the
brackets are counted first, in one pass over the text, and what is nested deeper than anything that we take is never given
to it.

    {"do": "read", "ids": [12]}   2 levels        [[[[…]]]]   refused
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from ..exceptions import NotificationsError

__all__ = ["MAX_LEVELS", "TooDeep", "parse_json"]

MAX_LEVELS: Final = 64  # `data` of a notification has at most 32, and stands in an object or two
# A string with its escapes as a whole, so that brackets within are none; one that never ends runs to the end of the text.
TOKENS: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z|\\)|[\[{]|[\]}]', re.DOTALL)


class TooDeep(NotificationsError, ValueError):
    """A text is nested deeper than `MAX_LEVELS`."""


def parse_json(text: str | bytes, *, make_object: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return what a JSON text says.

    Args:
        text: bytes are UTF-8, UTF-16 or UTF-32, as RFC 4627 tells them apart.
        make_object: what makes objects of their fields; without it they become dictionaries.

    Raises:
        TooDeep: it is nested too deep.
        ValueError: it is no JSON.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    if is_deeper(text, MAX_LEVELS):
        raise TooDeep(f"The JSON is nested deeper than {MAX_LEVELS} levels; send a flatter one.")
    return json.loads(text, object_pairs_hook=make_object)


def is_deeper(text: str, most: int) -> bool:
    """Return whether brackets stand in each other more than so many levels deep. Looks at each character once."""
    if text.count("[") + text.count("{") <= most:  # the usual case, without a look at the strings
        return False
    level = 0
    for match in TOKENS.finditer(text):
        token = match[0]
        if token in ("[", "{"):
            level += 1
            if level > most:
                return True
        elif token in ("]", "}"):
            level -= 1
    return False
