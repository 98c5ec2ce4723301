"""The pages of staff, in Django's admin. Django imports this when it looks for `admin` modules, and so registers them."""

from .broadcasts import BroadcastAdmin
from .inbox import InboxAdmin
from .notifications import NotificationAdmin
from .tokens import ApiTokenAdmin

__all__ = ["ApiTokenAdmin", "BroadcastAdmin", "InboxAdmin", "NotificationAdmin"]
