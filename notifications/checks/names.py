"""System check of the import name: whatever else is called `notifications` stands where this app does, or in its way.

The label, tables, tags, templates and URLs have a name of their own (`live_notifications`); the package has not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from django.core.checks import CheckMessage, Error

__all__ = ["check_package"]

OURS: Final = Path(__file__).resolve().parents[1]
# Packages of others that are imported as `notifications`.
OTHERS: Final = ("django-notifications-hq", "django-notifications-community")


def check_package(**_: Any) -> Iterator[CheckMessage]:
    """Find another package of this name, on Python's path or installed into the same folder."""
    for path in others_on_path():
        yield Error(
            f"{path} is called `notifications` as well: which of the two Python imports hangs on the order of its path.",
            hint="Rename yours, such as `git mv notifications alerts`, and its imports; with `name = 'alerts'` and "
            "`label = 'notifications'` in its AppConfig its tables and migrations stay as they are.",
            id="notifications.E023",
        )
    for name in OTHERS:
        if is_installed(name):
            yield Error(
                f"{name} is installed, and is imported as `notifications` too: its files and ours overwrite each other.",
                hint=f"`pip uninstall {name}`, then install this app again, for some files went with it. Its rows stay in "
                "the database: `manage.py import_django_notifications` brings them over.",
                id="notifications.E023",
            )


def others_on_path() -> Iterator[Path]:
    """Yield what else Python could import by our name, each once; another copy of this app is none."""
    seen = {OURS}
    for place in sys.path:
        package, module = Path(place) / "notifications", Path(place) / "notifications.py"
        try:
            is_copy = (package / "checks" / "names.py").is_file()
            found = [package] if (package / "__init__.py").is_file() and not is_copy else []
            found += [module] if module.is_file() else []
        except PermissionError:  # an import passes over such a folder, too
            continue
        for path in found:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield path.resolve()


def is_installed(name: str) -> bool:
    """Return whether a distribution is installed."""
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
