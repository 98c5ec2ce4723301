"""Settings of a server under test: the site's own, with what its `Server` was told to change.

NOTIFYPROJ_TEST_SETTINGS='{"NOTIFICATIONS_SWEEP_SECONDS": 60}'
"""

import json
import os

from notifyproj.settings import *  # noqa: F403

# Logging in is in nearly every test, and PBKDF2 would spend a second of CPU on each.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

globals().update(json.loads(os.environ.get("NOTIFYPROJ_TEST_SETTINGS", "{}")))
