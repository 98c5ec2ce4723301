"""The admin's form of a broadcast: what staff may say, to whom, and when.

Receives what staff typed. Guarantees that what could never be sent is refused at its field; what depends on the moment
(an audience that is empty today) is said on the review page and refused when it is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from ..broadcasts.audience import group_model, has_field
from ..broadcasts.segments import segment_names
from ..broadcasts.transitions import check_times
from ..models.broadcast import AudienceKind, Broadcast
from ..models.content import CONTENT_FIELDS
from .forms import recipients_field

if TYPE_CHECKING:
    Form = forms.ModelForm[Broadcast]
else:
    Form = forms.ModelForm

__all__ = ["TIMES", "WHOM", "BroadcastForm", "broadcast_form"]

WHOM = ("audience", "groups", "users", "segment")
TIMES = ("send_at", "expires_at")
MAX_NAMED = 5
# The field that says which, for the audiences that need one.
CHOICES = {AudienceKind.GROUPS: "groups", AudienceKind.USERS: "users", AudienceKind.SEGMENT: "segment"}


class BroadcastForm(Form):
    """What a broadcast says, to whom and when; `broadcast_form()` adds the choices that this site has."""

    class Meta:
        model = Broadcast
        fields = [*CONTENT_FIELDS, "audience", *TIMES]
        widgets = {
            "title": forms.TextInput(attrs={"class": "vLargeTextField"}),
            "body": forms.Textarea(attrs={"class": "vLargeTextField", "rows": 4}),
            "url": forms.TextInput(attrs={"class": "vLargeTextField", "placeholder": "/reports/42/"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [
            choice for choice in AudienceKind.choices if is_offered(choice[0]) or choice[0] == self.instance.audience
        ]
        audience: Any = self.fields["audience"]
        audience.choices = offered
        field = CHOICES.get(self.instance.audience)  # type: ignore[call-overload]
        if field in self.fields:
            chosen = self.instance.chosen
            self.initial.setdefault(field, chosen[0] if field == "segment" and chosen else chosen)

    def clean(self) -> dict[str, Any]:
        """Keep what was chosen for the audience, and refuse times that cannot be."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        field = CHOICES.get(cleaned.get("audience", ""))
        if field in self.fields and field in cleaned:
            self._choose(field, cleaned[field])
        elif field is None:
            self.instance.chosen = []
        draft = Broadcast(send_at=cleaned.get("send_at"), expires_at=cleaned.get("expires_at"))
        try:
            check_times(draft)
        except ValidationError as error:
            self.add_error(None, error)
        return cleaned

    def _choose(self, field: str, value: Any) -> None:
        if not value:
            self.add_error(field, ValidationError(_("Choose at least one."), code="required"))
            return
        if field == "users":
            inactive = [str(user) for user in value if not user.is_active]
            if inactive:
                named = ", ".join(inactive[:MAX_NAMED]) + (", …" if len(inactive) > MAX_NAMED else "")
                text = _("%(names)s cannot log in any more and would get nothing; take them out.")
                self.add_error(field, ValidationError(text, code="inactive", params={"names": named}))
                return
        self.instance.chosen = [value] if field == "segment" else sorted({as_json(row.pk) for row in value})


def broadcast_form(request: HttpRequest, site: AdminSite) -> type[BroadcastForm]:
    """Return the form with this site's groups and segments, and its way to choose users."""
    users: Any = recipients_field(request, site)
    users.label, users.required = _("Users"), False
    users.help_text = _("For “Chosen users”. Who is named twice is told once.")
    fields: dict[str, Any] = {"users": users}
    if has_field("groups"):
        fields["groups"] = forms.ModelMultipleChoiceField(
            group_model()._default_manager.all(),
            required=False,
            label=_("Groups"),
            help_text=_("For “Groups”. Who is in two of them is told once."),
            widget=forms.CheckboxSelectMultiple,
        )
    names = segment_names()
    if names:
        fields["segment"] = forms.ChoiceField(
            choices=[("", "---------"), *((name, name) for name in names)],
            required=False,
            label=_("Segment"),
            help_text=_("For “A segment”. The site decides who belongs to it, when it is sent."),
        )
    return type("OwnBroadcastForm", (BroadcastForm,), {**fields, "__module__": __name__})


def is_offered(kind: str) -> bool:
    """Return whether this site can have such an audience."""
    match kind:
        case AudienceKind.STAFF:
            return has_field("is_staff")
        case AudienceKind.GROUPS:
            return has_field("groups")
        case AudienceKind.SEGMENT:
            return bool(segment_names())
    return True


def as_json(key: Any) -> Any:
    """Return a primary key as JSON holds it."""
    return key if isinstance(key, int) else str(key)
