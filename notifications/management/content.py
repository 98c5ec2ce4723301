"""The words of a notification as arguments of a command."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from notifications.models import Level

__all__ = ["add_content_options", "refusal", "words_given"]

NAMES = ("title", "body", "url", "level", "category")


def add_content_options(parser: CommandParser) -> None:
    """Offer `--title`, which is needed, and the other words."""
    parser.add_argument("--title", required=True, help="what happened, 1 to 200 characters")
    parser.add_argument("--body", help="more of it, up to 4,000 characters")
    parser.add_argument("--url", help="where it leads: https://…, http://… or a path on the site")
    parser.add_argument("--level", help=f"one of {', '.join(Level.values)} (default: info)")
    parser.add_argument("--category", help="a key to filter and mute by (default: general)")


def words_given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the words that were given, as `notify()` takes them."""
    return {name: options[name] for name in NAMES if options[name] is not None}


def refusal(error: ValidationError) -> CommandError:
    """Return what the log refused as the error of a command, each with the option that it is about."""
    if not hasattr(error, "error_dict"):
        return CommandError(" ".join(error.messages))
    lines = [f"--{name}: {' '.join(messages)}" for name, messages in error.message_dict.items()]
    return CommandError(" ".join(lines) + " Nothing was sent.")
