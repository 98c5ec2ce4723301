r"""Frames. Pure functions from text to bytes of `text/event-stream`; no Django, no state.

Receives event names and JSON text; guarantees that each frame is exactly one event whatever the text holds.
The format: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

    event: change
    id: 81985529216486.42
    data: {"prev":41,"modseq":42,"upsert":[],"gone":[7],"unread":3,"unseen":1}
    ⏎
"""

from __future__ import annotations

import re

__all__ = ["CONTENT_TYPE", "event", "retry"]

CONTENT_TYPE = b"text/event-stream"

# "If the line ends with CR, LF or CRLF": these three end a line, nothing else does (not U+2028, not U+0085).
# https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
LINE_END = re.compile(r"\r\n|\r|\n")
FIELD = re.compile(r"[^\r\n\0]*")  # an id with NUL would be ignored by the client


def event(name: str, data: str, *, id: str | None = None) -> bytes:  # noqa: A002 - the field's own name
    """Return one event. `data` may hold any text: its lines become `data:` lines, which the client joins with LF.

    Lone surrogates, which UTF-8 cannot carry, become `?`.

    Raises:
        ValueError: the name or the id holds a line end or NUL.
    """
    for field in (name, id or ""):
        if not FIELD.fullmatch(field):
            raise ValueError(f"{field!r} holds a line end or NUL; a frame's name and id must be one line.")
    head = f"event: {name}\n" if id is None else f"event: {name}\nid: {id}\n"
    is_one_line = "\r" not in data and "\n" not in data  # the hot path: JSON from `payloads.dumps`
    body = f"data: {data}\n" if is_one_line else "".join(f"data: {line}\n" for line in LINE_END.split(data))
    return f"{head}{body}\n".encode("utf-8", "replace")


def retry(milliseconds: int) -> bytes:
    """Return the field that sets how long a client waits before it reconnects.

    Raises:
        ValueError: below 0, which clients would ignore.
    """
    if milliseconds < 0:
        raise ValueError(f"retry is {milliseconds} ms; it cannot be negative.")
    return f"retry: {milliseconds:d}\n\n".encode("ascii")
