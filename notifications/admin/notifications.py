"""What staff see: send to one or to many, find, correct, mark, archive, delete.

Receives requests of staff. Guarantees that every write goes through `sending/publish.py` or `log/`, all of it or
nothing, and that a list costs the same at a thousand rows and at a million (`changelist.py`).
"""

from __future__ import annotations

import time
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _, gettext_lazy, ngettext

from ..access import audit
from ..conf import settings
from ..log.attempts import attempt
from ..log.queryset import NotificationQuerySet
from ..log.replay import database
from ..models import CONTENT_FIELDS, DETAIL_FIELDS, Notification
from ..sending.publish import notify, notify_many
from .attempts import RepeatableForms
from .audit import record_look
from .autocomplete import RecipientsView, name_of
from .changelist import MAX_LISTED_ROWS, BoundedPaginator, CategoryFilter, NotificationChangeList, StateFilter, search
from .forms import NotificationForm, build_recipients_field, build_send_form

__all__ = ["NotificationAdmin"]

UNDO = "notifications.sent"  # in the session: what was sent last, and until when it can be taken back
MAX_UNDONE = 500  # ids that a session holds without growing beyond a few KiB
STATE = ("created_at", "read_at", "archived_at")


@admin.register(Notification)
class NotificationAdmin(RepeatableForms):
    """Notifications. What is on the list and in the forms is plain `ModelAdmin`; what writes goes through the log."""

    form = NotificationForm
    radio_fields = {"level": admin.HORIZONTAL}

    list_display = ["title", "level_badge", "recipient", "category", "state", "created_at"]
    list_filter = [StateFilter, "level", CategoryFilter, "created_at"]
    list_select_related = []  # a join makes SQLite walk all users first; the page's recipients are read by key instead
    ordering = ["-created_at", "-pk"]  # by index, also within a period
    search_fields = ["title", "topic", "recipient"]  # see get_search_results()
    sortable_by = ["created_at"]  # every other column would sort the whole table
    search_help_text = gettext_lazy("Searches titles, topics, and recipients by username.")
    date_hierarchy = "created_at"
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count the table
    actions = ["mark_read", "mark_unread", "archive", "unarchive"]

    class Media:
        css = {"all": ["notifications/admin/admin.css"]}
        js = ["notifications/admin/recipients.js"]

    # --- the list

    @admin.display(description=gettext_lazy("level"))
    def level_badge(self, notification: Notification) -> str:
        """Show the level by colour and by word."""
        return format_html(
            '<span class="notification-level notification-level--{}">{}</span>',
            notification.level,
            notification.get_level_display(),
        )

    @admin.display(description=gettext_lazy("state"))
    def state(self, notification: Notification) -> str:
        """Show which of the centre's tabs it is in."""
        if notification.is_archived:
            return _("Archived")
        return _("Read") if notification.is_read else format_html("<strong>{}</strong>", _("Unread"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notification]:
        """Read where is written, to show what a form just did; and a page's recipients together, in one more query."""
        return super().get_queryset(request).using(database()).prefetch_related("recipient")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Notification], search_term: str
    ) -> tuple[QuerySet[Notification], bool]:
        """Keep rows where each word is in the title or the topic, or in the recipient's username."""
        return search(queryset, search_term), False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[NotificationChangeList]:
        """Return the list whose calendar does not read the table."""
        return NotificationChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the list, and note who looks at everybody's."""
        extra_context = {"may_undo": self._may_undo(request)} | (extra_context or {})
        response = super().changelist_view(request, extra_context)
        audit.record("staff.listed", by=request.user.pk, what="notifications")
        return response

    # --- bulk actions

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Refuse "select all" on a list that is longer than what it counted: nobody saw how many these are."""
        if request.POST.get("select_across") == "1" and BoundedPaginator(queryset, 1).has_more:
            text = _("More than %(most)d notifications match; narrow the list with search, filter or date first.")
            self.message_user(request, text % {"most": MAX_LISTED_ROWS}, messages.ERROR)
            return None
        return super().response_action(request, queryset, *args, **kwargs)

    @admin.action(permissions=["change"], description=gettext_lazy("Mark selected as read"))
    def mark_read(self, request: HttpRequest, queryset: NotificationQuerySet) -> None:
        """Mark as read, and say how many were not."""
        changed = queryset.mark_read()
        done = ngettext("%d notification was marked as read.", "%d notifications were marked as read.", changed)
        self._report(request, changed, done)

    @admin.action(permissions=["change"], description=gettext_lazy("Mark selected as unread"))
    def mark_unread(self, request: HttpRequest, queryset: NotificationQuerySet) -> None:
        """Mark as unread, and say how many were read."""
        changed = queryset.mark_unread()
        done = ngettext("%d notification was marked as unread.", "%d notifications were marked as unread.", changed)
        self._report(request, changed, done)

    @admin.action(permissions=["change"], description=gettext_lazy("Archive selected"))
    def archive(self, request: HttpRequest, queryset: NotificationQuerySet) -> None:
        """Take out of the recipients' lists, and say how many were there."""
        changed = queryset.archive()
        done = ngettext("%d notification was archived.", "%d notifications were archived.", changed)
        self._report(request, changed, done)

    @admin.action(permissions=["change"], description=gettext_lazy("Move selected to inbox"))
    def unarchive(self, request: HttpRequest, queryset: NotificationQuerySet) -> None:
        """Bring back into the recipients' lists, and say how many were archived."""
        changed = queryset.unarchive()
        done = ngettext("%d notification was moved to the inbox.", "%d notifications were moved to the inbox.", changed)
        self._report(request, changed, done)

    def _report(self, request: HttpRequest, changed: int, done: str) -> None:
        if changed:
            self.message_user(request, done % changed, messages.SUCCESS)
        else:
            self.message_user(
                request, _("Nothing was changed: the selected notifications were already in this state."), messages.INFO
            )

    # --- the forms

    def get_fieldsets(self, request: HttpRequest, obj: Notification | None = None) -> Any:
        """Ask first for whom, then for what; keep what few need folded away."""
        details = (_("Details for programs and lists"), {"fields": DETAIL_FIELDS, "classes": ["collapse"]})
        if obj is None:
            return [(None, {"fields": ("recipients", *CONTENT_FIELDS)}), details]
        return [(None, {"fields": ("recipient", *CONTENT_FIELDS)}), details, (_("State"), {"fields": STATE})]

    def get_readonly_fields(self, request: HttpRequest, obj: Notification | None = None) -> Any:
        """Fix the recipient once sent: a row belongs to one log. The state changes by the list's actions."""
        return ["recipient", *STATE] if obj else []

    def get_form(
        self, request: HttpRequest, obj: Notification | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Ask for recipients when adding."""
        if obj is None:
            kwargs["form"] = build_send_form(build_recipients_field(request, self.admin_site))
        return super().get_form(request, obj, change=change, **kwargs)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show a form, or do what it asks in one transaction: all of it or nothing."""
        if object_id is None:  # many were sent, so there is no one of them to go on editing
            extra_context = {
                "show_save_and_continue": False,
                "may_undo": self._may_undo(request),
            } | (extra_context or {})
        elif request.method == "GET":
            record_look(self, request, object_id)
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ValidationError:
            # A recipient was deleted between the form's look and the write, which was rolled back. Looked at again,
            # the form says so where that recipient stands.
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_urls(self) -> list[URLPattern]:
        """Add the search for recipients, and taking back what was just sent."""
        view = self.admin_site.admin_view
        search_view = RecipientsView.as_view(admin_site=self.admin_site)
        return [
            path("recipients/", view(search_view), name="live_notifications_notification_recipients"),
            path("undo/", view(self.undo), name="live_notifications_notification_undo"),
            *super().get_urls(),
        ]

    def save_model(self, request: HttpRequest, obj: Notification, form: Any, change: bool) -> None:
        """Send, or correct what was sent, through the log."""
        if not change:
            self._send(request, obj, form)
        elif form.changed_data:  # these fields only: its reader may be marking it as read at this moment
            obj.save(update_fields=form.changed_data)

    def _send(self, request: HttpRequest, obj: Notification, form: Any) -> None:
        """Send to each recipient. `obj` becomes the first one sent: Django adds that to the history, this the others."""
        content = {name: form.cleaned_data[name] for name in (*CONTENT_FIELDS, *DETAIL_FIELDS)}
        users = list(form.cleaned_data["recipients"])
        if len(users) == 1:
            sent = [notify(users[0], **content)]
            text = _("“%(title)s” was sent to %(user)s.") % {"title": obj.title, "user": name_of(users[0])}
        else:
            count = notify_many(users, **content)
            # What stands at the head of these users' logs is what was sent: this transaction holds their inboxes.
            head = F("recipient__notification_inbox__modseq")
            mine = {"title": content["title"], "body": content["body"]}  # and not what a receiver sent meanwhile
            rows = Notification.objects.using(database()).filter(recipient__in=[user.pk for user in users], **mine)
            sent = list(rows.filter(modseq=head).order_by("recipient"))
            message = self.construct_change_message(request, form, [], add=True)
            history: Any = LogEntry.objects  # typed for querysets, made for any iterable
            history.log_actions(request.user.pk, sent[1:], ADDITION, message)
            text = _("“%(title)s” was sent to %(count)d people.") % {"title": obj.title, "count": count}
        vars(obj).update(vars(sent[0]))
        request.session.pop(UNDO, None)
        if len(sent) <= MAX_UNDONE:
            request.session[UNDO] = {"ids": [row.pk for row in sent], "until": time.time() + settings.page_undo_seconds}
        self.message_user(request, text, messages.SUCCESS)

    def _may_undo(self, request: HttpRequest) -> bool:
        """Return whether this person sent something a moment ago."""
        return bool(request.session.get(UNDO, {}).get("until", 0) > time.time())

    def undo(self, request: HttpRequest) -> HttpResponse:
        """Take back what this person sent last, while there is time: it leaves the inboxes, and every open page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_add_permission(request):
            raise PermissionDenied
        kept = request.session.pop(UNDO, {"ids": [], "until": 0})
        rows = Notification.objects.using(database()).filter(pk__in=kept["ids"])
        if time.time() > kept["until"]:
            self.message_user(
                request,
                _("It is too late to undo this; select the notifications you sent and delete them."),
                messages.ERROR,
            )
        else:
            count = attempt(database(), lambda: self._take_back(request, rows))
            text = ngettext("Sending was undone for %d person.", "Sending was undone for %d people.", count)
            self.message_user(request, text % count, messages.SUCCESS)
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:live_notifications_notification_changelist"))

    def _take_back(self, request: HttpRequest, rows: NotificationQuerySet) -> int:
        with transaction.atomic(using=database()):
            rows = rows.all()  # read anew in each attempt
            self.log_deletions(request, rows)
            return rows.delete()[0]

    def response_add(self, request: HttpRequest, obj: Notification, post_url_continue: str | None = None) -> Any:
        """Go where the button says; what happened was said when it did."""
        if IS_POPUP_VAR in request.POST:
            return super().response_add(request, obj, post_url_continue)
        if "_addanother" in request.POST:
            return HttpResponseRedirect(request.get_full_path())
        return self.response_post_save_add(request, obj)
