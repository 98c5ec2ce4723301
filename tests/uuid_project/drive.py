"""What the tests of custom users run, each in a process of its own: `python -m tests.uuid_project.drive <what>`.

Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from django.core.management import call_command

SECONDS = 20.0  # longest wait for a frame


def write() -> dict[str, Any]:
    """Migrate, then go through the life of a notification."""
    from notifications import broadcast, mark_all_read, mark_seen, notify, notify_many
    from notifications.models import Inbox, Notification
    from tests.uuid_project.people.models import Person

    one, two = (Person.objects.create(email=f"{name}@example.com") for name in ("one", "two"))
    row = notify(one, title="by instance")
    notify(str(one.pk), title="by text")
    notify_many([two.pk, one], title="by key")
    broadcast(title="to all")
    row.mark_read()
    Notification.objects.for_user(one).filter(title="by text").archive()
    Notification.objects.create(recipient_id=str(two.pk), title="by recipient_id").delete()
    mark_seen(one.pk)
    mark_all_read(str(two.pk))
    inboxes = Inbox.objects.in_bulk()
    return {
        "counters": [
            [inboxes[each.pk].unread, inboxes[each.pk].unseen, inboxes[each.pk].modseq] for each in (one, two)
        ],
        "is_uuid": isinstance(one.pk, uuid.UUID),
    }


def announce() -> dict[str, Any]:
    """Send a broadcast to chosen users, follow it, and take it back; name audiences that such users cannot have."""
    from django.core.exceptions import ValidationError

    from notifications import Audience, AudienceKind, Step, take_step
    from notifications.broadcasts.audience import KINDS
    from notifications.broadcasts.progress import follow
    from notifications.broadcasts.worker import Worker
    from notifications.exceptions import RefusedRecipients
    from notifications.models import Notification
    from notifications.sending.dispatch import broadcast_to_audience, send_to_audience
    from tests.uuid_project.people.models import Person

    people = [Person.objects.create(email=f"{number}@example.com") for number in range(5)]
    chosen = Audience(AudienceKind.USERS, tuple(person.pk for person in people[:3]))
    broadcast = broadcast_to_audience(chosen, {"title": "for three"}, by=people[4])
    for person in people[3:]:
        follow(broadcast, person)
    people[0].delete()
    Worker().work_off()
    told = set(Notification.objects.filter(broadcast=broadcast).values_list("recipient", flat=True))
    take_step(broadcast, Step.RETRACT, by=people[4])
    Worker().work_off()
    refused = []
    for audience in (Audience(AudienceKind.STAFF), Audience(AudienceKind.GROUPS, (1,))):
        try:
            send_to_audience(audience, {"title": "for nobody"}, by=None)
        except ValidationError as error:
            refused += error.messages
    try:
        KINDS["groups"].named(["editors"])
    except RefusedRecipients as error:
        refused.append(str(error))
    return {
        "told": told == {people[1].pk, people[2].pk},
        "left": Notification.objects.filter(broadcast=broadcast).count(),
        "seen": sorted(Notification.objects.values_list("title", flat=True)),
        "refused": refused,
    }


def tell() -> dict[str, Any]:
    """Notify and end at once, as a command or a worker does."""
    from notifications import notify
    from tests.uuid_project.people.models import Person

    person = Person.objects.create(email="one@example.com")
    notify(person, title="last words")
    return {"user": str(person.pk)}


class Stream:
    """One open stream, driven by hand: an ASGI connection with the session cookie of a user."""

    def __init__(self, application: Any, cookie: str) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.is_gone = asyncio.Event()
        self.text = ""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/inbox/stream/",
            "raw_path": b"/inbox/stream/",
            "root_path": "",
            "query_string": b"",
            "headers": [(b"host", b"testserver"), (b"cookie", cookie.encode())],
            "client": ("127.0.0.1", 1),
            "server": ("testserver", 80),
        }
        self.task = asyncio.create_task(application(scope, self.receive, self.sent.put))

    async def receive(self) -> dict[str, Any]:
        await self.is_gone.wait()
        return {"type": "http.disconnect"}

    async def until(self, word: str) -> None:
        """Read until a word arrives."""
        async with asyncio.timeout(SECONDS):
            while word not in self.text:
                message = await self.sent.get()
                self.text += message.get("body", b"").decode()

    async def close(self) -> None:
        self.is_gone.set()
        await self.task


async def stream() -> dict[str, Any]:
    """Open streams of two users, write to one of them, and see what arrives where."""
    from notifications import anotify
    from notifications.asgi import with_stream
    from notifications.hub import get_hub

    application = with_stream(get_asgi_application())
    one, one_cookie = await sync_to_async(log_in)("one@example.com")
    two, two_cookie = await sync_to_async(log_in)("two@example.com")
    mine, others = Stream(application, one_cookie), Stream(application, two_cookie)
    await mine.until("event: reset")
    await others.until("event: reset")
    await anotify(one, title="only for one")
    await mine.until("only for one")
    await anotify(two, title="only for two")
    await others.until("only for two")
    await mine.close()
    await others.close()
    await get_hub().stop()
    return {"mine": mine.text, "others": others.text}


def log_in(email: str) -> tuple[Any, str]:
    """Return a new user and the cookie of a session."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from tests.uuid_project.people.models import Person

    person = Person.objects.create(email=email)
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return person, f"sessionid={session.session_key}"


WHATS = {"announce": announce, "tell": tell, "write": write}


def main() -> None:
    """Set Django up and do what the command line says."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.uuid_project.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    found = asyncio.run(stream()) if sys.argv[1] == "stream" else WHATS[sys.argv[1]]()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
