"""Fill a fresh database with three people and what has happened to them, so that the first page is not empty.

Everything goes through `notify()` and `mark_read()`, each call a transaction of its own, so the log reads as if it had
been lived. Whoever exists already is left alone: a second run adds nothing and resets no password.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from notifications.publish import notify

__all__ = ["DEMO_PASSWORD", "PEOPLE", "Command"]

# Known to everybody, which is why the command refuses to run on a server.
DEMO_PASSWORD = "demo"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Event:
    """A notification to come, in the words of `notify()`."""

    title: str
    body: str = ""
    url: str = ""
    level: str = "info"
    category: str = "general"
    actor: str = ""
    topic: str = ""
    is_read: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """An account to create, and what awaits it, oldest first."""

    username: str
    name: str
    is_admin: bool
    events: tuple[Event, ...]


PEOPLE = (
    Person(
        "admin",
        "Ada",
        is_admin=True,
        events=(
            Event(
                "Welcome, Ada", "You can send a notification to anybody from the admin.", url="/admin/", is_read=True
            ),
            Event(
                "Two people have joined",
                "user1 and user2 have signed in for the first time.",
                url="/admin/auth/user/",
                level="success",
                category="team",
            ),
            Event(
                "The nightly backup took 41 minutes",
                "That is twice as long as last week. It has finished, and nothing is missing.",
                level="warning",
                category="system",
                topic="system.backup",
            ),
        ),
    ),
    Person(
        "user1",
        "Uma",
        is_admin=False,
        events=(
            Event("Welcome, Uma", "This is where you hear what happens while you work.", url="/", is_read=True),
            Event(
                "Invoice 2041 has been paid",
                "€ 1,280.00 arrived by bank transfer.",
                level="success",
                category="billing",
                topic="billing.invoice:2041",
                is_read=True,
            ),
            Event(
                "Ada mentioned you",
                "“Uma, can you look at the figures for October before Thursday?”",
                url="/notifications/",
                category="mentions",
                actor="Ada",
                topic="reports.report:42",
            ),
            Event(
                "Your export could not be finished",
                "The file grew beyond 100 MB. Choose a shorter period and try again.",
                level="error",
                category="reports",
                topic="reports.export:7",
            ),
        ),
    ),
    Person(
        "user2",
        "Uri",
        is_admin=False,
        events=(
            Event("Welcome, Uri", "This is where you hear what happens while you work.", url="/", is_read=True),
            Event(
                "Uma shared “Figures for October” with you",
                url="/notifications/",
                category="reports",
                actor="Uma",
                topic="reports.report:42",
            ),
            Event(
                "Maintenance on Sunday",
                "From 06:00 to 06:30 UTC the site can be read, but nothing can be changed.",
                level="warning",
                category="system",
                topic="system.maintenance",
            ),
        ),
    ),
)


class Command(BaseCommand):
    """Create the demo accounts that do not exist yet, each with its notifications."""

    help = "Create the demo accounts admin, user1 and user2 (password: demo) with some notifications. DEBUG only."

    def handle(self, *args: Any, **options: Any) -> None:
        """Create who is missing and say so.

        Raises:
            CommandError: DEBUG is off. Accounts whose password is public have no place on a server.
        """
        if not settings.DEBUG:
            raise CommandError(
                "DEBUG is off, and the demo accounts have a password that everybody knows. Set DEBUG=1 on your own "
                "machine; on a server, use `manage.py createsuperuser`."
            )
        existing = set(
            User.objects.filter(username__in=[p.username for p in PEOPLE]).values_list("username", flat=True)
        )
        for person in PEOPLE:
            if person.username in existing:
                self.stdout.write(f"{person.username}: exists already, left as it is")
            else:
                _create(person)
                self.stdout.write(f"{person.username}: created with {len(person.events)} notifications")


def _create(person: Person) -> None:
    create = User.objects.create_superuser if person.is_admin else User.objects.create_user
    user = create(person.username, f"{person.username}@example.com", DEMO_PASSWORD, first_name=person.name)
    for event in person.events:
        notification = notify(
            user,
            title=event.title,
            body=event.body,
            url=event.url,
            level=event.level,
            category=event.category,
            actor=event.actor,
            topic=event.topic,
        )
        if event.is_read:
            notification.mark_read()
