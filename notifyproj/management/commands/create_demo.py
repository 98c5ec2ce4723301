"""Fill a fresh database with three people and what has happened to them, so that the first page is not empty.

Everything goes through `notify()` and `mark_read()`, each call a transaction of its own, so the log reads as if it had
been lived. Whoever exists already is left alone: a second run adds nothing and resets no password.

Only in a database that is marked as a demonstration. The first run marks one that has no accounts yet.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from notifications import notify
from notifyproj.demo import DEMO_PASSWORD, PEOPLE, Person, existing_accounts
from notifyproj.models import Demonstration

__all__ = ["Command"]


class Command(BaseCommand):
    """Create the demo accounts that do not exist yet, each with its notifications."""

    help = "Create the demo accounts admin, user1 and user2 (password: demo), in an empty database and with DEBUG on."

    def handle(self, *args: Any, **options: Any) -> None:
        """Create who is missing and say so.

        Raises:
            CommandError: DEBUG is off, or somebody else lives in this database. Accounts whose password is public have
                no place there.
        """
        if not settings.DEBUG:
            raise CommandError(
                "DEBUG is off, and the demo accounts have a password that everybody knows. Set DEBUG=1 on your own "
                "machine; on a server, use `manage.py createsuperuser`."
            )
        mark_if_empty()
        existing = existing_accounts()
        for person in PEOPLE:
            if person.username in existing:
                self.stdout.write(f"{person.username}: exists already, left as it is")
            else:
                _create(person)
                self.stdout.write(f"{person.username}: created with {len(person.events)} notifications")


@transaction.atomic
def mark_if_empty() -> None:
    """Make sure that this database is a demonstration's.

    Raises:
        CommandError: it is not marked, and there are accounts in it.
    """
    if Demonstration.objects.exists():
        return
    if count := User.objects.count():
        raise CommandError(
            f"This database has {count} {'account' if count == 1 else 'accounts'} and is not marked as a demonstration, so "
            "nobody with a password that everybody knows is added to it. Name an empty one, such as "
            "DATABASE_URL=sqlite:////tmp/demo.sqlite3, or remove db.sqlite3 if it holds nothing that you need."
        )
    Demonstration.objects.create()


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
            data={"icon": event.icon} if event.icon else {},
        )
        if event.is_read:
            notification.mark_read()
