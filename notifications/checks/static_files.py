"""System check of the storage of static files: a release reaches browsers whole, and never half of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.staticfiles.storage import HashedFilesMixin, StaticFilesStorage
from django.core.checks import CheckMessage, Warning as Risk
from django.utils.module_loading import import_string

from ..pages.static_files import MODULES

__all__ = ["check_static_files"]

MANIFEST: Final = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"


def check_static_files(**_: Any) -> Iterator[CheckMessage]:
    """Find a storage under which a browser can run modules of two releases together. Of others' kinds we know nothing."""
    if django_settings.DEBUG or not apps.is_installed("django.contrib.staticfiles"):
        return
    path = django_settings.STORAGES.get("staticfiles", {}).get("BACKEND", "")
    try:
        backend = import_string(path)
    except ImportError:
        return  # Django says so itself
    if not isinstance(backend, type):
        return
    if not issubclass(backend, HashedFilesMixin):
        if issubclass(backend, StaticFilesStorage):
            yield Risk(
                f"{path} gives static files the same names in every release, so after an upgrade a browser may run "
                "modules that it kept together with new ones.",
                hint=f"Set STORAGES['staticfiles']['BACKEND'] = '{MANIFEST}' and run `manage.py collectstatic`, or silence "
                "this where static files are served with `Cache-Control: no-cache`.",
                id="notifications.W060",
            )
    elif MODULES not in dict(backend.patterns) and not backend.support_js_module_import_aggregation:
        yield Risk(
            f"{path} has `patterns` of its own, so the app's modules import each other by names without a hash.",
            hint="Build them on `HashedFilesMixin.patterns` in the class's `__init__`, or set "
            "`support_js_module_import_aggregation = True` in the class.",
            id="notifications.W061",
        )
