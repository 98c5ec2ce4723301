"""The settings: `NOTIFICATIONS_*`, typed, read at each access so that `override_settings` works.

A setting is a class attribute below. The comment above it is what `docs/reference/settings.md` says of it (`make
reference`); its second argument is the lowest value that makes sense. `manage.py check` reports bad ones (see `checks/`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Any, Final, Generic, TypeVar, cast

from django.conf import settings as django_settings

from .exceptions import InvalidSetting

__all__ = ["Settings", "settings"]

MOST_HELD_SECONDS: Final = 50.0  # for which a reader may stop the clock of a page's undo by pointing at it

ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")
SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")
T = TypeVar("T", bound=int | float | str | Sequence[str])


class Setting(Generic[T]):
    """One setting: a descriptor that reads Django's settings at every access.

    Raises:
        InvalidSetting: the value has another type than the default, or lies below `least`.
    """

    def __init__(self, default: T, *, least: T | None = None) -> None:
        self.default = default
        self.least = least
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = f"NOTIFICATIONS_{name.upper()}"

    def __get__(self, instance: object, owner: type) -> T:
        # Past Django's lazy object, which raises and catches an exception for each setting that is left out: 10 µs.
        holder: Any = vars(django_settings)["_wrapped"] if django_settings.configured else django_settings
        value: Any = getattr(holder, self.name, cast("Any", self.default))
        wanted = (int, float) if isinstance(self.default, float) else type(self.default)
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise InvalidSetting(
                f"{self.name} = {value!r} is a {type(value).__name__}; "
                f"set a {type(self.default).__name__} such as {self.default!r}, or leave it out."
            )
        if self.least is not None and not value >= cast("Any", self.least):
            raise InvalidSetting(f"{self.name} = {value!r} is too small; set at least {self.least!r}.")
        return cast("T", value)


class Networks(Setting[Sequence[str]]):
    """A list of addresses and networks, such as `["127.0.0.1", "10.1.0.0/16", "fd00::/8"]`.

    Raises:
        InvalidSetting: one of them is neither.
    """

    def __get__(self, instance: object, owner: type) -> Sequence[str]:
        values = super().__get__(instance, owner)
        for value in values:
            try:
                ip_network(str(value))  # an int would be taken for an address
            except ValueError as error:
                raise InvalidSetting(
                    f"{self.name} contains {value!r}: {error}; name an address or a network such as '10.1.0.0/16'."
                ) from None
        return values


class Topics(Setting[Sequence[str]]):
    """A list of public topics' names, such as `["status"]`.

    Raises:
        InvalidSetting: one of them is no slug of at most 50 characters.
    """

    def __get__(self, instance: object, owner: type) -> Sequence[str]:
        values = super().__get__(instance, owner)
        for value in values:
            if not (isinstance(value, str) and SLUG.fullmatch(value)):
                raise InvalidSetting(
                    f"{self.name} contains {value!r}; name a topic with at most 50 lower-case letters, digits and hyphens, "
                    "such as 'status'."
                )
        return values


class Origins(Setting[Sequence[str]]):
    """A list of origins as browsers write them, such as `["https://app.example.com", "http://localhost:5173"]`.

    Raises:
        InvalidSetting: one of them is something else, `*` for example.
    """

    def __get__(self, instance: object, owner: type) -> Sequence[str]:
        values = super().__get__(instance, owner)
        for value in values:
            if not (isinstance(value, str) and ORIGIN.fullmatch(value)):
                raise InvalidSetting(
                    f"{self.name} contains {value!r}; name each origin in lower case, with scheme and without path, such as "
                    "'https://app.example.com'. There is no way to allow all."
                )
        return values


class Settings:
    """All settings with their defaults. Times are in seconds, sizes in bytes."""

    # Alias in `CHANNEL_LAYERS` of the layer that carries the doorbells.
    channel_layer = Setting("default")
    # Group that every hub joins. Two sites on one Redis need two names.
    group = Setting("notifications")
    # Silence after which a stream is pinged, and its session checked. 15 s: below the 60 s idle limit of common
    # proxies and the client's 45 s.
    ping_seconds = Setting(15.0, least=0.05)
    # Longest time for which a lost doorbell can go unnoticed.
    sweep_seconds = Setting(3.0, least=0.05)
    # A stream lives for this × random 0.8…1. Then the client is asked to come back (`bye rotate`).
    rotate_seconds = Setting(600.0, least=0.1)
    # How often the hub checks that it still hears its group, and joins again if not. Keep it below the layer's
    # `group_expiry`.
    rejoin_seconds = Setting(20.0, least=0.05)
    # A write to one client that takes longer ends its stream (`bye slow`). 20 s: a phone may lose its network for so
    # long.
    send_timeout_seconds = Setting(20.0, least=0.05)
    # A process that is told to leave spreads its goodbyes over at most this long. 5 s: well below the 10 s and more
    # that service managers wait before they kill.
    drain_seconds = Setting(5.0, least=0.0)
    # Longest wait for the channel layer to take a doorbell. After it that doorbell is given up.
    doorbell_timeout_seconds = Setting(1.0, least=0.01)
    # Doorbells that may wait for the channel layer. More are dropped and left to the sweeper.
    doorbell_backlog = Setting(10_000, least=1)
    # Whether messages over the channel layer carry a digest keyed by `SECRET_KEY` (`SECRET_KEY_FALLBACKS` are
    # accepted). Others are then refused, logged (`notifications.security`) and left to the sweeper.
    sign_doorbells = Setting(True)
    # Whether doorbells carry what changed. Off: they say whose log went from where to where, and each open stream
    # reads the log, with one query for up to 500 streams.
    ring_content = Setting(True)
    # A client that is further behind than this many notifications gets a snapshot instead of a replay.
    replay_rows = Setting(300, least=1)
    # Notifications in a snapshot, and on a page of the centre.
    page_size = Setting(20, least=1)
    # Open streams of one user in one process. When there are more, the oldest leaves (`bye cap`).
    streams_per_user = Setting(12, least=1)
    # Open streams in one process. One more is asked to come back later (`bye overload`). As many again may come
    # through django-eventstream's view.
    streams_per_process = Setting(10_000, least=1)
    # Changes and searches that one user may make in a minute, over page, API and WebSocket together. More get a 429.
    actions_per_minute = Setting(600, least=1)
    # How long an action can be taken back. The page's clock runs for so long, and the API's tokens are good for it.
    undo_seconds = Setting(10.0, least=1.0)
    # Streams that one user may open in a minute in one process. Past these, clients are asked to wait longer before
    # they come back. The same number holds for streams of public topics, for each address. 60: twelve tabs that each
    # lose their connection five times.
    openings_per_minute = Setting(60, least=1)
    # Whether a thread of each server process sends broadcasts. Set it to `False` where `manage.py send_broadcasts`
    # runs.
    send_in_process = Setting(True)
    # How often a worker looks for broadcasts that are due. A scheduled one may begin or end so late.
    send_poll_seconds = Setting(2.0, least=0.05)
    # Most users that one worker tells, or takes a broadcast back from, in a second. 0: as many as the database takes.
    send_users_per_second = Setting(0, least=0)
    # A worker that was not heard of for so long has died, and another one goes on.
    send_lease_seconds = Setting(15.0, least=0.1)
    # Other origins, such as `https://app.example.com`, whose pages may follow their reader's notifications: stream,
    # WebSocket, API.
    allowed_origins = Origins([])
    # Orders to send through the API that one user may give in a minute. They count as changes as well.
    sends_per_minute = Setting(60, least=1)
    # Days after which a token ends, unless somebody chose another time for it. 0: it ends when it is revoked.
    token_days = Setting(90, least=0)
    # Addresses and networks that may read the metrics page, besides staff. A request that came through a proxy has no
    # address of its own.
    metrics_addresses = Networks([])
    # Address and key of a GRIP proxy (Pushpin) that holds the streams, such as `http://127.0.0.1:5561?key=…`. Empty:
    # there is none.
    grip_url = Setting("")
    # Within this time the proxy asks about each connection that it holds: who was logged out without a word, and what
    # was lost on the way. It asks about one that was opened with a token with each ping. 120 s: Pushpin's own default;
    # for 10,000 connections some 90 questions a second.
    grip_link_seconds = Setting(120.0, least=1.0)
    # Dotted path of what says who follows, and whether they may: this one, `notifications.access.through_middleware`,
    # or a function of your own, sync or async.
    admit = Setting("notifications.access.session_or_token")
    # Dotted path of a function that takes a new notification, not yet saved, and returns the address of its sender's
    # picture on this site, such as `/media/ada.png`, or None for initials. Asked once, when it is sent. Empty: nobody
    # is asked.
    avatar_of = Setting("")
    # Addresses and networks of your proxies, whose `X-Forwarded-For` is believed, read from its right end. Name your
    # own proxies alone: a client in a named network can choose the address that it counts as.
    trusted_proxies = Networks([])
    # Public topics that exist: lower-case letters, digits and hyphens. Everybody may follow them without logging in.
    public_topics = Topics([])
    # Messages that a public topic keeps. A client that is further behind is told to read the page again.
    public_history = Setting(100, least=1)
    # Open streams of public topics that one address (IPv6: one /64) may have in one process.
    public_streams_per_address = Setting(20, least=1)

    @property
    def page_undo_seconds(self) -> float:
        """How long the token of a page's button is good: its clock stands still while the reader points at it."""
        return self.undo_seconds + MOST_HELD_SECONDS

    def __iter__(self) -> Iterator[Setting[Any]]:
        """Yield every setting, for `manage.py check` and the test that compares them with the reference."""
        return (item for item in vars(type(self)).values() if isinstance(item, Setting))


settings = Settings()
