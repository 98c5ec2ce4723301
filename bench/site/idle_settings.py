"""The measured site whose server leaves broadcasts to a worker."""

from bench.site.settings import *  # noqa: F403

NOTIFICATIONS_SEND_IN_PROCESS = False
