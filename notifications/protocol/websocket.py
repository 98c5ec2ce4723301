"""The same frames as WebSocket messages. Pure.

Receives what the hub writes to a stream; guarantees one JSON text for each frame, with the very data that the stream has:

    event: change⏎id: 8198.42⏎data: {"prev":41,…}⏎⏎   →   {"event":"change","id":"8198.42","data":{"prev":41,…}}
    retry: 3120⏎⏎event: bye⏎data: {"reason":"rotate"}⏎⏎   →   {"event":"bye","retry":3120,"data":{"reason":"rotate"}}

The data is put in as it stands, so nothing is parsed or encoded a second time.
"""

from __future__ import annotations

import json
from typing import Any, Final

from .payloads import dumps

__all__ = ["TOO_BIG", "Messages", "build_message", "build_texts"]

TOO_BIG: Final = 4009  # our own, after 1009 message too big; the others are in `bye.py`


def build_message(event: str, data: dict[str, Any], ref: Any = None) -> str:
    """Return a message that no stream has: the answer to something that this client sent, with the client's own `ref`."""
    head = {"event": event} if ref is None else {"event": event, "ref": ref}
    return dumps(head | {"data": data})


def build_texts(body: bytes) -> list[str]:
    """Return one JSON text for each frame of what the hub writes."""
    texts: list[str] = []
    retry = ""
    for frame in body.decode().split("\n\n"):
        # one line for each field: `payloads.dumps` makes one line of all data
        fields = dict(line.split(": ", 1) for line in frame.split("\n") if line)
        retry = fields.get("retry", retry)
        if "event" not in fields:
            continue
        place = f',"id":{json.dumps(fields["id"])}' if "id" in fields else ""
        wait, retry = f',"retry":{retry}' if retry else "", ""
        texts.append(f'{{"event":"{fields["event"]}"{place}{wait},"data":{fields["data"]}}}')
    return texts


class Messages:
    """The messages of the write that was asked for last: the same bytes go to many sockets one after the other."""

    def __init__(self) -> None:
        self._last: tuple[bytes, list[str]] = (b"", [])

    def of(self, body: bytes) -> list[str]:
        """Return one JSON text for each frame."""
        last = self._last
        if last[0] is not body:
            self._last = last = (body, build_texts(body))
        return last[1]
