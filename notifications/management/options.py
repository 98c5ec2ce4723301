"""The arguments of the upkeep commands, read one way from the shell and from `call_command()`.

argparse's own `type=` is not used: `call_command()` passes over it, and its messages name no remedy.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from notifications.log.keys import key_of
from notifications.models import Inbox

__all__ = ["add_user_option", "parse_age", "parse_seconds", "parse_user_keys", "parse_whole_number"]

UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}


def parse_age(name: str, value: Any) -> dt.timedelta:
    """Return an age such as `90d`."""
    match = re.fullmatch(r"([1-9][0-9]{0,6})([hdw])", str(value), re.ASCII)
    if not match:
        raise CommandError(
            f"{name} {value!r} is not an age; write a number from 1 and h, d or w, such as 36h, 90d or 12w."
        )
    try:
        length = dt.timedelta(**{UNITS[match[2]]: int(match[1])})
        dt.datetime.now(dt.UTC) - length
    except OverflowError:
        raise CommandError(f"{name} {value!r} reaches back before the year 1; write a shorter age: 90d.") from None
    return length


def parse_whole_number(name: str, value: Any, *, least: int, most: int) -> int:
    """Return a whole number within bounds."""
    text = str(value)
    if not re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII) or not least <= int(text) <= most:
        raise CommandError(f"{name} {value!r} is not a number from {least:,} to {most:,}; write one, such as {least}.")
    return int(text)


def parse_seconds(name: str, value: Any, *, least: float, most: float) -> float:
    """Return a finite number of seconds within bounds."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not least <= seconds <= most:  # also false for NaN
        raise CommandError(
            f"{name} {value!r} is not a number of seconds from {least:g} to {most:g}; write one, such as 5."
        )
    return seconds


def add_user_option(parser: CommandParser) -> None:
    """Offer `--user`, once for each user."""
    parser.add_argument(
        "--user", action="append", metavar="KEY", help="only this user, by primary key; give it several times for more"
    )


def parse_user_keys(value: Any, *, using: str) -> list[Any] | None:
    """Return the keys given by `--user` in order, or None where it was not given."""
    if value is None:
        return None
    keys = set()
    for text in value if isinstance(value, list | tuple | set) else [value]:
        try:
            keys.add(key_of(text))
        except (ValidationError, ValueError):
            raise CommandError(f"--user {text!r} cannot be a user's primary key; look it up in the admin.") from None
    users = Inbox._meta.get_field("user").related_model._base_manager.using(using)
    unknown = keys - set(users.filter(pk__in=keys).values_list("pk", flat=True))
    if unknown:
        raise CommandError(f"--user {min(unknown)}: no user has this primary key; look it up in the admin.")
    return sorted(keys)
