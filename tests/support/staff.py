"""Members of staff at work in the admin: who they are, what they post, what they are told."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.models import Permission, User
from django.test import Client

from notifications.models import Notification

__all__ = ["ADD", "FORM", "LIST", "errors", "login_with", "run", "said"]

LIST: Final = "/admin/live_notifications/notification/"
ADD: Final = f"{LIST}add/"
# What a browser posts from the form, besides the recipients.
FORM: Final = {
    "title": "Disk is full",
    "body": "",
    "url": "",
    "level": "warning",
    "category": "general",
    "actor": "",
    "topic": "",
    "data": "{}",
    "initial-data": "{}",
    "_save": "Send",
}


def login_with(*codenames: str) -> Client:
    """Return the client of a member of staff who has just these permissions."""
    staff = User.objects.create_user("-".join(["staff", *codenames])[:150], is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(staff)
    return client


def said(response: Any) -> list[str]:
    """Return the messages on the page that followed."""
    return [str(message) for message in response.context["messages"]]


def errors(response: Any) -> dict[str, list[str]]:
    """Return the form's errors by field."""
    assert response.status_code == 200
    return {name: list(map(str, messages)) for name, messages in response.context["adminform"].form.errors.items()}


def run(client: Client, action: str, *rows: Notification, **fields: Any) -> Any:
    """Run a bulk action on selected rows."""
    return client.post(LIST, {"action": action, "_selected_action": [row.pk for row in rows], **fields}, follow=True)
