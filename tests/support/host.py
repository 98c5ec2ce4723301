"""A host project: what `django-admin startproject` makes, with the app installed into it from a wheel.

Receives a folder. Guarantees that nothing of this repository is on the project's path but what the wheel holds, and that
the steps of the README are applied as they stand there.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Final

from .processes import Process, free_port
from .servers import SITE_VARIABLES
from .shell import ROOT

__all__ = ["PYTHON", "Host", "add_page", "apply_steps", "build", "copy_sources", "install", "link", "read_steps"]

PYTHON: Final = sys.executable
BUILD_SECONDS: Final = 180.0
SOURCES: Final = ("pyproject.toml", "README.md", "LICENSE", "notifications")
BLOCK: Final = re.compile(r"<!-- (step \d|run) -->\n```(\w+)\n(.*?)```\n", re.DOTALL)

# What a host has before: one page of its own, at its own address.
PAGE: Final = "<!doctype html><title>My site</title><h1>My site</h1>"
PAGE_URLS: Final = """
from django.views.generic import TemplateView

urlpatterns += [path("", TemplateView.as_view(template_name="home.html"))]
"""
PAGE_SETTINGS: Final = """
INSTALLED_APPS += ["mysite"]
"""
# In a process that serves nothing: people, logged in.
LOG_IN: Final = """
from django.contrib.auth import get_user_model
from django.test import Client

def log_in(user):
    client = Client()
    client.force_login(user)
    print(user.username, user.pk, client.cookies["sessionid"].value)

User = get_user_model()
log_in(User.objects.create_superuser("boss", password="x"))
for name in ("user1", "user2"):
    log_in(User.objects.create_user(name))
"""


def read_steps(text: str) -> dict[str, str]:
    """Return the code of `step 1` to `step 5` and of `run`, as a reader copies it out of the README."""
    return {name: code for name, _language, code in BLOCK.findall(text)}


def install(folder: Path) -> Path:
    """Build the wheel and install it, alone, into a folder; return that folder. Leaves no build files in the sources."""
    sources, wheels, target = copy_sources(folder / "sources"), folder / "wheels", folder / "installed"
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check"]
    finish([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, sources], seconds=BUILD_SECONDS)
    (wheel,) = wheels.glob("*.whl")
    finish([*pip, "install", "--no-deps", "--no-index", "--target", target, wheel], seconds=BUILD_SECONDS)
    return target


def copy_sources(folder: Path) -> Path:
    """Copy what the package is built from into a new folder; return it."""
    folder.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder)
    return folder


def link(folder: Path) -> Path:
    """Make a folder through which a host finds the app as it stands in this repository, and nothing else of it."""
    folder.mkdir()
    (folder / "notifications").symlink_to(ROOT / "notifications")
    return folder


def add_page(host: Host) -> None:
    """Give a project what it had before it met the app."""
    host.append("mysite/templates/home.html", PAGE)
    host.append("mysite/urls.py", PAGE_URLS)
    host.append("mysite/settings.py", PAGE_SETTINGS)


def apply_steps(host: Host) -> None:
    """Do what the README says, but for the installation."""
    steps = read_steps((ROOT / "README.md").read_text())
    host.append("mysite/settings.py", steps["step 2"])
    host.append("mysite/urls.py", steps["step 3"])
    host.append("mysite/asgi.py", steps["step 4"])
    host.append("mysite/templates/home.html", steps["step 5"])


def build(host: Host) -> Host:
    """Give a project a page, do the steps, make the tables and log users in; return it."""
    add_page(host)
    apply_steps(host)
    host.manage("migrate", "--verbosity", "0")
    host.log_in()
    return host


def finish(
    command: list[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, seconds: float = 60.0
) -> str:
    """Run a program to its end; return what it wrote.

    Raises:
        AssertionError: its exit code was not 0.
    """
    with Process(command, env=env, cwd=cwd) as process:
        code = process.wait(seconds=seconds)
        assert code == 0, process.tail
        return process.log


class Host:
    """A fresh project `mysite` that finds the app where it was installed, and SQLite as startproject sets it up.

    Attributes:
        people: key and session of each user, by name, where `log_in()` has made them.
    """

    def __init__(self, folder: Path, installed: Path) -> None:
        self.folder = folder
        self.people: dict[str, tuple[int, str]] = {}
        self.env = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
        self.env |= {
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            "PYTHONPATH": str(installed),
            "PYTHONUNBUFFERED": "1",
        }
        finish(
            [PYTHON, "-m", "django", "startproject", "mysite", folder], env={**os.environ, "DJANGO_SETTINGS_MODULE": ""}
        )

    def copy_to(self, folder: Path) -> Host:
        """Return a project like this one in another folder."""
        twin = copy(self)
        twin.folder = shutil.copytree(self.folder, folder)
        twin.people = dict(self.people)
        return twin

    def append(self, name: str, code: str) -> None:
        """Add code at the end of a file of the project, or make the file of it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(f"\n{code}")

    def manage(self, *arguments: str) -> str:
        """Run a management command to its end; return what it wrote."""
        return finish([PYTHON, "manage.py", *arguments], env=self.env, cwd=self.folder)

    def run(self, code: str) -> list[str]:
        """Run code in a process of its own; return the lines that it printed."""
        return self.manage("shell", "--no-imports", "-c", code).splitlines()

    def log_in(self) -> None:
        """Make a superuser, `boss`, and two users, `user1` and `user2`, all logged in."""
        for line in self.run(LOG_IN):
            name, key, session = line.split()
            self.people[name] = int(key), session

    def notify(self, name: str, title: str) -> None:
        """Tell a user something, in a process of its own."""
        self.manage("notify", name, "--title", title)

    @contextmanager
    def runserver(self) -> Iterator[tuple[Process, str]]:
        """Run `manage.py runserver` until the block ends; yield it and its address."""
        port = free_port()
        command = [PYTHON, "manage.py", "runserver", f"127.0.0.1:{port}"]
        with Process(command, name="runserver of a host", env=self.env, cwd=self.folder) as process:
            process.wait_for_port(port)
            yield process, f"http://127.0.0.1:{port}"
