"""Tell some users something, from a shell or a script."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifications.exceptions import RefusedRecipients
from notifications.management.content import add_content_options, build_error, parse_content
from notifications.sending.dispatch import send_to_users
from notifications.sending.recipients import users_by_name

__all__ = ["Command"]


class Command(BaseCommand):
    """Send to the users named: to all of them, or to none."""

    help = "Tell users something: notify ada ben --title 'Backup finished' --level success. All of them, or none."

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what may be given."""
        parser.add_argument(
            "usernames", nargs="+", metavar="username", help="users to tell, by name; each is told once"
        )
        add_content_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Send and say to how many.

        Raises:
            CommandError: a user cannot be told, or the content is wrong. Nothing was sent.
        """
        try:
            count = send_to_users(users_by_name(options["usernames"]), parse_content(options)).recipients
        except RefusedRecipients as error:
            raise CommandError(f"{error} Nothing was sent.") from None
        except ValidationError as error:
            raise build_error(error) from None
        if options["verbosity"] > 0:
            self.stdout.write(f"Told {count:,} {'user' if count == 1 else 'users'}.")
