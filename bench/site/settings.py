"""The demonstration site as the benchmark runs it: DEBUG off, as in production, but plain HTTP on loopback.

The environment comes from `bench/servers.py`. Adds two addresses (`bench/send/`, `bench/stats/`) and nothing to the app.
"""

from notifyproj.settings import *  # noqa: F403

ROOT_URLCONF = "bench.site.urls"
ASGI_APPLICATION = "bench.site.asgi.application"
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 0

# One user with thousands of streams stands for "one change to many streams"; everything else is as by default.
NOTIFICATIONS_STREAMS_PER_USER = 20_000
NOTIFICATIONS_STREAMS_PER_PROCESS = 20_000

SILENCED_SYSTEM_CHECKS = ["security.W021", "security.W008", "security.W004"]
