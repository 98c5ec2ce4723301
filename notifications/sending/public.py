"""Public topics, such as a status page: declared in settings, read without logging in.

    NOTIFICATIONS_PUBLIC_TOPICS = ["status"]
    publish_public("status", title="Mail is slow", level="warning")

Receives content; guarantees that a topic's messages are numbered without a gap in the order of their commits, that the
latest NOTIFICATIONS_PUBLIC_HISTORY of them can be replayed, and that a doorbell rings after commit. Its tables hold no
user. The data of a message, the same in the stream and from `recent_public()`:

    {"prev": 41, "modseq": 42, "topic": "status", "level": "warning", "title": "Mail is slow", "body": "", "url": "",
     "data": {}, "created_at": "2026-01-01T12:00:00+00:00"}
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final, TypedDict, Unpack

from django.db import router, transaction
from django.db.models import F

from ..conf import settings
from ..exceptions import TopicDeleted, UnknownTopic
from ..log import doorbell
from ..log.attempts import attempt
from ..log.threads import on_thread
from ..models.public import PublicMessage, PublicTopic, new_epoch
from ..protocol.payloads import dumps, format_time
from ..protocol.position import Position

__all__ = [
    "PublicContent",
    "apublish_public",
    "publish_public",
    "read_public",
    "read_topic_heads",
    "recent_public",
    "renew_topics",
    "text_of",
]

ATTEMPTS: Final = 3  # to find a topic's row, which another process may make or delete in between


class PublicContent(TypedDict, total=False):
    """What a public message says besides its title. Sizes and forms: the fields of `models.PublicMessage`."""

    body: str
    url: str
    level: str
    data: dict[str, Any]


def publish_public(topic: str, *, title: str, **content: Unpack[PublicContent]) -> PublicMessage:
    """Tell everybody who follows a public topic, and keep it for those who come later. 5 queries.

    Numbered without a gap in the order of the commits; shown on open pages after the commit.

    Args:
        topic: one of NOTIFICATIONS_PUBLIC_TOPICS.
        title: what happened, 1 to 200 characters.
        content: `body`, `url`, `level`, `data`, as in `notify()`.

    Returns:
        The message as it was saved.

    Raises:
        UnknownTopic: the topic is not in NOTIFICATIONS_PUBLIC_TOPICS.
        ValidationError: keyed by field; nothing was written.
    """
    if topic not in settings.public_topics:
        raise UnknownTopic(topic, settings.public_topics)
    message = PublicMessage(topic_id=topic, title=title, **content)
    message.full_clean(exclude={"topic", "modseq"}, validate_unique=False, validate_constraints=False)
    using = router.db_for_write(PublicMessage)
    attempt(using, lambda: write_message(message, topic, using))
    return message


async def apublish_public(topic: str, *, title: str, **content: Unpack[PublicContent]) -> PublicMessage:
    """Tell everybody who follows a topic, from async code: as `publish_public()`, on a thread."""
    return await on_thread(publish_public, topic, title=title, **content)


def write_message(message: PublicMessage, topic: str, using: str) -> None:
    """Insert a valid message under the next number of its topic, and ring after commit."""
    with transaction.atomic(using=using):
        head = advance_topic(topic, using)
        message.pk, message.modseq = None, head.modseq  # an attempt that was undone gave it others
        PublicMessage.objects.using(using).bulk_create([message])
        delete_old(head, using)
        change = doorbell.Change(None, head.epoch, head.modseq - 1, head.modseq, text_of(message), topic=topic)
        transaction.on_commit(partial(doorbell.ring, [change]), using=using, robust=True)


def advance_topic(topic: str, using: str) -> PublicTopic:
    """Raise a topic's number and return its row, which stays locked until the transaction ends."""
    topics = PublicTopic.objects.using(using)
    for _attempt in range(ATTEMPTS):
        if topics.filter(pk=topic).update(modseq=F("modseq") + 1):
            return topics.get(pk=topic)
        topics.bulk_create([PublicTopic(name=topic)], ignore_conflicts=True)
    raise TopicDeleted(f"The row of the public topic {topic!r} was deleted {ATTEMPTS} times at once; try again.")


def delete_old(head: PublicTopic, using: str) -> None:
    """Delete what is beyond the history of a topic, and say so in its floor."""
    floor = head.modseq - settings.public_history
    if floor > head.floor:
        PublicMessage.objects.using(using).filter(topic=head, modseq__lte=floor).delete()
        PublicTopic.objects.using(using).filter(pk=head.pk).update(floor=floor)


def recent_public(topic: str, limit: int | None = None) -> list[PublicMessage]:
    """Return a public topic's latest messages, newest first, as a page shows them. 1 query.

    Args:
        topic: its name; one without messages, or unknown, has none.
        limit: how many at most; None: all that are kept (NOTIFICATIONS_PUBLIC_HISTORY).
    """
    return list(PublicMessage.objects.filter(topic_id=topic).order_by("-modseq")[:limit])


def read_topic_heads(topics: Iterable[str]) -> dict[str, Position]:
    """Return where these topics stand; one without a message is left out. 1 query."""
    rows = PublicTopic.objects.using(database()).filter(pk__in=set(topics)).values_list("name", "epoch", "modseq")
    return {name: Position(epoch, modseq) for name, epoch, modseq in rows}


def read_public(topic: str, position: Position, limit: int) -> tuple[Position, list[PublicMessage] | None]:
    """Return where a topic stands, and its messages after a position, oldest first; None: the log cannot continue there.

    2 queries. A topic without a message stands at 0.0, and from there everything can be continued.
    """
    head = PublicTopic.objects.using(database()).filter(pk=topic).first()
    if head is None:
        return Position(0, 0), ([] if position == (0, 0) else None)
    stands = Position(head.epoch, head.modseq)
    is_continued = position.epoch == head.epoch and head.floor <= position.modseq <= head.modseq
    if position != (0, 0) and not is_continued:
        return stands, None
    if position == (0, 0) and head.floor:
        return stands, None
    rows = PublicMessage.objects.using(database()).filter(
        topic=head, modseq__gt=position.modseq, modseq__lte=head.modseq
    )
    messages = list(rows.order_by("modseq")[:limit])
    # a concurrent writer may just have deleted the oldest of them
    is_whole = not messages or messages[0].modseq == position.modseq + 1
    return stands, messages if is_whole else None


def renew_topics() -> int:
    """Declare the history of every public topic replaced, as after a restored backup; return how many there are."""
    topics = PublicTopic.objects.using(database()).order_by("pk")
    for topic in topics:
        topics.filter(pk=topic.pk).update(epoch=new_epoch())
    return len(topics)


def database() -> str:
    """Return where the log is read: where it is written. On a replica that lags, streams would seem ahead of it."""
    return router.db_for_write(PublicTopic)


def text_of(message: PublicMessage) -> str:
    """Return the data of a message as JSON."""
    return dumps(
        {
            "prev": message.modseq - 1,
            "modseq": message.modseq,
            "topic": message.topic_id,
            "level": message.level,
            "title": message.title,
            "body": message.body,
            "url": message.url,
            "data": message.data,
            "created_at": format_time(message.created_at),
        }
    )
