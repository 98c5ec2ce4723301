"""Take an action back: the token that says what was done, and what undoes it.

Receives what an action did, and later the token. Guarantees that what was touched since is left alone, that only the user
for whom a token was made can use it, from any device, and that it is good for as long as was granted.

# Note [What a token holds]

Nothing is kept on the server: the token is signed for one user and says what was done, in one of three ways.

    {"set": ["archived_at", "read_at"], "at": "2026-…"}
        rows stamped with this change's modseq and this very time in the first field → nothing, wherever they hold that time
    {"cleared": ["read_at", "archived_at"], "old": {"12": ["2026-…", null]}}
        these rows → the times they had
    {"rows": [{"id": 12, …}]}
        deleted rows, whole, and their broadcast → inserted again under their ids

What is archived is marked as read by the same change, unless it was read before: its time says which. Besides, the token
says for how long it is good. With `modseq`, any row that was touched since is recognised: its stamp is another one, and it
is left alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings as django_settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import models as db
from django.utils import timezone

from .. import log
from ..broadcasts.progress import bring_follower_up_to_date, parse_followed
from ..broadcasts.states import GONE
from ..exceptions import BadUndoToken, UndoExpired
from ..log.attempts import repeatable
from ..log.broadcast_readers import add_readers_after_commit, count_reader
from ..log.bulk_update import EVERY, rewrite, rows_of
from ..log.inbox_write import InboxWrite
from ..log.keys import UserKey, UserOrKey, key_of
from ..log.queryset import NotificationQuerySet
from ..models import Broadcast, Inbox, Notification
from ..protocol.payloads import build_counters, format_time
from ..sending.job_watchdog import bring_jobs_up_to_date, is_running
from .own_inbox import OwnInbox, open_own_inbox

__all__ = ["MAX_TOKEN_CHARS", "UndoResult", "build_token", "undo_action"]

# A hundred deleted notifications of 20 KiB would make a token of megabytes. Past this size there is no undo. A request
# body may have twice as much (`api/body_parser.py`).
MAX_TOKEN_CHARS: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What an undo did: how many rows are as before, and how many were touched since and so left alone."""

    undone: int
    left: int
    inbox: Inbox

    def as_dict(self) -> dict[str, Any]:
        """Return it as page and API tell it."""
        return {"undone": self.undone, "left": self.left, **build_counters(self.inbox)}


def build_token(
    inbox: Inbox, record: Mapping[str, Any], *, changed: int, expires_at: dt.datetime, seconds: float
) -> str:
    """Return the token of an action that left the inbox as it is now; an empty one where it would be too long."""
    facts: dict[str, Any] = {"epoch": inbox.epoch, "modseq": inbox.modseq, "changed": changed}
    facts |= {"until": format_time(expires_at), "seconds": seconds}
    token = signing.dumps({**facts, **record}, salt=build_salt(inbox.pk), compress=True)
    return token if len(token) <= MAX_TOKEN_CHARS else ""


def build_salt(user_id: UserKey) -> str:
    """Return what makes a token worthless for anyone but this user."""
    return f"notifications.undo.{user_id}"


@repeatable
def undo_action(user: UserOrKey, token: str) -> UndoResult:
    """Take back what the token is for, leaving alone what was changed since. 7 queries, 9 for more than 50 rows.

    Raises:
        BadUndoToken: it was not made for this user, or was altered.
        UndoExpired: it is older than what was granted, or history was replaced since.
    """
    try:
        record = signing.loads(token, salt=build_salt(key_of(user)))
    except signing.BadSignature:
        raise BadUndoToken("The token is not one of this user's; send the one that the action answered with.") from None
    # held, or a retraction or a job could end between the look at its state and the rows that come back
    gone = record.get("rows", ())
    origins = {row["broadcast"] for row in gone if row.get("broadcast") is not None}
    origins |= {pk for row in gone if (pk := parse_followed(row["topic"])) is not None}
    jobs = {row["id"] for row in gone if is_running(row["data"])}
    with open_own_inbox(user, origins, jobs) as mine:
        if timezone.now() > parse_moment(record["until"]) or record["epoch"] != mine.inbox.epoch:
            raise UndoExpired(record["seconds"])
        untouched = mine.rows.filter(modseq=record["modseq"])
        if "rows" in record:
            undone = insert_again(mine, record["rows"])
        elif "set" in record:
            undone = take_times(untouched, record["set"], parse_moment(record["at"]))
        else:
            old = {int(pk): [text and parse_moment(text) for text in texts] for pk, texts in record["old"].items()}
            undone = put_back(untouched, record["cleared"], old)
        return UndoResult(undone, record["changed"] - undone, mine.read_inbox())


def parse_moment(text: str) -> dt.datetime:
    """Return a token's time as this site's rows hold it: without a zone where USE_TZ is off."""
    moment = dt.datetime.fromisoformat(text)
    return moment if django_settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())


def insert_again(mine: OwnInbox, contents: list[dict[str, Any]]) -> int:
    """Insert deleted rows as they were, under the ids they had; return how many.

    No other row can have taken an id: databases hand each out once. A row that is there was inserted again already. What
    belonged to a broadcast that was taken back since does not return; what shows how a job or a broadcast goes returns as
    it is by now.
    """
    there = set(rows_of(mine.using).filter(pk__in=[content["id"] for content in contents]).values_list("pk", flat=True))
    rows = [restore_row(mine.inbox.pk, content) for content in contents if content["id"] not in there]
    origins = {row.broadcast_id for row in rows if row.broadcast_id is not None}
    if origins:
        kept = Broadcast.objects.using(mine.using).filter(pk__in=origins).exclude(state__in=GONE)
        origins -= set(kept.values_list("pk", flat=True))
    rows = [row for row in rows if row.broadcast_id not in origins]
    bring_jobs_up_to_date(rows, using=mine.using)
    for row in rows:
        bring_follower_up_to_date(row, using=mine.using)
    rows = [row for row in rows if is_valid(row)]
    add_readers_after_commit(
        {pk: -1 for row in rows for pk in count_reader(vars(row))}, using=mine.using
    )  # one row for each
    return len(log.append(rows, using=mine.using))


def restore_row(user_id: Any, content: dict[str, Any]) -> Notification:
    """Return an unsaved row with this content."""
    fields = {name: value for name, value in content.items() if name not in ("id", "modseq", "broadcast")}
    for name in ("created_at", "read_at", "archived_at"):
        fields[name] = fields[name] and parse_moment(fields[name])
    return Notification(pk=content["id"], recipient_id=user_id, broadcast_id=content.get("broadcast"), **fields)


def is_valid(row: Notification) -> bool:
    """Return whether a row may be written: one that raw SQL or an older rule made might not be."""
    try:
        log.validate(row)
    except ValidationError:
        return False
    return True


def take_times(rows: NotificationQuerySet, fields: Sequence[str], at: dt.datetime) -> int:
    """Empty these fields where they hold this time, of the rows whose first one does; return how many. One statement."""

    def update(found: NotificationQuerySet, current: InboxWrite, user_ids: list[UserKey]) -> None:
        values = {
            field: db.Case(db.When(**{field: at}, then=None), default=field, output_field=db.DateTimeField())
            for field in fields
        }
        found.update_rows(**values, modseq=current.stamp(user_ids[0]))

    def changed(row: Notification) -> Notification:
        for field in fields:
            if getattr(row, field) == at:
                setattr(row, field, None)
        return row

    return rewrite(rows.filter(**{fields[0]: at}), EVERY, update, changed)


def put_back(rows: NotificationQuerySet, fields: Sequence[str], old: Mapping[int, Sequence[dt.datetime | None]]) -> int:
    """Give those of these rows whose old times are known these times; return how many. One change, one statement."""
    times = {field: {pk: each[place] for pk, each in old.items()} for place, field in enumerate(fields)}

    def update(found: NotificationQuerySet, current: InboxWrite, user_ids: list[UserKey]) -> None:
        values: dict[str, db.Case] = {}
        for field, time_of in times.items():
            cases = [db.When(pk=pk, then=db.Value(moment)) for pk, moment in time_of.items() if moment is not None]
            if cases:  # else it was empty everywhere, and is
                values[field] = db.Case(*cases, output_field=db.DateTimeField())
        found.update_rows(**values, modseq=current.stamp(user_ids[0]))

    def changed(row: Notification) -> Notification:
        for field, time_of in times.items():
            setattr(row, field, time_of[row.pk])
        return row

    return rewrite(rows.filter(pk__in=list(old)), EVERY, update, changed)
