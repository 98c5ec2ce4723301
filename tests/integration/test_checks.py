"""The system checks of a project that only adds the app: each is heard from `manage.py check` in a process of its own.

The unit tests ask the checks themselves (`unit/checks/`); here nothing but the project imports anything.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.host import PYTHON, Host, link, read_steps
from tests.support.shell import ROOT

ID = re.compile(r"\bnotifications\.([EWI]\d{3})\b")
STEPS = {"step 2": "mysite/settings.py", "step 3": "mysite/urls.py", "step 4": "mysite/asgi.py"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a site: lines at the end of its settings, and files besides."""

    settings: str
    files: Mapping[str, str] = field(default_factory=dict)


APPLICATION = 'ASGI_APPLICATION = "mysite.other.application"'
GRIP = "NOTIFICATIONS_GRIP_URL = 'http://127.0.0.1:5561/?iss=mysite"

FAULTS: dict[str, Fault] = {
    "E001": Fault("CHANNEL_LAYERS = {}"),
    "E002": Fault("CHANNEL_LAYERS = {'default': {'BACKEND': 'nowhere.Layer'}}"),
    "E003": Fault(
        APPLICATION,
        {"mysite/other.py": "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()"},
    ),
    "E004": Fault('ROOT_URLCONF = "mysite.other"', {"mysite/other.py": "urlpatterns = []"}),
    "E005": Fault("INSTALLED_APPS.remove('django.contrib.sessions')"),
    "E006": Fault("MIDDLEWARE.remove('django.contrib.sessions.middleware.SessionMiddleware')"),
    "E007": Fault("TEMPLATES[0]['APP_DIRS'] = False"),
    "E008": Fault("NOTIFICATIONS_PING_SECONDS = '15'"),
    "E009": Fault(
        "INSTALLED_APPS += ['mysite']",
        {
            "mysite/models.py": """
from notifications.models import Notification

class Reminder(Notification):
    class Meta:
        app_label = "mysite"
"""
        },
    ),
    "E010": Fault(
        "DATABASES['default'] = {'ENGINE': 'django.db.backends.mysql', 'NAME': 'site',"
        " 'OPTIONS': {'isolation_level': 'repeatable read'}}"
    ),
    "E020": Fault("EVENTSTREAM_STORAGE_CLASS = 'notifications.integrations.eventstream.LogStorage'"),
    "E021": Fault(f"import sys\nsys.modules['jwt'] = None  # as if it were not installed\n{GRIP}&key={'k' * 32}'"),
    "E022": Fault(f"{GRIP}'"),
    "E050": Fault("NOTIFICATIONS_ADMIT = 'mysite.nowhere.admit'"),
    "E051": Fault("NOTIFICATIONS_AVATAR_OF = 'mysite.nowhere.picture_of'"),
    "E023": Fault("import sys; sys.path.append(str(BASE_DIR / 'lib'))", {"lib/notifications/__init__.py": ""}),
    "W001": Fault("DEBUG = False"),
    "W002": Fault("ASGI_APPLICATION = None"),
    "W003": Fault(
        APPLICATION,
        {
            "mysite/other.py": """
from mysite.asgi import application as site

class GZipMiddleware:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)

application = GZipMiddleware(site)
"""
        },
    ),
    "W004": Fault("INSTALLED_APPS.remove('daphne')"),
    "W005": Fault("SESSION_ENGINE = 'django.contrib.sessions.backends.signed_cookies'"),
    "W006": Fault("DATABASES['default']['OPTIONS'] = {}"),
    "W007": Fault("TEMPLATES[0]['OPTIONS']['context_processors'].remove('django.template.context_processors.request')"),
    "W008": Fault("STATIC_URL = None"),
    "W009": Fault("NOTIFICATIONS_PING_SECOND = 15"),
    "W010": Fault("NOTIFICATIONS_PING_SECONDS = 60"),
    "W011": Fault("NOTIFICATIONS_SWEEP_SECONDS = 10"),
    "W012": Fault("NOTIFICATIONS_ROTATE_SECONDS = 1"),
    "W013": Fault("CHANNEL_LAYERS['default']['CONFIG'] = {'group_expiry': 10}"),
    "W014": Fault(
        "INSTALLED_APPS += ['mysite']",
        {
            "mysite/admin.py": """
from django.contrib import admin
from django.contrib.auth.models import User

admin.site.unregister(User)
"""
        },
    ),
    "W015": Fault('ASGI_APPLICATION = "mysite.nowhere.application"'),
    "W016": Fault(f"{GRIP}&key=short'"),
    "W030": Fault("DEBUG = False"),
    "W031": Fault("NOTIFICATIONS_PUBLIC_TOPICS = ['status']\nUSE_X_FORWARDED_HOST = True"),
    "W032": Fault(f"DEBUG = False\n{GRIP}&key={'k' * 32}'"),
    "W040": Fault(
        "CHANNEL_LAYERS['default'] = {'BACKEND': 'channels_redis.pubsub.RedisPubSubChannelLayer', "
        "'CONFIG': {'hosts': ['redis://redis.internal:6379/0']}}"
    ),
    "W050": Fault("MIDDLEWARE.append('django_otp.middleware.OTPMiddleware')"),
    "W060": Fault("DEBUG = False"),
    "W061": Fault(
        "DEBUG = False\nSTORAGES = {'staticfiles': {'BACKEND': 'mysite.storage.OwnPatterns'}}",
        {
            "mysite/storage.py": """
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage

class OwnPatterns(ManifestStaticFilesStorage):
    patterns = ()
"""
        },
    ),
    "I001": Fault("import sys\nsys.modules['ninja'] = None  # as if it were not installed"),
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """A project as `startproject` makes it, with the steps of the README applied."""
    host = Host(tmp_path_factory.mktemp("site"), link(tmp_path_factory.mktemp("app") / "path"))
    steps = read_steps((ROOT / "README.md").read_text())
    for step, name in STEPS.items():
        host.append(name, steps[step])
    return host


@pytest.fixture
def host(clean: Host, tmp_path: Path) -> Host:
    """One like it, to spoil."""
    return clean.copy_to(tmp_path / "site")


def check(host: Host, *arguments: str) -> set[str]:
    """Run `manage.py check`; return the ids of what our app says, without its name."""
    command = [PYTHON, "manage.py", "check", *arguments]
    done = subprocess.run(
        command, env=host.env, cwd=host.folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return set(ID.findall(done.stdout + done.stderr))


def test_every_check_is_in_the_table() -> None:
    """Whoever adds a check adds a site that needs it."""
    sources = (path.read_text() for path in (ROOT / "notifications" / "checks").glob("*.py"))
    assert {found for source in sources for found in ID.findall(source)} == set(FAULTS)


def test_a_site_as_the_readme_makes_it_is_clean(host: Host) -> None:
    """Nothing is found, and the tag of the app is known."""
    assert check(host) == set()
    assert "no issues" in host.manage("check", "--tag", "notifications", "--fail-level", "INFO")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_by_a_site_that_only_adds_the_app(name: str, host: Host) -> None:
    """All checks were dead for a while, since only the tests imported them: `manage.py check` said nothing of anything."""
    fault = FAULTS[name]
    host.append("mysite/settings.py", fault.settings)
    for path, code in fault.files.items():
        host.append(path, code)
    assert name in check(host)


SURVEY = """
import gc, importlib, pkgutil
from collections import Counter
from weakref import ref

from django.apps import apps
from django.contrib.admin.sites import all_sites
from django.core.checks.registry import registry
from django.dispatch import Signal
from django.urls import get_resolver

import notifications


def name_of(receiver):
    receiver = receiver() if isinstance(receiver, ref) else receiver
    return f"{receiver.__module__}.{receiver.__qualname__}"


def survey():
    found = Counter(f"check {check.__name__}" for check in registry.registered_checks)
    found.update(f"model {model._meta.label}" for model in apps.get_models())
    found.update(f"admin of {model._meta.label}" for site in all_sites for model in site._registry)
    for signal in [each for each in gc.get_objects() if isinstance(each, Signal)]:
        found.update(f"receiver {name_of(entry[1])}" for entry in signal.receivers)
    return found


get_resolver().url_patterns  # with the first request at the latest
before = survey()
for module in pkgutil.walk_packages(notifications.__path__, "notifications."):
    importlib.import_module(module.name)
for name in survey() - before:
    print(name)
print(sum(before.values()))
"""


def test_no_import_registers_what_a_site_would_miss(host: Host) -> None:
    """What a site has only once some module was imported (a check, model, admin page, receiver), tests alone may have."""
    *missed, count = host.run(SURVEY)
    ours = [name for name in missed if "receiver django." not in name]  # Django's own storages connect when first used
    assert ours == []
    assert int(count) > 30
