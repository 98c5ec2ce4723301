r"""The doorbell: after commit, tell over the channel layer that an inbox changed.

Receives the changes of one committed transaction. Delivery is at most once and unordered between processes; nothing
depends on it but latency (the sweeper in `hub/` is the guarantee). `ring()` never blocks and never raises: messages
wait in a bounded queue and a task sends them, on the event loop of this process's hub where there is one, else on a
thread of its own.

A message, many changes in one (`data` is the JSON of the `change` frame, or None for "read the log"):

    {"type": "notifications.changes", "changes": [{"user": "7", "epoch": 81985529216486, "prev": 41, "modseq": 42,
     "data": "{\"prev\":41,\"modseq\":42,\"upsert\":[…],\"gone\":[],\"unread\":3,\"unseen\":1}",
     "committed_at": 1767268800.25, "topic": ""}], "seal": "5f0c…"}

The seal is a keyed digest (`log/seals.py`). With NOTIFICATIONS_RING_CONTENT off `data` is always None.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from channels.layers import InMemoryChannelLayer, get_channel_layer

from ..conf import settings
from . import seals

__all__ = ["MESSAGE_TYPE", "Change", "Ringer", "also_ring", "ring", "ringer"]

logger = logging.getLogger("notifications.log.doorbell")

MESSAGE_TYPE: Final = "notifications.changes"
MAX_CHANGES_PER_MESSAGE: Final = 200
MAX_MESSAGE_CHARS: Final = 256 * 1024  # far below Redis' 512 MB; keeps one message from holding up the loop
MAX_DATA_CHARS: Final = 16 * 1024  # a longer change is read from the log, in pages
FLUSH_SECONDS: Final = 1.0  # longest wait at the exit of a process (a command, a worker) for its last doorbells


@dataclass(frozen=True, slots=True)
class Change:
    """One user's log went from `prev` to `modseq`. `data` is the frame's JSON, or None: read the log.

    `committed_at` is the wall-clock time, in seconds: a change is made to be rung, right after its commit. Without a user
    it is a public topic's log, `topic`: no user's key is None, so no inbox can be meant.
    """

    user: str | None
    epoch: int
    prev: int
    modseq: int
    data: str | None
    committed_at: float = field(default_factory=time.time, compare=False)
    topic: str = ""


bells: list[Callable[[list[Change]], None]] = []


def also_ring(bell: Callable[[list[Change]], None]) -> None:
    """Have this told of committed changes as well. It must neither block nor raise. Registering it twice is harmless."""
    if bell not in bells:
        bells.append(bell)


def ring(changes: list[Change]) -> None:
    """Announce committed changes. At most once; never blocks, never raises because of the layer."""
    ringer.put(changes)
    for bell in bells:
        bell(changes)


class Ringer:
    """Sends doorbells in the order of their ringing, from whichever thread they come."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything, as in a process that has just begun."""
        self.rung = self.sent = self.dropped = 0  # changes; rung is their sum once nothing waits
        self._waiting: deque[Change] = deque()
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None  # where the sending task runs
        self._home: asyncio.AbstractEventLoop | None = None  # the hub's loop, if this process has a hub
        self._task: asyncio.Task[None] | None = None
        self._is_failing = False

    def settle(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Send on this hub's loop from now on; None when the hub has gone."""
        with self._guard:
            self._home = loop

    def put(self, changes: list[Change]) -> None:
        """Queue changes and see that something sends them."""
        try:
            layer = get_channel_layer(settings.channel_layer)
        except Exception as error:  # a backend that cannot be built
            self.rung += len(changes)
            self._fail(len(changes), error)
            return
        with self._guard:
            if layer is None or (self._home is None and isinstance(layer, InMemoryChannelLayer)):
                return  # nobody in this process listens, and nobody else can hear
            self.rung += len(changes)
            room = max(0, settings.doorbell_backlog - len(self._waiting))
            self._waiting.extend(changes[:room])
            self.dropped += max(0, len(changes) - room)
            loop = self._choose_loop()
        try:
            loop.call_soon_threadsafe(self._wake)
        except RuntimeError:  # the loop was closed while the process was ending; the sweeper delivers
            logger.debug("No event loop left for %d doorbells.", len(changes))

    def flush(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Wait until everything was sent or given up, at most this long; return whether it was. Not from a loop."""
        loop = self._loop
        if loop is None or not loop.is_running() or not (self._waiting or self._task):
            return True
        try:
            asyncio.run_coroutine_threadsafe(self._drained(), loop).result(seconds)
        except TimeoutError:
            return False
        return True

    def _choose_loop(self) -> asyncio.AbstractEventLoop:
        if self._home is not None and self._home.is_running():
            self._loop = self._home
        elif self._loop is None or not self._loop.is_running() or self._loop is self._home:
            self._loop = start_loop_thread()
        return self._loop

    def _wake(self) -> None:
        if self._task is None or self._task.get_loop() is not asyncio.get_running_loop():
            self._task = asyncio.get_running_loop().create_task(self._send_all(), name="notifications.log.doorbell")

    async def _drained(self) -> None:
        self._wake()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _send_all(self) -> None:
        """Send what waits, several changes in one message, until nothing does."""
        try:
            while self._waiting:
                await self._send(self._take())
                await asyncio.sleep(0)  # let the hub empty a small in-memory channel between two messages
        finally:
            self._task = None

    def _take(self) -> list[Change]:
        taken: list[Change] = []
        chars = 0
        with self._guard:
            while self._waiting and len(taken) < MAX_CHANGES_PER_MESSAGE:
                chars += len(self._waiting[0].data or "")
                if taken and chars > MAX_MESSAGE_CHARS:
                    break
                taken.append(self._waiting.popleft())
        return taken

    async def _send(self, changes: list[Change]) -> None:
        try:
            layer = get_channel_layer(settings.channel_layer)
            async with asyncio.timeout(settings.doorbell_timeout_seconds):
                await layer.group_send(settings.group, build_message(changes))
        except Exception as error:  # whatever a layer raises: the write stands and the sweeper delivers
            self._fail(len(changes), error)
        else:
            self.sent += len(changes)
            if self._is_failing:
                logger.info("The channel layer takes doorbells again.")
            self._is_failing = False

    def _fail(self, count: int, error: Exception) -> None:
        self.dropped += count
        if not self._is_failing:  # one line for an outage, not one for each write
            text = "The channel layer did not take a doorbell for %d inboxes (%s: %s); the sweeper delivers them."
            logger.warning(text, count, type(error).__name__, error)
        self._is_failing = True


def build_message(changes: list[Change]) -> dict[str, Any]:
    """Return the sealed channel-layer message for these changes, over-long ones without their content."""
    longest = MAX_DATA_CHARS if settings.ring_content else -1
    return seals.seal({"type": MESSAGE_TYPE, "changes": [to_message(change, longest) for change in changes]})


def to_message(change: Change, longest: int) -> dict[str, Any]:
    """Return a change as it travels. By hand: `asdict()` takes 2.5 µs for what here takes 0.4, and a broadcast is long."""
    data = change.data
    return {
        "user": change.user,
        "epoch": change.epoch,
        "prev": change.prev,
        "modseq": change.modseq,
        "data": None if data is not None and len(data) > longest else data,
        "committed_at": change.committed_at,
        "topic": change.topic,
    }


def start_loop_thread() -> asyncio.AbstractEventLoop:
    """Start an event loop on a daemon thread, for a process that has no hub: a command, a worker, a WSGI server."""
    loop = asyncio.new_event_loop()
    is_running = threading.Event()
    loop.call_soon(is_running.set)
    threading.Thread(target=loop.run_forever, name="notifications-doorbell", daemon=True).start()
    is_running.wait(FLUSH_SECONDS)
    return loop


ringer = Ringer()
atexit.register(ringer.flush)
os.register_at_fork(after_in_child=ringer.reset)  # a forked worker has none of its parent's threads or loops
