"""What templates of a host project use, after `{% load live_notifications %}`.

{% notification_bell %}  {% mark_topic_read topic %}  {{ row.url|followable }}  {{ row.created_at|isoformat }}
{{ row.actor|initials }}  {{ row.actor|hue }}
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import template
from django.conf import settings as django_settings
from django.shortcuts import resolve_url
from django.template import Context
from django.utils.html import format_html

from .. import log
from ..access.reader import build_tag
from ..models import Notification
from ..models.validators import followable
from ..pages import presentation
from ..pages.avatars import hue_of, initials_of
from ..pages.linked_text import link_addresses
from ..pages.static_files import nonce_of, write_scripts
from ..protocol.payloads import format_time
from ..reading.listing import newest_of, read_shown_inbox

__all__ = [
    "followable",
    "format_time",
    "hue_of",
    "initials_of",
    "mark_topic_read",
    "notification_bell",
    "notification_nonce",
    "notification_scripts",
]

register = template.Library()


@register.inclusion_tag("live_notifications/bell.html", takes_context=True)
def notification_bell(context: Context) -> dict[str, Any]:
    """Render the bell with the user's count of unread notifications; nothing for anonymous users. 1 query.

    Needs `request` in the context (`django.template.context_processors.request`). A page that has read the inbox
    already (`listing.find_page()`) passes it as `notification_inbox`, so that bell and page stand at one position.
    """
    request = context.get("request")
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"inbox": None}
    known = context.get("notification_inbox")
    inbox = known or read_shown_inbox(user)
    return {
        "request": request,
        "inbox": inbox,
        "newest": newest_of(inbox),
        "reader": build_tag(user),
        "login_url": resolve_url(django_settings.LOGIN_URL),
        "blank": Notification(pk=0, modseq=0),  # for the templates of what is to come
        "part": known
        and context.get("part"),  # "list" in the centre's own page, which has the icons and opens no panel
    }


@register.simple_tag(takes_context=True)
def mark_topic_read(context: Context, topic: str) -> str:
    """Mark as read what is about a subject, where its page is rendered: `{% mark_topic_read "billing.invoice:7" %}`.

    It writes while the page is rendered, so put it before `{% notification_bell %}` to have the count right at once. 1
    query by an index where nothing is unread. Does nothing for anonymous users and empty topics, and only on a GET that
    a reader asked for: not on HEAD, not for a page that the browser fetches in advance.
    """
    request: Any = context.get("request")
    user = getattr(request, "user", None)
    is_visit = (
        request is not None and request.method == "GET" and "prefetch" not in request.headers.get("Sec-Purpose", "")
    )
    if topic and is_visit and user is not None and user.is_authenticated:
        log.mark_topic_read(user, topic)
    return ""


@register.simple_tag(takes_context=True)
def notification_nonce(context: Context) -> str:
    """Write the attribute by which a policy allows a script or a style: `<script{% notification_nonce %} src="…">`.

    It is ` nonce="f0Yc…"`, and nothing where the site has no nonces.
    """
    nonce = nonce_of(context.get("request"))
    return format_html(' nonce="{}"', nonce) if nonce else ""


@register.simple_tag(takes_context=True)
def notification_scripts(context: Context, *names: str) -> str:
    """Load modules of ours, with all that they import at once: `{% notification_scripts "notifications/index.js" %}`."""
    return write_scripts(names, nonce_of(context.get("request")))


@register.simple_tag
def notification_icon(name: str) -> str:
    """Draw a symbol of `templates/live_notifications/_icons.html`, in the colour of the text."""
    return format_html(
        '<svg class="notification-icon" viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">'
        '<use href="#notification-icon-{}"/></svg>',
        name,
    )


register.filter("followable", followable)
register.filter("link_addresses", link_addresses)


@register.filter
def address(item: Notification) -> str:
    """Return where a notification's title leads: its own link, or else the page that shows it."""
    return followable(item.url) or resolve_url("live_notifications:notification", item.pk)


@register.filter
def site_of(url: str) -> str:
    """Return the host of a link to another site, as `example.com:8000`; nothing for a path on this one."""
    return urlsplit(url).netloc.rpartition("@")[2]


register.filter("lead", presentation.lead_of)
register.filter("rest", presentation.rest_of)
register.filter("icon", presentation.icon_of)
register.filter("picture", presentation.picture_of)
register.filter("short_time", presentation.short_time_of)
register.filter("day_key", presentation.day_key_of)
register.filter("day_name", presentation.day_name_of)
# The avatar of whoever sent it: one or two letters, and one of six hues.
register.filter("initials", initials_of)
register.filter("hue", hue_of)
# For `datetime="…"`: `date:"c"` says no offset where USE_TZ is off, and a browser would take the time for its own zone's.
register.filter("isoformat", format_time)
