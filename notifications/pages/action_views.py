"""One POST for each thing that a reader can do, for plain forms and for the script.

The script sends the same forms with `Accept: application/json`. They guarantee that only a POST changes anything, that a
user reaches only their own notifications, and that everything but "seen" can be taken back (`reading/undo.py`).

    POST /notifications/selection/   action=archive&id=12&id=13     Accept: application/json
    200 {"changed": 2, "undo": {"token": "…", "expires_at": "…"}, "unread": 2, "unseen": 0, "position": "8198….43"}
    404 {"error": {"code": "not_found", "message": "You have no notification 12; reload the page."}}
    429 {"error": {"code": "limited", "message": "Too many requests; try again in 8 seconds."}}
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.shortcuts import resolve_url
from django.utils.cache import patch_cache_control
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from .. import log
from ..access.limits import spend
from ..access.reader import is_from_users_page
from ..conf import settings
from ..exceptions import BadUndoToken, HistoryReplaced, Refusal, TooOften, UndoExpired, UnknownNotification
from ..log.attempts import attempt
from ..log.keys import MAX_KEY
from ..log.replay import database, inbox_of
from ..models import Notification
from ..models.validators import followable
from ..protocol.payloads import build_counters
from ..reading import actions
from ..reading.actions import Action, ActionResult
from ..reading.undo import MAX_TOKEN_CHARS, undo_action
from .forms import AllForm, Bound, ReadAllForm, SelectionForm, Tab

__all__ = [
    "action",
    "answer_refusal",
    "archive",
    "build_limited",
    "delete",
    "find_refusal",
    "open_link",
    "read",
    "read_all",
    "seen",
    "selection",
    "unarchive",
    "undo",
    "unread",
]

Answer = dict[str, Any]


def action(perform: Callable[..., Answer | str]) -> Callable[..., HttpResponse]:
    """Make a view of a function that changes something: POST only, for users who are logged in.

    The function returns what to tell a program besides the counters, or an address to go to. It may raise `Refusal`.
    """

    @login_not_required  # it answers itself, in JSON where asked for, that a login is needed
    @wraps(perform)
    def view(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        wants_json = "application/json" in request.headers.get("Accept", "")
        try:
            if request.method != "POST":
                raise Refusal(405, "method_not_allowed", _("This address changes data; use POST."))
            if (refusal := attempt(database(), lambda: find_refusal(request))) is not None:
                raise refusal
            spend(request.user)
            answer = perform(request, **kwargs)
        except TooOften as error:
            return answer_refusal(request, build_limited(error), wants_json=wants_json)
        except Refusal as refusal:
            return answer_refusal(request, refusal, wants_json=wants_json)
        if wants_json:
            counters = build_counters(attempt(database(), lambda: inbox_of(request.user)))
            response = JsonResponse((answer if isinstance(answer, dict) else {}) | {**counters})
            patch_cache_control(response, private=True, no_store=True)
            return response
        return HttpResponseRedirect(answer if isinstance(answer, str) else came_from(request))

    return view


def build_limited(error: TooOften) -> Refusal:
    """Return the refusal of a user who does too much."""
    message = _("Too many requests; try again in %(seconds)d seconds.") % {"seconds": error.seconds}
    return Refusal(429, "limited", message, headers={"Retry-After": str(error.seconds)})


def find_refusal(request: HttpRequest) -> Refusal | None:
    """Return why this request is refused, or None where it comes from the reader of the page."""
    if not request.user.is_authenticated:
        return Refusal(403, "not_logged_in", _("You are not logged in; log in and try again."))
    if not is_from_users_page(request):
        return Refusal(403, "reader", _("This page belongs to another user; reload it."))
    return None


def answer_refusal(request: HttpRequest, refusal: Refusal, *, wants_json: bool) -> HttpResponse:
    """Tell a program by JSON, a person by the site's own pages."""
    if wants_json or refusal.code == "reader":  # which only a script asks about
        response: HttpResponse = JsonResponse(
            {"error": refusal.as_dict()}, status=refusal.status, headers=refusal.headers
        )
        if refusal.status == 405:
            response["Allow"] = "POST"
        return response
    if refusal.status == 405:
        return HttpResponseNotAllowed(["POST"])
    if refusal.status == 403:
        # To the centre, not to the action: what follows a login is a GET.
        return redirect_to_login(resolve_url("live_notifications:centre"))
    if refusal.status == 404:
        raise Http404(refusal.message)
    if refusal.field == "id":
        return HttpResponseRedirect(came_from(request))  # nothing was selected: nothing to say to a person
    headers = {"Content-Type": "text/plain; charset=utf-8", **refusal.headers}
    return HttpResponse(refusal.message, status=refusal.status, headers=headers)


def came_from(request: HttpRequest) -> str:
    """Return the form's `next` if it leads to this site, else the centre."""
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        return target
    return resolve_url("live_notifications:centre")


def apply_to(request: HttpRequest, name: Action, ids: list[int]) -> Answer:
    """Do the same to each of these.

    Raises:
        Refusal: 404, also for ids of other users, so that nobody learns which exist.
    """
    try:
        return actions.apply_action(request.user, name, ids, seconds=settings.page_undo_seconds).as_dict()
    except UnknownNotification as error:
        unknown = ", ".join(map(str, error.ids))
        message = _("You have no notification %(id)s; reload the page.") % {"id": unknown}
        raise Refusal(404, "not_found", message) from None


@action
def open_link(request: HttpRequest, pk: int) -> Answer | str:
    """Mark as read and go where it leads."""
    answer = apply_to(request, "read", [pk])
    mine = Notification.objects.using(database()).for_user(request.user).filter(pk=pk)
    url = attempt(database(), lambda: mine.values_list("url", flat=True).first())
    return followable(url or "") or answer


@action
def read(request: HttpRequest, pk: int) -> Answer:
    """Mark as read."""
    return apply_to(request, "read", [pk])


@action
def unread(request: HttpRequest, pk: int) -> Answer:
    """Mark as unread; an archived one comes back."""
    return apply_to(request, "unread", [pk])


@action
def archive(request: HttpRequest, pk: int) -> Answer:
    """Take out of the list, and mark as read."""
    return apply_to(request, "archive", [pk])


@action
def unarchive(request: HttpRequest, pk: int) -> Answer:
    """Bring back into the list."""
    return apply_to(request, "unarchive", [pk])


@action
def delete(request: HttpRequest, pk: int) -> Answer:
    """Delete; undo brings it back under the same id."""
    return apply_to(request, "delete", [pk])


@action
def selection(request: HttpRequest) -> Answer:
    """Do one thing to many: all of them, or none where one is not the user's. With `up_to`, to all that a list holds."""
    if "up_to" in request.POST:
        return apply_to_all(request)
    form = SelectionForm(request.POST)
    require_valid(form)
    return apply_to(request, form.cleaned_data["action"], form.cleaned_data["id"])


def apply_to_all(request: HttpRequest) -> Answer:
    """Do one thing to all that a list holds, as far as the reader has seen it. What came or changed since is spared."""
    form = AllForm(request.POST)
    require_valid(form)
    action_name, tab, bound = (form.cleaned_data[name] for name in ("action", "tab", "up_to"))
    narrowing = {name: form.cleaned_data[name] for name in ("category", "level")}
    is_unread = tab == Tab.UNREAD
    return apply_within(
        bound, actions.apply_action_upto, request.user, action_name, is_unread=is_unread, **narrowing
    ).as_dict()


def apply_within(bound: Bound, apply: Callable[..., ActionResult], *arguments: Any, **fields: Any) -> ActionResult:
    """Apply an action as far as a reader has seen their list.

    Raises:
        Refusal: 409, where history was replaced since.
    """
    try:
        return apply(*arguments, bound.modseq, epoch=bound.epoch, seconds=settings.page_undo_seconds, **fields)
    except HistoryReplaced:
        message = _(
            "Your notifications were replaced after the page was loaded, so nothing was changed; reload the page."
        )
        raise Refusal(409, "conflict", message, field="up_to") from None


def require_valid(form: forms.Form) -> None:
    """Refuse what a form does not take, naming the first field."""
    if not form.is_valid():
        field, errors = next(iter(form.errors.items()))
        raise Refusal(400, "invalid", str(errors[0]), field=field)


@action
def read_all(request: HttpRequest) -> Answer:
    """Mark as read what the reader has seen: up to `up_to`. What arrived meanwhile stays unread."""
    form = ReadAllForm(request.POST)
    require_valid(form)
    bound = form.cleaned_data["up_to"] or Bound(None, MAX_KEY)
    return apply_within(bound, actions.read_upto, request.user).as_dict()


@action
def undo(request: HttpRequest) -> Answer:
    """Take an action back, on every device. What was changed since is left alone."""
    try:
        return undo_action(request.user, request.POST.get("token", "")[: MAX_TOKEN_CHARS + 1]).as_dict()
    except BadUndoToken:
        message = _("Must be the undo token from the answer to your action.")
        raise Refusal(400, "invalid", message, field="token") from None
    except UndoExpired:
        raise Refusal(410, "expired", _("It is too late to undo this; do the opposite instead.")) from None


@action
def seen(request: HttpRequest) -> Answer:
    """Note that the user has looked at the inbox. There is nothing to undo."""
    log.mark_seen(request.user)
    return {}
