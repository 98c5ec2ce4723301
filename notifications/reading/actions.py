"""A reader's actions on their own notifications, and undoing them for `NOTIFICATIONS_UNDO_SECONDS`.

Receives a user, ids or a bound, from the API and from the pages, which grant more time. Guarantees all or nothing: the
inbox is locked before the rows are looked at, an id that is not the user's refuses the whole, and each call is one change
of the log. Each answers with a token that `undo()` takes, from any device of this user.

# Note [What a token holds]

Nothing is kept on the server: the token is signed for one user and says what was done, in one of three ways.

    {"set": "read_at", "at": "2026-…"}        rows stamped with this change's modseq and this very time → nothing
    {"cleared": "read_at", "old": {"12": "…"}} these rows → the time they had
    {"rows": [{"id": 12, …}]}                  deleted rows, whole, and their broadcast → inserted again under their ids

Besides, for how long it is good. With `modseq`, any row that was touched since is recognised: its stamp is another one, and
it is left alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from django.conf import settings as django_settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import connections, models as db, router, transaction
from django.utils import timezone

from .. import log
from ..broadcasts.progress import followed_in, show_now
from ..broadcasts.states import GONE
from ..conf import settings
from ..exceptions import BadUndoToken, HistoryReplaced, UndoExpired, UnknownNotification
from ..log.attempts import repeatable
from ..log.bulk_update import EVERY, rewrite, rows_of
from ..log.inbox_write import InboxWrite
from ..log.keys import MAX_KEY, UserKey, UserOrKey, key_of
from ..log.locks import LockedInbox, lock_inboxes, make_inboxes
from ..log.queryset import NotificationQuerySet
from ..log.read_counts import note_readers, readers_of
from ..models import Broadcast, Inbox, Notification, RunningJob
from ..protocol.payloads import build_counters, build_payload, format_time
from ..sending.job_watchdog import catch_up, is_running

__all__ = [
    "MAX_TOKEN_CHARS",
    "Action",
    "ActionResult",
    "UndoResult",
    "act",
    "act_upto",
    "read_topic",
    "read_upto",
    "undo",
]

Action = Literal["read", "unread", "archive", "unarchive", "delete"]

# A hundred deleted notifications of 20 KiB would make a token of megabytes. Past this size there is no undo. A request
# body may have twice as much (`api/bodies.py`).
MAX_TOKEN_CHARS: Final = 256 * 1024
FIELD: Final[dict[str, str]] = {
    "read": "read_at",
    "unread": "read_at",
    "archive": "archived_at",
    "unarchive": "archived_at",
}


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What an action did: how many rows changed, the inbox afterwards, and the token to take it back with."""

    changed: int
    inbox: Inbox
    token: str | None = None
    expires_at: dt.datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as page, API and WebSocket tell it: `{"changed": 1, "undo": {"token": …, "expires_at": …}, …}`."""
        offer = None
        if self.token is not None and self.expires_at is not None:
            offer = {"token": self.token, "expires_at": format_time(self.expires_at)}
        return {"changed": self.changed, "undo": offer, **build_counters(self.inbox)}


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What an undo did: how many rows are as before, and how many were touched since and so left alone."""

    undone: int
    left: int
    inbox: Inbox

    def as_dict(self) -> dict[str, Any]:
        """Return it as page and API tell it."""
        return {"undone": self.undone, "left": self.left, **build_counters(self.inbox)}


@dataclass(frozen=True, slots=True)
class Own:
    """One user's inbox, locked, and their rows."""

    inbox: LockedInbox
    using: str

    @property
    def rows(self) -> NotificationQuerySet:
        return rows_of(self.using).for_user(self.inbox.pk)

    def require_epoch(self, epoch: int | None) -> None:
        """Refuse what was said of another history."""
        if epoch not in (None, self.inbox.epoch):
            raise HistoryReplaced(
                f"The position is of epoch {epoch}, the inbox of {self.inbox.epoch}; load the list again."
            )

    def inbox_now(self) -> Inbox:
        return Inbox.objects.using(self.using).get(pk=self.inbox.pk)


@contextmanager
def own(user: UserOrKey, origins: Collection[int] = (), jobs: Collection[int] = ()) -> Iterator[Own]:
    """Open a transaction in which nobody else writes to this user's notifications, and these broadcasts and jobs stay.

    Queries: 1, 5 at the first call; 1 more for broadcasts, 1 for jobs.
    """
    user_id = key_of(user)
    using = router.db_for_write(Notification)
    with transaction.atomic(using=using):
        for model, keys in ((Broadcast, origins), (RunningJob, jobs)):
            if keys:  # before the inbox, as the workers and the jobs do
                no_key = connections[using].features.has_select_for_no_key_update
                held = model._default_manager.using(using).filter(pk__in=keys).order_by("pk")
                list(held.select_for_update(no_key=no_key).values_list("pk"))
        inboxes = lock_inboxes(using, [user_id])
        if not inboxes:
            make_inboxes(using, [user_id])
            inboxes = lock_inboxes(using, [user_id])
        yield Own(inboxes[user_id], using)


# --- doing


@repeatable
def act(user: UserOrKey, action: Action, ids: Collection[int], *, seconds: float | None = None) -> ActionResult:
    """Do the same to each of these notifications, to be taken back within `seconds`. 8 queries, up to 11 for more than 50.

    Args:
        seconds: None: NOTIFICATIONS_UNDO_SECONDS.

    Raises:
        UnknownNotification: the user has no such ones; nothing was changed.
    """
    with own(user) as mine:
        wanted = mine.rows.filter(
            pk__in=[pk for pk in ids if pk <= MAX_KEY]
        )  # no row has more; SQLite raises OverflowError
        rows = list(wanted)
        unknown = set(ids) - {row.pk for row in rows}
        if unknown:
            raise UnknownNotification(sorted(unknown))
        if action == "delete":
            content = [{**build_payload(row), "broadcast": row.broadcast_id} for row in rows]
            wanted.delete()
            return build_result(mine, len(rows), {"rows": content}, seconds)
        field = FIELD[action]
        if action in ("read", "archive"):
            now = timezone.now()
            keys = [row.pk for row in rows if getattr(row, field) is None]
            record: dict[str, Any] = {"set": field, "at": format_time(now)}
            value = now
        else:
            old = {row.pk: format_time(getattr(row, field)) for row in rows if getattr(row, field) is not None}
            keys, record, value = list(old), {"cleared": field, "old": old}, None
        changed = log.amend(mine.rows.filter(pk__in=keys), {field: value}) if keys else 0
        return build_result(mine, changed, record, seconds)


@repeatable
def read_upto(user: UserOrKey, up_to: int, *, epoch: int | None = None, seconds: float | None = None) -> ActionResult:
    """Mark as read what has a `modseq` of at most `up_to`. 6 queries, however many rows.

    Raises:
        HistoryReplaced: `epoch` is not the inbox's.
    """
    with own(user) as mine:
        mine.require_epoch(epoch)
        now = timezone.now()
        changed = log.mark_all_read(mine.inbox.pk, up_to=up_to, at=now, using=mine.using)
        return build_result(mine, changed, {"set": "read_at", "at": format_time(now)}, seconds)


@repeatable
def act_upto(
    user: UserOrKey,
    action: Literal["read", "archive"],
    up_to: int,
    *,
    epoch: int | None = None,
    is_unread: bool = False,
    seconds: float | None = None,
    **fields: str,
) -> ActionResult:
    """Do the same to all that is not archived, has a `modseq` of at most `up_to` and these values; empty ones do not narrow.

    Args:
        is_unread: leave out what is read, as the list of unread ones does.
        fields: values of other fields.

    Queries: 9 for more than 50 rows, however many.

    Raises:
        HistoryReplaced: `epoch` is not the inbox's.
    """
    with own(user) as mine:
        mine.require_epoch(epoch)
        now, field = timezone.now(), FIELD[action]
        narrowing = {name: value for name, value in fields.items() if value}
        listed = mine.rows.unread() if is_unread else mine.rows.active()
        rows = listed.filter(modseq__lte=up_to, **{field: None}, **narrowing)
        changed = log.amend(rows, {field: now})
        return build_result(mine, changed, {"set": field, "at": format_time(now)}, seconds)


@repeatable
def read_topic(user: UserOrKey, topic: str) -> ActionResult:
    """Mark as read what is about one subject. 7 queries, 9 for more than 50 rows."""
    with own(user) as mine:
        now = timezone.now()
        changed = log.mark_topic_read(mine.inbox.pk, topic, at=now, using=mine.using)
        return build_result(mine, changed, {"set": "read_at", "at": format_time(now)})


def build_result(mine: Own, changed: int, record: Mapping[str, Any], seconds: float | None = None) -> ActionResult:
    """Return what was done, with a token where there is anything to take back."""
    inbox = mine.inbox_now()
    if not changed:
        return ActionResult(0, inbox)
    seconds = settings.undo_seconds if seconds is None else seconds
    expires_at = timezone.now() + dt.timedelta(seconds=seconds)
    facts: dict[str, Any] = {"epoch": inbox.epoch, "modseq": inbox.modseq, "changed": changed}
    facts |= {"until": format_time(expires_at), "seconds": seconds}
    token = signing.dumps({**facts, **record}, salt=salt(inbox.pk), compress=True)
    return (
        ActionResult(changed, inbox, token, expires_at)
        if len(token) <= MAX_TOKEN_CHARS
        else ActionResult(changed, inbox)
    )


def salt(user_id: UserKey) -> str:
    """Return what makes a token worthless for anyone but this user."""
    return f"notifications.undo.{user_id}"


# --- taking back


@repeatable
def undo(user: UserOrKey, token: str) -> UndoResult:
    """Take back what the token is for, leaving alone what was changed since. 7 queries, 9 for more than 50 rows.

    Raises:
        BadUndoToken: it was not made for this user, or was altered.
        UndoExpired: it is older than what was granted, or history was replaced since.
    """
    try:
        record = signing.loads(token, salt=salt(key_of(user)))
    except signing.BadSignature:
        raise BadUndoToken("The token is not one of this user's; send the one that the action answered with.") from None
    # held, or a retraction or a job could end between the look at its state and the rows that come back
    gone = record.get("rows", ())
    origins = {row["broadcast"] for row in gone if row.get("broadcast") is not None}
    origins |= {pk for row in gone if (pk := followed_in(row["topic"])) is not None}
    jobs = {row["id"] for row in gone if is_running(row["data"])}
    with own(user, origins, jobs) as mine:
        if timezone.now() > parse_moment(record["until"]) or record["epoch"] != mine.inbox.epoch:
            raise UndoExpired(record["seconds"])
        untouched = mine.rows.filter(modseq=record["modseq"])
        if "rows" in record:
            undone = insert_again(mine, record["rows"])
        elif "set" in record:
            field, at = record["set"], parse_moment(record["at"])
            undone = log.amend(untouched.filter(**{field: at}), {field: None})
        else:
            times = {int(pk): parse_moment(text) for pk, text in record["old"].items()}
            undone = put_back(untouched, record["cleared"], times)
        return UndoResult(undone, record["changed"] - undone, mine.inbox_now())


def parse_moment(text: str) -> dt.datetime:
    """Return a token's time as this site's rows hold it: without a zone where USE_TZ is off."""
    moment = dt.datetime.fromisoformat(text)
    return moment if django_settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())


def insert_again(mine: Own, contents: list[dict[str, Any]]) -> int:
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
    catch_up(rows, using=mine.using)
    for row in rows:
        show_now(row, using=mine.using)
    rows = [row for row in rows if is_valid(row)]
    note_readers({pk: -1 for row in rows for pk in readers_of(vars(row))}, using=mine.using)  # one row for each
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


def put_back(rows: NotificationQuerySet, field: str, times: Mapping[int, dt.datetime]) -> int:
    """Give those of these rows that have a time the time they had; return how many. One change, one statement."""

    def update(found: NotificationQuerySet, current: InboxWrite, user_ids: list[UserKey]) -> None:
        cases = [db.When(pk=pk, then=db.Value(moment)) for pk, moment in times.items()]
        value = db.Case(*cases, output_field=db.DateTimeField())
        found.update_rows(**{field: value}, modseq=current.stamp(user_ids[0]))

    def changed(row: Notification) -> Notification:
        setattr(row, field, times[row.pk])
        return row

    return rewrite(rows.filter(pk__in=list(times)), EVERY, update, changed)
