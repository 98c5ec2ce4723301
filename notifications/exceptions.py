"""Every error of this app's own. Each message names the value received and the remedy.

What a user typed wrong is a `django.core.exceptions.ValidationError` keyed by field; what a developer did wrong is
one of these.
"""

from __future__ import annotations

__all__ = ["BypassesLog", "InvalidSetting", "NotificationsError"]


class NotificationsError(Exception):
    """Base of every exception that this app raises itself."""


class BypassesLog(NotificationsError, TypeError):
    """A write that could not be recorded in the log, so it was refused before it touched a row."""


class InvalidSetting(NotificationsError, ValueError):
    """A `NOTIFICATIONS_*` setting holds a value of the wrong type or outside its range."""
