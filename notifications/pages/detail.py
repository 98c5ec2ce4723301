"""One notification at its own address: all of it, what can be done with it, what came before about the same subject.

They receive the key of a notification. They guarantee that a GET changes nothing, that somebody else's notification is as
unknown as one that never was, and that position and notification are one state, so that the stream continues without a gap.
`elements/detail.js` marks it as read once it is looked at; without the script a button does.

`?part=preview` is the same without the site's frame, for whoever shows it beside the list.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings as django_settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from ..access.reader import build_tag
from ..conf import settings
from ..exceptions import Refusal
from ..log.keys import MAX_KEY
from ..reading.listing import find_notification, find_older
from .action_views import answer_refusal, find_refusal

__all__ = ["notification"]

MAX_OLDER: Final = 5


@login_not_required  # it sends people to the login page itself, and tells a script so
@require_safe
@cache_control(private=True, no_store=True)
def notification(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one of the user's notifications. 1 query besides the session's, 2 where it is about a subject.

    Raises:
        Http404: the user has no such one.
    """
    is_part = request.GET.get("part") == "preview"
    refusal = find_refusal(request)
    if refusal is not None and not is_part:
        return redirect_to_login(request.get_full_path())
    if refusal is not None:
        return answer_refusal(request, refusal, wants_json=True)
    inbox, item = find_notification(request.user, min(pk, MAX_KEY))
    if item is None:
        message = _("You have no notification %(id)s; reload the page.") % {"id": pk}
        if is_part:
            return answer_refusal(request, Refusal(404, "not_found", message), wants_json=True)
        raise Http404(message)
    context = {
        "notification_inbox": inbox,  # {% notification_bell %} takes it from here
        "notification_reader": build_tag(request.user),
        "login_url": resolve_url(django_settings.LOGIN_URL),
        "frame": "live_notifications/_part.html" if is_part else "live_notifications/base.html",
        "is_part": is_part,
        "item": item,
        "older": find_older(item, MAX_OLDER),
        "undo_seconds": f"{settings.undo_seconds:g}",
    }
    return render(request, "live_notifications/detail.html", context)
