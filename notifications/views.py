"""The pages: the centre, and one POST for each thing that a reader can do.

They receive plain forms and, from the script, the same forms with `Accept: application/json`. They guarantee that a
GET changes nothing, that a user reaches only their own notifications, and that the centre's position is never ahead of
its rows, so that the stream continues the page without a gap.

    POST /notifications/12/read/     Accept: application/json
    200 {"unread": 2, "unseen": 0, "position": "81985529216486.43"}
    404 {"error": {"code": "not_found", "message": "You have no notification 12; reload the page."}}
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from . import log
from .conf import settings
from .forms import PageForm, ReadAllForm, Tab
from .models import Level, Notification
from .querysets import NotificationQuerySet
from .tail import inbox_of
from .validators import followable

__all__ = ["archive", "centre", "delete", "open_link", "read", "read_all", "seen", "stream", "unarchive", "unread"]


class Refusal(Exception):
    """An action that is not carried out: the status, and what its answer says."""

    def __init__(self, status: int, code: str, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"code": code, "message": message} | ({"field": field} if field else {})


@require_safe
@login_required
def centre(request: HttpRequest) -> HttpResponse:
    """Show one page of a user's notifications. 2 queries besides the session's, whatever the size of the inbox."""
    form = PageForm(request.GET)
    inbox = inbox_of(request.user)  # before the rows: what changes in between is told by the stream
    rows = list(listed(request.user, form)[: settings.page_size + 1])
    items = rows[: settings.page_size]
    context = {
        "notification_inbox": inbox,  # {% notification_bell %} takes it from here
        "items": items,
        "has_more": len(rows) > len(items),
        "tab": form.shown_tab,
        "tabs": Tab.choices,
        "before": form.cursor,
        "blank": Notification(pk=0, modseq=0),
        "levels": Level.choices,
    }
    return render(request, "notifications/centre.html", context)


def listed(user: Any, form: PageForm) -> NotificationQuerySet:
    """Return what a tab lists below a cursor, newest first."""
    rows = Notification.objects.for_user(user)
    if form.shown_tab == Tab.UNREAD:
        rows = rows.unread()
    elif form.shown_tab == Tab.ARCHIVED:
        rows = rows.archived()
    else:
        rows = rows.active()
    if form.cursor is not None:
        rows = rows.filter(pk__lt=form.cursor)
    return rows.order_by("-pk")


def action(act: Callable[..., str | None]) -> Callable[..., HttpResponse]:
    """Make a view of a function that changes something: POST only, for users who are logged in.

    The function returns an address to go to, or None for the page that the form came from. It may raise `Refusal`.
    """

    @wraps(act)
    def view(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        wants_json = "application/json" in request.headers.get("Accept", "")
        try:
            if request.method != "POST":
                raise Refusal(405, "method_not_allowed", _("This address changes something; send it a POST."))
            if not request.user.is_authenticated:
                raise Refusal(403, "not_logged_in", _("You are not logged in; log in and try again."))
            target = act(request, **kwargs)
        except Refusal as refusal:
            return answer_refusal(refusal, wants_json=wants_json)
        if wants_json:
            inbox = inbox_of(request.user)
            return JsonResponse({"unread": inbox.unread, "unseen": inbox.unseen, "position": inbox.position})
        return HttpResponseRedirect(target or came_from(request))

    return view


def answer_refusal(refusal: Refusal, *, wants_json: bool) -> HttpResponse:
    """Tell a program by JSON, a person by the site's own pages."""
    if wants_json:
        response: HttpResponse = JsonResponse({"error": refusal.error}, status=refusal.status)
        if refusal.status == 405:
            response["Allow"] = "POST"
        return response
    if refusal.status == 405:
        return HttpResponseNotAllowed(["POST"])
    if refusal.status == 403:
        # To the centre, not to the action: what follows a login is a GET.
        return redirect_to_login(resolve_url("notifications:centre"))
    if refusal.status == 404:
        raise Http404(refusal.error["message"])
    return HttpResponse(refusal.error["message"], status=refusal.status, content_type="text/plain; charset=utf-8")


def came_from(request: HttpRequest) -> str:
    """Return the form's `next` if it leads to this site, else the centre."""
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        return target
    return resolve_url("notifications:centre")


def own(request: HttpRequest, pk: int) -> Notification:
    """Return the user's notification with this id.

    Raises:
        Refusal: 404, also for ids of other users, so that nobody learns which exist.
    """
    # An id that no column can hold is no row's; SQLite raises OverflowError when asked.
    found = Notification.objects.for_user(request.user).filter(pk=pk).first() if pk < 2**63 else None
    if found is None:
        raise Refusal(404, "not_found", _("You have no notification %(id)s; reload the page.") % {"id": pk})
    return found


@action
def open_link(request: HttpRequest, pk: int) -> str | None:
    """Mark as read and go where it leads."""
    notification = own(request, pk)
    notification.mark_read()
    return followable(notification.url) or None


@action
def read(request: HttpRequest, pk: int) -> None:
    """Mark as read."""
    own(request, pk).mark_read()


@action
def unread(request: HttpRequest, pk: int) -> None:
    """Mark as unread."""
    own(request, pk).mark_unread()


@action
def archive(request: HttpRequest, pk: int) -> None:
    """Take out of the list."""
    own(request, pk).archive()


@action
def unarchive(request: HttpRequest, pk: int) -> None:
    """Bring back into the list."""
    own(request, pk).unarchive()


@action
def delete(request: HttpRequest, pk: int) -> None:
    """Delete for good."""
    own(request, pk).delete()


@action
def read_all(request: HttpRequest) -> None:
    """Mark as read what the reader has seen: up to the `modseq` in `up_to`. What arrived meanwhile stays unread."""
    form = ReadAllForm(request.POST)
    if not form.is_valid():
        message = _("Must be a modseq such as 42, or be left out.")
        raise Refusal(400, "invalid", message, field="up_to")
    log.mark_all_read(request.user, up_to=form.cleaned_data["up_to"])


@action
def seen(request: HttpRequest) -> None:
    """Note that the user has looked at the inbox."""
    log.mark_seen(request.user)


def stream(request: HttpRequest) -> HttpResponse:
    """Say why there is no stream: this view is reached only where the ASGI application does not route it."""
    return HttpResponse(
        "The live stream is not routed. Wrap the ASGI application with notifications.asgi.with_stream (step 4 in the "
        "README) and run an ASGI server, daphne or uvicorn; WSGI servers cannot serve it.\n",
        status=503,
        content_type="text/plain; charset=utf-8",
    )
