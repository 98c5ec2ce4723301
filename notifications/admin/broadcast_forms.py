"""The admin's form of a broadcast: its content, its audience and its times.

Receives what staff typed. Guarantees that what could never be sent is refused at its field; what depends on the moment
(an audience that is empty today) is said on the review page and refused when it is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from ..broadcasts.audience import KINDS
from ..broadcasts.transitions import check_times
from ..models.broadcast import Broadcast
from ..models.content import CONTENT_FIELDS
from .forms import build_recipients_field

if TYPE_CHECKING:
    Form = forms.ModelForm[Broadcast]
else:
    Form = forms.ModelForm

__all__ = ["TIMES", "WHOM", "BroadcastForm", "build_broadcast_form"]

WHOM = ("audience", *KINDS)  # each kind has a field of its name, if it needs one
TIMES = ("send_at", "expires_at")


class BroadcastForm(Form):
    """What a broadcast says, to whom and when; `build_broadcast_form()` adds the choices that this site has."""

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
        audience: Any = self.fields["audience"]
        audience.choices = [
            (name, kind.label) for name, kind in KINDS.items() if kind.is_offered() or name == self.instance.audience
        ]
        if self.instance.audience in self.fields:
            kind = KINDS[self.instance.audience]
            self.initial.setdefault(kind.name, kind.to_field(self.instance.chosen))

    def clean(self) -> dict[str, Any]:
        """Keep what was chosen for the audience, and refuse times that cannot be."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        kind = KINDS.get(cleaned.get("audience", ""))
        if kind is not None and kind.named_by == "nothing":
            self.instance.chosen = []
        elif kind is not None and kind.name in self.fields and kind.name in cleaned:
            try:
                self.instance.chosen = kind.from_field(cleaned[kind.name])
            except ValidationError as error:
                self.add_error(kind.name, error)
        draft = Broadcast(send_at=cleaned.get("send_at"), expires_at=cleaned.get("expires_at"))
        try:
            check_times(draft)
        except ValidationError as error:
            self.add_error(None, error)
        return cleaned


def build_broadcast_form(request: HttpRequest, site: AdminSite) -> type[BroadcastForm]:
    """Return the form with this site's groups and segments, and its way to choose users."""
    offered = {name: kind.build_field(lambda: build_recipients_field(request, site)) for name, kind in KINDS.items()}
    fields = {name: field for name, field in offered.items() if field is not None}
    return type("OwnBroadcastForm", (BroadcastForm,), {**fields, "__module__": __name__})
