"""Deliver live changes to django-eventstream's streams: from the hub, which hears the doorbells, to its listeners.

Receives changes from `hub/`. A change that continues from where a listener stands is queued for it, without a query;
for any other the listener is told that its queue overflowed, and then its view reads from the storage. A sweep finds
listeners that nobody told, every NOTIFICATIONS_SWEEP_SECONDS; a check ends those whose users may no longer follow, every
NOTIFICATIONS_PING_SECONDS.

All of it runs on the event loop of the hub, which is that of the listeners; only the storage runs on other threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import async_to_sync
from django_eventstream.event import Event
from django_eventstream.views import MAX_PENDING, Listener, get_listener_manager

from ...conf import settings
from ...hub import Hub, get_hub
from ...hub.sweeper import sweep_forever
from ...log.keys import chunks
from ...log.replay import read_positions
from ...protocol.position import Position
from ...sending import public
from .channels import Channels, encode_position, name_inbox_channel, name_public_channel, parse_topic, parse_user

__all__ = ["Bridge", "start"]

logger = logging.getLogger("notifications.integrations.eventstream")

MakeEvent = Callable[[str, Position, str], Event]


def start(make_event: MakeEvent) -> None:
    """See that this process's hub passes changes on. Called on the thread of a view, for each request."""
    async_to_sync(ensure_bridge)(make_event)


async def ensure_bridge(make_event: MakeEvent) -> None:
    here = get_hub()
    if here not in bridges:
        bridges[here] = Bridge(here, make_event)


class Bridge:
    """Carries changes from one hub to the listeners of its process."""

    def __init__(self, here: Hub, make_event: MakeEvent) -> None:
        self._run = here.run
        self._authenticate_all = here.authenticate_all
        self._make_event = make_event
        self._manager = get_listener_manager()
        here.attach(self.hear, self.sweep, self.check)

    # --- a change was rung

    def hear(self, change: dict[str, Any]) -> None:
        """Pass a rung change to the listeners of its channel."""
        user, topic = change["user"], change.get("topic", "")
        name = name_public_channel(topic) if user is None else name_inbox_channel(user)
        before = encode_position(Position(change["epoch"], change["prev"]))
        position = Position(change["epoch"], change["modseq"])
        with self._manager.lock:
            listeners = self._manager.listeners_by_channel.get(name, ())
            told = [each for each in listeners if self._tell(each, name, before, position, change["data"])]
        wake(told)

    def _tell(self, listener: Listener, name: str, before: int, position: Position, data: str | None) -> bool:
        """Queue a change, or have it read; return whether the listener is to be woken. The manager's lock is held."""
        own = find_own_channel(listener, name)
        if own is None:  # named by a site's own channel manager: nobody knows where it stands
            listener.overflow = True
            return True
        channel, place = own
        after = encode_position(position)
        if place.is_past(after):
            return False  # it rang before
        queue = listener.channel_items.get(channel, [])
        if place.at == before and data is not None and len(queue) < MAX_PENDING:
            listener.channel_items[channel] = [*queue, self._make_event(channel, position, data)]
            place.at = after
        else:
            listener.overflow = True
        return True

    # --- nobody rang

    async def sweep(self) -> None:
        """Compare where listeners stand with their logs' heads; have those read that stand elsewhere."""
        await sweep_forever(self._sweep_once)

    async def _sweep_once(self) -> None:
        with self._manager.lock:
            names = list(self._manager.listeners_by_channel)
        if names:
            await self._compare(await self._read_heads(names))

    async def _read_heads(self, names: list[str]) -> dict[str, Position]:
        """Return where these channels' logs end. 1 query for each 500 inboxes, 1 for all public topics."""
        heads: dict[str, Position] = {}
        users = {name: user_id for name in names if (user_id := parse_user(name)) is not None}
        for portion in chunks(list(users.values())):
            found = await self._run(read_positions, portion)
            heads |= {name_inbox_channel(user_id): position for user_id, position in found.items()}
        topics = {topic: name for name in names if (topic := parse_topic(name)) is not None}
        if topics:
            found = await self._run(public.read_topic_heads, topics)
            heads |= {name: found.get(topic, Position(0, 0)) for topic, name in topics.items()}
        return heads

    async def _compare(self, heads: dict[str, Position]) -> None:
        late: list[Listener] = []
        with self._manager.lock:
            for name, head in heads.items():
                for listener in self._manager.listeners_by_channel.get(name, ()):
                    own = find_own_channel(listener, name)
                    if own is None or own[1].at not in (-1, encode_position(head)):
                        listener.overflow = True
                        late.append(listener)
        wake(late)

    # --- somebody may follow no longer

    async def check(self) -> None:
        """End the streams of those who are logged in no more. Where that cannot be found out now, streams go on."""
        while True:
            await asyncio.sleep(settings.ping_seconds)
            with self._manager.lock:
                everybody = {each for mine in self._manager.listeners_by_channel.values() for each in mine}
            keys = {each: key for each in everybody if (key := getattr(each.channels, "credential", None)) is not None}
            if not keys:
                continue
            try:
                users, failed = await self._authenticate_all(set(keys.values()))
            except Exception as error:  # a database that is away must not end every stream
                logger.warning("Could not check %d sessions: %s", len(keys), type(error).__name__)
                continue
            gone = [
                each
                for each, key in keys.items()
                if key not in failed and getattr(users.get(key), "pk", None) != each.channels.follower.pk
            ]
            self._revoke(gone)

    def _revoke(self, listeners: Iterable[Listener]) -> None:
        """Have their view check the permission again, and be refused."""
        with self._manager.lock:
            for listener in listeners:
                for name in listener.channels:
                    own = find_own_channel(listener, name)
                    if own is not None:
                        own[1].is_revoked = True
                listener.overflow = True
        wake(listeners)


def find_own_channel(listener: Listener, name: str) -> Any:
    """Return a connection's own channel of a name and its place, or None where its channels are not ours."""
    return listener.channels.own(name) if isinstance(listener.channels, Channels) else None


def wake(listeners: Iterable[Listener]) -> None:
    for listener in listeners:
        listener.wake_threadsafe()


bridges: WeakKeyDictionary[Hub, Bridge] = WeakKeyDictionary()
