"""A host project adds the app by the five steps of the README, and it works: with Django's users and with its own."""

from __future__ import annotations

import asyncio
import re
import shlex
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from tests.support.client import Client
from tests.support.host import Host, install, read_steps
from tests.support.shell import ROOT

# What a host has before: one page of its own, at its own address.
PAGE = "<!doctype html><title>My site</title><h1>My site</h1>"
PAGE_URLS = """
from django.views.generic import TemplateView

urlpatterns += [path("", TemplateView.as_view(template_name="home.html"))]
"""
PAGE_SETTINGS = """
INSTALLED_APPS += ["mysite"]
"""
# In a process that serves nothing: two people, logged in.
LOG_IN = """
from django.contrib.auth import get_user_model
from django.test import Client

for name in ("user1", "user2"):
    user = get_user_model().objects.create_user(name)
    client = Client()
    client.force_login(user)
    print(user.pk, client.cookies["sessionid"].value)
"""
NOTIFY = """
from django.contrib.auth import get_user_model
from notifications import notify

notify(get_user_model().objects.get(username={name!r}), title={title!r})
"""
ADDRESS = re.compile(r'(?:href|src)="(/static/[^"]+)"')
IMPORT = re.compile(r"""^(?:import|export) [^;]*?["'](\.[^"']+)["'];""", re.MULTILINE)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the wheel was installed."""
    return install(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def steps() -> dict[str, str]:
    """The code blocks of the README's section."""
    return read_steps((ROOT / "README.md").read_text())


def add_page(host: Host) -> None:
    """Give the project what it had before it met the app."""
    host.append("mysite/templates/home.html", PAGE)
    host.append("mysite/urls.py", PAGE_URLS)
    host.append("mysite/settings.py", PAGE_SETTINGS)


def apply(steps: dict[str, str], host: Host) -> None:
    """Do what the README says. Step 1, the installation, was done from the wheel."""
    assert "django-live-notifications" in steps["step 1"]
    host.append("mysite/settings.py", steps["step 2"])
    host.append("mysite/urls.py", steps["step 3"])
    host.append("mysite/asgi.py", steps["step 4"])
    host.append("mysite/templates/home.html", steps["step 5"])


def test_the_wheel_holds_all_that_is_needed(installed: Path) -> None:
    """Every template, static file, migration and the marker of types is in it, and nothing of the site around it."""
    sources = installed.parent / "sources"
    wanted = {path.relative_to(sources) for path in (sources / "notifications").rglob("*") if path.is_file()}
    wanted = {path for path in wanted if path.suffix != ".po"}
    assert len(wanted) > 40
    missing = sorted(str(path) for path in wanted if not (installed / path).is_file())
    assert missing == []
    assert sorted(path.name for path in installed.iterdir() if path.suffix != ".dist-info") == ["notifications"]


async def test_five_steps_make_a_project_live(installed: Path, steps: dict[str, str], tmp_path: Path) -> None:
    """Bell, static files and a live change that another process made; the second user's stream sees nothing of it."""
    assert sorted(steps) == ["run", "step 1", "step 2", "step 3", "step 4", "step 5"]
    host = Host(tmp_path, installed)
    add_page(host)
    apply(steps, host)
    host.manage("check", "--fail-level", "WARNING")
    migrate, runserver = (shlex.split(line)[2:] for line in steps["run"].splitlines())
    assert runserver == ["runserver"]
    host.manage(*migrate)
    (_pk1, session1), (_pk2, session2) = (line.split() for line in host.run(LOG_IN))
    with host.runserver() as (process, url):
        position = await look_at_page(url, session1)
        async with (
            Client(url, f"sessionid={session1}", since=position) as mine,
            Client(url, f"sessionid={session2}") as others,
        ):
            await mine.next("hello")
            await others.until(lambda client: client.replica.modseq)
            await asyncio.to_thread(host.run, NOTIFY.format(name="user1", title="Your export is ready"))
            await mine.knows("Your export is ready")
            # What comes second to the other's stream proves that nothing came first.
            await asyncio.to_thread(host.run, NOTIFY.format(name="user2", title="For user2 alone"))
            await others.knows("For user2 alone")
            assert [entry.data["prev"] for entry in others.changes] == [1]
            assert others.titles == ["For user2 alone"]
            assert mine.titles == ["Your export is ready"]
        assert "Traceback" not in process.log


async def look_at_page(url: str, session: str) -> str:
    """See the bell on the host's page, and each static file that it leads to; return the page's position."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        assert "notification-bell" not in (await http.get("/")).text  # nobody is logged in
        http.cookies.set("sessionid", session)
        page = (await http.get("/")).text
        waiting = set(ADDRESS.findall(page))
        assert {Path(address).suffix for address in waiting} == {".css", ".js"}
        seen: set[str] = set()
        while waiting:
            address = waiting.pop()
            response = await http.get(address)
            assert response.status_code == 200, address
            seen.add(address)
            waiting |= {urljoin(address, name) for name in IMPORT.findall(response.text)} - seen
        assert (await http.get("/notifications/")).status_code == 200
        http.cookies.clear()
        assert (await http.get("/notifications/stream/")).status_code == 403
    match = re.search(r'<notification-bell\s[^>]*data-position="([^"]+)"', page)
    assert match, page
    return match[1]


# --- a project with users of its own

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


def test_users_of_the_projects_own_model(installed: Path, steps: dict[str, str], tmp_path: Path) -> None:
    """UUIDs for keys and an e-mail address for a name: migrations, checks and every part of the admin work."""
    host = Host(tmp_path, installed)
    add_page(host)
    for name, code in PEOPLE.items():
        host.append(name, code)
    apply(steps, host)
    host.manage("makemigrations", "people")
    host.manage("migrate")
    host.manage("check", "--fail-level", "WARNING")
    assert host.run(ADMINISTER)[-1] == "done"


# --- a project that has notifications of its own

HOMEMADE = {
    "alerts/__init__.py": "",
    "alerts/apps.py": """
from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"
    label = "notifications"
""",
    "alerts/models.py": """
from django.conf import settings
from django.db import models


class Notification(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    text = models.CharField(max_length=100)


class Log(models.Model):
    notification = models.ForeignKey(Notification, on_delete=models.CASCADE)
""",
    "mysite/settings.py": """
INSTALLED_APPS += ["alerts"]
""",
}
TELL_BOTH = """
from django.contrib.auth.models import User
from django.test import Client
from django.test.utils import setup_test_environment
from alerts.models import Notification
from notifications import notify

setup_test_environment()
boss = User.objects.create_superuser("boss", password="x")
Notification.objects.create(user=boss, text="theirs")
notify(boss, title="ours")
assert [row.text for row in boss.notifications.all()] == ["theirs"]
assert [row.title for row in boss.live_notifications.all()] == ["ours"]
client = Client()
client.force_login(boss)
assert b"ours" in client.get("/notifications/").content
assert b"ours" in client.get("/admin/live_notifications/notification/").content
boss.delete()
print("done")
"""


def test_a_site_with_notifications_of_its_own(installed: Path, steps: dict[str, str], tmp_path: Path) -> None:
    """An app labelled `notifications`, with a model of our name and our old reverse name, lives beside ours."""
    host = Host(tmp_path, installed)
    add_page(host)
    for name, code in HOMEMADE.items():
        host.append(name, code)
    apply(steps, host)
    host.manage("makemigrations", "notifications")
    host.manage("migrate")
    host.manage("check", "--fail-level", "WARNING")
    assert host.run(TELL_BOTH)[-1] == "done"
