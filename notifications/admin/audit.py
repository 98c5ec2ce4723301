"""Write to the security log which staff looked at other users' data."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import unquote
from django.http import HttpRequest

from ..access import audit

__all__ = ["record_look"]


def record_look(owner: Any, request: HttpRequest, object_id: str | None) -> None:
    """Write down that a page of one object is opened, or refused. 1 query."""
    row = owner.get_object(request, unquote(object_id)) if object_id is not None else None
    if row is None:
        return
    name = row._meta.model_name
    if owner.has_view_or_change_permission(request, row):
        reader = getattr(row, "recipient_id", row.pk)
        audit.record("staff.looked", by=request.user.pk, what=name, id=row.pk, user=reader)
    else:
        audit.record("permission.refused", user=request.user.pk, permission=f"live_notifications.view_{name}")
