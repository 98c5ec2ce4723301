"""Tokens for programs, as staff make, look at and revoke them.

Guarantees that the secret is shown once, on the page that answers the form and nowhere else; that nobody hands out more than
they and its user may do themselves; and that all of it is in the admin's history, what programs sent as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _, gettext_lazy, gettext_noop, ngettext

from ..access.history import translate_entries
from ..access.tokens import may_send, revoke_tokens, save_new
from ..models.token import LOOK, ApiToken
from .attempts import RepeatableForms

if TYPE_CHECKING:
    TokenFormBase = forms.ModelForm[ApiToken]
else:
    TokenFormBase = forms.ModelForm

__all__ = ["ApiTokenAdmin"]


class TokenForm(TokenFormBase):
    """What a new token is for. `giver` is who makes it."""

    giver: Any = None

    def clean(self) -> dict[str, Any]:
        """Refuse a token that may do nothing, is over already, or may do more than its giver or its user."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not given.get("may_read") and not given.get("may_send"):
            raise ValidationError(_("Choose at least one permission."), code="scopes")
        if given.get("expires_at") and given["expires_at"] <= timezone.now():
            self.add_error("expires_at", _("This time has passed; choose a later one or leave it empty."))
        user = given.get("user")
        if given.get("may_send") and not may_send(self.giver):
            self.add_error("may_send", _("You have no permission to send, so a token of yours cannot have it."))
        elif given.get("may_send") and user is not None and not may_send(self.giver, user):
            text = _(
                "%(user)s has no permission to send, so a token for this user cannot have it; choose another user."
            )
            self.add_error("may_send", text % {"user": user})
        if given.get("may_read") and user != self.giver and not self.giver.has_perm(LOOK):
            self.add_error("may_read", _("You have no permission to view other users’ notifications; choose yourself."))
        return given


class ValidityFilter(admin.SimpleListFilter):
    """Whether a token still lets anyone in."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("valid", _("Valid")), ("over", _("Revoked or expired"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what is in the chosen state."""
        is_over = Q(revoked_at__isnull=False) | Q(expires_at__lte=timezone.now())
        if self.value() == "valid":
            return queryset.exclude(is_over)
        return queryset.filter(is_over) if self.value() == "over" else queryset


def state_of(token: ApiToken) -> str:
    """Return in words whether a token lets anyone in, and why not."""
    texts = {
        "": _("Valid"),
        "revoked": _("Revoked"),
        "expired": _("Expired"),
        "user": _("Its user is not active"),
        "maker": _("Its creator no longer has this permission"),
    }
    return texts[token.problem]


@admin.register(ApiToken)
class ApiTokenAdmin(RepeatableForms):
    """Tokens. One that was made is not edited: revoke it, and make another."""

    form = TokenForm
    raw_id_fields = ["user"]
    list_display = [
        "name",
        "shown_prefix",
        "user",
        "made_by",
        "may_read",
        "may_send",
        "last_used_at",
        "expires_at",
        "state",
    ]
    list_filter = [ValidityFilter, "may_read", "may_send"]
    list_select_related = []  # get_queryset() reads each person once; joined to each token, they are asked for each
    search_fields = ["name", "prefix"]
    actions = ["revoke"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """Read the people of a page together, each once: what they may is asked for each."""
        return super().get_queryset(request).prefetch_related("user", "made_by")

    @admin.display(description=gettext_lazy("begins with"))
    def shown_prefix(self, token: ApiToken) -> str:
        """Show what staff can tell a token by."""
        return f"ntf_{token.prefix}…"

    @admin.display(description=gettext_lazy("state"))
    def state(self, token: ApiToken) -> str:
        """Show whether it lets anyone in."""
        return state_of(token)

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        """Ask what it is for; of one that was made show everything but the secret, which nobody has."""
        asked = ("name", "user", "may_read", "may_send", "expires_at")
        return asked if obj is None else (*asked, "shown_prefix", "made_by", "created_at", "last_used_at", "revoked_at")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        """Fix what was made."""
        return self.get_fields(request, obj) if obj else ()

    def get_form(self, request: HttpRequest, obj: ApiToken | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Tell the form which user is logged in."""
        form = super().get_form(request, obj, change=change, **kwargs)
        return type("TokenForm", (form,), {"giver": request.user})

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Make the secret, for the page that answers."""
        if not change:
            obj.made_by = request.user  # type: ignore[assignment]
            request.token_text = save_new(obj)  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret, this once. Not by a message: those wait in cookies and sessions."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("The token “%(name)s”") % {"name": obj.name},
            "opts": self.opts,
            "text": request.token_text,  # type: ignore[attr-defined]
        }
        response = TemplateResponse(request, "admin/live_notifications/apitoken/made.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Show what happened, in the reader's language."""
        response = super().history_view(request, object_id, extra_context)
        translate_entries(getattr(response, "context_data", {}).get("action_list", ()))
        return response

    @admin.action(permissions=["change"], description=gettext_lazy("Revoke selected"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Let them in no more; their streams end with the next ping."""
        for token in queryset.filter(revoked_at=None):
            self.log_change(request, token, gettext_noop("Revoked."))
        count = revoke_tokens(queryset, by=request.user)
        self.message_user(
            request, ngettext("%d token was revoked.", "%d tokens were revoked.", count) % count, messages.SUCCESS
        )
