"""The content of a notification as options of a command: one for each of `CONTENT_FIELDS`."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from notifications.models import CONTENT_FIELDS, Level, Notification
from notifications.models.content import MAX_BODY_CHARS, MAX_TITLE_CHARS

__all__ = ["add_content_options", "build_error", "parse_content"]

# Where an option needs other words than the admin's form.
HELP: Final = {
    "title": f"what happened, 1 to {MAX_TITLE_CHARS} characters",
    "body": f"further text, up to {MAX_BODY_CHARS:,} characters",
    "url": "link to open: https://…, http://… or a path on the site",
    "level": f"one of {', '.join(Level.values)} (default: info)",
    "category": "a key to filter and mute by (default: general)",
}


def add_content_options(parser: CommandParser) -> None:
    """Offer `--title`, which is needed, and the other fields."""
    fields: Any = Notification._meta
    for name in CONTENT_FIELDS:
        text = HELP.get(name) or str(fields.get_field(name).help_text)
        parser.add_argument(f"--{name}", required=name == "title", help=text)


def parse_content(options: dict[str, Any]) -> dict[str, Any]:
    """Return the content that was given, as `notify()` takes it."""
    return {name: options[name] for name in CONTENT_FIELDS if options[name] is not None}


def build_error(error: ValidationError) -> CommandError:
    """Return what the log refused as the error of a command, each with the option that it is about."""
    if not hasattr(error, "error_dict"):
        return CommandError(" ".join(error.messages))
    lines = [f"--{name}: {' '.join(messages)}" for name, messages in error.message_dict.items()]
    return CommandError(" ".join(lines) + " Nothing was sent.")
