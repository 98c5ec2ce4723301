"""A host project with users of its own: UUIDs for keys and an e-mail address for a name."""

from __future__ import annotations

from pathlib import Path

from tests.support.host import Host, add_page, apply_steps, link

PEOPLE = {
    "people/__init__.py": "",
    "people/models.py": """
import uuid

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class PersonManager(BaseUserManager):
    def create_user(self, email, **fields):
        person = self.model(email=email, **fields)
        person.set_unusable_password()
        person.save()
        return person


class Person(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    objects = PersonManager()
    USERNAME_FIELD = "email"
""",
    "people/admin.py": """
from django.contrib import admin

from .models import Person


@admin.register(Person)
class PersonAdmin(admin.ModelAdmin):
    search_fields = ["email"]
    ordering = ["email"]
""",
    "mysite/settings.py": """
INSTALLED_APPS += ["people"]
AUTH_USER_MODEL = "people.Person"
""",
}
# Each step of the admin, with keys that are no numbers and names that are no `username`.
ADMINISTER = """
from django.contrib.auth import get_user_model
from django.test import Client
from django.test.utils import setup_test_environment
from notifications.models import Inbox, Notification

setup_test_environment()  # responses keep their contexts
Person = get_user_model()
boss, one, two = (Person.objects.create_user(f"{name}@example.com") for name in ("boss", "one", "two"))
Person.objects.filter(pk=boss.pk).update(is_staff=True, is_superuser=True)
client = Client()
client.force_login(boss)
list_url = "/admin/live_notifications/notification/"
query = {"app_label": "live_notifications", "model_name": "notification", "field_name": "recipient", "term": "one@"}
assert client.get("/admin/autocomplete/", query).json()["results"] == [{"id": str(one.pk), "text": "one@example.com"}]
form = {"title": "Hello", "level": "info", "category": "general", "data": "{}"}
assert client.post(f"{list_url}add/", {**form, "recipients": ["7"]}).context["errors"]
assert client.post(f"{list_url}add/", {**form, "recipients": [one.pk, two.pk]}).status_code == 302
rows = client.get(f"{list_url}?q=two@example").context["cl"].result_list
assert [row.recipient for row in rows] == [two], rows
action = {"action": "mark_read", "_selected_action": [row.pk for row in Notification.objects.all()]}
assert client.post(list_url, action).status_code == 302
assert [inbox.unread for inbox in Inbox.objects.all()] == [0, 0]
assert client.get(f"/admin/live_notifications/inbox/{one.pk}/change/").status_code == 200
assert client.post(f"/admin/people/person/{one.pk}/delete/", {"post": "yes"}).status_code == 302
assert [str(inbox.user) for inbox in Inbox.objects.all()] == ["two@example.com"]
print("done")
"""


def test_users_of_the_projects_own_model(tmp_path: Path) -> None:
    """UUIDs for keys and an e-mail address for a name: migrations, checks and every part of the admin work."""
    (tmp_path / "project").mkdir()
    host = Host(tmp_path / "project", link(tmp_path / "app"))
    add_page(host)
    for name, code in PEOPLE.items():
        host.append(name, code)
    apply_steps(host)
    host.manage("makemigrations", "people")
    host.manage("migrate")
    host.manage("check", "--fail-level", "WARNING")
    assert host.run(ADMINISTER)[-1] == "done"
