"""Go through the parts of a site, and say of each what was found. A part that cannot be looked at hides no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import DatabaseError

from notifications.operations.error_reports import hide

from . import address, broadcasts, channel_layer, database, settings, static_files
from .findings import Finding, note

__all__ = ["Part", "examine"]

Look = Callable[[], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a site, and what was found there."""

    name: str
    findings: list[Finding]


def examine(*, url: str | None = None, user: Any = None) -> Iterator[Part]:
    """Yield each part as soon as it was looked at.

    Args:
        url: the public address of the site; None: nothing is asked over the network but the channel layer and the edge.
        user: for whom a stream is opened there; None: nobody.
    """
    looks: list[tuple[str, Look]] = [
        ("System checks", settings.look_at_checks),
        ("Keys", settings.look_at_keys),
        ("Database", database.look),
        ("Channel layer", channel_layer.look),
        ("Cache", settings.look_at_cache),
        ("Static files", static_files.look),
        ("Broadcasts", broadcasts.look),
        ("Public address", partial(address.look, url, user)),
    ]
    for name, look in looks:
        yield Part(name, list(findings_of(name, look)))


def findings_of(name: str, look: Look) -> Iterator[Finding]:
    """Yield what is found in one part, and where looking failed, that it did."""
    try:
        yield from look()
    except DatabaseError as error:
        text = f"This could not be looked at, for the database refused: {error}"
        yield note("unseen", hide(text.strip()), "Mend the database first, then run the doctor again.")
    except Exception as error:  # a site may break in any way, and the other parts are to be heard
        text = f"This could not be looked at: {type(error).__name__}: {error}"
        yield note(
            "unseen", hide(text), f"Run the doctor again with --traceback; mend what it shows for {name.lower()}."
        )
