"""The picture of a sender, as the site's own function names it: NOTIFICATIONS_AVATAR_OF.

Receives a new notification that has a sender. Guarantees that what is stored is an address on this site, so that no other
one learns who reads what. It is asked once, when the row is written, and the answer travels in the row's `data`, so lists,
streams and the API need no query for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.module_loading import import_string

from ..conf import settings
from ..exceptions import InvalidSetting
from .validators import followable

if TYPE_CHECKING:
    from .notification import Notification

__all__ = ["find_avatar"]

MAX_SHOWN_CHARS = 200  # of a wrong answer, in the error


def find_avatar(notification: Notification) -> str:
    """Return the address of the sender's picture; empty where the site has none, or has no function for it.

    Raises:
        InvalidSetting: the function returned something else than an address on this site.
    """
    path = settings.avatar_of
    if not path:
        return ""
    found: Any = import_string(path)(notification)
    if found is None or found == "":
        return ""
    if not (isinstance(found, str) and found.startswith("/") and followable(found)):
        shown = repr(found)[:MAX_SHOWN_CHARS]
        raise InvalidSetting(
            f"NOTIFICATIONS_AVATAR_OF = {path!r} returned {shown} for the sender {notification.actor!r}; return a path on "
            "this site such as '/media/ada.png', or None to show initials."
        )
    return found
