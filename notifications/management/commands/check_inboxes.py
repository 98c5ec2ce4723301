"""Compare every inbox with its notifications, and mend what is wrong if asked (`operations/repair.py` does the work)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import router

from notifications.management import options as given
from notifications.management.progress import Progress
from notifications.models import Inbox
from notifications.operations.repair import check, find_latest_mended, read_user_keys

__all__ = ["Command"]


class Command(BaseCommand):
    """Report each wrong inbox; end with status 1 if one is left as it is."""

    help = (
        "Compare counters and positions of every inbox with its notifications; report what differs, by user. Safe while "
        "the site runs: what looks wrong is looked at again under the inbox's lock. Ends with status 1 if something is "
        "wrong and was not repaired."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what may be given."""
        parser.add_argument(
            "--repair", action="store_true", help="repair wrong inboxes, and bring their users' open pages up to date"
        )
        given.add_user_option(parser)
        parser.add_argument("--batch", default=200, metavar="USERS", help="users in one query (default: 200)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, and report to standard output.

        Raises:
            CommandError: an option is wrong, or an inbox is and was not repaired.
        """
        using = router.db_for_write(Inbox)
        size = given.parse_whole_number("--batch", options["batch"], least=1, most=5_000)
        users = Inbox._meta.get_field("user").related_model._base_manager.using(using)
        chosen = given.parse_user_keys(options["user"], using=using)
        chunks = read_user_keys(using, size) if chosen is None else iter([chosen])
        is_shown = options["verbosity"] > 0 and self.stdout.isatty()
        done = ", repaired" if options["repair"] else ""
        mended, latest = find_latest_mended(using)
        wrong = 0
        with Progress(self.stdout, users.count() if is_shown else 0, is_shown=is_shown) as progress:
            for user_ids in chunks:
                for standing in check(using, user_ids, repair=options["repair"]):
                    progress.say(f"user {standing.user_id}: {'; '.join(standing.faults)}{done}")
                    wrong += 1
                progress.add(len(user_ids))
        if wrong and not options["repair"]:
            raise CommandError(f"{wrong:,} of {progress.done:,} inboxes are wrong; repair them with --repair.")
        if options["verbosity"] > 0:
            found = f"repaired {wrong:,}" if wrong else "all are right"
            self.stdout.write(f"Checked the inboxes of {progress.done:,} users: {found}.")
            if latest is not None:
                verb = "was" if mended == 1 else "were"
                at = f"{latest.mended_at:%Y-%m-%d %H:%M}" + (" UTC" if settings.USE_TZ else "")
                self.stdout.write(
                    f"{mended:,} {verb} repaired by an earlier write, the latest (user {latest.pk}) at {at}."
                )
