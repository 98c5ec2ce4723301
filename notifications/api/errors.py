"""The error answers of the API, in one shape for every status.

    {"error": {"code": "not_found", "message": "You have no notification 12.", "field": "ids",
               "remedy": "Read the list again; nothing was changed."}}

`code` is for programs and stays; `message` says what was wrong, `remedy` what to send instead, both in the language of
the request. What pydantic says of a value, and names of fields, stay English. An error of the server itself (500) is the
site's own affair and page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from ..exceptions import BadUndoToken, Refusal, UndoExpired, UnknownNotification
from ..protocol.payloads import dumps

__all__ = ["answer", "build_too_large", "handle_errors", "in_one_shape"]

CONTENT_TYPE: Final = "application/json"


def answer(data: Any, *, status: int = 200, headers: Any = None) -> HttpResponse:
    """Return JSON as the stream writes it."""
    return HttpResponse(dumps(data), status=status, content_type=CONTENT_TYPE, headers=headers)


def refuse(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Return the answer of a refusal."""
    return answer({"error": refusal.as_dict()}, status=refusal.status, headers=refusal.headers)


def in_one_shape(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Give a view's 404 and 405 the shape of all errors, and keep caches from its answers."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            response = refuse(request, build_no_such_page())
        except Refusal as refusal:
            response = refuse(request, refusal)
        if response.status_code == 405:
            response = refuse(request, build_not_allowed(request, response["Allow"]))
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return wrapped


def build_no_such_page() -> Refusal:
    message = _("There is nothing at this address.")
    return Refusal(404, "not_found", message, remedy=_("See openapi.json for all addresses."))


def build_not_allowed(request: HttpRequest, allowed: str) -> Refusal:
    message = _("%(method)s is not allowed here.") % {"method": request.method}
    remedy = _("Use %(allowed)s.") % {"allowed": allowed}
    return Refusal(405, "method_not_allowed", message, remedy=remedy, headers={"Allow": allowed})


def handle_errors(api: NinjaAPI) -> None:
    """Teach the API to answer each error in the one shape."""
    for error, refusal in (
        (ValidationError, build_invalid),
        (HttpError, build_unreadable),
        (RequestDataTooBig, build_too_large),
        (BadUndoToken, build_bad_token),
        (UndoExpired, build_expired),
        (Refusal, lambda error: error),
    ):
        api.add_exception_handler(error, build_handler(refusal))
    api.add_exception_handler(Http404, lambda request, error: refuse(request, build_no_such_page()))
    api.add_exception_handler(UnknownNotification, answer_unknown)
    api.add_exception_handler(Exception, leave_to_django)


def build_handler(refusal: Callable[[Any], Refusal]) -> Callable[[HttpRequest, Any], HttpResponse]:
    """Return what answers with the refusal that belongs to an error."""

    def handle(request: HttpRequest, error: Any) -> HttpResponse:
        return refuse(request, refusal(error))

    return handle


def leave_to_django(request: HttpRequest, error: Any) -> HttpResponse:
    """Let what nobody foresaw be logged, mailed and shown by Django, also with DEBUG on."""
    raise error


def build_invalid(error: ValidationError) -> Refusal:
    """Name the first field that is wrong: `limit`, or `ids.3` for the fourth of a list."""
    first = error.errors[0]
    places = [str(place) for place in first["loc"][1:] if place != "body"]
    field = ".".join(places) or str(first["loc"][0])
    remedy = _("See openapi.json for what is accepted.")
    return Refusal(422, "invalid", f"{field}: {first['msg']}.", field=field, remedy=remedy)


def build_unreadable(error: HttpError) -> Refusal:
    """Answer a body that is no JSON, the only such error that ninja itself raises, or that `body_parser.py` refuses."""
    if isinstance(error.__cause__, Refusal):
        return error.__cause__
    remedy = _('Send a JSON object such as {"up_to": 42}, with Content-Type: application/json.')
    return Refusal(error.status_code, "not_json", _("The body is not valid JSON."), remedy=remedy)


def build_too_large(error: RequestDataTooBig | None = None) -> Refusal:
    """Answer a body that Django, or `body_parser.py`, does not take for its length."""
    remedy = _("Send fewer ids in one request.")
    return Refusal(413, "too_large", _("The body is too long."), remedy=remedy, field="body")


def answer_unknown(request: HttpRequest, error: Any) -> HttpResponse:
    """Name the ids that are not the user's, and where they stood: in the address or in the body."""
    is_in_address = request.resolver_match is not None and "id" in request.resolver_match.kwargs
    message = _("You have no notification %(ids)s.") % {"ids": ", ".join(map(str, error.ids))}
    field = "id" if is_in_address else "ids"
    remedy = _("Read the list again; nothing was changed.")
    return refuse(request, Refusal(404, "not_found", message, field=field, remedy=remedy))


def build_bad_token(error: BadUndoToken) -> Refusal:
    remedy = _("Send the undo token from the answer to your action, as the same user.")
    return Refusal(422, "bad_token", _("This undo token is not yours."), field="token", remedy=remedy)


def build_expired(error: UndoExpired) -> Refusal:
    message = _("An action can be undone for %(seconds)d seconds only.") % {"seconds": error.seconds}
    return Refusal(410, "undo_expired", message, field="token", remedy=_("Send the opposite action instead."))
