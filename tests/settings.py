"""Settings under test: the site's own, on a machine whose shell is not asked whether DEBUG is on."""

import atexit
import os
import tempfile
from pathlib import Path

os.environ["DEBUG"] = "1"

from notifyproj.settings import *  # noqa: F403
from notifyproj.settings import DATABASES

# Argon2 or PBKDF2 would spend most of the run on the passwords of users who live for milliseconds.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# What a second factor is kept in, for the site of the guide that asks for one.
INSTALLED_APPS += ["django_otp", "django_otp.plugins.otp_static"]  # noqa: F405

# A test that wants broadcasts sent has a worker of its own do it.
NOTIFICATIONS_SEND_IN_PROCESS = False

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, as in real life: in memory, SQLite shares one connection between all threads. One for each run, so that
    # two runs at once do not meet.
    test_database = Path(tempfile.gettempdir()) / f"notifyproj-test-{os.getpid()}.sqlite3"
    DATABASES["default"]["TEST"] = {"NAME": test_database}

    @atexit.register
    def remove_test_database() -> None:
        """Remove what Django leaves: the write-ahead log beside the file, if a thread still held a connection."""
        for suffix in ("", "-shm", "-wal"):
            test_database.with_name(test_database.name + suffix).unlink(missing_ok=True)
