"""The pages of one broadcast: review it before it goes out, watch and steer it afterwards.

Receives requests of staff. Guarantees that each step needs a POST and the permission to send (watching, that to look);
that a step taken by two at once is taken once and the second is told; and that the pages are right without JavaScript,
after a reload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _, gettext_noop
from django.views.decorators.http import require_POST

from ..access.history import translate_entries, write_entry
from ..broadcasts.background import background_worker
from ..broadcasts.progress import build_figures, count_readers, follow, topic_of
from ..broadcasts.review import describe, preview_of, review, sight_of
from ..broadcasts.states import AT_WORK, Step
from ..broadcasts.transitions import order_broadcast, take_step
from ..exceptions import InvalidSegment, StepRefused
from ..log.attempts import attempt
from ..log.keys import MAX_KEY
from ..log.replay import database, inbox_of
from ..models import Notification
from ..models.broadcast import Broadcast, BroadcastState, broadcasts
from ..sending.publish import notify

if TYPE_CHECKING:
    from .broadcasts import BroadcastAdmin

__all__ = ["Pages"]

LIST: Final = "admin:live_notifications_broadcast_changelist"
SHOWN_ENTRIES: Final = 10  # of the history
PERMISSION: Final = "live_notifications.send_broadcast"
# What the buttons ask for, and the step it is.
STEPS: Final = {
    "withdraw": Step.WITHDRAW,
    "pause": Step.PAUSE,
    "resume": Step.RESUME,
    "cancel": Step.CANCEL,
    "retract": Step.RETRACT,
}


class Pages:
    """The views of one broadcast, within the admin's frame."""

    def __init__(self, owner: BroadcastAdmin) -> None:
        self.owner = owner

    def review(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show who would get a draft, how it will look, and the buttons to test and send it."""
        broadcast = self._get(request, pk)
        if broadcast.state not in (BroadcastState.DRAFT, BroadcastState.SCHEDULED):
            return HttpResponseRedirect(self.owner.page_of(broadcast))
        return self._page(request, broadcast, "review", {"review": review(broadcast, sight_of(request.user))})

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show how far it is, what became of it, and the buttons to steer it."""
        inbox = inbox_of(request.user)  # before the broadcast: what happens in between comes by the stream
        broadcast = self._get(request, pk)
        if broadcast.state in (BroadcastState.DRAFT, BroadcastState.SCHEDULED):
            return HttpResponseRedirect(self.owner.page_of(broadcast))
        topic = topic_of(broadcast)
        entries = LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(Broadcast), object_id=str(broadcast.pk)
        ).select_related("user")
        context = {
            "notification_inbox": inbox,
            "figures": build_figures(broadcast),
            "recipients": build_figures(broadcast)["progress"]["total"]
            if broadcast.finished_at is None
            else broadcast.written,
            "read": count_readers(broadcast),
            "entries": translate_entries(entries.order_by("-pk")[:SHOWN_ENTRIES]),
            "topic": topic,
            "is_at_work": broadcast.state in AT_WORK,
            "may_follow": broadcast.state in (*AT_WORK, BroadcastState.PAUSED)
            and not Notification.objects.using(database()).for_user(request.user).filter(topic=topic).exists(),
        }
        return self._page(request, broadcast, "progress", context)

    def test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a draft to whoever asks, and to nobody else."""
        return require_POST(self._test)(request, pk)

    def _test(self, request: HttpRequest, pk: int) -> HttpResponse:
        broadcast = self._get(request, pk)
        if not (self.may_send(request) or self.owner.has_change_permission(request, broadcast)):
            raise PermissionDenied
        content = {name: value for name, value in broadcast.content.items() if name != "broadcast_id"}
        try:
            notify(request.user, **content)
        except ValidationError as error:
            self.owner.message_user(request, " ".join(error.messages), messages.ERROR)
        else:
            write_entry(broadcast, user_id=request.user.pk, text=gettext_noop("Sent a test to themselves."))
            self.owner.message_user(request, _("A test was sent to you."), messages.SUCCESS)
        return HttpResponseRedirect(self.owner.page_of(broadcast))

    def step(self, request: HttpRequest, pk: int, word: str) -> HttpResponse:
        """Take a step: send, withdraw, pause, resume, cancel, retract; or follow how it goes."""
        if word not in STEPS and word not in ("send", "follow"):
            raise Http404
        return require_POST(self._step)(request, pk, word)

    def _step(self, request: HttpRequest, pk: int, word: str) -> HttpResponse:
        broadcast = self._get(request, pk)
        if word != "follow" and not self.may_send(request):  # whoever may look may watch
            raise PermissionDenied
        try:
            if word == "send":
                broadcast = self._send(request, broadcast)
            elif word == "follow":
                follow(broadcast, request.user)
            else:
                broadcast = take_step(broadcast, STEPS[word], by=request.user)
        except (StepRefused, InvalidSegment) as refused:
            self.owner.message_user(request, str(refused), messages.ERROR)
        except ValidationError as error:
            for text in error.messages:
                self.owner.message_user(request, text, messages.ERROR)
        else:
            background_worker.ensure_running()
        there = broadcasts().filter(pk=pk).first()
        return HttpResponseRedirect(self.owner.page_of(there) if there else reverse(LIST))

    def _send(self, request: HttpRequest, broadcast: Broadcast) -> Broadcast:
        """Order what was reviewed, and nothing that was edited since."""
        seen = request.POST.get("revision", "")
        broadcast.revision = int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 10 else 0
        ordered = attempt(broadcasts().db, lambda: follow_and_order(broadcast, request.user))
        if ordered.state == BroadcastState.SCHEDULED:
            self.owner.message_user(request, _("“%(title)s” is scheduled.") % {"title": ordered.title})
        return ordered

    def may_send(self, request: HttpRequest) -> bool:
        """Return whether this person may send, steer and retract."""
        return request.user.has_perm(PERMISSION)

    def _get(self, request: HttpRequest, pk: int) -> Broadcast:
        broadcast: Broadcast | None = broadcasts().select_related("ordered_by").filter(pk=min(pk, MAX_KEY)).first()
        if broadcast is None:
            raise Http404
        if not self.owner.has_view_permission(request, broadcast) and not self.may_send(request):
            raise PermissionDenied
        return broadcast

    def _page(self, request: HttpRequest, broadcast: Broadcast, name: str, context: dict[str, Any]) -> TemplateResponse:
        context = {
            **self.owner.admin_site.each_context(request),
            "opts": Broadcast._meta,
            "title": broadcast.title,
            "broadcast": broadcast,
            "audience": describe(broadcast.addressed, sight_of(request.user)),
            "item": preview_of(broadcast),
            "may_send": self.may_send(request),
            "may_change": self.owner.has_change_permission(request, broadcast),
            "may_delete": self.owner.has_delete_permission(request, broadcast),
            **context,
        }
        return TemplateResponse(request, f"admin/live_notifications/broadcast/{name}.html", context)


def follow_and_order(broadcast: Broadcast, user: Any) -> Broadcast:
    """Have somebody follow a draft and send it, in one transaction: before a worker can be done with it."""
    with transaction.atomic(using=broadcasts().db):
        follow(broadcast, user)
        return order_broadcast(broadcast, by=user)
