"""A host project in the clothes of a CSS framework: the real one, from npm, and the ten lines that the guide gives for it.

Receives a host and a folder that may be thrown away. Nothing of a framework is kept in this repository.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .host import Host, finish
from .processes import find_program
from .shell import ROOT

__all__ = ["FRAMEWORKS", "GUIDE", "PREPARE", "Framework", "dress", "fetch_frameworks", "read_lines"]

GUIDE: Final = ROOT / "docs" / "howto" / "frameworks.md"
# Exact, so that a picture is the same next year.
PACKAGES: Final = ("bootstrap@5.3.9", "tailwindcss@4.3.5", "@tailwindcss/cli@4.3.5")
FETCH_SECONDS: Final = 180.0
# What the code that fills an inbox finds before it.
PREPARE: Final = """
from django.db import transaction
from notifications import notify
from notifications.models import Notification

user, events = {key}, {events!r}
"""
FIRST_IN_ORDER: Final = """
INSTALLED_APPS = ["mysite", *(app for app in INSTALLED_APPS if app != "mysite")]
"""
HEAD: Final = """\
{% load live_notifications static %}<!doctype html>
<html lang="en" HTML>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Acme</title>
<link rel="icon" href="data:,">
STYLES
</head>
"""
BOOTSTRAP: Final = """\
<body>
<nav class="navbar navbar-expand bg-body-tertiary border-bottom"><div class="container-fluid">
  <a class="navbar-brand fw-bold" href="/">Acme</a>
  <ul class="navbar-nav me-auto"><li class="nav-item"><a class="nav-link active" href="/">Projects</a></li>
  <li class="nav-item"><a class="nav-link" href="/">People</a></li></ul>
  {% notification_bell %}
</div></nav>
{% block content %}<main class="container py-4">
  <h1 class="h3">Projects</h1>
  <p class="text-body-secondary">What your team works on.</p>
  <div class="row row-cols-2 g-3">{% for name in "ab" %}<div class="col"><div class="card"><div class="card-body">
    <h2 class="card-title h5">Website relaunch</h2><p class="card-text">Twelve tasks are open, three are yours.</p>
    <button class="btn btn-primary">Open</button> <button class="btn btn-outline-secondary">Archive</button>
  </div></div></div>{% endfor %}</div>
</main>{% endblock %}
</body></html>
"""
TAILWIND: Final = """\
<body class="bg-white font-sans text-gray-900 dark:bg-gray-900 dark:text-gray-100">
<nav class="flex items-center gap-6 border-b border-gray-200 bg-gray-50 px-4 py-1 dark:border-gray-700 dark:bg-gray-950">
  <a class="text-lg font-bold" href="/">Acme</a><a class="text-sm font-medium" href="/">Projects</a>
  <a class="text-sm text-gray-500 dark:text-gray-400" href="/">People</a><span class="grow"></span>
  {% notification_bell %}
</nav>
{% block content %}<main class="mx-auto max-w-4xl px-4 py-6">
  <h1 class="text-2xl font-semibold">Projects</h1>
  <p class="mt-1 text-gray-500 dark:text-gray-400">What your team works on.</p>
  <div class="mt-4 grid grid-cols-2 gap-4">{% for name in "ab" %}
  <div class="rounded-xl border border-gray-200 p-4 shadow-sm dark:border-gray-700">
    <h2 class="font-semibold">Website relaunch</h2><p class="my-2 text-sm">Twelve tasks are open, three are yours.</p>
    <button class="rounded-md bg-indigo-600 px-3 py-1.5 text-sm font-medium text-white">Open</button>
  </div>{% endfor %}</div>
</main>{% endblock %}
</body></html>
"""
TAILWIND_IN: Final = """\
@import "tailwindcss";
@custom-variant dark (&:where(.dark, .dark *));
@source "./templates";
"""


@dataclass(frozen=True, slots=True)
class Framework:
    """One of them: the page, its style sheets, and how it says its theme.

    Attributes:
        name: as the guide's heading begins, in lower case.
        attribute: of `<html>`.
        themes: the value of the attribute for each theme.
    """

    name: str
    page: str
    styles: tuple[str, ...]
    attribute: str
    themes: dict[str, str]

    @property
    def layout(self) -> str:
        """The frame of all pages, light."""
        links = "\n".join(f'<link rel="stylesheet" href="{{% static \'{style}\' %}}">' for style in self.styles)
        mark = f'{self.attribute}="{self.themes["light"]}"'
        return HEAD.replace("HTML", mark).replace("STYLES", links) + self.page


BOTH: Final = "scheme-light dark:scheme-dark"
FRAMEWORKS: Final = {
    each.name: each
    for each in (
        Framework(
            "bootstrap",
            BOOTSTRAP,
            ("bootstrap.min.css", "acme.css"),
            "data-bs-theme",
            {"light": "light", "dark": "dark"},
        ),
        Framework("tailwind", TAILWIND, ("acme.css",), "class", {"light": BOTH, "dark": f"dark {BOTH}"}),
    )
}


def read_lines(name: str) -> str:
    """Return the style that the guide gives for a framework, as a reader copies it."""
    found = re.search(rf"^## {name}.*?```css\n(.*?)```", GUIDE.read_text(), re.DOTALL | re.MULTILINE | re.IGNORECASE)
    assert found, f"{GUIDE} has no lines for {name}"
    return found[1]


def fetch_frameworks(folder: Path) -> Path:
    """Install the frameworks into a new folder; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}')
    npm: list[str | Path] = [
        find_program("npm"),
        "install",
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
        "--silent",
        *PACKAGES,
    ]
    finish(npm, cwd=folder, seconds=FETCH_SECONDS)
    return folder


def dress(host: Host, name: str, fetched: Path) -> None:
    """Give a host the layout of a framework, and to its own style the lines of the guide."""
    framework, app = FRAMEWORKS[name], host.folder / "mysite"
    for page in ("home.html", "live_notifications/base.html"):
        path = app / "templates" / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(framework.layout)
    static = app / "static"
    static.mkdir(exist_ok=True)
    if FIRST_IN_ORDER not in (app / "settings.py").read_text():
        host.append("mysite/settings.py", FIRST_IN_ORDER)
    if name == "bootstrap":
        shutil.copy(fetched / "node_modules" / "bootstrap" / "dist" / "css" / "bootstrap.min.css", static)
        (static / "acme.css").write_text(read_lines(name))
        return
    (app / "acme.css").write_text(TAILWIND_IN + read_lines(name))
    if not (app / "node_modules").exists():
        (app / "node_modules").symlink_to(fetched / "node_modules")
    cli = fetched / "node_modules" / ".bin" / "tailwindcss"
    finish([cli, "-i", app / "acme.css", "-o", static / "acme.css", "--minify"], cwd=app, seconds=FETCH_SECONDS)
