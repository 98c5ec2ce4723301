"""Static files: see whether the app's modules and styles are where the server takes them from, and of this version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage, staticfiles_storage

import notifications

from .findings import Finding, broken, note, well

__all__ = ["ENTRY", "address_of", "look", "names"]

ENTRY: Final = "notifications/index.js"  # what the bell's tag names; it imports the rest
FOLDER: Final = Path(notifications.__file__).parent / "static"
COLLECT: Final = "Run `manage.py collectstatic`, as with each release, and restart the servers."
SHOWN: Final = 3


def names() -> list[str]:
    """Return the app's modules and styles, as `{% static %}` calls them."""
    found = (str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.suffix in (".css", ".js"))
    return sorted(found, key=lambda name: (name != ENTRY, name))


def look() -> Iterator[Finding]:
    """Yield what is found. That static files are not set up at all the system checks say."""
    if not apps.is_installed("django.contrib.staticfiles"):
        yield note("unseen", "django.contrib.staticfiles is not installed; its files are not looked at.")
        return
    if django_settings.DEBUG:
        yield well("static", "DEBUG is on: static files are taken from where they are installed.")
        return
    unknown = [name for name in names() if address_of(name) is None]
    if unknown:
        yield broken("static.manifest", f"The manifest does not name {listed(unknown)}, so the bell is dead.", COLLECT)
        return
    yield from look_at_files()


def address_of(name: str) -> str | None:
    """Return the URL under which a page asks for a file; None where the manifest does not name it."""
    try:
        return str(staticfiles_storage.url(name))
    except ValueError:
        return None


def look_at_files() -> Iterator[Finding]:
    """Yield what is missing in STATIC_ROOT, and what is of another version. A store elsewhere is seen by its address."""
    is_here = isinstance(staticfiles_storage, StaticFilesStorage) and bool(django_settings.STATIC_ROOT)
    if not is_here or getattr(django_settings, "WHITENOISE_USE_FINDERS", False):
        yield note(
            "static.elsewhere", "Static files are not taken from STATIC_ROOT.", "Give --url to see them fetched."
        )
        return
    root = Path(django_settings.STATIC_ROOT)
    missing = [name for name in names() if not (root / stored(name)).is_file()]
    if missing:
        yield broken("static.missing", f"STATIC_ROOT ({root}) lacks {listed(missing)}, so the bell is dead.", COLLECT)
        return
    stale = [name for name in names() if is_stale(name, root)]
    if stale:
        yield broken("static.stale", f"STATIC_ROOT ({root}) holds another version of {listed(stale)}.", COLLECT)
    else:
        yield well("static", f"STATIC_ROOT ({root}) holds the {len(names())} modules and styles of this version.")


def stored(name: str) -> str:
    """Return what a file is called in STATIC_ROOT: with its hash, where the storage gives it one."""
    hashed = getattr(staticfiles_storage, "stored_name", None)
    return str(hashed(name)) if callable(hashed) else name


def is_stale(name: str, root: Path) -> bool:
    """Return whether what was collected differs from what is installed. Of a hashed copy alone that cannot be told."""
    collected, installed = root / name, finders.find(name)
    return collected.is_file() and bool(installed) and collected.read_bytes() != Path(str(installed)).read_bytes()


def listed(found: list[str]) -> str:
    rest = len(found) - SHOWN
    return ", ".join(found[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
