"""Broadcasts in the admin: compose a draft, then review, send and watch it (`broadcast_pages.py`).

Guarantees that a draft is written only while it is one, and that whoever may only change broadcasts cannot send them.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _, gettext_lazy

from ..access.history import translate_entries
from ..broadcasts.review import describe_all, sight_of
from ..exceptions import StepRefused
from ..models.broadcast import Broadcast, BroadcastState, broadcasts
from ..models.content import CONTENT_FIELDS
from .attempts import RepeatableForms
from .broadcast_forms import TIMES, WHOM, BroadcastForm, build_broadcast_form
from .broadcast_pages import Pages

__all__ = ["BroadcastAdmin"]

DELETABLE = (BroadcastState.DRAFT, BroadcastState.RETRACTED, BroadcastState.EXPIRED)  # nothing of it is in any inbox
WRITTEN = (*CONTENT_FIELDS, "audience", "chosen", *TIMES)


class BroadcastChangeList(ChangeList):
    """A page of broadcasts, each with its audience in words."""

    def get_results(self, request: HttpRequest) -> None:
        """Add what the audiences are in words. 2 queries more, however many broadcasts."""
        super().get_results(request)
        rows = list(self.result_list)
        for row, text in zip(rows, describe_all([row.addressed for row in rows], sight_of(request.user)), strict=True):
            row.audience_text = text
        self.result_list = rows


@admin.register(Broadcast)
class BroadcastAdmin(RepeatableForms):
    """Broadcasts: the list, and the form of a draft."""

    form = BroadcastForm
    radio_fields = {"level": admin.HORIZONTAL, "audience": admin.VERTICAL}
    list_display = ["title", "state_badge", "audience_text", "progress", "created_at"]
    list_filter = ["state", "level"]
    search_fields = ["title", "body"]
    ordering = ["-pk"]
    actions = None
    show_facets = admin.ShowFacets.NEVER

    class Media:
        css = {"all": ["notifications/admin/admin.css"]}
        js = ["notifications/admin/broadcast_form.js"]

    # --- the list

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Put audiences into words for the whole page at once."""
        return BroadcastChangeList

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, broadcast: Broadcast) -> str:
        """Show the state by colour and by word."""
        markup = '<span class="notification-state notification-state--{}">{}</span>'
        return format_html(markup, broadcast.state, broadcast.get_state_display())

    @admin.display(description=gettext_lazy("audience"))
    def audience_text(self, broadcast: Any) -> str:
        """Show to whom it goes."""
        return str(broadcast.audience_text)

    @admin.display(description=gettext_lazy("sent to"))
    def progress(self, broadcast: Broadcast) -> str:
        """Show how many have it, of how many."""
        if broadcast.total is None:
            return "–"
        return _("%(written)d of %(total)d") % {"written": broadcast.written, "total": broadcast.total}

    # --- the form

    def get_fieldsets(self, request: HttpRequest, obj: Broadcast | None = None) -> Any:
        """Ask first what, then to whom, then when."""
        offered = build_broadcast_form(request, self.admin_site).base_fields
        return [
            (None, {"fields": CONTENT_FIELDS}),
            (_("Audience"), {"fields": [name for name in WHOM if name in offered]}),
            (_("When"), {"fields": TIMES}),
        ]

    def get_form(self, request: HttpRequest, obj: Broadcast | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Offer the groups, segments and users that there are."""
        kwargs["form"] = build_broadcast_form(request, self.admin_site)
        return super().get_form(request, obj, change=change, **kwargs)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the form of a draft; what is more than that has a page of its own."""
        broadcast = self.get_object(request, unquote(object_id))
        may_change = broadcast is not None and self.has_change_permission(request, broadcast)
        if broadcast is not None and self.has_view_permission(request, broadcast):
            if broadcast.state != BroadcastState.DRAFT and request.method == "POST":
                self.message_user(request, describe_no_draft(broadcast), messages.ERROR)
            if broadcast.state != BroadcastState.DRAFT or not may_change:
                return HttpResponseRedirect(self.page_of(broadcast))
        try:
            return super().change_view(request, object_id, form_url, extra_context)
        except StepRefused as refused:
            self.message_user(request, str(refused), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:live_notifications_broadcast_change", args=[object_id]))

    def save_model(self, request: HttpRequest, obj: Broadcast, form: Any, change: bool) -> None:
        """Write what the form holds, if it is a draft still."""
        if not change:
            obj.save()
            return
        locked = broadcasts().select_for_update().get(pk=obj.pk)  # changeform_view() opened the transaction
        if locked.state != BroadcastState.DRAFT:
            raise StepRefused(describe_no_draft(locked))
        obj.revision = locked.revision + 1
        obj.save(update_fields=[*WRITTEN, "revision"])

    def has_delete_permission(self, request: HttpRequest, obj: Broadcast | None = None) -> bool:
        """Keep what is in inboxes: retract it first."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.state in DELETABLE)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Delete it, or say that it was sent meanwhile."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except StepRefused as refused:
            self.message_user(request, str(refused), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:live_notifications_broadcast_change", args=[object_id]))

    def delete_model(self, request: HttpRequest, obj: Broadcast) -> None:
        """Delete what is in no inbox still."""
        locked = broadcasts().select_for_update().filter(pk=obj.pk).first()  # delete_view() opened the transaction
        if locked is not None and locked.state not in DELETABLE:
            params = {"title": locked.title, "state": locked.get_state_display().lower()}
            raise StepRefused(_("“%(title)s” is now %(state)s, so it was not deleted.") % params)
        super().delete_model(request, obj)

    def response_add(self, request: HttpRequest, obj: Broadcast, post_url_continue: str | None = None) -> HttpResponse:
        """Go on to the review, or stay where the button says so."""
        return self._respond(request, obj)

    def response_change(self, request: HttpRequest, obj: Broadcast) -> HttpResponse:
        """Go on to the review, or stay where the button says so."""
        return self._respond(request, obj)

    def _respond(self, request: HttpRequest, obj: Broadcast) -> HttpResponse:
        if "_continue" in request.POST:
            self.message_user(request, _("The draft “%(title)s” was saved.") % {"title": obj.title}, messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:live_notifications_broadcast_change", args=[obj.pk]))
        return HttpResponseRedirect(self.page_of(obj))

    # --- the pages beside it

    def get_urls(self) -> list[URLPattern]:
        """Add the pages to review, watch and steer a broadcast."""
        pages, view = Pages(self), self.admin_site.admin_view
        name = "live_notifications_broadcast"
        return [
            path("<int:pk>/review/", view(pages.review), name=f"{name}_review"),
            path("<int:pk>/progress/", view(pages.progress), name=f"{name}_progress"),
            path("<int:pk>/test/", view(pages.test), name=f"{name}_test"),
            path("<int:pk>/step/<slug:word>/", view(pages.step), name=f"{name}_step"),
            *super().get_urls(),
        ]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Show what happened, in the reader's language."""
        response = super().history_view(request, object_id, extra_context)
        translate_entries(getattr(response, "context_data", {}).get("action_list", ()))
        return response

    def page_of(self, broadcast: Broadcast) -> str:
        """Return the address of the page for its state."""
        page = "review" if broadcast.state in (BroadcastState.DRAFT, BroadcastState.SCHEDULED) else "progress"
        return reverse(f"admin:live_notifications_broadcast_{page}", args=[broadcast.pk])


def describe_no_draft(broadcast: Broadcast) -> str:
    """Return why it is not written."""
    params = {"title": broadcast.title, "state": broadcast.get_state_display().lower()}
    return _("“%(title)s” is now %(state)s, so your changes were not saved.") % params
