"""Settings of the demonstration site, from the environment (see `environment.py`) and nowhere else.

With DEBUG on it is a developer's machine: SQLite, layers within the process, plain HTTP, no variable needed. With
DEBUG off it is a server behind a proxy that ends TLS and sets X-Forwarded-Proto, and `check --deploy` is content.
"""

import os
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

from notifyproj import environment

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = environment.debug(os.environ)
SECRET_KEY = environment.secret_key(os.environ, is_debug=DEBUG)
ALLOWED_HOSTS = environment.allowed_hosts(os.environ, is_debug=DEBUG)

# --- Applications ---

INSTALLED_APPS = [
    # On top, so that its `runserver` (ASGI) is the one that runs: Daphne's own system check insists on it.
    "daphne",
    # The site: its templates and the demo command.
    "notifyproj",
    "notifications",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "notifyproj.urls"
ASGI_APPLICATION = "notifyproj.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",  # LANGUAGES, for the switch
                "notifyproj.demo.accounts",
            ],
        },
    },
]

# --- Where things are kept ---

DATABASES = environment.databases(os.environ, base_dir=BASE_DIR)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CHANNEL_LAYERS = environment.channel_layers(os.environ)
CACHES = environment.caches(os.environ)

# --- Other clients ---

# A GRIP proxy such as Pushpin that holds the streams; empty: there is none.
NOTIFICATIONS_GRIP_URL = environment.grip_url(os.environ)

# What everybody may follow without logging in, such as a status page.
NOTIFICATIONS_PUBLIC_TOPICS = ["status"]
# django-eventstream's own view, at /events/, over the log of notifications. Needs none of its tables.
EVENTSTREAM_STORAGE_CLASS = "notifications.integrations.eventstream.LogStorage"
EVENTSTREAM_CHANNELMANAGER_CLASS = "notifications.integrations.eventstream.LogChannelManager"

# --- People ---

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

# --- Language and time ---

LANGUAGE_CODE = "en"
# Each by its own name, as the switch on every page shows it.
LANGUAGES = [("en", "English"), ("zh-hans", "中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
# A choice that was made once holds for a year, not until the browser is closed.
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# --- Static files: Django serves them with DEBUG on; otherwise the proxy does, from what `collectstatic` gathered ---

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"

# --- What a browser may do with our pages ---

# No inline script, style or handler anywhere, the admin included (Django keeps it free of them).
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# Addresses in settings hold the key of the edge and the password of Redis.
DEFAULT_EXCEPTION_REPORTER_FILTER = "notifications.operations.error_reports.SecretsFilter"

if not DEBUG:
    # With a hash of the content in each name, so that browsers keep files for good, and a release has other names.
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    # By its X-Forwarded-For visitors of public topics are told apart; over a Unix socket it has no address at all.
    NOTIFICATIONS_TRUSTED_PROXIES = ["127.0.0.1", "::1"]
    # The server is reachable through a proxy only, which ends TLS and overwrites this header.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    LANGUAGE_COOKIE_SECURE = True
    # One hour: long enough to protect a visit, short enough to take back. Raise it once HTTPS is there to stay.
    SECURE_HSTS_SECONDS = 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    # Preloading writes the domain into browsers for good: its owner decides that, not this site.
    SILENCED_SYSTEM_CHECKS = ["security.W021"]

# --- Logs: to standard error, with ids and counts, never content ---

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "notifications": {"level": "INFO"},
        "notifyproj": {"level": "INFO"},
        # Django's own set-up mails errors to ADMINS when DEBUG is off; this site has none, so they go to the console.
        "django": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}
