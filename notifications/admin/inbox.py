"""Where each user's log stands, for staff to look at.

Guarantees that nobody edits an inbox, for its numbers are the log's, and that users can be deleted all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import get_permission_codename, get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..hub.presence import online_now
from ..log.replay import database
from ..models import Inbox
from .audit import record_look
from .changelist import BoundedChangeList, BoundedPaginator

if TYPE_CHECKING:
    InboxBase = admin.ModelAdmin[Inbox]
else:
    InboxBase = admin.ModelAdmin

__all__ = ["InboxAdmin"]


class OnlineFilter(admin.SimpleListFilter):
    """The filter by users who have a stream open now."""

    title = _("online")
    parameter_name = "online"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("yes", _("Online now")), ("no", _("Not online"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the users who are online, or those who are not."""
        is_here = online_now().values("user")
        if self.value() == "yes":
            return queryset.filter(pk__in=is_here)
        return queryset.exclude(pk__in=is_here) if self.value() == "no" else queryset


@admin.register(Inbox)
class InboxAdmin(InboxBase):
    """Where each user's log stands, to look at. It is made by the first notification and goes with its user."""

    fields = (
        "user",
        "position",
        "modseq",
        "floor",
        "epoch",
        "unread",
        "unseen",
        "seen_upto",
        "mended_at",
        "online_since",
    )
    readonly_fields = fields
    list_display = ["user", "unread", "unseen", "position", "online_since"]
    list_filter = [OnlineFilter]
    list_select_related = ["user"]
    ordering = ["pk"]
    sortable_by = ()
    search_help_text = _("Searches users by username.")
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Inbox]:
        """Read with each inbox since when its user is online."""
        here = online_now().filter(user=OuterRef("pk")).order_by("since").values("since")[:1]
        return super().get_queryset(request).using(database()).annotate(online_since=Subquery(here))

    @admin.display(description=_("online since"), empty_value="–")
    def online_since(self, inbox: Any) -> Any:
        """Show since when the user has a stream open, in any process."""
        return inbox.online_since

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Search users by what this site calls them."""
        return [f"user__{get_user_model().USERNAME_FIELD}"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BoundedChangeList]:
        """Return the list that counts up to a bound."""
        return BoundedChangeList

    def has_add_permission(self, request: HttpRequest, obj: Inbox | None = None) -> bool:
        """Nobody adds an inbox."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Inbox | None = None) -> bool:
        """Nobody edits an inbox: its numbers are the log's."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Inbox | None = None) -> bool:
        """Whoever may delete a user may delete the inbox with it; a plain no would forbid to delete users."""
        users = get_user_model()._meta
        return request.user.has_perm(f"{users.app_label}.{get_permission_codename('delete', users)}")

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Refuse: an inbox is not deleted by itself."""
        raise PermissionDenied

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show an inbox, without a button to delete it."""
        record_look(self, request, object_id)
        return super().changeform_view(request, object_id, form_url, {"show_delete": False} | (extra_context or {}))
