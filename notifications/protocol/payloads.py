"""The one JSON shape of a notification, the same in the stream, the API and the page.

{"id": 12, "modseq": 42, "category": "billing", "level": "warning", "title": "Invoice overdue",
 "body": "", "url": "/invoices/7/", "actor": "Ada", "topic": "billing.invoice:7", "data": {},
 "created_at": "2026-01-01T12:00:00+00:00", "read_at": null, "archived_at": null}
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypedDict

if TYPE_CHECKING:
    from ..models import Inbox, Notification
    from .position import Head

__all__ = [
    "Counters",
    "Payload",
    "Snapshot",
    "build_change_data",
    "build_counters",
    "build_payload",
    "build_snapshot",
    "dumps",
    "encode_payload",
    "format_time",
    "make_copy_encoder",
]


LINE_ENDS_ELSEWHERE: Final = (("\x85", "\\u0085"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))


class Payload(TypedDict):
    """One notification. Times are ISO 8601 in UTC."""

    id: int
    modseq: int
    category: str
    level: str
    title: str
    body: str
    url: str
    actor: str
    topic: str
    data: dict[str, Any]
    created_at: str
    read_at: str | None
    archived_at: str | None


class Counters(TypedDict):
    """Where an inbox stands."""

    unread: int
    unseen: int
    position: str


class Snapshot(TypedDict):
    """What an inbox shows when nothing is known of it: the latest ones, newest first, none archived."""

    items: list[Payload]
    unread: int
    unseen: int


def build_payload(notification: Notification) -> Payload:
    """Return the JSON shape of a saved notification."""
    return {
        "id": notification.pk,
        "modseq": notification.modseq,
        "category": notification.category,
        "level": str(notification.level),
        "title": notification.title,
        "body": notification.body,
        "url": notification.url,
        "actor": notification.actor,
        "topic": notification.topic,
        "data": notification.data,
        "created_at": format_time(notification.created_at),
        "read_at": None if notification.read_at is None else format_time(notification.read_at),
        "archived_at": None if notification.archived_at is None else format_time(notification.archived_at),
    }


def encode_payload(notification: Notification) -> str:
    """Return the JSON of a saved notification, as `build_change_data()` takes it."""
    return dumps(build_payload(notification))


def make_copy_encoder(notification: Notification) -> Callable[[int, int], str]:
    """Return what encodes a row that differs from this one in `id` and `modseq` only: (id, modseq) → JSON.

    For one message to very many users, whose content is encoded once.
    """
    shared = {name: value for name, value in build_payload(notification).items() if name not in ("id", "modseq")}
    rest = dumps(shared)[1:]
    return lambda pk, modseq: f'{{"id":{pk},"modseq":{modseq},{rest}'


def build_snapshot(inbox: Inbox | Head, rows: list[Notification]) -> Snapshot:
    """Return the snapshot of an inbox whose latest rows these are."""
    return {"items": [build_payload(row) for row in rows], "unread": inbox.unread, "unseen": inbox.unseen}


def build_counters(inbox: Inbox | Head) -> Counters:
    """Return the counters of an inbox, and the position at which they were so."""
    return {"unread": inbox.unread, "unseen": inbox.unseen, "position": str(inbox.position)}


def build_change_data(
    *,
    prev: int,
    modseq: int,
    upsert: Sequence[str],
    gone: Sequence[int],
    unread: int,
    unseen: int,
    read_upto: int | None = None,
    read_at: dt.datetime | None = None,
) -> str:
    """Return the data of a `change` frame as JSON: from position `prev` to `modseq`, with the counters afterwards.

    Put together from JSON, for it is made for each user of a broadcast. `upsert` holds rows as `encode_payload()` returns
    them.
    """
    read = ""
    if read_upto is not None and read_at is not None:
        read = f'"read_upto":{read_upto},"read_at":"{format_time(read_at)}",'
    return (
        f'{{"prev":{prev},"modseq":{modseq},"upsert":[{",".join(upsert)}],"gone":[{",".join(map(str, gone))}],'
        f'{read}"unread":{unread},"unseen":{unseen}}}'
    )


def format_time(moment: dt.datetime) -> str:
    """Return a time as payloads hold it: ISO 8601 in UTC, exact to the microsecond."""
    return moment.astimezone(dt.UTC).isoformat()


def dumps(value: Any) -> str:
    """Return compact JSON: one line, so it is one `data:` line of a frame whatever the text holds.

    Also by the count of clients that take U+0085, U+2028 or U+2029 for line ends, which in an event stream they are not.
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character, escape in LINE_ENDS_ELSEWHERE:
        if character in text:
            text = text.replace(character, escape)
    return text
