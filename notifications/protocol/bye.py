"""Why the server ends a stream: each reason, and all that follows from it, in one table. Pure.

    retry: 3120⏎⏎event: bye⏎data: {"reason":"rotate"}⏎⏎        on the stream
    {"event":"bye","retry":3120,"data":{"reason":"rotate"}}      over a WebSocket, which then closes with 4012

A new reason is a line here, and the place that ends a stream for it. Frames, close codes, metrics and presence follow.
Clients come back after a reason that they do not know. What the browser does otherwise at a reason stands in
`connection/connection.js`.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

__all__ = ["LONG_RETRY_MS", "RETRY_MS", "Bye"]

RETRY_MS: Final = (2000, 5000)  # random, so that clients cut off together do not come back together
LONG_RETRY_MS: Final = (20_000, 60_000)  # of an overloaded process, and for clients that come back too often
POLL_RETRY_MS: Final = (300_000, 600_000)  # of a site where nothing streams, for clients that cannot poll


class Bye(Enum):
    """A reason.

    Attributes:
        reason: as it goes over the wire, and as the metrics are labelled.
        close_code: of a WebSocket. An application may use 3000 to 4999
            (https://www.rfc-editor.org/rfc/rfc6455#section-7.4.2; Autobahn, so Daphne, insists): 3000 unauthorized and 3008
            timeout are registered (https://www.iana.org/assignments/websocket); 4xxx are our own, after 1012 service
            restart, 1013 try again later and HTTP's 429.
        retry_ms: the least and the most that the client waits before it comes back.
        comes_back: whether the user is expected back, and stays online meanwhile.
    """

    ROTATE = "rotate", 4012  # it was open for long enough
    DRAIN = "drain", 4012  # the process ends
    SLOW = "slow", 3008  # a write took too long
    CAP = "cap", 4029  # the user has too many streams
    OVERLOAD = "overload", 4013, LONG_RETRY_MS  # of the process, or the log cannot be read
    POLL = "poll", 4013, POLL_RETRY_MS  # nothing streams here
    AUTH = "auth", 3000, RETRY_MS, False  # the user may follow no longer

    def __init__(
        self, reason: str, close_code: int, retry_ms: tuple[int, int] = RETRY_MS, comes_back: bool = True
    ) -> None:
        self.reason = reason
        self.close_code = close_code
        self.retry_ms = retry_ms
        self.comes_back = comes_back
