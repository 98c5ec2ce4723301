"""Tell an audience something, from a shell or a script."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifications.broadcasts.audience import KINDS, Kind, users_of
from notifications.broadcasts.worker import Worker
from notifications.exceptions import InvalidSegment, RefusedRecipients
from notifications.management.content import add_content_options, build_error, parse_content
from notifications.models.broadcast import Audience
from notifications.sending.dispatch import broadcast_to_audience

__all__ = ["Command"]


class Command(BaseCommand):
    """Order a broadcast and send it: the same that staff compose in the admin, where it can be watched and retracted."""

    help = (
        "Tell an audience something: broadcast --segment 'trial users' --title 'Your trial ends'. It is sent by this "
        "command; if that is interrupted, the servers or send_broadcasts go on. Look first with --dry-run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what may be given."""
        audience = parser.add_mutually_exclusive_group(required=True)
        for kind in KINDS.values():
            add_audience_option(audience, kind)
        add_content_options(parser)
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument(
            "--no-wait", action="store_true", help="leave the sending to the servers or send_broadcasts"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Order it and send it.

        Raises:
            CommandError: the audience is unknown or empty, or the content is wrong: nothing was sent. Or it could not go on.
        """
        try:
            audience = parse_audience(options)
            count = users_of(audience).count()
            if options["dry_run"]:
                self.stdout.write(f"This would tell {count:,} {'user' if count == 1 else 'users'}.")
                return
            broadcast = broadcast_to_audience(audience, parse_content(options), by=None)
        except (InvalidSegment, RefusedRecipients) as error:
            raise CommandError(f"{error} Nothing was sent.") from None
        except ValidationError as error:
            raise build_error(error) from None
        if not options["no_wait"]:
            Worker().work_off()
            broadcast.refresh_from_db()
            if broadcast.problem:
                reached = f"{broadcast.written:,} of {broadcast.total or count:,} told"
                raise CommandError(f"Broadcast {broadcast.pk} cannot go on, {reached}: {broadcast.problem}")
        if options["verbosity"] > 0:
            self.stdout.write(
                f"Broadcast {broadcast.pk} is {broadcast.get_state_display().lower()}: "
                f"{broadcast.written:,} of {broadcast.total or count:,} told."
            )


def add_audience_option(parser: Any, kind: Kind) -> None:
    """Offer what a kind of audience is named by."""
    match kind.named_by:
        case "nothing":
            how: dict[str, Any] = {"action": "store_true", "help": kind.summary}
        case "name":
            how = {"metavar": "NAME", "help": kind.summary}
        case "names":
            how = {"metavar": "NAME", "action": "append", "help": f"{kind.summary}; give it several times for more"}
        case None:
            return
    parser.add_argument(f"--{kind.option or kind.name}", dest=kind.name, **how)


def parse_audience(options: dict[str, Any]) -> Audience:
    """Return the audience that was named."""
    name, value = next((name, options[name]) for name in KINDS if options.get(name) not in (None, False))
    return KINDS[name].named([value] if isinstance(value, str) else [] if value is True else value)
