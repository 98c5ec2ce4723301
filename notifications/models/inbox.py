"""Where one user's log stands: its head, its counters, and from where on it can be continued."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..protocol.position import random_epoch

__all__ = ["FIRST_MODSEQ", "Inbox"]


FIRST_MODSEQ = 1  # 0 stays free: a position `<epoch>.0` is below every floor, so it always gets a reset


class Inbox(models.Model):
    """Where one user's log stands.

    `modseq` is the term of IMAP CONDSTORE (RFC 7162): a counter that every change to this user's notifications raises.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="notification_inbox",
        verbose_name=_("user"),
    )
    epoch = models.PositiveBigIntegerField(
        _("epoch"),
        default=random_epoch,
        help_text=_("Changes when the history is replaced, for example by a restored backup."),
    )
    modseq = models.PositiveBigIntegerField(
        _("modseq"), default=FIRST_MODSEQ, help_text=_("Number of the latest change.")
    )
    floor = models.PositiveBigIntegerField(
        _("floor"), default=FIRST_MODSEQ, help_text=_("Oldest position from which the log can be continued.")
    )
    unread = models.PositiveIntegerField(_("unread"), default=0)
    unseen = models.PositiveIntegerField(
        _("unseen"), default=0, help_text=_("Unread notifications that changed since the user last looked.")
    )
    seen_upto = models.PositiveBigIntegerField(_("seen up to"), default=0)
    mended_at = models.DateTimeField(
        _("repaired at"),
        null=True,
        editable=False,
        help_text=_("When a write last found wrong numbers here and repaired them."),
    )

    class Meta:
        verbose_name = _("inbox")
        verbose_name_plural = _("inboxes")
        constraints = [
            models.CheckConstraint(condition=models.Q(epoch__gt=0), name="livenotif_inbox_epoch"),
            models.CheckConstraint(
                condition=models.Q(floor__gte=FIRST_MODSEQ) & models.Q(floor__lte=models.F("modseq")),
                name="livenotif_inbox_floor",
            ),
            models.CheckConstraint(condition=models.Q(unseen__lte=models.F("unread")), name="livenotif_inbox_unseen"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.unread} unread)"

    @property
    def position(self) -> str:
        """The head of this log as a client writes it, such as `81985529216486.42`."""
        return f"{self.epoch}.{self.modseq}"
