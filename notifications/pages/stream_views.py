"""What Django itself answers at the stream's address, and what a page asks instead where nothing can stream.

Under WSGI, and where the ASGI application does not route it, a request for the stream comes to `stream`, which tells the
page to poll. Behind a proxy that holds a stream back the page finds out by itself. `poll` answers with what a stream from
the same position would begin with, as the messages that a WebSocket would get:

    GET /notifications/poll/?since=8198.41
    200 {"frames": [{"event": "hello", "id": "8198.41", …}, {"event": "change", "id": "8198.42", …}]}

It guarantees what the stream does: the user comes from the session, a page that was made for another reader gets nothing,
and no change is missed. A poll is no visit, so it does not prolong a session. It passes the site's middlewares as the centre
does, and shows no more than that; NOTIFICATIONS_ADMIT is about streams, and is not asked.
"""

from __future__ import annotations

import logging
from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe

from ..access import audit
from ..access.kept_request import keep_unwritten
from ..access.limits import OpeningCounter
from ..access.reader import is_tag_of
from ..exceptions import TooOften
from ..log.replay import read_for
from ..protocol import frames
from ..protocol.bye import Bye
from ..protocol.position import parse_position
from ..protocol.websocket import build_texts
from .action_views import answer_refusal, build_limited, find_refusal

__all__ = ["poll", "socket", "stream"]

logger = logging.getLogger("notifications.pages")

AGAIN_SECONDS: Final = 60  # for who polls too often: by then another minute has begun
EXPLANATION: Final = (
    "Nothing streams here, so pages poll. Wrap the ASGI application with notifications.asgi.with_stream (step 4 in the "
    "README) and run an ASGI server, daphne or uvicorn; WSGI servers cannot serve it."
)
# Of this process, as openings of streams are counted; among threads roughly, which a limit of this kind bears
polls: Final = OpeningCounter()


class Notice:
    """Says once in each process that nothing streams in it."""

    is_given = False

    def give(self) -> None:
        """Write a line, unless it was written."""
        if not self.is_given:
            self.is_given = True
            logger.warning(EXPLANATION)


notice: Final = Notice()


@login_not_required
@never_cache
@require_safe
def stream(request: HttpRequest) -> HttpResponse:
    """Tell a page to poll. No error: who runs a site under WSGI knows, and EventSource would give up and ask again."""
    notice.give()
    if not request.user.is_authenticated:
        return HttpResponse(
            "Log in to follow your notifications by polling; nothing streams here.\n",
            status=403,
            content_type="text/plain; charset=utf-8",
        )
    tag = request.GET.get("reader", "")
    why = Bye.AUTH if tag and not is_tag_of(tag, request.user) else Bye.POLL
    body = f": {EXPLANATION}\n\n".encode() + frames.bye(why)
    return HttpResponse(body, content_type="text/event-stream")


@login_not_required
@never_cache
@require_safe
def socket(request: HttpRequest) -> HttpResponse:
    """Say that this address is for WebSockets, to whoever asks otherwise."""
    text = "This address is for WebSockets, which need an ASGI server and notifications.asgi.with_stream.\n"
    headers = {"Content-Type": "text/plain; charset=utf-8", "Upgrade": "websocket", "Connection": "Upgrade"}
    return HttpResponse(text, status=426, headers=headers)


@login_not_required  # it answers itself, in JSON, that a login is needed
@require_safe
@cache_control(private=True, no_store=True)
def poll(request: HttpRequest) -> HttpResponse:
    """Answer with what changed since a position. 1 query besides the session's where nothing did, 2 where something did."""
    if not request.session.modified:  # else a middleware's change is lost; after it, for to ask for the user may renew
        keep_unwritten(request.session)
    refusal = find_refusal(request)
    if refusal is not None:
        return answer_refusal(request, refusal, wants_json=True)
    key = str(request.user.pk)
    polls.count(key)
    if polls.are_many(key):
        audit.record("limit.hit", kind="openings", user=request.user.pk)
        return answer_refusal(request, build_limited(TooOften(AGAIN_SECONDS)), wants_json=True)
    text = request.GET.get("since", "")
    position = parse_position(text)
    replay = read_for(request.user, position)
    if replay is None:  # the user was deleted a moment ago
        return HttpResponse(status=404)
    modseq = position.modseq if position else 0
    is_malformed = bool(text) and position is None
    parts = [part for _modseq, part in frames.build_frames(replay, modseq, needs_hello=True, is_malformed=is_malformed)]
    messages = ",".join(build_texts(b"".join(parts)))
    return HttpResponse(f'{{"frames":[{messages}]}}', content_type="application/json")
