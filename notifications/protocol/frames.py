"""What goes over the wire of one stream, from what the log says to bytes. Pure; `sse.py` encodes.

Receives a `Replay` and where the stream's client stands. Guarantees that the id on each frame is a position from which
the client can go on: cut after any byte, it comes back with the id of the last whole frame and misses nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Literal

from . import sse
from .bye import RETRY_MS, Bye
from .payloads import dumps
from .position import Position, Replay

__all__ = ["build_frames", "bye", "change", "ping"]


def build_frames(
    replay: Replay,
    modseq: int,
    *,
    needs_hello: bool,
    is_malformed: bool = False,
    wait: tuple[int, int] = RETRY_MS,
) -> Iterator[tuple[int, bytes]]:
    """Yield (`modseq` after it, bytes) of what a client at `modseq` is owed, `hello` first on a new stream.

    A `hello` before a reset carries a position below every floor: cut right there, the client comes back with that and
    gets its reset again.
    """
    head = replay.head
    if replay.snapshot is not None:
        hello = _hello(replay, 0, "reset", wait) if needs_hello else b""
        reason = "malformed" if replay.reason == "none" and is_malformed else replay.reason
        data = dumps({"reason": reason, "modseq": head.modseq, "epoch": head.epoch, "snapshot": replay.snapshot})
        yield head.modseq, hello + sse.event("reset", data, id=str(head.position))
        return
    if needs_hello:
        yield modseq, _hello(replay, modseq, "resume", wait)
    for number, data in replay.changes:
        yield number, change(head.epoch, number, data)


def _hello(replay: Replay, modseq: int, mode: Literal["resume", "reset"], wait: tuple[int, int]) -> bytes:
    head = replay.head
    data: dict[str, Any] = {"modseq": modseq, "epoch": head.epoch, "unread": head.unread, "unseen": head.unseen}
    return _retry(wait) + sse.event("hello", dumps(data | {"mode": mode}), id=str(Position(head.epoch, modseq)))


def change(epoch: int, modseq: int, data: str) -> bytes:
    """Return the frame that takes a client to `modseq`; `data` is `payloads.build_change_data()`."""
    return sse.event("change", data, id=f"{epoch}.{modseq}")


def ping(modseq: int) -> bytes:
    """Return the frame that says: the line is alive and you stand at `modseq`."""
    return sse.event("ping", f'{{"modseq":{modseq}}}')


def bye(why: Bye) -> bytes:
    """Return the last frames of a stream: when to come back, and why it ends."""
    return _retry(why.retry_ms) + sse.event("bye", dumps({"reason": why.reason}))


def _retry(wait: tuple[int, int]) -> bytes:
    return sse.retry(random.randint(*wait))  # noqa: S311 - spreads load, keeps no secret
