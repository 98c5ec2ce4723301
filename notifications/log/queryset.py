"""The queryset of notifications, with its bulk writes: each goes through `log/` or is refused.

A write that Django offers and the log cannot record (an SQL expression, an upsert) raises `BypassesLog` and names the
method to use instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import connections, models
from django.db.models import Q
from django.db.models.query import ModelIterable
from django.utils import timezone

from ..exceptions import BypassesLog
from .attempts import attempt
from .keys import UserOrKey
from .locks import lock_inboxes
from .salvage import UNREADABLE, is_unreadable, read_alone

if TYPE_CHECKING:
    from ..models import Notification
from . import writes

__all__ = ["NotificationQuerySet"]


class RowIterable(ModelIterable):  # type: ignore[type-arg]  # it is generic in the stubs only
    """Rows as Django reads them; where one of them cannot be read, each on its own, see `log/salvage.py`."""

    def __iter__(self) -> Iterator[Notification]:
        """Yield them in their order. What is read in portions, by `iterator()`, is not read again."""
        if self.chunked_fetch:
            yield from super().__iter__()
            return
        try:
            rows = list(super().__iter__())
        except UNREADABLE as error:
            if not is_unreadable(error):
                raise
            keys = list(self.queryset.values_list("pk", flat=True))
            rows = [row for pk in keys if (row := read_alone(self.queryset.db, pk)) is not None]
        yield from rows


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Notifications of one user or many. Every write is one change of each touched user's log."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._iterable_class = RowIterable

    # --- asking

    def for_user(self, user: UserOrKey | models.OuterRef) -> NotificationQuerySet:
        """Keep what this user (an instance or a primary key) received."""
        recipient: Any = user
        return self.filter(recipient=recipient)

    def active(self) -> NotificationQuerySet:
        """Keep what is not archived."""
        return self.filter(archived_at=None)

    def archived(self) -> NotificationQuerySet:
        """Keep what is archived."""
        return self.filter(archived_at__isnull=False)

    def unread(self) -> NotificationQuerySet:
        """Keep what counts in the badge: neither read nor archived."""
        return self.filter(read_at=None, archived_at=None)

    def read(self) -> NotificationQuerySet:
        """Keep what was read and not archived."""
        return self.filter(read_at__isnull=False, archived_at=None)

    # --- changing state; each returns how many rows changed

    def mark_read(self) -> int:
        """Mark as read what is not."""
        return writes.amend(self, {"read_at": timezone.now()}, only=Q(read_at=None))

    mark_read.alters_data = True  # type: ignore[attr-defined]

    def mark_unread(self) -> int:
        """Mark as unread what is read; what is archived comes back with it, for it is to be read again."""
        settled = Q(read_at__isnull=False) | Q(archived_at__isnull=False)
        return writes.amend(self, {"read_at": None, "archived_at": None}, only=settled)

    mark_unread.alters_data = True  # type: ignore[attr-defined]

    def archive(self) -> int:
        """Take out of the list, and mark as read: what is archived is done with."""
        return writes.archive(self)

    archive.alters_data = True  # type: ignore[attr-defined]

    def unarchive(self) -> int:
        """Bring back into the list, read as it is."""
        return writes.amend(self, {"archived_at": None}, only=Q(archived_at__isnull=False))

    unarchive.alters_data = True  # type: ignore[attr-defined]

    # --- Django's own writes, through the log

    def update(self, **values: Any) -> int:
        """Set plain values on every row, validated, as one change of each recipient's log.

        Raises:
            BypassesLog: an SQL expression, or a field that only the log may write.
            ValidationError: keyed by field; nothing was written.
        """
        for name, value in values.items():
            if hasattr(value, "resolve_expression"):
                raise BypassesLog(
                    f"update({name}={value!r}) sets an SQL expression, which cannot be validated or shown to connected "
                    "clients; set a plain value, or change the instances and call bulk_update()."
                )
        return writes.amend(self, values)

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete every row as one change of each recipient's log; connected clients are told the ids."""
        return writes.remove(self)

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def bulk_create(
        self,
        objs: Iterable[Notification],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[Notification]:
        """Validate and insert, as one change of each recipient's log. Sends no `post_save`, as in Django."""
        if ignore_conflicts or update_conflicts:
            raise BypassesLog(
                "bulk_create() with ignore_conflicts or update_conflicts does not say which rows it wrote; "
                "leave the conflicting ones out, or use save()."
            )
        return writes.append(list(objs), using=self.write_db, batch_size=batch_size)

    def bulk_update(self, objs: Iterable[Notification], fields: Iterable[str], batch_size: int | None = None) -> int:
        """Write these fields of these instances, validated, as one change of each recipient's log."""
        return writes.amend_each(list(objs), set(fields), using=self.write_db)

    def update_or_create(
        self,
        defaults: Mapping[str, Any] | None = None,
        create_defaults: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> tuple[Notification, bool]:
        """Update or create one row, through `save()`. Locks the inbox before the row, as every other write does."""
        find_or_make = super().update_or_create
        return attempt(self.write_db, lambda: find_or_make(defaults, create_defaults, **kwargs))

    # --- Django's own locks

    def _fetch_all(self) -> None:
        """Lock the inboxes before the rows, where `select_for_update()` asks for rows: so does every write of the log.

        With `nowait` or `skip_locked` nothing is locked before, for that would wait.
        """
        query = self.query
        may_wait = query.select_for_update and not (
            query.select_for_update_nowait or query.select_for_update_skip_locked
        )
        if self._result_cache is None and may_wait and connections[self.db].in_atomic_block:
            found: Any = self.all()
            found.query.select_for_update, found.query.select_for_update_of = False, ()
            lock_inboxes(self.db, sorted(set(found.values_list("recipient_id", flat=True))))
        super()._fetch_all()

    # --- what `log/` and `bulk_update.py` alone may call: Django's writes as they are

    @property
    def write_db(self) -> str:
        """The database that a write goes to, decided as in Django's own `update()`."""
        self._for_write = True
        return str(self.db)

    def insert_rows(self, rows: Sequence[Notification], batch_size: int | None) -> list[Notification]:
        """Insert stamped rows. Only for `log/`."""
        return super().bulk_create(rows, batch_size=batch_size)

    insert_rows.alters_data = True  # type: ignore[attr-defined]

    def update_rows(self, **values: Any) -> int:
        """Update rows with their stamp. Only for `log/`."""
        return super().update(**values)

    update_rows.alters_data = True  # type: ignore[attr-defined]

    def delete_rows(self) -> tuple[int, dict[str, int]]:
        """Delete rows whose inbox is stamped. Only for `log/`."""
        return super().delete()

    delete_rows.alters_data = True  # type: ignore[attr-defined]
