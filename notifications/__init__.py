"""A live notification centre for Django: the database is the log, the stream is its tail.

What a site uses is imported from here:

    from notifications import notify, notify_many, track

A name is looked up when it is first asked for (PEP 562), so Django may import this package before there are models. A name
that needs models can be imported as early as they can: in an `apps.py`, import it within `ready()`.
`docs/reference/python.md` describes each name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .access.admission import session_or_token as session_or_token, through_middleware as through_middleware
    from .access.tokens import make_token as make_token, revoke_tokens as revoke_tokens
    from .broadcasts.audience import users_of as users_of
    from .broadcasts.segments import segment as segment
    from .broadcasts.states import Step as Step
    from .broadcasts.transitions import order_broadcast as order_broadcast, take_step as take_step
    from .exceptions import (
        BypassesLog as BypassesLog,
        InvalidSegment as InvalidSegment,
        InvalidSetting as InvalidSetting,
        JobFailed as JobFailed,
        MayNot as MayNot,
        NotificationsError as NotificationsError,
        StepRefused as StepRefused,
        UnknownTopic as UnknownTopic,
    )
    from .hub.presence import (
        ais_online as ais_online,
        connected as connected,
        disconnected as disconnected,
        is_online as is_online,
        online_since as online_since,
        online_users as online_users,
    )
    from .log import (
        lock_inbox as lock_inbox,
        mark_all_read as mark_all_read,
        mark_seen as mark_seen,
        mark_topic_read as mark_topic_read,
    )
    from .log.keys import UserKey as UserKey, UserOrKey as UserOrKey
    from .models.broadcast import Audience as Audience, AudienceKind as AudienceKind
    from .models.content import Level as Level
    from .operations.error_reports import SecretsFilter as SecretsFilter
    from .operations.metrics import NotificationsCollector as NotificationsCollector
    from .sending.jobs import Job as Job, track as track
    from .sending.public import (
        PublicContent as PublicContent,
        apublish_public as apublish_public,
        publish_public as publish_public,
        recent_public as recent_public,
    )
    from .sending.publish import (
        Content as Content,
        abroadcast as abroadcast,
        anotify as anotify,
        anotify_many as anotify_many,
        broadcast as broadcast,
        notify as notify,
        notify_many as notify_many,
    )

__all__ = [
    "Audience",
    "AudienceKind",
    "BypassesLog",
    "Content",
    "InvalidSegment",
    "InvalidSetting",
    "Job",
    "JobFailed",
    "Level",
    "MayNot",
    "NotificationsCollector",
    "NotificationsError",
    "PublicContent",
    "SecretsFilter",
    "Step",
    "StepRefused",
    "UnknownTopic",
    "UserKey",
    "UserOrKey",
    "abroadcast",
    "ais_online",
    "anotify",
    "anotify_many",
    "apublish_public",
    "broadcast",
    "connected",
    "disconnected",
    "is_online",
    "lock_inbox",
    "make_token",
    "mark_all_read",
    "mark_seen",
    "mark_topic_read",
    "notify",
    "notify_many",
    "online_since",
    "online_users",
    "order_broadcast",
    "publish_public",
    "recent_public",
    "revoke_tokens",
    "segment",
    "session_or_token",
    "take_step",
    "through_middleware",
    "track",
    "users_of",
]

# Where each name is at home: what the imports for types above say, for when the code runs.
HOMES: Final = {
    ".access.admission": ("session_or_token", "through_middleware"),
    ".access.tokens": ("make_token", "revoke_tokens"),
    ".broadcasts.audience": ("users_of",),
    ".broadcasts.segments": ("segment",),
    ".broadcasts.states": ("Step",),
    ".broadcasts.transitions": ("order_broadcast", "take_step"),
    ".exceptions": (
        "BypassesLog",
        "InvalidSegment",
        "InvalidSetting",
        "JobFailed",
        "MayNot",
        "NotificationsError",
        "StepRefused",
        "UnknownTopic",
    ),
    ".hub.presence": ("ais_online", "connected", "disconnected", "is_online", "online_since", "online_users"),
    ".log": ("lock_inbox", "mark_all_read", "mark_seen", "mark_topic_read"),
    ".log.keys": ("UserKey", "UserOrKey"),
    ".models.broadcast": ("Audience", "AudienceKind"),
    ".models.content": ("Level",),
    ".operations.metrics": ("NotificationsCollector",),
    ".operations.error_reports": ("SecretsFilter",),
    ".sending.jobs": ("Job", "track"),
    ".sending.public": ("PublicContent", "apublish_public", "publish_public", "recent_public"),
    ".sending.publish": (
        "Content",
        "abroadcast",
        "anotify",
        "anotify_many",
        "broadcast",
        "notify",
        "notify_many",
    ),
}
HOME_OF: Final = {name: module for module, names in HOMES.items() for name in names}


if not TYPE_CHECKING:  # so that a name that is not there is found before the code runs

    def __getattr__(name: str) -> Any:
        """Return one of the public names, and keep it."""
        if name not in HOME_OF:
            raise AttributeError(
                f"module {__name__!r} has no {name!r}; dir({__name__}) and docs/reference/python.md list its names"
            )
        globals()[name] = value = getattr(import_module(HOME_OF[name], __name__), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
