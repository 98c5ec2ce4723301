"""The tables, one file for each concept.

Nothing here writes a notification: `Notification` and its manager go on to `log/`, the only writer of `modseq`, and `log/`
reaches the tables through `log/tables.py`. That is the one door between the two.
"""

from .broadcast import Broadcast
from .content import CONTENT_FIELDS, Level
from .inbox import FIRST_MODSEQ, Inbox
from .job import RunningJob
from .notification import DETAIL_FIELDS, Notification
from .presence import Presence, Process
from .public import PublicMessage, PublicTopic
from .request import SentRequest
from .token import ApiToken

__all__ = [
    "CONTENT_FIELDS",
    "DETAIL_FIELDS",
    "FIRST_MODSEQ",
    "ApiToken",
    "Broadcast",
    "Inbox",
    "Level",
    "Notification",
    "Presence",
    "Process",
    "PublicMessage",
    "PublicTopic",
    "RunningJob",
    "SentRequest",
]
