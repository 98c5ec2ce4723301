"""Bring over what django-notifications keeps: once, in chunks, through the log."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import router, transaction

from notifications.integrations.django_notifications import (
    MARK,
    THEIRS,
    Outcome,
    add_mark,
    bring_over,
    build_old_model,
    read_columns,
)
from notifications.management import options as given
from notifications.management.progress import Progress
from notifications.models import Notification

__all__ = ["Command"]

SHOWN: Final = 10  # refused rows that are named


class Command(BaseCommand):
    """Import the rows of django-notifications-hq or django-notifications-community."""

    help = "Run it after `migrate`, as often as you like: imported rows are marked and are not imported again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what may be given."""
        parser.add_argument("--table", default=THEIRS, help=f"name of the old table (default: {THEIRS})")
        parser.add_argument(
            "--include-deleted", action="store_true", help="import deleted notifications too, as archived ones"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
        parser.add_argument("--batch", default=500, metavar="ROWS", help="rows in one transaction (default: 500)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, and say how much.

        Raises:
            CommandError: an option is wrong, a table is missing, or a row could not be brought over.
        """
        using = router.db_for_write(Notification)
        table = options["table"]
        size = given.parse_whole_number("--batch", options["batch"], least=1, most=5_000)
        self._expect_tables(table, using)
        total = self._import(table, using, size, options)
        self._report(total, options)
        if total.refused:
            raise CommandError(f"{len(total.refused):,} could not be imported; the others were.")

    def _expect_tables(self, table: str, using: str) -> None:
        if "verb" not in read_columns(table, using=using):
            raise CommandError(f"{table} is not a table of django-notifications; name yours with --table.")
        if "modseq" not in read_columns(Notification._meta.db_table, using=using):
            raise CommandError("The tables of this app do not exist; run `manage.py migrate` first.")

    def _import(self, table: str, using: str, size: int, options: dict[str, Any]) -> Outcome:
        rows = build_old_model(table)._default_manager.using(using).order_by("id")
        if options["dry_run"] and MARK not in read_columns(table, using=using):
            rows = rows.defer(MARK)  # nothing came over yet
        else:
            add_mark(table, using=using)
            rows = rows.filter(**{MARK: None})
        if not options["include_deleted"]:
            rows = rows.filter(deleted=False)
        total = Outcome()
        last_id = 0
        is_shown = options["verbosity"] > 0 and self.stdout.isatty()
        with Progress(self.stdout, rows.count() if is_shown else 0, is_shown=is_shown) as progress:
            while True:
                with transaction.atomic(using=using):
                    portion: list[Any] = list(rows.filter(id__gt=last_id).select_for_update()[:size])
                    if not portion:
                        return total
                    done = bring_over(portion, using=using, is_dry=options["dry_run"])
                last_id = portion[-1].id
                total.imported += done.imported
                total.shortened += done.shortened
                total.refused |= done.refused
                total.users |= done.users
                progress.add(len(portion))

    def _report(self, total: Outcome, options: dict[str, Any]) -> None:
        if options["verbosity"] > 0:
            verb = "Would import" if options["dry_run"] else "Imported"
            self.stdout.write(f"{verb} {total.imported:,} notifications of {len(total.users):,} users.")
            if total.shortened:
                self.stdout.write(f"{total.shortened:,} of them had a sentence, a text or data of more than fits here.")
        for key, reason in list(total.refused.items())[:SHOWN]:
            self.stderr.write(f"Row {key}: {reason}")
