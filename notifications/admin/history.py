"""What happened to an object, in the language of whoever reads it: it is kept in English, as the source has it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext

from ..sending.dispatch import describe, outcome_in

__all__ = ["translate"]


def translate(entries: Iterable[Any]) -> list[Any]:
    """Return entries of the admin's log with our sentences translated. Django's own messages are JSON, and stay."""
    found = list(entries)
    for entry in found:
        if entry.change_message and not entry.change_message.startswith("["):
            entry.change_message = translated(entry.change_message)
    return found


def translated(text: str) -> str:
    outcome = outcome_in(text)
    return gettext(text) if outcome is None else describe(outcome)
