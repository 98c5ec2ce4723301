"""The JSON API, for programs that act for a user who is logged in. Needs the extra `[api]` (django-ninja).

Receives requests under `api/`. Guarantees: the user comes from the session or a token, never from the URL, and an id that
is not the user's is a 404 like one that does not exist; a GET changes nothing, everything else needs the CSRF token or the
scope; each call makes a fixed number of queries; every error has one shape (`errors.py`).

    POST /notifications/api/notifications/12/read
    200 {"changed": 1, "undo": {"token": "…", "expires_at": "…"}, "unread": 2, "unseen": 0, "position": "8198….43"}
"""

from __future__ import annotations

import json
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import Body, NinjaAPI, Query

from .. import log
from ..exceptions import UnknownNotification
from ..log.keys import MAX_KEY
from ..log.replay import database, inbox_of, read_for
from ..models import Notification
from ..protocol.payloads import build_counters, build_payload
from ..protocol.position import parse_position
from ..reading import actions
from ..reading.listing import find_page
from ..reading.undo import undo_action
from .auth import PerUser, SessionAuth, TokenAuth
from .body_parser import BodyParser
from .errors import answer, handle_errors, in_one_shape
from .openapi import docs_view, schema_view
from .requests import Bulk, ListQuery, ReadAll, Since, Topic, Undo
from .responses import ActionResult, Changes, Counters, Error, Notification as NotificationSchema, Page, UndoResult
from .send import router_of_sending

__all__ = ["api", "app_name", "urlpatterns"]

api = NinjaAPI(
    title="Notifications",
    version="1",
    description=(
        "The notifications of the user who is logged in, or of a token. What changes something needs the CSRF token; "
        "a token may read, and send where its scope says so."
    ),
    urls_namespace="live_notifications:api",
    auth=[TokenAuth("read"), SessionAuth()],
    throttle=PerUser(),
    parser=BodyParser(),
    openapi_url=None,
    docs_url=None,
)
handle_errors(api)

ALWAYS: Final = frozenset({401, 422, 429})
READING: Final = {ALWAYS | {403}: Error}
CHANGING: Final = {200: ActionResult, ALWAYS | {400, 403}: Error}
OWN: Final = {404: Error}


# --- reading


@api.get("/notifications", response={200: Page, **READING}, summary="List, newest first")
def list_notifications(request: HttpRequest, query: Query[ListQuery]) -> HttpResponse:
    """List the user's notifications, narrowed by state, fields and text, from a cursor on."""
    found = find_page(request.user, **query.dict())
    return answer(
        {"items": [build_payload(row) for row in found.items], "next": found.next, **build_counters(found.inbox)}
    )


@api.get("/notifications/{int:id}", response={200: NotificationSchema, **READING, **OWN}, summary="Show one")
def show_notification(request: HttpRequest, id: int) -> HttpResponse:  # noqa: A002 - the name in the address
    """Return one notification of the user."""
    # An id that no column can hold is no row's; SQLite raises OverflowError when asked.
    row = Notification.objects.using(database()).for_user(request.user).filter(pk=id).first() if id <= MAX_KEY else None
    if row is None:
        raise UnknownNotification([id])
    return answer(build_payload(row))


@api.get("/counts", response={200: Counters, **READING}, summary="Count")
def show_counts(request: HttpRequest) -> HttpResponse:
    """Return the counters and the position of the log, by one primary key."""
    return answer(build_counters(inbox_of(request.user)))


@api.get("/changes", response={200: Changes, **READING}, summary="Tell what changed")
def show_changes(request: HttpRequest, query: Query[Since]) -> HttpResponse:
    """Return what the stream would send to a client at this position. A position that cannot be continued gets a reset."""
    position = parse_position(query.since)
    replay = read_for(request.user, position)
    if replay is None:  # the user was deleted a moment ago
        raise Http404
    head = replay.head
    reset = None
    if replay.snapshot is not None:
        reason = "malformed" if query.since and position is None else replay.reason
        reset = {"reason": reason, "modseq": head.modseq, "epoch": head.epoch, "snapshot": replay.snapshot}
    changes = [json.loads(data) for _modseq, data in replay.changes]
    return answer({"changes": changes, "reset": reset, **build_counters(head)})


# --- changing


@api.post("/notifications/{int:id}/read", response=CHANGING | OWN, summary="Mark as read")
def read(request: HttpRequest, id: int) -> HttpResponse:  # noqa: A002
    """Mark one as read."""
    return answer(actions.apply_action(request.user, "read", [id]).as_dict())


@api.delete("/notifications/{int:id}/read", response=CHANGING | OWN, summary="Mark as unread")
def unread(request: HttpRequest, id: int) -> HttpResponse:  # noqa: A002
    """Mark one as unread; an archived one comes back."""
    return answer(actions.apply_action(request.user, "unread", [id]).as_dict())


@api.post("/notifications/{int:id}/archive", response=CHANGING | OWN, summary="Archive")
def archive(request: HttpRequest, id: int) -> HttpResponse:  # noqa: A002
    """Take one out of the list, and mark it as read."""
    return answer(actions.apply_action(request.user, "archive", [id]).as_dict())


@api.delete("/notifications/{int:id}/archive", response=CHANGING | OWN, summary="Bring back from the archive")
def unarchive(request: HttpRequest, id: int) -> HttpResponse:  # noqa: A002
    """Bring one back into the list."""
    return answer(actions.apply_action(request.user, "unarchive", [id]).as_dict())


@api.delete("/notifications/{int:id}", response=CHANGING | OWN, summary="Delete")
def delete(request: HttpRequest, id: int) -> HttpResponse:  # noqa: A002
    """Delete one; undo brings it back under the same id."""
    return answer(actions.apply_action(request.user, "delete", [id]).as_dict())


@api.post("/notifications/bulk", response=CHANGING | OWN, summary="Do the same to many")
def bulk(request: HttpRequest, body: Body[Bulk]) -> HttpResponse:
    """Do one thing to many: all of them, or none where one is not the user's."""
    return answer(actions.apply_action(request.user, body.action, body.ids).as_dict())


@api.post("/notifications/read-all", response=CHANGING, summary="Mark all as read")
def read_all(request: HttpRequest, body: Body[ReadAll]) -> HttpResponse:
    """Mark as read what the reader has seen. What arrived or changed after `up_to` stays as it is."""
    return answer(actions.read_upto(request.user, body.up_to).as_dict())


@api.post("/topics/read", response=CHANGING, summary="Mark a subject as read")
def read_topic(request: HttpRequest, body: Body[Topic]) -> HttpResponse:
    """Mark as read what is about one subject, as when its page is visited."""
    return answer(actions.read_topic(request.user, body.topic).as_dict())


@api.post("/seen", response={200: Counters, ALWAYS | {403}: Error}, summary="Note a look at the inbox")
def seen(request: HttpRequest) -> HttpResponse:
    """Set `unseen` to 0, on every device. There is nothing to undo."""
    log.mark_seen(request.user)
    return answer(build_counters(inbox_of(request.user)))


@api.post("/undo", response={200: UndoResult, ALWAYS | {400, 403, 410}: Error}, summary="Take back")
def undo(request: HttpRequest, body: Body[Undo]) -> HttpResponse:
    """Take an action back until its `expires_at`, from any device of the user. What was changed since is left alone."""
    return answer(undo_action(request.user, body.token).as_dict())


api.add_router("", router_of_sending)


# --- addresses


@csrf_exempt  # there is nothing to protect, and Django's own refusal is a page
def nowhere(request: HttpRequest) -> HttpResponse:
    """Answer for every other address."""
    raise Http404


app_name = "api"
urlpatterns: list[Any] = [
    path("openapi.json", schema_view(api), name="openapi"),
    path("docs", docs_view(api), name="docs"),
    *api.urls[0],
    re_path("", nowhere),
]
for pattern in urlpatterns:
    # each operation asks for a login or a token itself, and refuses in JSON
    pattern.callback = login_not_required(in_one_shape(pattern.callback))
