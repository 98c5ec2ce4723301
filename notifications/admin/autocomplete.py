"""The search box for recipients: the best match stands first, and users with similar names can be told apart.

Receives what staff typed. Guarantees Django's own rules (only staff with the permission to view users can search, by the
fields that the user's admin searches). Names that begin with what was typed come before those that only contain it, and
each line says full name, username and e-mail.

    “mi”  →  Mia Berg · mia · mia@example.com,  admin · admin@example.com
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth import get_user_model
from django.db.models import Case, Q, QuerySet, Value, When

__all__ = ["RecipientsView", "label_of", "name_of"]


def name_of(user: Any) -> str:
    """Return what a user is called: the full name where there is one."""
    name = str(user.get_full_name() or "").strip() if hasattr(user, "get_full_name") else ""
    return name or user.get_username()


def label_of(user: Any) -> str:
    """Return full name, username and e-mail, each once."""
    email = getattr(user, user.get_email_field_name(), "") or ""
    return " · ".join(dict.fromkeys(filter(None, (name_of(user), user.get_username(), email))))


class RecipientsView(AutocompleteJsonView):
    """Django's answers for the search box, in another order and with more to tell people apart by."""

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        """Return the key, the line of the list, and the name for the button."""
        return {"id": str(getattr(obj, to_field_name)), "text": label_of(obj), "name": name_of(obj)}

    def get_queryset(self) -> QuerySet[Any]:
        """Return the matches: the very username, then what begins so, then what contains it."""
        found: QuerySet[Any] = super().get_queryset()
        model = get_user_model()
        if not self.term:
            return found
        names = {field.name for field in model._meta.get_fields()}
        begins = Q()
        for name in (model.USERNAME_FIELD, "first_name", "last_name", model.get_email_field_name()):
            if name in names:
                begins |= Q(**{f"{name}__istartswith": self.term})
        exact = When(**{f"{model.USERNAME_FIELD}__iexact": self.term}, then=Value(0))
        rank = Case(exact, When(begins, then=Value(1)), default=Value(2))
        return found.order_by(rank, model.USERNAME_FIELD, "pk")
