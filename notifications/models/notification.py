"""One thing that a user was told. Nothing here writes: every change goes on to `log/`, the only writer of `modseq`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any, Final, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, router
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .. import log
from ..exceptions import InvalidArgument
from ..log.queryset import NotificationQuerySet
from ..log.salvage import EPOCH
from .avatar import find_avatar
from .broadcast import Broadcast
from .constraints import UniqueWhereSet
from .content import CONTENT_FIELDS, MAX_ACTOR_CHARS, MAX_TOPIC_CHARS, AbstractContent, DataField, Level
from .inbox import FIRST_MODSEQ
from .validators import validate_data, validate_text

__all__ = ["DETAIL_FIELDS", "Notification"]


class Notification(AbstractContent):
    """One thing a user was told.

    What it shows (actor, title, link) is stored as it was when sent, so a deleted subject never breaks a list.
    """

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="live_notifications",  # a site's own model may have taken `user.live_notifications`
        db_index=False,  # every index below starts with it
        db_constraint=False,  # the inbox has one: Note [The order of locks] in log/locks.py
        verbose_name=_("recipient"),
    )
    modseq = models.PositiveBigIntegerField(
        _("modseq"), editable=False, help_text=_("The recipient's log position at the latest change of this row.")
    )
    actor = models.CharField(
        _("actor"),
        max_length=MAX_ACTOR_CHARS,
        blank=True,
        validators=[validate_text],
        help_text=_("The name shown for the person or system that did it."),
    )
    topic = models.CharField(
        _("topic"),
        max_length=MAX_TOPIC_CHARS,
        blank=True,
        validators=[validate_text],
        help_text=_("What it is about, such as “reports.report:42”."),
    )
    data = DataField(_("data"))
    broadcast = models.ForeignKey(
        Broadcast,
        # Not Django's cascade, which would rewrite a million rows past the log. The database refuses instead: a broadcast
        # is deleted when nothing of it is left.
        on_delete=models.DO_NOTHING,
        null=True,
        editable=False,
        related_name="notifications",
        db_index=False,  # the constraint below has one
        verbose_name=_("broadcast"),
    )
    created_at = models.DateTimeField(_("sent at"), default=timezone.now, editable=False)
    read_at = models.DateTimeField(_("read at"), null=True, blank=True, editable=False)
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True, editable=False)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ["-id"]
        base_manager_name = "objects"  # so that `user.live_notifications.add()` cannot move rows past the log either
        indexes = [
            # the log: what changed after a position
            models.Index(fields=["recipient", "modseq"], name="livenotif_log"),
            # the three tabs of the centre, newest first
            models.Index(fields=["recipient", "-id"], name="livenotif_active", condition=models.Q(archived_at=None)),
            models.Index(
                fields=["recipient", "-id"],
                name="livenotif_unread",
                condition=models.Q(archived_at=None, read_at=None),
            ),
            models.Index(
                fields=["recipient", "-id"],
                name="livenotif_archived",
                condition=models.Q(archived_at__isnull=False),
            ),
            # mark read by subject
            models.Index(fields=["recipient", "topic"], name="livenotif_topic", condition=~models.Q(topic="")),
            # the admin's date hierarchy
            models.Index(fields=["created_at"], name="livenotif_created"),
            # how many have read a broadcast; what belongs to none has no entry
            models.Index(
                fields=["broadcast"],
                name="livenotif_broadcast_read",
                condition=models.Q(broadcast__isnull=False, read_at__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(modseq__gt=FIRST_MODSEQ), name="livenotif_modseq"),
            models.CheckConstraint(condition=~models.Q(title=""), name="livenotif_title"),
            models.CheckConstraint(condition=models.Q(level__in=Level.values), name="livenotif_level"),
            # nobody gets a broadcast twice; what belongs to none has no entry
            UniqueWhereSet(
                fields=["broadcast", "recipient"],
                name="livenotif_once",
                condition=models.Q(broadcast__isnull=False),
            ),
        ]

    @property
    def is_read(self) -> bool:
        """Whether the recipient has read it."""
        return self.read_at is not None

    @property
    def is_archived(self) -> bool:
        """Whether the recipient has put it away."""
        return self.archived_at is not None

    def save(
        self,
        *,
        force_insert: bool | tuple[models.base.ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Validate, then write this row as one change of its recipient's log.

        Raises:
            ValidationError: keyed by field; nothing was written.
        """
        log.save_row(
            self,
            using=using,
            force_insert=bool(force_insert),
            force_update=force_update,
            update_fields=None if update_fields is None else set(update_fields),
        )

    def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        """Delete this row as one change of its recipient's log; connected clients are told its id."""
        if self.pk is None:
            raise InvalidArgument("Notification cannot be deleted because it was never saved; call save() first.")
        deleted = self._as_queryset(using).delete()
        self.pk = None
        return deleted

    def mark_read(self) -> bool:
        """Mark as read; return whether that changed anything."""
        return self._sync_if(self._as_queryset().mark_read())

    mark_read.alters_data = True  # type: ignore[attr-defined]

    def mark_unread(self) -> bool:
        """Mark as unread, and bring back if it is archived; return whether that changed anything."""
        return self._sync_if(self._as_queryset().mark_unread())

    mark_unread.alters_data = True  # type: ignore[attr-defined]

    def archive(self) -> bool:
        """Take out of the list and mark as read; return whether that changed anything."""
        return self._sync_if(self._as_queryset().archive())

    archive.alters_data = True  # type: ignore[attr-defined]

    def unarchive(self) -> bool:
        """Bring back into the list, read as it is; return whether that changed anything."""
        return self._sync_if(self._as_queryset().unarchive())

    unarchive.alters_data = True  # type: ignore[attr-defined]

    def _as_queryset(self, using: str | None = None) -> NotificationQuerySet:
        return Notification.objects.using(using or self._write_db).filter(pk=self.pk)

    @property
    def _write_db(self) -> str:
        """Where this row is written, which need not be where it was read."""
        return router.db_for_write(type(self), instance=self)

    def _sync_if(self, changed: int) -> bool:
        """Take over what the log wrote to this row, leaving unsaved edits of other fields alone."""
        if changed:
            with suppress(type(self).DoesNotExist):  # deleted by someone else a moment later; the change stood
                self.refresh_from_db(using=self._write_db, fields=["read_at", "archived_at", "modseq"])
        return bool(changed)

    def add_avatar(self) -> None:
        """Note the sender's picture in `data`, where there is a sender and no picture yet: NOTIFICATIONS_AVATAR_OF.

        For a valid row that is not written yet. As many queries as the site's function makes.

        Raises:
            InvalidSetting: the site's function returned what is no address on this site.
            ValidationError: with the address, `data` is too large.
        """
        if not self.actor or "avatar" in self.data:
            return
        if url := find_avatar(self):
            data = {**self.data, "avatar": url}
            try:
                validate_data(data)
            except ValidationError as error:
                raise ValidationError({"data": error}) from None
            self.data = data

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **options: Any) -> Self:
        """Make an instance of what was read; a time of sending that no page could show becomes one that it can."""
        row = super().from_db(db, field_names, values, **options)
        sent = row.__dict__.get("created_at", EPOCH)
        if sent is None or not EPOCH.year <= sent.year < dt.MAXYEAR:  # by a reader's own clock it may be past MAXYEAR
            row.created_at = EPOCH if settings.USE_TZ else EPOCH.replace(tzinfo=None)
        return row

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Validate each field, also where it is empty: Django passes over empty values of fields that may be blank."""
        errors: dict[str, Any] = {}
        excluded = set(exclude or ())
        for field in self._meta.concrete_fields:
            if field.name in excluded:
                continue
            value = getattr(self, field.attname)
            if hasattr(value, "resolve_expression"):
                errors[field.name] = ValidationError(_("Is an SQL expression; set a plain value."), code="expression")
            elif value is None and not field.null and not field.primary_key:
                errors[field.name] = ValidationError(_("Cannot be None; leave it out or give a value."), code="null")
            elif field.name == "data":  # before Django's own look at it, which fails where JSON does
                try:
                    validate_data(value)
                except ValidationError as error:
                    errors["data"] = error
        try:
            super().clean_fields(exclude=excluded | errors.keys())
        except ValidationError as error:
            errors = error.update_error_dict(errors)
        if errors:
            raise ValidationError(errors)


# What a notification says besides CONTENT_FIELDS, which a broadcast does not have.
DETAIL_FIELDS: Final = tuple(
    field.name
    for field in Notification._meta.local_fields
    if field.editable and not field.primary_key and field.name not in ("recipient", *CONTENT_FIELDS)
)
