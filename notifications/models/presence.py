"""Records of users with an open stream, and in which process. Written by `hub/presence_tracker.py` alone."""

from __future__ import annotations

import uuid

from django.conf import settings as django_settings
from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["Presence", "Process"]


class Process(models.Model):
    """A process that holds streams, and until when its word counts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alive_until = models.DateTimeField(_("alive until"), editable=False)

    class Meta:
        verbose_name = _("process")
        verbose_name_plural = _("processes")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.id)


class Presence(models.Model):
    """A user who has a stream open in a process."""

    user = models.ForeignKey(
        django_settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        db_index=False,  # the constraint below has one
        db_constraint=False,  # a user who was just deleted must not keep the others of a batch out
        related_name="+",
        verbose_name=_("user"),
    )
    process = models.ForeignKey(Process, on_delete=models.CASCADE, related_name="+", verbose_name=_("process"))
    since = models.DateTimeField(_("online since"), editable=False)

    class Meta:
        verbose_name = _("presence")
        verbose_name_plural = _("presences")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "process"], name="livenotif_presence_once")]

    def __str__(self) -> str:
        return str(self.user_id)
