"""Declare history replaced, as after a restored backup: every client of the users meant gets a reset."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import router

from notifications.management import options as given
from notifications.management.progress import Progress
from notifications.models import Inbox
from notifications.operations.repair import read_inbox_keys, renew_epochs
from notifications.sending.public import renew_topics

__all__ = ["Command"]


class Command(BaseCommand):
    """Give inboxes new epochs, so that no position handed out before can be continued."""

    help = (
        "Run this after restoring a backup: it gives every inbox a new epoch, so that each client starts again instead "
        "of continuing from a position in the lost history. Running it twice is harmless."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what may be given."""
        given.add_user_option(parser)
        parser.add_argument("--batch", default=200, metavar="USERS", help="inboxes in one transaction (default: 200)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Renew and say how many.

        Raises:
            CommandError: an option is wrong.
        """
        using = router.db_for_write(Inbox)
        size = given.parse_whole_number("--batch", options["batch"], least=1, most=1_000)
        chosen = given.parse_user_keys(options["user"], using=using)
        chunks = read_inbox_keys(using, size) if chosen is None else iter([chosen])
        is_shown = options["verbosity"] > 0 and self.stdout.isatty()
        total = Inbox.objects.using(using).count() if is_shown else 0
        with Progress(self.stdout, total, is_shown=is_shown) as progress:
            for user_ids in chunks:
                progress.add(renew_epochs(using, user_ids))
        topics = 0 if chosen is not None else renew_topics()
        if topics and options["verbosity"] > 0:
            self.stdout.write(f"Renewed the epochs of {topics:,} public topics.")
        if options["verbosity"] > 0:
            self.stdout.write(f"Renewed the epochs of {progress.done:,} inboxes; their clients start again.")
