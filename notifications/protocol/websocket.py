"""The same frames as WebSocket messages. Pure.

Receives what the hub writes to a stream; guarantees one JSON text for each frame, with the very data that the stream has:

    event: change⏎id: 8198.42⏎data: {"prev":41,…}⏎⏎   →   {"event":"change","id":"8198.42","data":{"prev":41,…}}
    retry: 3120⏎⏎event: bye⏎data: {"reason":"rotate"}⏎⏎   →   {"event":"bye","retry":3120,"data":{"reason":"rotate"}}

The data is put in as it stands, so nothing is parsed or encoded a second time.
"""

from __future__ import annotations

import json
from typing import Any, Final

from .frames import Bye
from .payloads import dumps

__all__ = ["CLOSE_CODES", "TOO_BIG", "Messages", "message"]

# An application may use 3000 to 4999 (https://www.rfc-editor.org/rfc/rfc6455#section-7.4.2; Autobahn, so Daphne, insists):
# 3000 unauthorized and 3008 timeout are registered (https://www.iana.org/assignments/websocket); 4xxx are our own, after
# 1012 service restart, 1013 try again later, HTTP's 429 and 1009 message too big.
CLOSE_CODES: Final[dict[Bye, int]] = {
    "rotate": 4012,
    "drain": 4012,
    "overload": 4013,
    "cap": 4029,
    "slow": 3008,
    "auth": 3000,
}
TOO_BIG: Final = 4009


def message(event: str, data: dict[str, Any], ref: Any = None) -> str:
    """Return a message that no stream has: the answer to something that this client sent, with the client's own `ref`."""
    head = {"event": event} if ref is None else {"event": event, "ref": ref}
    return dumps(head | {"data": data})


def texts_of(body: bytes) -> list[str]:
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
            self._last = last = (body, texts_of(body))
        return last[1]
