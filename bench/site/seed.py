"""Make the measured database: users, their inboxes, and a session for each, straight with bulk inserts.

    python -m bench.site.seed 500 /tmp/seed.json

The file then holds a list of {"user", "cookie", "position"}, which is all a client needs.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path

import django


def seed(count: int) -> list[dict[str, object]]:
    """Migrate, create what is missing of `count` users, and return who they are."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session
    from django.core.management import call_command
    from django.utils import timezone

    from notifications.models import Inbox

    call_command("migrate", verbosity=0)
    present = User.objects.count()
    new = [User(username=f"bench{n}", password="!bench") for n in range(present, count)]
    User.objects.bulk_create(new, batch_size=500)
    users = list(User.objects.order_by("pk")[:count])
    Inbox.objects.bulk_create([Inbox(pk=user.pk) for user in users], batch_size=500, ignore_conflicts=True)
    store = SessionStore()
    sessions: dict[int, str] = {}
    rows: list[Session] = []
    for user in users:
        sessions[user.pk] = key = f"bench{user.pk:027d}"
        content = {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
        ends = timezone.now() + dt.timedelta(days=1)
        rows.append(Session(session_key=key, session_data=store.encode(content), expire_date=ends))
    Session.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
    positions = dict(Inbox.objects.values_list("pk", "epoch"))
    modseqs = dict(Inbox.objects.values_list("pk", "modseq"))
    return [
        {"user": pk, "cookie": f"sessionid={key}", "position": f"{positions[pk]}.{modseqs[pk]}"}
        for pk, key in sessions.items()
    ]


if __name__ == "__main__":
    django.setup()
    Path(sys.argv[2]).write_text(json.dumps(seed(int(sys.argv[1]))))
