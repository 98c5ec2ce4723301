"""Django-eventstream over our log. Its own `events` view, for sites and clients that use it today.

    EVENTSTREAM_STORAGE_CLASS = "notifications.integrations.eventstream.LogStorage"
    EVENTSTREAM_CHANNELMANAGER_CLASS = "notifications.integrations.eventstream.LogChannelManager"
    path("events/", include("django_eventstream.urls"))

Receives its questions: which channels, who may read them, what comes after an id. Guarantees that each user reads the
channel of their own inbox and no other, that everybody reads the public topics that are declared, and that its ids are
positions in the log: what cannot be continued from there is its `stream-reset`, and the client reads the state anew
(the page, or our API) with `get_current_event_id()`. What is live comes from `bridge.py`.

# Note [Reading twice]

Its view tosses what was queued while it read from the storage, and asks again with the id of its question before,
although it has sent the answer. So a connection's channels know where the answer ended (`Place`), and a repeated
question goes on from there: nothing is sent twice. A client without an id is given the present one before the view
looks, because for such a client the view would toss and ask for nothing.
"""

from __future__ import annotations

import logging
import threading
from typing import Any, Final
from weakref import WeakSet, WeakValueDictionary

from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django_eventstream.channelmanager import DefaultChannelManager
from django_eventstream.event import Event
from django_eventstream.eventrequest import EventRequest
from django_eventstream.storage import EventDoesNotExist, StorageBase
from django_eventstream.utils import get_channelmanager, get_storage

from ...access.addresses import find_client_address
from ...access.admission import DEFAULT, Credential, decide, drop_anonymous
from ...access.kept_request import KeptRequest
from ...access.limits import spend_address
from ...conf import settings
from ...exceptions import BypassesLog, NotificationsError, TooOften
from ...log.replay import inbox_of, read_for
from ...protocol.position import Position
from ...sending import public
from . import bridge as eventstream_bridge
from .channels import (
    Channel,
    Channels,
    decode_position,
    encode_position,
    format_ids,
    name_inbox_channel,
    parse_ids,
    parse_topic,
    parse_user,
)

__all__ = ["LogChannelManager", "LogStorage", "TooManyStreams"]

logger = logging.getLogger("notifications.integrations.eventstream")

ERROR_ID: Final = "error"  # the id of its `stream-error`: a client that comes back with it is refused by its view


class TooManyStreams(NotificationsError, EventRequest.Error):
    """One user, one address, or all of them together, have as many streams open here as they may."""


class LogChannelManager(DefaultChannelManager):
    """Which channels a request is for, and who may read them. A site's own manager may be made of it."""

    def get_channels_for_request(self, request: HttpRequest, view_kwargs: dict[str, Any]) -> Channels:
        """Return the channels that the URL names, by route or by `?channel=`; where it names none, the user's own.

        Raises:
            TooManyStreams: which its view answers with `stream-error`.
            EventRequest.Error: as well; the client pretends to be an edge proxy, for which its view would fail.
        """
        if request.GET.get("recover") == "true" and not hasattr(request, "grip"):
            raise EventRequest.Error("recover is for an edge proxy; leave it out")
        user, credential = find_follower(request)
        if user is None:
            self._limit(request)
        names = super().get_channels_for_request(request, view_kwargs)
        if not names and user is not None:
            names = {name_inbox_channel(user)}
        channels = Channels(names, follower=user, credential=credential)
        for channel in sorted(channels):
            if parse_topic(channel) is not None:
                who, most = f"address {find_client_address(request)}", settings.public_streams_per_address
            elif self.can_read_channel(user, channel):
                who, most = f"channel {channel}", settings.streams_per_user
            else:
                continue
            census.count(channels, who, most=most)
            census.count(channels, "everybody", most=settings.streams_per_process)
        self._say_where(request, user, channels)
        if isinstance(request, ASGIRequest):
            eventstream_bridge.start(get_our_storage().event)
        return channels

    def _limit(self, request: HttpRequest) -> None:
        """Refuse an address that opens streams all the time without logging in. Behind a proxy: `access/addresses.py`."""
        try:
            spend_address(find_client_address(request))
        except TooOften as error:
            raise TooManyStreams(str(error)) from None

    def can_read_channel(self, user: Any, channel: str) -> bool:
        """Return whether this is the user's own inbox, or a public topic. `user` is None without a login.

        Of a connection's own channel it is known who follows it; its view knows only whom the middlewares named.
        """
        if parse_topic(channel) is not None:
            return True
        if isinstance(channel, Channel):
            if channel.place.is_revoked:
                return False
            user = channel.place.follower
        return user is not None and bool(user.is_active) and channel == name_inbox_channel(user)

    def is_channel_reliable(self, _channel: str) -> bool:
        """Return True: every channel here has a log."""
        return True

    def _say_where(self, request: HttpRequest, user: Any, channels: Channels) -> None:
        """Put an id for each channel into the request: the client's own, or else the present one.

        What is malformed becomes 0, from which no inbox can be continued: a reset and not an error.
        """
        if request.GET.get("recover") == "true":
            return  # an edge proxy says itself where it stands
        queries = [text for text in request.GET.getlist("lastEventId") if text]
        text = request.META.get("HTTP_LAST_EVENT_ID") or (queries[-1] if queries else "")
        if text == ERROR_ID:
            return
        known = parse_ids(text)
        storage = get_our_storage()
        numbers: dict[str, int] = {}
        for channel in channels:
            if channel in known:
                numbers[channel] = known[channel]
            elif (text and not known) or not self.can_read_channel(user, channel):
                numbers[channel] = 0
            else:
                numbers[channel] = storage.get_current_id(channel)
        request.META["HTTP_LAST_EVENT_ID"] = format_ids(numbers)


def find_follower(request: HttpRequest) -> tuple[Any, Credential | None]:
    """Return the user, and the credential to check again later; None without a login, and for users who are not allowed."""
    if settings.admit == DEFAULT:
        user, session = drop_anonymous(getattr(request, "user", None)), getattr(request, "session", None)
        return user, None if user is None or session is None else session.session_key
    # without ASGI there is nobody to ask again
    kept = KeptRequest.of(request.scope) if isinstance(request, ASGIRequest) else None
    try:
        user = None if kept is None else decide(kept)
    except PermissionDenied:
        user = None
    return user, None if user is None else kept


class LogStorage(StorageBase):
    """The log as its view reads it. A site that had other names for its events makes a class of this one with its own."""

    inbox_event = "change"  # data: that of a `change` frame, see the protocol
    public_event = "message"  # data: `public.text_of()`

    def append_event(self, channel: str, event_type: str, data: Any) -> Event:
        """Refuse: `send_event()` would tell what no inbox holds."""
        raise BypassesLog(
            f"send_event({str(channel)!r}, …) was refused, because events here come from the log only; "
            "call notify(user, title=…) or publish_public(topic, title=…)."
        )

    def get_current_id(self, channel: str) -> int:
        """Return the number at which a channel stands. 1 query."""
        topic, user_id = parse_topic(channel), parse_user(channel)
        if topic is not None:
            return encode_position(public.read_topic_heads([topic]).get(topic, Position(0, 0)))
        if user_id is None:
            return 0
        require_our_manager()
        inbox = inbox_of(user_id)
        return encode_position(Position(inbox.epoch, inbox.modseq))

    def get_events(self, channel: str, last_id: int, limit: int = 100) -> list[Event]:
        """Return what comes after an id, at most `limit` events; its view takes one less, and asks again if it got all.

        Raises:
            EventDoesNotExist: the log cannot be continued from there; it says where it stands.
        """
        place = channel.place if isinstance(channel, Channel) else None
        position = decode_position(last_id if place is None else place.begin(last_id))
        head, events = self._read(channel, position, limit)
        if place is not None:
            sent = events if events is None or len(events) < limit else events[: limit - 1]
            place.reach(sent[-1].id if sent else encode_position(head))
        if events is None:
            raise EventDoesNotExist(f"{channel} cannot be continued from {position}", encode_position(head))
        return events

    def _read(self, channel: str, position: Position, limit: int) -> tuple[Position, list[Event] | None]:
        topic, user_id = parse_topic(channel), parse_user(channel)
        if topic is not None:
            head, messages = public.read_public(topic, position, limit)
            if messages is None:
                return head, None
            return head, [
                self.event(channel, Position(head.epoch, message.modseq), public.text_of(message))
                for message in messages
            ]
        if user_id is None:
            return Position(0, 0), None
        require_our_manager()
        replay = read_for(user_id, position)
        if replay is None:
            return Position(0, 0), None
        if replay.snapshot is not None:
            return replay.head.position, None
        changes = replay.changes[:limit]
        return replay.head.position, [
            self.event(channel, Position(replay.head.epoch, modseq), data) for modseq, data in changes
        ]

    def event(self, channel: str, position: Position, data: str) -> Event:
        """Return an event as its view sends it; `data` is JSON."""
        name = self.inbox_event if parse_topic(channel) is None else self.public_event
        return Event(channel, name, data, id=encode_position(position))


def get_our_storage() -> LogStorage:
    """Return the storage that its view asks as well.

    Raises:
        ImproperlyConfigured: it is not ours.
    """
    storage = get_storage()
    if not isinstance(storage, LogStorage):
        raise ImproperlyConfigured(
            f"EVENTSTREAM_STORAGE_CLASS creates a {type(storage).__name__}, which LogChannelManager cannot read; "
            "set it to 'notifications.integrations.eventstream.LogStorage', or to a subclass of it."
        )
    return storage


def require_our_manager() -> None:
    """Refuse to read inboxes for a channel manager that is not ours: its own default lets everybody read everything.

    Raises:
        ImproperlyConfigured: it is not.
    """
    manager = get_channelmanager()
    if not isinstance(manager, LogChannelManager):
        raise ImproperlyConfigured(
            f"EVENTSTREAM_CHANNELMANAGER_CLASS creates a {type(manager).__name__}, which does not know which user owns an "
            "inbox; set it to 'notifications.integrations.eventstream.LogChannelManager', or to a subclass of it."
        )


class Census:
    """Count the open streams of each user in this process. A connection counts for as long as its channels are in use."""

    def __init__(self) -> None:
        self._open: WeakValueDictionary[str, WeakSet[Channels]] = WeakValueDictionary()
        self._guard = threading.Lock()

    def count(self, channels: Channels, who: str, *, most: int) -> None:
        """Count a connection, once. Raises `TooManyStreams` where that would be more than `most`."""
        with self._guard:
            mine = self._open.get(who)
            if mine is None:
                mine = self._open[who] = WeakSet()
            if channels in mine:
                return
            if len(mine) >= most:
                logger.info("%s has %d streams open and gets no further one.", who, most)
                raise TooManyStreams(f"{who} has {most} streams open here; close one and try again")
            mine.add(channels)
            channels.counted_with.append(mine)  # holds it for as long as one of them is open


census: Final = Census()
