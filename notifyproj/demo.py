"""The people of the demonstration and what has happened to them: for `create_demo`, and for the pages that name them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

__all__ = ["DEMO_PASSWORD", "PEOPLE", "Event", "Person", "accounts"]

# Known to everybody, which is why these people never live on a server.
DEMO_PASSWORD = "demo"  # noqa: S105


def accounts(_request: HttpRequest) -> dict[str, Sequence[str] | bool]:
    """Give templates `is_demo`, and `demo_accounts`, those that a visitor may try; nothing with DEBUG off.

    One query, and only in a template that asks: a page must not promise an account that does not exist.
    """
    there = cast(Sequence[str], SimpleLazyObject(existing_accounts)) if settings.DEBUG else []
    return {"is_demo": settings.DEBUG, "demo_accounts": there}


def existing_accounts() -> list[str]:
    """Return the names of the demo accounts that exist, the administrator first. One query."""
    names = [person.username for person in PEOPLE]
    return list(User.objects.filter(username__in=names).order_by("username").values_list("username", flat=True))


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
    icon: str = ""
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
                "Noor Haddad invited you to Website relaunch",
                "You can comment and edit.",
                category="team",
                actor="Noor Haddad",
                topic="projects.project:9",
                icon="invite",
                is_read=True,
            ),
            Event(
                "Invoice 2041 has been paid",
                "€ 1,280.00 arrived by bank transfer.",
                level="success",
                category="billing",
                topic="billing.invoice:2041",
                icon="payment",
                is_read=True,
            ),
            Event(
                "Maintenance on Sunday",
                "From 06:00 to 06:30 UTC the site can be read, but nothing can be changed.",
                level="warning",
                category="system",
                topic="system.maintenance",
            ),
            Event(
                "Build 876 has failed",
                "“lint” stopped after two minutes.",
                level="error",
                category="builds",
                topic="builds.branch:main",
                icon="build",
            ),
            Event(
                "Sara Okafor asks you to approve an expense",
                "€ 412.50 · Train tickets, Berlin–Vienna",
                category="approvals",
                actor="Sara Okafor",
                topic="expenses.claim:88",
                icon="approval",
            ),
            Event(
                "Sara Okafor commented on “Release plan”",
                "“Finance needs the changelog by Tuesday noon then.”",
                category="comments",
                actor="Sara Okafor",
                topic="documents.document:12",
                icon="comment",
            ),
            Event(
                "Your export could not be finished",
                "The file grew beyond 100 MB. Choose a shorter period and try again.",
                level="error",
                category="reports",
                topic="reports.export:7",
                icon="file",
            ),
            Event(
                "Li Wei assigned “Fix the header on Safari” to you",
                "Due on Thursday · Website relaunch",
                category="tasks",
                actor="Li Wei",
                topic="projects.task:31",
                icon="task",
            ),
            Event(
                "Ada mentioned you in “Figures for October”",
                "“Uma, can you look at the figures for October before Thursday?”",
                url="/notifications/",
                category="mentions",
                actor="Ada",
                topic="reports.report:42",
                icon="mention",
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
                icon="file",
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
