"""The tables that the log writes and reads, looked up when they are used.

The models know the log, because `save()` goes through it. So the log asks the registry of apps for the models instead of
importing them, and the circle between the two stays open. `tables.Inbox` is the class itself, kept at its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps

if TYPE_CHECKING:
    from ..models import Broadcast as Broadcast, Inbox as Inbox, Notification as Notification

__all__ = ["Broadcast", "Inbox", "Notification"]


if not TYPE_CHECKING:  # so that a name that is not there is found before the code runs

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = model = apps.get_model("live_notifications", name)
        return model
