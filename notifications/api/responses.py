"""The answers of the API, as the OpenAPI description shows them.

The answers are written by `protocol/payloads.py`, the same as in the stream. These only describe them, and a test compares
the two.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, Literal

from ninja import Field, Schema

__all__ = [
    "ABSENT",
    "POSITION",
    "ActionResult",
    "Changes",
    "Counters",
    "Error",
    "LevelName",
    "Notification",
    "Page",
    "Sent",
    "UndoResult",
]

ABSENT: Final[Any] = None  # a default that no client may send: `null` is not in the type
POSITION: Final = "81985529216486.42"
SENT: Final = "2026-01-01T12:00:00+00:00"
ITEM: Final = {
    "id": 12,
    "modseq": 42,
    "category": "billing",
    "level": "warning",
    "title": "Invoice overdue",
    "body": "",
    "url": "/invoices/7/",
    "actor": "Ada",
    "topic": "billing.invoice:7",
    "data": {},
    "created_at": SENT,
    "read_at": None,
    "archived_at": None,
}
COUNTERS: Final = {"unread": 3, "unseen": 1, "position": POSITION}

LevelName = Literal["info", "success", "warning", "error"]


def with_example(example: Any) -> Any:
    """Return the configuration of an answer."""
    return {"json_schema_extra": {"examples": [example]}}


class Notification(Schema):
    """One notification, the same here, in the stream and in the page."""

    id: int
    modseq: int = Field(..., description="The user's log position at the latest change of this one.")
    category: str
    level: LevelName
    title: str
    body: str
    url: str
    actor: str
    topic: str
    data: dict[str, Any]
    created_at: dt.datetime
    read_at: dt.datetime | None
    archived_at: dt.datetime | None

    model_config = with_example(ITEM)


class Counters(Schema):
    """Where the inbox stands."""

    unread: int
    unseen: int = Field(..., description="Unread notifications that changed since the user last looked.")
    position: str = Field(..., description="Where a stream may start: `stream/?since=…`.")

    model_config = with_example(COUNTERS)


class Page(Counters):
    """A part of the list, newest first."""

    items: list[Notification]
    next: int | None = Field(
        ...,
        description="`before` of the next page; null at the end. A search may answer with few or no items and a `next`.",
    )

    model_config = with_example({"items": [ITEM], "next": 12, **COUNTERS})


class Change(Schema):
    """The data of a `change` frame of the stream."""

    prev: int
    modseq: int
    upsert: list[Notification]
    gone: list[int]
    unread: int
    unseen: int


class Snapshot(Schema):
    """The latest notifications, none archived."""

    items: list[Notification]
    unread: int
    unseen: int


class Reset(Schema):
    """The data of a `reset` frame of the stream: forget everything, and take the snapshot."""

    reason: Literal["none", "malformed", "epoch", "ahead", "purged", "behind"]
    modseq: int
    epoch: int
    snapshot: Snapshot


class Changes(Counters):
    """What happened after a position: changes in order, or one reset. `position` is where they lead."""

    changes: list[Change]
    reset: Reset | None

    model_config = with_example(
        {
            "changes": [{"prev": 41, "modseq": 42, "upsert": [ITEM], "gone": [], "unread": 3, "unseen": 1}],
            "reset": None,
            **COUNTERS,
        }
    )


class Sent(Schema):
    """Whom it reaches."""

    recipients: int
    broadcast: int | None = Field(
        ..., description="Null where everybody has it (200); else the broadcast that now goes out to them (202)."
    )

    model_config = with_example({"recipients": 2, "broadcast": None})


class UndoOffer(Schema):
    """How to take it back, on any device of this user."""

    token: str
    expires_at: dt.datetime


class ActionResult(Counters):
    """What an action did."""

    changed: int = Field(..., description="Notifications that this changed; the others were so already.")
    undo: UndoOffer | None = Field(
        ..., description="Null where nothing changed, or what was deleted is too long to keep."
    )

    model_config = with_example({"changed": 1, "undo": {"token": ".eJyrVk…", "expires_at": SENT}, **COUNTERS})


class UndoResult(Counters):
    """What an undo did."""

    undone: int
    left: int = Field(..., description="Notifications that were changed since, and so left alone.")

    model_config = with_example({"undone": 1, "left": 0, **COUNTERS})


class RefusedRecipient(Schema):
    """One of those to whom nothing can be sent, as given."""

    recipient: str
    code: Literal["unknown", "inactive", "twice"]
    message: str


class ErrorDetail(Schema):
    """What was wrong, and what to do."""

    code: str
    message: str
    field: str = ABSENT
    remedy: str = ABSENT
    refused: list[RefusedRecipient] = ABSENT


class Error(Schema):
    """The one shape of every error."""

    error: ErrorDetail

    model_config = with_example(
        {
            "error": {
                "code": "not_found",
                "message": "You have no notification 12.",
                "field": "ids",
                "remedy": "Read the list again; nothing was changed.",
            }
        }
    )
