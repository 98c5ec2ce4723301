"""Tokens of programs, as they are stored: a public part and a digest. Made and looked up by `access/tokens.py`."""

from __future__ import annotations

import datetime as dt
from typing import Final, Literal

from django.conf import settings as django_settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..conf import settings

__all__ = ["LOOK", "ApiToken", "Scope", "default_expiry"]


Scope = Literal["read", "send"]


# What it takes to look at the notifications of others.
LOOK: Final = "live_notifications.view_notification"


def default_expiry() -> dt.datetime | None:
    """Return when a token ends for which nobody says so; None: when it is revoked."""
    days = settings.token_days
    return timezone.now() + dt.timedelta(days=days) if days else None


class ApiToken(models.Model):
    """A program's way in, as one user and within scopes. The secret itself is not kept."""

    user = models.ForeignKey(
        django_settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("user"),
        help_text=_("The user for whom the program acts."),
    )
    made_by = models.ForeignKey(
        django_settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,  # what somebody gave out ends with them
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("created by"),
    )
    name = models.CharField(_("name"), max_length=100, help_text=_("What it is for, such as “nightly reports”."))
    may_read = models.BooleanField(
        _("may read"),
        default=False,
        help_text=_("Allows reading this user’s notifications: the stream, and GET requests to the API."),
    )
    may_send = models.BooleanField(
        _("may send"), default=False, help_text=_("Allows sending to anybody through the API.")
    )
    prefix = models.CharField(_("begins with"), max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    expires_at = models.DateTimeField(
        _("expires at"),
        default=default_expiry,
        null=True,
        blank=True,
        help_text=_("Leave empty to keep it until it is revoked."),
    )
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(may_read=True) | Q(may_send=True), name="livenotif_token_scopes")
        ]

    def __str__(self) -> str:
        return f"{self.name} (ntf_{self.prefix}…)"

    @property
    def scopes(self) -> frozenset[Scope]:
        """What the program may do now. 2 queries where staff made it for another user, for staff can lose the permission."""
        given: dict[Scope, bool] = {
            "read": self.may_read and (self._is_own or self.made_by.has_perm(LOOK)),  # type: ignore[union-attr]
            "send": self.may_send,
        }
        return frozenset(scope for scope, is_given in given.items() if is_given)

    @property
    def problem(self) -> Literal["", "revoked", "expired", "user", "maker"]:
        """Why it lets nobody in, such as whose right is gone; "" where it does. Queries: as `scopes`."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= timezone.now():
            return "expired"
        if not getattr(self.user, "is_active", True):
            return "user"
        if not self._is_own and not all(getattr(self.made_by, name, True) for name in ("is_active", "is_staff")):
            return "maker"
        return "maker" if (self.may_read or self.may_send) and not self.scopes else ""

    @property
    def is_valid(self) -> bool:
        """Whether it lets anyone in. Queries: as `scopes`."""
        return not self.problem

    @property
    def _is_own(self) -> bool:
        """Whether nobody else answers for it: made for oneself, or by the site's code."""
        return self.made_by_id is None or self.made_by_id == self.user_id

    def has_perm(self, permission: str) -> bool:
        """Return whether both may, for whom the program acts and who made the token. 2 queries for each."""
        people = [self.user] if self._is_own else [self.user, self.made_by]
        return all(person.has_perm(permission) for person in people)  # type: ignore[union-attr]
