"""The admin's history: what staff and programs did, written in English and shown in the reader's language.

Receives what was done. Guarantees an entry in the admin's own log, in the caller's transaction, where this site has an admin
and there is somebody to name; else nothing is written.

# Note [Numbers in an entry]

An entry has one field of text, which Django shows as it is, wherever that is (it translates only its own messages). So it
is a whole sentence in English, marked with `gettext_noop()`, by which our pages find the translation. The catalogues know
a sentence with numbers only without them, so these are read from it again, by `SENT`: no other field could keep them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from django.apps import apps
from django.db.models import Model
from django.utils.translation import gettext, ngettext, override

__all__ = ["describe_sending", "translate_entries", "write_entry", "write_sending"]

# What `describe_sending()` writes in English. See Note [Numbers in an entry].
SENT: Final = re.compile(r"Sent by the API to ([0-9]+) recipients?(?:, as broadcast ([0-9]+))?\.")
MAX_LABEL_CHARS: Final = 200  # of `LogEntry.object_repr`


def write_sending(subject: Model | type[Model], *, user_id: Any, recipients: int, broadcast: int | None) -> None:
    """Write that the API told so many, at once or by a broadcast. As `write_entry()` does."""
    with override("en"):
        text = describe_sending(recipients, broadcast)
    write_entry(subject, user_id=user_id, text=text, label=str(recipients) if isinstance(subject, type) else "")


def write_entry(subject: Model | type[Model], *, user_id: Any, text: str, label: str = "") -> None:
    """Write what was done to a row; or, where it is a model, that something was made of which there is no one row. 1 query.

    Args:
        user_id: who did it; None: nothing is written.
        text: a sentence in English, marked with `gettext_noop()`.
        label: what the entry is shown under; else the row as text.
    """
    if user_id is None or not apps.is_installed("django.contrib.admin"):
        return
    from django.contrib.admin.models import ADDITION, CHANGE, LogEntry  # importable only where the app is installed
    from django.contrib.contenttypes.models import ContentType

    is_row = isinstance(subject, Model)
    LogEntry.objects.create(
        user_id=user_id,
        content_type_id=ContentType.objects.get_for_model(subject).pk,
        object_id=str(subject.pk) if is_row else None,
        object_repr=(label or str(subject))[:MAX_LABEL_CHARS],
        action_flag=CHANGE if is_row else ADDITION,
        change_message=text,
    )


def translate_entries(entries: Iterable[Any]) -> list[Any]:
    """Return entries of the admin's log with our sentences translated. Django's own messages are JSON, and stay."""
    found = list(entries)
    for entry in found:
        if entry.change_message and not entry.change_message.startswith("["):
            entry.change_message = translate(entry.change_message)
    return found


def translate(text: str) -> str:
    """Return a sentence of ours in the active language, any other text as it is."""
    sent = SENT.fullmatch(text)
    if sent is None:
        return gettext(text)
    return describe_sending(int(sent[1]), None if sent[2] is None else int(sent[2]))


def describe_sending(recipients: int, broadcast: int | None) -> str:
    """Return in the active language that the API told so many, at once or by a broadcast."""
    numbers = {"count": recipients, "broadcast": broadcast}
    if broadcast is None:
        text = ngettext(
            "Sent by the API to %(count)d recipient.",
            "Sent by the API to %(count)d recipients.",
            recipients,
        )
    else:
        text = ngettext(
            "Sent by the API to %(count)d recipient, as broadcast %(broadcast)d.",
            "Sent by the API to %(count)d recipients, as broadcast %(broadcast)d.",
            recipients,
        )
    return text % numbers
