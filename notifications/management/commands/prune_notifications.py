"""Delete old notifications: by age, by a maximum for each user, or both (`operations/prune.py` does the work)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, router
from django.utils import timezone

from notifications.log.bulk_delete import Batch
from notifications.management import options as given
from notifications.management.progress import Progress
from notifications.models import Notification
from notifications.operations.prune import ARCHIVED, EVERY, SETTLED, Policy, count_prunable, prune

__all__ = ["Command"]

INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended


class Command(BaseCommand):
    """Delete what a policy allows, in batches that each lock a few inboxes for milliseconds."""

    help = (
        "Delete old notifications for good. What is unread (and not archived) stays unless --include-unread is given. "
        "Safe while the site runs; may be interrupted and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what may be given."""
        parser.add_argument("--older-than", metavar="AGE", help="delete what was sent longer ago than 36h, 90d or 12w")
        parser.add_argument(
            "--keep", metavar="N", help="delete what lies beyond the newest N of a user, all states counted"
        )
        states = parser.add_mutually_exclusive_group()
        states.add_argument("--include-unread", action="store_true", help="delete also what is unread")
        states.add_argument("--archived-only", action="store_true", help="delete only what was archived, read or not")
        given.add_user_option(parser)
        parser.add_argument(
            "--batch", default=250, metavar="ROWS", help="rows in one transaction at most (default: 250)"
        )
        parser.add_argument("--dry-run", action="store_true", help="only count what would be deleted")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prune and say what was done.

        Raises:
            CommandError: an option is wrong; or the run was cut off, and how far it came.
        """
        using = router.db_for_write(Notification)
        policy = parse_policy(options)
        batch_rows = given.parse_whole_number("--batch", options["batch"], least=1, most=10_000)
        user_ids = given.parse_user_keys(options["user"], using=using)
        is_shown = options["verbosity"] > 0 and self.stdout.isatty()
        total = 0
        if options["dry_run"] or is_shown:  # counting costs a pass over what is there
            total, users = count_prunable(policy, using=using, user_ids=user_ids)
        if options["dry_run"]:
            self.stdout.write(f"Would delete {total:,} notifications of {users:,} users; nothing was deleted.")
            return
        done: list[Batch] = []
        with Progress(self.stdout, total, is_shown=is_shown) as progress:
            try:
                for batch in prune(policy, using=using, user_ids=user_ids, batch_rows=batch_rows):
                    done.append(batch)
                    progress.add(batch.deleted)
            except KeyboardInterrupt:
                text = f"Interrupted. {describe_batches(done)} That stays deleted; run the command again for the rest."
                raise CommandError(text, returncode=INTERRUPTED) from None
            except OperationalError as error:
                text = f"The database failed: {str(error).strip()}. {describe_batches(done)} "
                raise CommandError(f"{text}Run the command again for the rest.") from error
        if options["verbosity"] > 0:
            self.stdout.write(f"{describe_batches(done)} It took {progress.seconds:.1f} s.")


def parse_policy(options: dict[str, Any]) -> Policy:
    """Return what the options allow to delete."""
    older_than, keep = options["older_than"], options["keep"]
    if older_than is None and keep is None:
        raise CommandError("Say what to delete: --older-than 90d, --keep 500 or both (either is then reason enough).")
    if options["include_unread"] and options["archived_only"]:
        raise CommandError("--include-unread and --archived-only contradict each other; give one of them.")
    state = ARCHIVED if options["archived_only"] else EVERY if options["include_unread"] else SETTLED
    return Policy(
        before=None if older_than is None else timezone.now() - given.parse_age("--older-than", older_than),
        keep=None if keep is None else given.parse_whole_number("--keep", keep, least=1, most=10**9),
        state=state,
    )


def describe_batches(done: list[Batch]) -> str:
    """Return what was deleted, and what the deletion cost others."""
    deleted = sum(batch.deleted for batch in done)
    users = len({user_id for batch in done for user_id in batch.user_ids})
    longest = max((batch.held_seconds for batch in done), default=0.0)
    return (
        f"Deleted {deleted:,} notifications of {users:,} users in {len(done):,} batches; "
        f"inboxes were locked for at most {longest * 1000:.0f} ms."
    )
