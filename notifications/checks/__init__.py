"""System checks: what a host project lacks (`E`, it cannot work) or risks (`W`), or could have (`I`), each with its remedy.

Run by `manage.py check` and before most commands; alone by `manage.py check --tag notifications`. None of them touches
a database. What cannot be told apart raises no alarm. About apps, databases and templates: `site.py`; about the
stream's routing: `asgi.py`; about the values of settings: `settings.py`; about secrets and limits: `security.py`; about the
way to Redis: `transport.py`; about the functions that settings name: `admission.py`; about how static files are stored:
`static_files.py`; about other packages of our name: `names.py`.

Django's own GZipMiddleware is no finding: the stream is answered before Django's middleware is reached.
"""

from __future__ import annotations

from typing import Final

from django.core.checks import register

from .admission import check_admission, check_avatars
from .asgi import check_routing
from .names import check_package
from .security import check_limits, check_proxies, check_reports
from .settings import check_names, check_times, check_values
from .site import (
    check_accounts,
    check_admin,
    check_api,
    check_database,
    check_edge,
    check_eventstream,
    check_layer,
    check_runserver,
    check_subclasses,
    check_templates,
)
from .static_files import check_static_files
from .transport import check_transport

__all__ = ["TAG"]

TAG: Final = "notifications"

for check in (
    check_package,
    check_subclasses,
    check_layer,
    check_routing,
    check_runserver,
    check_accounts,
    check_admission,
    check_avatars,
    check_database,
    check_templates,
    check_admin,
    check_api,
    check_eventstream,
    check_edge,
    check_limits,
    check_proxies,
    check_reports,
    check_values,
    check_names,
    check_times,
    check_transport,
    check_static_files,
):
    register(check, TAG)
