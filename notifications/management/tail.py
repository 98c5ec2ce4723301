"""One user's log, followed in a process that holds no streams: what `tail_notifications` shows.

Reads the log as a stream would, from a position on, and hears the doorbell where the channel layer reaches other processes;
where it does not, it looks at every sweep. So it misses nothing and shows each change once, whatever breaks meanwhile. It
is no stream: it does not make its user online.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from notifications.exceptions import NotificationsError
from notifications.hub import listener
from notifications.hub.executor import Executor
from notifications.hub.sweeper import interval_seconds
from notifications.log.keys import UserKey
from notifications.log.replay import read_for, read_heads
from notifications.protocol.position import Position, Replay

__all__ = ["UserDeleted", "follow"]

RETRY_SECONDS: Final = 1.0


class UserDeleted(NotificationsError):
    """The user whose log is followed was deleted."""

    def __init__(self, user_id: UserKey) -> None:
        super().__init__(f"The user with the key {user_id!r} was deleted, so there is nothing more to follow.")


async def follow(
    user_id: UserKey,
    since: Position | None,
    *,
    show: Callable[[Replay, Position], None],
    complain: Callable[[str], None],
    stop: asyncio.Event,
) -> None:
    """Call `show` with what happens, and the position before it, until `stop`; first with where the log stands.

    A database that is away is complained about once and asked again every second.

    Raises:
        UserDeleted: the user was deleted.
    """
    wakeup = asyncio.Event()
    executor = Executor(threads=1)
    executor.keep([lambda: listen(user_id, wakeup)])
    position, problem = since, ""
    try:
        while not stop.is_set():
            wakeup.clear()
            pause_seconds = interval_seconds()
            try:
                replay = await executor.run(read, user_id, position)
            except UserDeleted:
                raise
            except Exception as error:
                if str(error) != problem:
                    problem = str(error)
                    complain(f"The log cannot be read ({type(error).__name__}: {error}); trying again.")
                pause_seconds = RETRY_SECONDS
            else:
                problem = ""
                if position is None or replay.head.position != position:
                    show(replay, position or replay.head.position)
                    position = replay.head.position
            await wait_for_first(pause_seconds, wakeup, stop)
    finally:
        await executor.stop()


async def listen(user_id: UserKey, wakeup: asyncio.Event) -> None:
    """Hear the doorbells, and pass on those of this user."""

    def hear(change: dict[str, Any]) -> None:
        if change["user"] == str(user_id):
            wakeup.set()

    await listener.listen(hear, wakeup.set, lambda _seconds: None)


def read(user_id: UserKey, position: Position | None) -> Replay:
    """Return what happened after a position, or where the log stands."""
    if position is None and (head := read_heads([user_id]).get(user_id)) is not None:
        return Replay(head)
    replay = read_for(user_id, position)
    if replay is None:
        raise UserDeleted(user_id)
    return Replay(replay.head) if position is None else replay


async def wait_for_first(seconds: float, *events: asyncio.Event) -> None:
    """Wait until one of these is set, at most so many seconds."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
