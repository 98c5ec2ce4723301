"""The users of this site, whatever its user model is."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet

__all__ = ["active_users", "has_user_field"]


def active_users() -> QuerySet[Any]:
    """Return everybody who can log in. A user model without `is_active` has only active users."""
    users: QuerySet[Any] = get_user_model()._default_manager.all()
    return users.filter(is_active=True) if has_user_field("is_active") else users


def has_user_field(name: str) -> bool:
    """Return whether the user model keeps this in a column of its own."""
    try:
        get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
