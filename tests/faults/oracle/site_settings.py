"""Settings of a site under the oracle: the tests' own, with transactions that have names on SQLite.

ORACLE_DATABASE='{"OPTIONS": {"options": "-c lock_timeout=500"}}' adds to DATABASES["default"].
"""

import json
import os
from typing import Any

from django.db.backends.signals import connection_created

from tests.faults.oracle.trail import name_transactions
from tests.support.site_settings import *  # noqa: F403
from tests.support.site_settings import DATABASES

connection_created.connect(name_transactions)

wish: dict[str, Any] = json.loads(os.environ.get("ORACLE_DATABASE", "{}"))
DATABASES["default"] |= {**wish, "OPTIONS": DATABASES["default"].get("OPTIONS", {}) | wish.get("OPTIONS", {})}
