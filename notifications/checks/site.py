"""What a site lacks among its apps, middlewares, databases, templates and layers."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from channels.layers import InMemoryChannelLayer
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, Error, Info, Warning as Risk
from django.core.management import find_commands
from django.db import connections, router
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.module_loading import import_string

from ..exceptions import InvalidSetting
from ..integrations.pushpin import get_edge
from ..models import Notification
from .settings import read_valid

__all__ = [
    "check_accounts",
    "check_admin",
    "check_api",
    "check_database",
    "check_edge",
    "check_eventstream",
    "check_layer",
    "check_runserver",
    "check_subclasses",
    "check_templates",
]

DATABASE_SESSIONS: Final = ("django.contrib.sessions.backends.db", "django.contrib.sessions.backends.cached_db")
REQUEST_PROCESSOR: Final = "django.template.context_processors.request"
# Commands named runserver that serve WSGI, so no stream. Of others' we know nothing.
WSGI_RUNSERVERS: Final = ("django.core", "django.contrib.staticfiles")
MIN_KEY_BYTES: Final = 32  # of a key for HS256 (https://www.rfc-editor.org/rfc/rfc7518#section-3.2)

E005 = Error(
    "django.contrib.sessions is not in INSTALLED_APPS, so nobody can be logged in and every stream is refused.",
    hint="Add 'django.contrib.sessions' to INSTALLED_APPS, or choose a SESSION_ENGINE that needs no table.",
    id="notifications.E005",
)
E007 = Error(
    "The template live_notifications/bell.html is not found, so {% notification_bell %} fails.",
    hint="Set 'APP_DIRS': True in a DjangoTemplates entry of TEMPLATES, or add the app_directories loader.",
    id="notifications.E007",
)
W001 = Risk(
    "The in-memory channel layer is in use with DEBUG off: a change made by another process (a second worker, a "
    "command) shows only when the sweeper finds it, NOTIFICATIONS_SWEEP_SECONDS later.",
    hint="Use channels_redis.pubsub.RedisPubSubChannelLayer, or silence this where one process does everything.",
    id="notifications.W001",
)
W004 = Risk(
    "`manage.py runserver` serves WSGI here, which cannot hold a stream open: pages work, nothing is live.",
    hint="Put 'daphne' on top of INSTALLED_APPS, above 'django.contrib.staticfiles'.",
    id="notifications.W004",
)
W005 = Risk(
    "Sessions are kept in signed cookies, so the server cannot see a logout: an open stream goes on until it is "
    "rotated, and a copied cookie opens new ones.",
    hint="Use another SESSION_ENGINE, such as 'django.contrib.sessions.backends.cached_db'.",
    id="notifications.W005",
)
W006 = Risk(
    "SQLite's transactions begin without the write lock: of two that read first and write later one fails at once with "
    "“database is locked”, whatever its timeout.",
    hint="Set 'OPTIONS': {'transaction_mode': 'IMMEDIATE'} for this database.",
    id="notifications.W006",
)
W007 = Risk(
    "No template engine adds `request` to the context, so {% notification_bell %} finds no user and shows nothing.",
    hint=f"Add '{REQUEST_PROCESSOR}' to the context_processors of TEMPLATES.",
    id="notifications.W007",
)
W008 = Risk(
    "Static files are not set up, so the bell has neither style nor script and its count does not move.",
    hint="Add 'django.contrib.staticfiles' to INSTALLED_APPS and set STATIC_URL, such as 'static/'.",
    id="notifications.W008",
)


E010 = Error(
    "This MariaDB or MySQL is asked for REPEATABLE READ, in which a transaction goes on reading rows as they were when it "
    "began, while it locks inboxes as they are now: counters would be counted from what is no longer there.",
    hint="Leave Django's own level, 'isolation_level': 'read committed', or set 'init_command': 'SET SESSION "
    "innodb_snapshot_isolation = ON' in OPTIONS (MariaDB 10.6.18, 10.11.8, 11.4.2 or later), which refuses such a write.",
    id="notifications.E010",
)
I001 = Info(
    "django-ninja is not installed, so there is no JSON API: addresses under api/ are not found.",
    hint="`pip install django-ninja`, or silence this where nobody needs it.",
    id="notifications.I001",
)


def check_subclasses(**_: Any) -> Iterator[CheckMessage]:
    """Find models with a table of their own beside `Notification`'s."""
    for model in apps.get_models():
        if Notification in model._meta.get_parent_list() and not model._meta.proxy:
            yield Error(
                f"{model._meta.label} has a table of its own beside Notification's, which the log does not write: creating "
                "one is refused.",
                hint="Make it a proxy and keep additional values in `data`, or point to the notification with a "
                "OneToOneField.",
                obj=model,
                id="notifications.E009",
            )


def check_layer(**_: Any) -> Iterator[CheckMessage]:
    """Find a channel layer that is not there, or that does not reach other processes."""
    alias = read_valid("channel_layer")
    if alias is None:
        return
    layer = getattr(django_settings, "CHANNEL_LAYERS", {}).get(alias)
    if layer is None:
        yield Error(
            f"CHANNEL_LAYERS has no {alias!r}, so no doorbell is heard and changes wait for the sweeper.",
            hint=f"Set CHANNEL_LAYERS = {{{alias!r}: {{'BACKEND': 'channels.layers.InMemoryChannelLayer'}}}}, or name "
            "another alias in NOTIFICATIONS_CHANNEL_LAYER.",
            id="notifications.E001",
        )
        return
    try:
        backend = import_string(layer.get("BACKEND", ""))
    except ImportError as error:
        yield Error(
            f"The BACKEND of CHANNEL_LAYERS[{alias!r}] cannot be imported: {error}",
            hint="Install it, such as `pip install channels-redis`, or name another.",
            id="notifications.E002",
        )
        return
    is_in_memory = isinstance(backend, type) and issubclass(backend, InMemoryChannelLayer)
    if is_in_memory and not django_settings.DEBUG:
        yield W001


def check_runserver(**_: Any) -> Iterator[CheckMessage]:
    """Find a development server that cannot hold a stream open. With DEBUG off nobody runs it."""
    names = (app.name for app in apps.get_app_configs() if "runserver" in commands_of(app.path))
    if django_settings.DEBUG and next(names, "django.core") in WSGI_RUNSERVERS:
        yield W004


def commands_of(app_path: str) -> list[str]:
    return find_commands(str(Path(app_path) / "management"))


def check_accounts(**_: Any) -> Iterator[CheckMessage]:
    """Find what keeps the stream or the pages from knowing the user."""
    engine = django_settings.SESSION_ENGINE
    if engine in DATABASE_SESSIONS and not apps.is_installed("django.contrib.sessions"):
        yield E005
    for middleware in (SessionMiddleware, AuthenticationMiddleware):
        if not any(is_kind_of(middleware, path) for path in django_settings.MIDDLEWARE):
            yield Error(
                f"MIDDLEWARE has no {middleware.__name__}, so the pages cannot know which user is logged in.",
                hint=f"Add '{middleware.__module__}.{middleware.__name__}' to MIDDLEWARE.",
                id="notifications.E006",
            )
    if engine == "django.contrib.sessions.backends.signed_cookies":
        yield W005


def is_kind_of(middleware: type, path: str) -> bool:
    """Return whether a dotted path names this middleware or one made of it."""
    try:
        found = import_string(path)
    except ImportError:
        return False  # Django says so itself
    return isinstance(found, type) and issubclass(found, middleware)


def check_database(**_: Any) -> Iterator[CheckMessage]:
    """Find a database whose transactions do not fit the log's. Looks at the settings, opens no connection."""
    connection = connections[router.db_for_write(Notification)]
    options = connection.settings_dict.get("OPTIONS", {})
    mode = options.get("transaction_mode") or ""
    if connection.vendor == "sqlite" and mode.upper() not in ("IMMEDIATE", "EXCLUSIVE"):
        yield W006
    # None is the server's own level, which is REPEATABLE READ unless told otherwise; PostgreSQL's levels are numbers
    level = options.get("isolation_level", "read committed") or "repeatable read"
    reads_old_rows = str(level).lower() == "repeatable read"  # serializable locks what it reads
    if (
        connection.vendor == "mysql"
        and reads_old_rows
        and "innodb_snapshot_isolation" not in str(options.get("init_command"))
    ):
        yield E010


def check_templates(**_: Any) -> Iterator[CheckMessage]:
    """Find what keeps the bell from being rendered, or from being more than markup."""
    try:
        get_template("live_notifications/bell.html")
    except TemplateDoesNotExist:
        yield E007
    processors = [engine.get("OPTIONS", {}).get("context_processors", ()) for engine in django_settings.TEMPLATES]
    if not any(REQUEST_PROCESSOR in each for each in processors):
        yield W007
    if not apps.is_installed("django.contrib.staticfiles") or not django_settings.STATIC_URL:
        yield W008


def check_api(**_: Any) -> Iterator[CheckMessage]:
    """Say that an optional part is not there."""
    if find_spec("ninja") is None:
        yield I001


def check_eventstream(**_: Any) -> Iterator[CheckMessage]:
    """Find django-eventstream's view over our log without the channel manager that knows whose an inbox is."""
    paths = [getattr(django_settings, f"EVENTSTREAM_{name}_CLASS", "") for name in ("STORAGE", "CHANNELMANAGER")]
    ours = "notifications.integrations.eventstream"
    if paths[0].startswith(ours) and (not paths[1] or paths[1].startswith("django_eventstream.")):
        yield Error(
            f"EVENTSTREAM_STORAGE_CLASS is {paths[0]!r}, and the channel manager does not know which user owns an inbox.",
            hint=f"Set EVENTSTREAM_CHANNELMANAGER_CLASS = '{ours}.LogChannelManager', or a class made of that.",
            id="notifications.E020",
        )


def check_edge(**_: Any) -> Iterator[CheckMessage]:
    """Find an edge that nobody can publish to, or whose signature can be guessed."""
    missing = [name for name in ("cryptography", "jwt") if read_valid("grip_url") and find_spec(name) is None]
    if missing:
        yield Error(
            f"NOTIFICATIONS_GRIP_URL is set, and {' and '.join(missing)} cannot be imported: no stream can be opened.",
            hint="`pip install cryptography PyJWT`.",
            id="notifications.E021",
        )
    try:
        proxy = get_edge()
    except InvalidSetting as error:
        yield Error(str(error), id="notifications.E022")
        return
    if proxy is not None and min(len(proxy.key), len(proxy.verify_key)) < MIN_KEY_BYTES:
        yield Risk(
            f"A key in NOTIFICATIONS_GRIP_URL is shorter than {MIN_KEY_BYTES} bytes; anyone who guesses it can pass as the "
            "proxy.",
            hint="Make one with `openssl rand -hex 32`, for sig_key in pushpin.conf and for `key=` here.",
            id="notifications.W016",
        )


def check_admin(**_: Any) -> Iterator[CheckMessage]:
    """Find an admin in which recipients cannot be searched."""
    if not apps.is_installed("django.contrib.admin"):
        return
    from django.contrib.admin.sites import all_sites  # a site without the admin need not load it

    user_model = get_user_model()
    for site in all_sites:
        if not site.is_registered(Notification):
            continue
        if not site.is_registered(user_model) or not is_searchable(site.get_model_admin(user_model)):
            yield Risk(
                f"Staff must type usernames to send a notification in the admin {site.name!r}: its search box cannot "
                f"find users, for {user_model._meta.label} is not registered there with search_fields.",
                hint=f"Register {user_model._meta.label} with a ModelAdmin that has search_fields.",
                id="notifications.W014",
            )


def is_searchable(model_admin: Any) -> bool:
    """Return whether an admin can be searched; one that decides on each request is taken for it."""
    from django.contrib.admin import ModelAdmin  # as above

    return bool(model_admin.search_fields) or type(model_admin).get_search_fields is not ModelAdmin.get_search_fields
