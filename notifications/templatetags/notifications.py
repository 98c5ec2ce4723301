"""What templates of a host project use: `{% load notifications %}{% notification_bell %}`."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from ..tail import inbox_of
from ..validators import followable

__all__ = ["followable", "notification_bell"]

register = template.Library()


@register.inclusion_tag("notifications/bell.html", takes_context=True)
def notification_bell(context: Context) -> dict[str, Any]:
    """Render the bell with the user's count of unread notifications; nothing for anonymous users. 1 query.

    Needs `request` in the context (`django.template.context_processors.request`). A page that has read the inbox
    already passes it as `notification_inbox`, so that bell and page stand at one position.
    """
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.is_authenticated:
        return {"inbox": None}
    return {"inbox": context.get("notification_inbox") or inbox_of(user)}


register.filter("followable", followable)
