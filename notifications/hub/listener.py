"""The listener: join the group of the doorbells, receive them, and notice when no more arrive.

A channel layer forgets members (`group_expiry`) and loses its subscription when Redis restarts without telling anyone.
So at intervals the hub joins again and rings a probe for itself; if one does not come back, the hub hears nothing, and
everything is set up anew. Until it hears again, the sweeper delivers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from channels.layers import get_channel_layer

from ..conf import settings
from ..exceptions import NotificationsError
from ..log import seals
from ..log.doorbell import MESSAGE_TYPE
from .counters import counters
from .shutdown import DRAIN_TYPE

__all__ = ["LAYER_SECONDS", "ProbeLost", "listen"]

logger = logging.getLogger("notifications.hub")
security = logging.getLogger("notifications.security")

PROBE_TYPE: Final = "notifications.probe"
SEALED: Final = (MESSAGE_TYPE, DRAIN_TYPE)
REFUSED: Final = (
    "Refused a doorbell in group %r: its digest is not of this site's SECRET_KEY or SECRET_KEY_FALLBACKS. Either a process "
    "of the site has another key, or somebody else writes to the channel layer. The sweeper delivers what is true."
)
LAYER_SECONDS: Final = 5.0  # longest wait for the layer to join, to leave, or to bring a probe back
FIRST_PROBE_SECONDS: Final = 1.0  # after joining: by then the layer has, and the health page soon says so
MESSAGES_PER_TURN: Final = 10  # so that a flood of doorbells lets the loop write between


class ProbeLost(NotificationsError):
    """The hub's own probe did not come back over the channel layer."""


async def listen(
    hear: Callable[[dict[str, Any]], None],
    on_joined: Callable[[], None],
    on_drain: Callable[[float], None],
    on_probe: Callable[[], None] = lambda: None,
) -> None:
    """Hand every rung change to `hear` until the layer fails; call `on_joined` once it can be heard.

    `on_drain` is called with a number of seconds when someone orders all workers to let their streams go; `on_probe`
    whenever the hub's own probe came back.

    Raises:
        ProbeLost: a probe was lost. Also whatever the layer raises. Call again then.
    """
    layer = get_channel_layer(settings.channel_layer)
    if layer is None:
        logger.error("CHANNEL_LAYERS has no %r, so streams hear nothing but the sweeper.", settings.channel_layer)
        await asyncio.Event().wait()
    group = settings.group
    channel = await join(layer, group)
    probe_came_back = asyncio.Event()
    receiver = asyncio.create_task(
        receive(layer, channel, hear, on_drain, probe_came_back), name="notifications.hub.receive"
    )
    try:
        on_joined()  # what rang before that moment was not heard
        pause_seconds = min(FIRST_PROBE_SECONDS, settings.rejoin_seconds)
        while True:
            await asyncio.wait([receiver], timeout=pause_seconds)
            pause_seconds = settings.rejoin_seconds
            if receiver.done():
                receiver.result()
            await probe(layer, group, channel, probe_came_back)
            on_probe()
    finally:
        receiver.cancel()
        await asyncio.wait([receiver], timeout=LAYER_SECONDS)  # the layer may hang while it unsubscribes
        await leave(layer, group, channel)


async def join(layer: Any, group: str) -> str:
    """Return a new channel that is in the group."""
    async with asyncio.timeout(LAYER_SECONDS):
        # where the layer is away this fails; new_channel() would fail too, and leave a queue in the layer each time
        await layer.group_send(group, {"type": PROBE_TYPE, "channel": ""})
        channel: str = await layer.new_channel()
        await layer.group_add(group, channel)
    return channel


async def probe(layer: Any, group: str, channel: str, came_back: asyncio.Event) -> None:
    """Join again, and ring for oneself until it is heard.

    Raises:
        ProbeLost: it is not, in time.
    """
    came_back.clear()
    try:
        async with asyncio.timeout(LAYER_SECONDS):
            await layer.group_add(group, channel)
            await layer.group_send(group, {"type": PROBE_TYPE, "channel": channel})
            await came_back.wait()
    except TimeoutError:
        counters.lost_probes += 1
        raise ProbeLost(f"No probe came back through group {group!r} within {LAYER_SECONDS} s") from None


async def leave(layer: Any, group: str, channel: str) -> None:
    """Leave the group, if the layer lets us.

    Joined again without leaving first, the Redis pub/sub layer would believe that it is still subscribed.
    """
    with suppress(Exception):
        async with asyncio.timeout(LAYER_SECONDS):
            await layer.group_discard(group, channel)


async def receive(
    layer: Any,
    channel: str,
    hear: Callable[[dict[str, Any]], None],
    on_drain: Callable[[float], None],
    probe_came_back: asyncio.Event,
) -> None:
    """Hear this channel for ever. A message that cannot be read, or that somebody else sent, is logged and passed over."""
    turn = 0
    is_refusing = False
    while True:
        message = await layer.receive(channel)
        try:
            if message["type"] in SEALED and not seals.is_genuine(message):
                counters.refused += 1
                if not is_refusing:  # one line for an attack, not one for each message
                    security.warning(REFUSED, settings.group)
                is_refusing = True
            elif message["type"] == MESSAGE_TYPE:
                is_refusing = False
                for change in message["changes"]:
                    hear(change)
            elif message["type"] == DRAIN_TYPE:
                on_drain(float(message["seconds"]))
            elif message["type"] == PROBE_TYPE and message["channel"] == channel:
                probe_came_back.set()
        except Exception:
            logger.exception("A doorbell could not be read; the sweeper delivers what it told.")
        turn += 1
        if turn % MESSAGES_PER_TURN == 0:
            await asyncio.sleep(0)
