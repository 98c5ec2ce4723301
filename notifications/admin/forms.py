"""The admin's forms: the content of a notification, and its recipients.

Receive what staff typed. Guarantee that whatever the log would refuse is refused here, at the field that it concerns,
before anything is written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from ..log.keys import fits
from ..models import CONTENT_FIELDS, DETAIL_FIELDS, Notification
from ..models.validators import validate_data
from .autocomplete import label_of

if TYPE_CHECKING:
    Form = forms.ModelForm[Notification]
else:
    Form = forms.ModelForm

__all__ = ["NotificationForm", "UsernamesField", "build_recipients_field", "build_send_form", "can_search_users"]


class DataField(forms.JSONField):
    """JSON as typed. What Python's parser gives up on (thousands of levels or of digits) is refused like any other."""

    def to_python(self, value: Any) -> Any:
        """Parse; refuse what cannot be parsed, for whatever reason."""
        try:
            return super().to_python(value)
        except (RecursionError, ValueError):
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": "…"}) from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what is shown again: the text as typed where it cannot be parsed."""
        try:
            return super().bound_data(data, initial)
        except (RecursionError, ValueError):
            return InvalidJSONInput(data)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return whether something else was typed; what cannot be parsed is something else."""
        try:
            return super().has_changed(initial, data)
        except ValidationError:
            return True


class RecipientsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg] # not subscriptable at run time
    """A choice of users. A key that no column can hold is no user's."""

    def label_from_instance(self, obj: Any) -> str:
        """Return what tells a user from others."""
        return label_of(obj)

    def clean(self, value: Any) -> Any:
        """Return the users; refuse unknown ones."""
        try:
            return super().clean(value)
        except OverflowError:  # SQLite's, for numbers beyond 64 bits
            params = {"value": "…"}
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice", params=params) from None


class NotificationForm(Form):
    """What a notification says. What it does not name (the recipient, whether it was read) it cannot change."""

    class Meta:
        model = Notification
        fields = [*CONTENT_FIELDS, *DETAIL_FIELDS]
        field_classes = {"data": DataField}
        widgets = {
            "title": forms.TextInput(attrs={"class": "vLargeTextField"}),
            "body": forms.Textarea(attrs={"class": "vLargeTextField", "rows": 4}),
            "url": forms.TextInput(attrs={"class": "vLargeTextField", "placeholder": "/reports/42/"}),
            "data": forms.Textarea(attrs={"class": "vLargeTextField", "rows": 3, "spellcheck": "false"}),
        }

    def clean_data(self) -> dict[str, Any]:
        """Take an empty field for an empty object; refuse JSON of another kind here, where it was typed."""
        data = self.cleaned_data["data"]
        data = {} if data is None else data
        validate_data(data)
        return data


def build_send_form(recipients: forms.Field) -> type[NotificationForm]:
    """Return the form for a new notification: what it says, and the `recipients` whom it goes to."""
    return type("SendForm", (NotificationForm,), {"recipients": recipients, "__module__": __name__})


def build_recipients_field(request: HttpRequest, site: AdminSite) -> forms.Field:
    """Return a searchable choice of users where this site's admin offers one to this person, else a field for names."""
    if not can_search_users(request, site):
        return UsernamesField()
    relation = Notification._meta.get_field("recipient")
    return RecipientsField(
        get_user_model()._default_manager.all(),
        label=_("Recipients"),
        help_text=_("Type a few letters to find someone. Each person chosen gets a notification of their own."),
        widget=RecipientsWidget(relation, site),
    )


def can_search_users(request: HttpRequest, site: AdminSite) -> bool:
    """Return whether the admin's search box finds users: they are registered, searchable, and this person may see them."""
    user_model = get_user_model()
    if not site.is_registered(user_model):
        return False
    users = site.get_model_admin(user_model)
    return bool(users.get_search_fields(request)) and users.has_view_permission(request)


class RecipientsWidget(AutocompleteSelectMultiple):
    """The admin's search box for many, with answers of our own (`autocomplete.py`).

    Django's own fails on a value that is no key, before the error can be shown.
    """

    def get_url(self) -> str:
        """Return where to search: Django's own answers in a site that has no list of notifications."""
        try:
            return reverse(f"{self.admin_site.name}:live_notifications_notification_recipients")
        except NoReverseMatch:
            return super().get_url()

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        """Return the chosen users as options, without what is no key of a user."""
        key: Any = get_user_model()._meta.pk
        return super().optgroups(name, [each for each in value if as_stored(key, each) is not None], attrs)


class UsernamesField(forms.CharField):
    """Usernames in a text area, one on each line or with commas between, cleaned to a list of users."""

    widget = forms.Textarea(attrs={"class": "vLargeTextField", "rows": 3, "spellcheck": "false"})

    def __init__(self) -> None:
        field: Any = get_user_model()._meta.get_field(get_user_model().USERNAME_FIELD)
        super().__init__(
            label=_("Recipients"),
            help_text=_("One %(name)s on each line. Each person named gets a notification of their own.")
            % {"name": field.verbose_name},
        )

    def clean(self, value: Any) -> list[Any]:
        """Return the users of these names, each once.

        Raises:
            ValidationError: names the first few that nobody has.
        """
        user_model = get_user_model()
        field: Any = user_model._meta.get_field(user_model.USERNAME_FIELD)
        names = [name.strip() for name in re.split(r"[,\n]", super().clean(value))]
        names = list(dict.fromkeys(filter(None, names)))
        if not names and self.required:
            raise ValidationError(self.error_messages["required"], code="required")
        wanted = {name: value for name in names if (value := as_stored(field, name)) is not None}
        users = user_model._default_manager.filter(**{f"{field.name}__in": set(wanted.values())})
        found = {getattr(user, field.attname): user for user in users}
        missing = [name for name in names if wanted.get(name) not in found]
        if missing:
            raise ValidationError(
                _("Unknown users: %(names)s; correct or remove these names."),
                code="unknown",
                params={"names": ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")},
            )
        return list(found.values())


def as_stored(field: Any, name: str) -> Any:
    """Return a typed name or key as the field holds it, or None where no user can have it."""
    try:
        value = field.to_python(name)
    except ValidationError:
        return None
    return value if fits(value) else None
