"""The record of a broadcast: its content, its audience, its state and its progress.

Written by the admin and the commands while it is a draft, by `broadcasts/transitions.py` when it goes from state to state,
and by the worker that holds its lease while it is at work.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import models, router
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .content import CONTENT_FIELDS, AbstractContent, Level

__all__ = ["EVERYONE", "Audience", "AudienceKind", "Broadcast", "BroadcastState", "broadcasts"]


class AudienceKind(models.TextChoices):
    """The ways to name an audience."""

    EVERYONE = "everyone", _("Everyone")
    STAFF = "staff", _("Staff")
    GROUPS = "groups", _("Groups")
    USERS = "users", _("Chosen users")
    SEGMENT = "segment", _("A segment")


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a broadcast is for.

    `chosen` holds primary keys of groups or of users, or the name of one segment; nothing for everyone and for staff.
    """

    kind: str
    chosen: tuple[Any, ...] = ()


EVERYONE: Final = Audience(AudienceKind.EVERYONE)


class BroadcastState(models.TextChoices):
    """Where a broadcast stands."""

    DRAFT = "draft", _("Draft")
    SCHEDULED = "scheduled", _("Scheduled")
    SENDING = "sending", _("Sending")
    PAUSED = "paused", _("Paused")
    SENT = "sent", _("Sent")
    CANCELLED = "cancelled", _("Cancelled")
    RETRACTING = "retracting", _("Retracting")
    RETRACTED = "retracted", _("Retracted")
    EXPIRING = "expiring", _("Expiring")
    EXPIRED = "expired", _("Expired")


class Broadcast(AbstractContent):
    """One text for many users, sent, watched and taken back as a whole."""

    audience = models.CharField(
        _("audience"), max_length=10, choices=AudienceKind.choices, default=AudienceKind.EVERYONE
    )
    chosen = models.JSONField(
        _("chosen"), default=list, blank=True, help_text=_("Keys of groups or users, or the name of one segment.")
    )
    send_at = models.DateTimeField(_("send at"), null=True, blank=True, help_text=_("Leave empty to send at once."))
    expires_at = models.DateTimeField(
        _("expires at"),
        null=True,
        blank=True,
        help_text=_("At this time it is removed from every inbox. Leave empty to keep it."),
    )
    state = models.CharField(
        _("state"), max_length=10, choices=BroadcastState.choices, default=BroadcastState.DRAFT, editable=False
    )
    revision = models.PositiveIntegerField(_("revision"), default=1, editable=False)

    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    ordered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("ordered by"),
    )
    followers = models.JSONField(
        default=list, editable=False, help_text=_("Keys of the users who follow its progress.")
    )
    started_at = models.DateTimeField(_("started at"), null=True, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True, editable=False)

    # how far it came; moved in the transactions that write the rows
    cursor = models.CharField(max_length=255, blank=True, editable=False)
    total = models.PositiveBigIntegerField(_("recipients"), null=True, editable=False)
    written = models.PositiveBigIntegerField(_("sent to"), default=0, editable=False)
    live = models.PositiveBigIntegerField(_("delivered live"), default=0, editable=False)
    removed = models.PositiveBigIntegerField(_("removed"), default=0, editable=False)
    read_removed = models.PositiveBigIntegerField(default=0, editable=False)
    busy_seconds = models.FloatField(default=0.0, editable=False)
    problem = models.TextField(_("problem"), blank=True, editable=False)

    # who works on it
    worker = models.CharField(max_length=32, blank=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    worked_at = models.DateTimeField(null=True, editable=False)

    objects = models.Manager["Broadcast"]()

    class Meta:
        verbose_name = _("broadcast")
        verbose_name_plural = _("broadcasts")
        ordering = ["-id"]
        permissions = [("send_broadcast", "Can send, pause and retract broadcasts")]
        constraints = [
            models.CheckConstraint(condition=~models.Q(title=""), name="livenotif_broadcast_title"),
            models.CheckConstraint(condition=models.Q(level__in=Level.values), name="livenotif_broadcast_level"),
            models.CheckConstraint(
                condition=models.Q(state__in=BroadcastState.values), name="livenotif_broadcast_state"
            ),
        ]

    @property
    def addressed(self) -> Audience:
        """Whom it is for."""
        return Audience(self.audience, tuple(self.chosen))

    @property
    def content(self) -> dict[str, Any]:
        """What each recipient's notification says, and whose part it is."""
        return {name: getattr(self, name) for name in CONTENT_FIELDS} | {"broadcast_id": self.pk}

    def is_expired(self, now: dt.datetime) -> bool:
        """Return whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now


def broadcasts() -> Any:
    """Return every broadcast, from the database that its notifications are written to."""
    return Broadcast.objects.using(router.db_for_write(Broadcast))
