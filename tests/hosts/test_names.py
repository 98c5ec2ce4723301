"""Host projects that have something of our names already: what can live together does, what cannot is told so."""

from __future__ import annotations

import re
import shutil
from typing import Final

import pytest

from tests.support.host import Host
from tests.support.shell import ROOT

GUIDE: Final = (ROOT / "docs" / "reference" / "works-with.md").read_text()
# The commonest home-made app: a nested package, so its label is `notifications`, with all that such an app has.
NESTED: Final = {
    "mysite/notifications/__init__.py": "",
    "mysite/notifications/models.py": """
from django.conf import settings
from django.db import models


class Notification(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    text = models.CharField(max_length=100)


class Log(models.Model):
    notification = models.ForeignKey(Notification, on_delete=models.CASCADE)
""",
    "mysite/notifications/admin.py": """
from django.contrib import admin

from .models import Notification

admin.site.register(Notification)
""",
    "mysite/notifications/templatetags/__init__.py": "",
    "mysite/notifications/templatetags/notifications.py": """
from django import template

register = template.Library()


@register.simple_tag(takes_context=True)
def notification_bell(context):
    return f"their bell: {context['request'].user.notifications.count()}"
""",
    "mysite/notifications/templates/notifications/base.html": "their frame {% block content %}{% endblock %}",
    "mysite/notifications/templates/notifications/bell.html": "their template",
    "mysite/notifications/templates/notifications/centre.html": """
{% extends "notifications/base.html" %}{% load notifications %}
{% block content %}{% notification_bell %} {% url "notifications:centre" %}
{% include "notifications/bell.html" %}{% endblock %}
""",
    "mysite/notifications/urls.py": """
from django.urls import path
from django.views.generic import TemplateView

app_name = "notifications"
urlpatterns = [path("", TemplateView.as_view(template_name="notifications/centre.html"), name="centre")]
""",
    "mysite/urls.py": """
urlpatterns += [path("alerts/", include("mysite.notifications.urls"))]
""",
}
ORDERS: Final = {
    "ours first": 'INSTALLED_APPS += ["mysite.notifications"]\n',
    "theirs first": 'INSTALLED_APPS = ["mysite.notifications", *INSTALLED_APPS]\n',
}
TELL_BOTH: Final = """
from django.contrib.auth.models import User
from django.test import Client
from django.test.utils import setup_test_environment
from mysite.notifications.models import Notification
from notifications import notify

setup_test_environment()
boss = User.objects.get(username="boss")
Notification.objects.create(user=boss, text="theirs")
notify(boss, title="ours")
assert [row.text for row in boss.notifications.all()] == ["theirs"]
assert [row.title for row in boss.live_notifications.all()] == ["ours"]
client = Client()
client.force_login(boss)
page = client.get("/notifications/").content.decode()
assert "ours" in page and "<notification-list" in page and "their" not in page, page
page = " ".join(client.get("/alerts/").content.decode().split())
assert "their frame" in page and "their bell: 1 /alerts/ their template" in page, page
page = client.get("/").content.decode()
assert "<notification-bell" in page, page
assert b"ours" in client.get("/admin/live_notifications/notification/").content
assert b"Notification object" in client.get("/admin/notifications/notification/").content
boss.delete()
print("done")
"""


@pytest.mark.parametrize("order", ORDERS)
def test_a_site_with_notifications_of_its_own(host: Host, order: str) -> None:
    """A nested app labelled `notifications` lives beside ours, in either order.

    It has a model of our name, `user.notifications`, a tag library, templates and URLs.
    """
    for name, code in NESTED.items():
        host.append(name, code)
    host.append("mysite/settings.py", ORDERS[order])
    host.manage("makemigrations", "notifications")
    host.manage("migrate", "--verbosity", "0")
    host.manage("check", "--fail-level", "WARNING")
    assert host.run(TELL_BOTH)[-1] == "done"


# --- a package of our import name at the top

TOP: Final = {
    "notifications/__init__.py": "",
    "notifications/models.py": """
from django.conf import settings
from django.db import models


class Notification(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    text = models.CharField(max_length=100)
""",
}
RENAMED: Final = {
    "alerts/apps.py": """
from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"
    label = "notifications"
""",
}
WRITE: Final = """
from django.contrib.auth.models import User
from notifications.models import Notification

Notification.objects.create(user=User.objects.create_user("ada"), text="kept")
"""
READ: Final = """
from alerts.models import Notification
from notifications import notify

old = Notification.objects.get()
notify(old.user, title="ours")
print(old.text, old.user.notifications.count(), old.user.live_notifications.get().title)
"""


def test_a_package_of_our_name_is_told_how_to_be_renamed(host: Host) -> None:
    """Where ours is imported, `check` finds it; where theirs is, the messages are those of the guide; the rename helps."""
    steps = {
        name: (host.folder / name).read_text() for name in ("mysite/settings.py", "mysite/urls.py", "mysite/asgi.py")
    }
    (host.folder.parent / "theirs").mkdir()
    theirs = Host(host.folder.parent / "theirs", host.folder.parent / "nothing")  # as it was, without ours
    for name, code in TOP.items():
        theirs.append(name, code)
    theirs.append("mysite/settings.py", 'INSTALLED_APPS += ["notifications"]\n')
    theirs.manage("makemigrations", "notifications")
    theirs.manage("migrate", "--verbosity", "0")
    theirs.manage("shell", "--no-imports", "-c", WRITE)

    theirs.env["PYTHONPATH"] = host.env["PYTHONPATH"]  # ours is installed, but the project's folder comes first
    for name, code in steps.items():
        (theirs.folder / name).write_text(code)
    (theirs.folder / "mysite" / "settings.py").write_text(
        steps["mysite/settings.py"] + 'INSTALLED_APPS += ["notifications"]\n'
    )
    shown = [refusal(theirs, "check"), refusal(theirs, "shell", "--no-imports", "-c", "import notifications.asgi")]
    for message in shown:
        assert f"`{message}`" in GUIDE

    shutil.move(theirs.folder / "notifications", theirs.folder / "alerts")
    for name, code in RENAMED.items():
        theirs.append(name, code)
    (theirs.folder / "mysite" / "settings.py").write_text(
        steps["mysite/settings.py"] + 'INSTALLED_APPS += ["alerts"]\n'
    )
    shutil.copytree(host.folder / "mysite" / "templates", theirs.folder / "mysite" / "templates", dirs_exist_ok=True)
    theirs.manage("makemigrations", "--check", "--dry-run")
    theirs.manage("migrate", "--verbosity", "0")
    theirs.manage("check", "--fail-level", "WARNING")
    assert theirs.run(READ) == ["kept 1 ours"]


def refusal(host: Host, *command: str) -> str:
    """Run a command that fails; return the last line, what it failed of without where."""
    with pytest.raises(AssertionError) as failed:
        host.manage(*command)
    line: str
    (line,) = re.findall(r"^\S*(?:ImproperlyConfigured|ModuleNotFoundError): .*$", str(failed.value), re.MULTILINE)[-1:]
    return line.rpartition("Error: ")[2] if "ModuleNotFound" in line else line.partition(": ")[2]
